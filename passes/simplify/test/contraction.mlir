// RUN: weir-opt --weir-simplify %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @operand_transposes
// CHECK-NEXT: weir.dot %arg0, %arg1 batch = [] x [] contract = [0] x [1]
func.func @operand_transposes(%arg0: tensor<8x4xf32>, %arg1: tensor<6x8xf32>) -> tensor<4x6xf32> {
  %0 = weir.transpose %arg0 permutation = [1, 0] : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %1 = weir.transpose %arg1 permutation = [1, 0] : (tensor<6x8xf32>) -> tensor<8x6xf32>
  %2 = weir.dot %0, %1 batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  return %2 : tensor<4x6xf32>
}

// CHECK-LABEL: func.func @heads
// CHECK-NEXT: weir.dot %arg0, %arg1 batch = [0, 2] x [0, 2] contract = [3] x [3]
func.func @heads(%arg0: tensor<2x5x3x4xf32>, %arg1: tensor<2x7x3x4xf32>) -> tensor<2x3x5x7xf32> {
  %0 = weir.transpose %arg0 permutation = [0, 2, 1, 3] : (tensor<2x5x3x4xf32>) -> tensor<2x3x5x4xf32>
  %1 = weir.transpose %arg1 permutation = [0, 2, 1, 3] : (tensor<2x7x3x4xf32>) -> tensor<2x3x7x4xf32>
  %2 = weir.dot %0, %1 batch = [0, 1] x [0, 1] contract = [3] x [3] : (tensor<2x3x5x4xf32>, tensor<2x3x7x4xf32>) -> tensor<2x3x5x7xf32>
  return %2 : tensor<2x3x5x7xf32>
}

// CHECK-LABEL: func.func @result_transpose
// CHECK-NEXT: weir.dot %arg1, %arg0 batch = [] x [] contract = [0] x [1]
func.func @result_transpose(%arg0: tensor<4x8xf32>, %arg1: tensor<8x6xf32>) -> tensor<6x4xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %1 = weir.transpose %0 permutation = [1, 0] : (tensor<4x6xf32>) -> tensor<6x4xf32>
  return %1 : tensor<6x4xf32>
}

// CHECK-LABEL: func.func @free_dims_that_change_places_stay
// CHECK: weir.transpose
func.func @free_dims_that_change_places_stay(%arg0: tensor<5x4x8xf32>, %arg1: tensor<8x6xf32>) -> tensor<4x5x6xf32> {
  %0 = weir.transpose %arg0 permutation = [1, 0, 2] : (tensor<5x4x8xf32>) -> tensor<4x5x8xf32>
  %1 = weir.dot %0, %arg1 batch = [] x [] contract = [2] x [0] : (tensor<4x5x8xf32>, tensor<8x6xf32>) -> tensor<4x5x6xf32>
  return %1 : tensor<4x5x6xf32>
}

// CHECK-LABEL: func @row_times_transposed
// CHECK-NEXT: %[[V:.*]] = weir.reshape %arg0 shape = [8]
// CHECK-NEXT: %[[P:.*]] = weir.dot %arg1, %[[V]] batch = [] x [] contract = [1] x [0] : (tensor<6x8xf32>, tensor<8xf32>) -> tensor<6xf32>
// CHECK-NEXT: weir.reshape %[[P]] shape = [1, 1, 6]
func.func @row_times_transposed(%row: tensor<1x1x8xf32>, %matrix: tensor<6x8xf32>) -> tensor<1x1x6xf32> {
  %0 = weir.dot %row, %matrix batch = [] x [] contract = [2] x [1] : (tensor<1x1x8xf32>, tensor<6x8xf32>) -> tensor<1x1x6xf32>
  return %0 : tensor<1x1x6xf32>
}
