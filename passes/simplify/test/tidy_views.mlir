// RUN: weir-opt --weir-tidy-views %s | FileCheck %s
// features: G7

// Views merge and equal ops are shared, but the dot does not take its packed operand back.
// CHECK-LABEL: func.func @packed_operands_stay
// CHECK-NEXT: %[[P:.*]] = weir.transpose %arg1 permutation = [1, 0]
// CHECK-NEXT: %[[D:.*]] = weir.dot %arg0, %[[P]] batch = [] x [] contract = [1] x [0]
// CHECK-NEXT: weir.add %[[D]], %[[D]]
func.func @packed_operands_stay(%arg0: tensor<4x8xf32>, %arg1: tensor<6x8xf32>) -> tensor<4x6xf32> {
  %0 = weir.transpose %arg1 permutation = [1, 0] : (tensor<6x8xf32>) -> tensor<8x6xf32>
  %1 = weir.transpose %arg1 permutation = [1, 0] : (tensor<6x8xf32>) -> tensor<8x6xf32>
  %2 = weir.dot %arg0, %0 batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %3 = weir.dot %arg0, %1 batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %4 = weir.reshape %3 shape = [24] : (tensor<4x6xf32>) -> tensor<24xf32>
  %5 = weir.reshape %4 shape = [4, 6] : (tensor<24xf32>) -> tensor<4x6xf32>
  %6 = weir.add %2, %5 : tensor<4x6xf32>
  return %6 : tensor<4x6xf32>
}

// CHECK-LABEL: func.func @split_reductions_stay
// CHECK: weir.reduce_sum
// CHECK: weir.reduce_sum
func.func @split_reductions_stay(%arg0: tensor<4x8xf32>) -> tensor<f32> {
  %0 = weir.reduce_sum %arg0 dims = [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  %1 = weir.reduce_sum %0 dims = [0] : (tensor<4xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}
