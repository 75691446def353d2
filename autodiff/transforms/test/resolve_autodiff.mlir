// RUN: weir-opt %s --weir-resolve-autodiff --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// The derivative is ordinary IR: forward ops, then backward ops that read forward values.
// features: A6

// CHECK-LABEL: func.func @main
// CHECK: weir.call @f.vjp
// CHECK-NOT: weir.vjp
func.func @main(%x: tensor<4xf32>, %ct: tensor<4xf32>) -> tensor<4xf32> {
  %0:2 = weir.vjp @f(%x, %ct) wrt = [0] : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  return %0#1 : tensor<4xf32>
}
func.func private @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.tanh %x : tensor<4xf32> loc(callsite("layer.h":7:1 at "user.cc":42:3))
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func private @f.vjp
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32> {{.*}}, %[[CT:.*]]: tensor<4xf32> {{.*}})
// CHECK: %[[Y:.*]] = weir.tanh %[[X]] : tensor<4xf32> loc(callsite("layer.h":7:1 at "user.cc":42:3))
// CHECK: weir.mul %[[Y]], %[[Y]] : tensor<4xf32> loc("tangent"(callsite("layer.h":7:1 at "user.cc":42:3)))
// CHECK: %[[SLOPE:.*]] = weir.sub
// CHECK: %[[GRAD:.*]] = weir.mul %[[CT]], %[[SLOPE]] : tensor<4xf32> loc("cotangent"(callsite("layer.h":7:1 at "user.cc":42:3)))
// CHECK: return %[[Y]], %[[GRAD]]
