// RUN: weir-opt %s --weir-resolve-autodiff | FileCheck %s

// The derivative of a function that is called twice is made once, and its halves are called twice.

func.func @main(%x: tensor<f32>, %ct: tensor<f32>) -> tensor<f32> {
  %0:2 = weir.vjp @f(%x, %ct) wrt = [0] : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#1 : tensor<f32>
}
func.func private @f(%x: tensor<f32>) -> tensor<f32> {
  %0 = weir.call @g(%x) : (tensor<f32>) -> tensor<f32>
  %1 = weir.call @g(%0) : (tensor<f32>) -> tensor<f32>
  return %1 : tensor<f32>
}
func.func private @g(%x: tensor<f32>) -> tensor<f32> {
  %0 = weir.exp %x : tensor<f32>
  return %0 : tensor<f32>
}

// exp is its own residual: g.primal returns it once.
// CHECK: func.func private @g.primal(%{{.*}}: tensor<f32>) -> tensor<f32>
// CHECK: func.func private @g.linear.transpose(%{{.*}}: tensor<f32>, %{{.*}}: tensor<f32>) -> tensor<f32>
// CHECK: func.func private @f.vjp
// CHECK: %[[A:.*]] = weir.call @g.primal
// CHECK: %[[B:.*]] = weir.call @g.primal(%[[A]])
// CHECK: %[[CT:.*]] = weir.call @g.linear.transpose(%[[B]]
// CHECK: weir.call @g.linear.transpose(%[[A]], %[[CT]])
// CHECK-NOT: func.func private @g
