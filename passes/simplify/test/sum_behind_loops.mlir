// RUN: weir-opt --weir-clean-loops %s | FileCheck %s
// features: G7

// The gradient of a weight that a loop uses: one long product behind the loop. The sum of the same value comes along.
// CHECK-LABEL: func.func @weight_gradients
// CHECK: %[[S:.*]]:2 = weir.scan inits(%arg0) xs() trips = 5
// CHECK-NEXT: ^bb0(%[[C:.*]]: tensor<2x8xf32>):
// CHECK-NEXT: %[[T:.*]] = weir.tanh %[[C]]
// CHECK-NEXT: weir.yield %[[T]], %[[T]]
// CHECK: %[[D:.*]] = weir.dot %arg1, %[[S]]#1 batch = [] x [] contract = [0, 1] x [0, 1]
// CHECK-NEXT: %[[W:.*]] = weir.add %arg2, %[[D]]
// CHECK-NEXT: %[[R:.*]] = weir.reduce_sum %[[S]]#1 dims = [0, 1]
// CHECK-NEXT: %[[B:.*]] = weir.add %arg3, %[[R]]
// CHECK-NEXT: return %[[W]], %[[B]], %[[S]]#0
func.func @weight_gradients(%arg0: tensor<2x8xf32>, %arg1: tensor<5x2x4xf32>, %arg2: tensor<4x8xf32>, %arg3: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>, tensor<2x8xf32>) {
  %0:3 = weir.scan inits(%arg2, %arg3, %arg0) xs(%arg1) trips = 5
      : (tensor<4x8xf32>, tensor<8xf32>, tensor<2x8xf32>, tensor<5x2x4xf32>) -> (tensor<4x8xf32>, tensor<8xf32>, tensor<2x8xf32>) {
  ^bb0(%w: tensor<4x8xf32>, %b: tensor<8xf32>, %c: tensor<2x8xf32>, %x: tensor<2x4xf32>):
    %t = weir.tanh %c : tensor<2x8xf32>
    %d = weir.dot %x, %t batch = [] x [] contract = [0] x [0] : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
    %1 = weir.add %w, %d : tensor<4x8xf32>
    %s = weir.reduce_sum %t dims = [0] : (tensor<2x8xf32>) -> tensor<8xf32>
    %2 = weir.add %s, %b : tensor<8xf32>
    weir.yield %1, %2, %t : tensor<4x8xf32>, tensor<8xf32>, tensor<2x8xf32>
  }
  return %0#0, %0#1, %0#2 : tensor<4x8xf32>, tensor<8xf32>, tensor<2x8xf32>
}

// A carry that the loop reads for something else stays.
// CHECK-LABEL: func.func @carry_is_read
// CHECK: weir.scan inits(%arg0, %arg2)
func.func @carry_is_read(%arg0: tensor<2x8xf32>, %arg1: tensor<5x2x4xf32>, %arg2: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<2x8xf32>) {
  %0:2 = weir.scan inits(%arg0, %arg2) xs(%arg1) trips = 5
      : (tensor<2x8xf32>, tensor<4x8xf32>, tensor<5x2x4xf32>) -> (tensor<2x8xf32>, tensor<4x8xf32>) {
  ^bb0(%c: tensor<2x8xf32>, %w: tensor<4x8xf32>, %x: tensor<2x4xf32>):
    %t = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
    %d = weir.dot %x, %c batch = [] x [] contract = [0] x [0] : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
    %1 = weir.add %w, %d : tensor<4x8xf32>
    weir.yield %t, %1 : tensor<2x8xf32>, tensor<4x8xf32>
  }
  return %0#1, %0#0 : tensor<4x8xf32>, tensor<2x8xf32>
}
