// RUN: weir-opt %s --weir-resolve-autodiff | FileCheck %s

// Two ifs on one predicate. A residual of one branch takes the place of one of the other where the types agree; else the
// other branch yields undef.

func.func @main(%p: tensor<i1>, %x: tensor<f32>, %v: tensor<2xf32>, %ct: tensor<f32>) -> (tensor<f32>, tensor<2xf32>) {
  %0:3 = weir.vjp @f(%p, %x, %v, %ct) wrt = [1, 2] : (tensor<i1>, tensor<f32>, tensor<2xf32>, tensor<f32>) -> (tensor<f32>, tensor<f32>, tensor<2xf32>)
  return %0#1, %0#2 : tensor<f32>, tensor<2xf32>
}
func.func private @f(%p: tensor<i1>, %x: tensor<f32>, %v: tensor<2xf32>) -> tensor<f32> {
  %0 = weir.if %p : (tensor<i1>) -> tensor<f32> {
    %1 = weir.sin %x : tensor<f32>
    weir.yield %1 : tensor<f32>
  } else {
    %2 = weir.sin %v : tensor<2xf32>
    %3 = weir.reduce_sum %2 dims = [0] : (tensor<2xf32>) -> tensor<f32>
    weir.yield %3 : tensor<f32>
  }
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func private @f.vjp
// CHECK-SAME: (%[[P:[^:]*]]: tensor<i1>, {{.*}}, %[[CT:[^:]*]]: tensor<f32>)
// CHECK: %[[PRIMAL:.*]]:3 = weir.if %[[P]] : (tensor<i1>) -> (tensor<f32>, tensor<f32>, tensor<2xf32>)
// CHECK: weir.undef shape = [2]
// CHECK: weir.undef shape = []
// CHECK: %[[GRAD:.*]]:2 = weir.if %[[P]] : (tensor<i1>) -> (tensor<f32>, tensor<2xf32>)
// CHECK: weir.mul %[[CT]], %[[PRIMAL]]#1
// CHECK: weir.mul %{{.*}}, %[[PRIMAL]]#2
// CHECK: return %[[PRIMAL]]#0, %[[GRAD]]#0, %[[GRAD]]#1
