// RUN: weir-opt %s --weir-resolve-autodiff | FileCheck %s

// The primal scan stacks what the backward one reads; that one runs in reverse. The input is read where it is, the
// square of the outer weight is computed again rather than stacked, and the weight's cotangent is a carry.

func.func @main(%xs: tensor<4xf32>, %w: tensor<f32>, %ct: tensor<f32>) -> tensor<f32> {
  %0:2 = weir.vjp @f(%xs, %w, %ct) wrt = [1] : (tensor<4xf32>, tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#1 : tensor<f32>
}
func.func private @f(%xs: tensor<4xf32>, %w: tensor<f32>) -> tensor<f32> {
  %zero = weir.constant dense<0.0> : tensor<f32>
  %0 = weir.scan inits(%zero) xs(%xs) trips = 4 : (tensor<f32>, tensor<4xf32>) -> tensor<f32> {
  ^bb0(%c: tensor<f32>, %x: tensor<f32>):
    %square = weir.mul %w, %w : tensor<f32>
    %1 = weir.mul %c, %square : tensor<f32>
    %2 = weir.add %1, %x : tensor<f32>
    %3 = weir.exp %2 : tensor<f32>
    %4 = weir.mul %3, %x : tensor<f32>
    weir.yield %4 : tensor<f32>
  }
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func private @f.vjp
// CHECK-SAME: (%[[XS:[^:]*]]: tensor<4xf32>, %[[W:[^:]*]]: tensor<f32>, %[[CT:[^:]*]]: tensor<f32>)
// CHECK: %[[PRIMAL:.*]]:3 = weir.scan {{.*}} xs(%[[XS]]) trips = 4 : (tensor<f32>, tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>, tensor<4xf32>)
// CHECK: weir.scan inits(%[[CT]], %{{.*}}) xs({{.*}}) trips = 4 reverse
// CHECK: weir.mul %[[W]], %[[W]]
// CHECK: weir.yield %{{.*}}, %{{.*}} : tensor<f32>, tensor<f32>
