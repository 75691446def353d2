// RUN: weir-opt --weir-pack-dots %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @plain_product_stays
// CHECK-NEXT: weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [0]
// CHECK-NEXT: return
func.func @plain_product_stays(%arg0: tensor<4x8xf32>, %arg1: tensor<8x6xf32>) -> tensor<4x6xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  return %0 : tensor<4x6xf32>
}

// One packed copy serves all dots that read it.
// CHECK-LABEL: func.func @contracted_last_dim_is_packed_once
// CHECK-NEXT: %[[P:.*]] = weir.transpose %arg1 permutation = [1, 0]
// CHECK-NEXT: weir.dot %arg0, %[[P]] batch = [] x [] contract = [1] x [0]
// CHECK-NEXT: weir.dot %arg0, %[[P]] batch = [] x [] contract = [1] x [0]
func.func @contracted_last_dim_is_packed_once(%arg0: tensor<4x8xf32>, %arg1: tensor<6x8xf32>) -> (tensor<4x6xf32>, tensor<4x6xf32>) {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [1] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  %1 = weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [1] : (tensor<4x8xf32>, tensor<6x8xf32>) -> tensor<4x6xf32>
  return %0, %1 : tensor<4x6xf32>, tensor<4x6xf32>
}

// CHECK-LABEL: func.func @free_dims_merge
// CHECK-NEXT: %[[X:.*]] = weir.reshape %arg0 shape = [10, 8]
// CHECK-NEXT: %[[W:.*]] = weir.reshape %arg1 shape = [8, 12]
// CHECK-NEXT: %[[D:.*]] = weir.dot %[[X]], %[[W]] batch = [] x [] contract = [1] x [0]
// CHECK-NEXT: weir.reshape %[[D]] shape = [2, 5, 3, 4]
func.func @free_dims_merge(%arg0: tensor<2x5x8xf32>, %arg1: tensor<8x3x4xf32>) -> tensor<2x5x3x4xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [2] x [0] : (tensor<2x5x8xf32>, tensor<8x3x4xf32>) -> tensor<2x5x3x4xf32>
  return %0 : tensor<2x5x3x4xf32>
}

// Heads stay where they are: only the keys are packed.
// CHECK-LABEL: func.func @attention_scores
// CHECK-NEXT: %[[K:.*]] = weir.transpose %arg1 permutation = [0, 2, 3, 1]
// CHECK-NEXT: weir.dot %arg0, %{{.*}} batch = [0, 2] x [0, 1] contract = [3] x [2]
func.func @attention_scores(%arg0: tensor<2x5x3x4xf32>, %arg1: tensor<2x5x3x4xf32>) -> tensor<2x3x5x5xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [0, 2] x [0, 2] contract = [3] x [3] : (tensor<2x5x3x4xf32>, tensor<2x5x3x4xf32>) -> tensor<2x3x5x5xf32>
  return %0 : tensor<2x3x5x5xf32>
}

// CHECK-LABEL: func.func @vector_times_matrix
// CHECK-NEXT: weir.dot %arg1, %arg0 batch = [] x [] contract = [0] x [0]
func.func @vector_times_matrix(%arg0: tensor<8x6xf32>, %arg1: tensor<8xf32>) -> tensor<6xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [0] x [0] : (tensor<8x6xf32>, tensor<8xf32>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}

// CHECK-LABEL: func.func @matrix_times_vector
// CHECK-NEXT: %[[B:.*]] = weir.broadcast %arg1 shape = [6, 8] dims = [1]
// CHECK-NEXT: %[[M:.*]] = weir.mul %[[B]], %arg0
// CHECK-NEXT: weir.reduce_sum %[[M]] dims = [1]
func.func @matrix_times_vector(%arg0: tensor<6x8xf32>, %arg1: tensor<8xf32>) -> tensor<6xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<6x8xf32>, tensor<8xf32>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}

// CHECK-LABEL: func.func @dot_product
// CHECK-NEXT: %[[M:.*]] = weir.mul
// CHECK-NEXT: weir.reduce_sum %[[M]] dims = [0]
func.func @dot_product(%arg0: tensor<8xf32>, %arg1: tensor<8xf32>) -> tensor<f32> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [0] x [0] : (tensor<8xf32>, tensor<8xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// Where many rows read a large right operand, it is laid out in panels of 128 bytes.
// CHECK-LABEL: func.func @large_right_operand_lies_in_panels
// CHECK-NEXT: %[[V:.*]] = weir.reshape %arg1 shape = [2048, 32, 32]
// CHECK-NEXT: %[[P:.*]] = weir.transpose %[[V]] permutation = [1, 0, 2]
// CHECK-NEXT: %[[D:.*]] = weir.dot %arg0, %[[P]] batch = [] x [] contract = [1] x [1]
// CHECK-SAME: -> tensor<1024x32x32xf32>
// CHECK-NEXT: weir.reshape %[[D]] shape = [1024, 1024]
func.func @large_right_operand_lies_in_panels(%arg0: tensor<1024x2048xf32>, %arg1: tensor<2048x1024xf32>) -> tensor<1024x1024xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<1024x2048xf32>, tensor<2048x1024xf32>) -> tensor<1024x1024xf32>
  return %0 : tensor<1024x1024xf32>
}

// CHECK-LABEL: func.func @contracted_last_dim_goes_to_panels_at_once
// CHECK-NEXT: %[[V:.*]] = weir.reshape %arg1 shape = [32, 32, 512]
// CHECK-NEXT: %[[P:.*]] = weir.transpose %[[V]] permutation = [0, 2, 1]
// CHECK-NEXT: weir.dot %arg0, %[[P]] batch = [] x [] contract = [1] x [1]
func.func @contracted_last_dim_goes_to_panels_at_once(%arg0: tensor<1024x512xf32>, %arg1: tensor<1024x512xf32>) -> tensor<1024x1024xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [1] : (tensor<1024x512xf32>, tensor<1024x512xf32>) -> tensor<1024x1024xf32>
  return %0 : tensor<1024x1024xf32>
}
