// RUN: weir-opt --weir-normalize-reductions %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @middle_dims_move_to_the_front
// CHECK-NEXT: %[[T:.*]] = weir.transpose %arg0 permutation = [1, 0, 2]
// CHECK-NEXT: weir.reduce_max %[[T]] dims = [0]
func.func @middle_dims_move_to_the_front(%arg0: tensor<2x5x8xf32>) -> tensor<2x8xf32> {
  %0 = weir.reduce_max %arg0 dims = [1] : (tensor<2x5x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// CHECK-LABEL: func.func @both_ends_in_two_steps
// CHECK-NEXT: %[[T:.*]] = weir.reduce_sum %arg0 dims = [2]
// CHECK-NEXT: weir.reduce_sum %[[T]] dims = [0]
func.func @both_ends_in_two_steps(%arg0: tensor<2x5x8xf32>) -> tensor<5xf32> {
  %0 = weir.reduce_sum %arg0 dims = [0, 2] : (tensor<2x5x8xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// CHECK-LABEL: func.func @large_full_reduction
// CHECK-NEXT: %[[R:.*]] = weir.reshape %arg0 shape = [512, 256]
// CHECK-NEXT: %[[S:.*]] = weir.reduce_sum %[[R]] dims = [1]
// CHECK-NEXT: weir.reduce_sum %[[S]] dims = [0]
func.func @large_full_reduction(%arg0: tensor<4x128x256xf32>) -> tensor<f32> {
  %0 = weir.reduce_sum %arg0 dims = [0, 1, 2] : (tensor<4x128x256xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @small_full_reduction_stays
// CHECK-NEXT: weir.reduce_sum %arg0 dims = [0, 1]
func.func @small_full_reduction_stays(%arg0: tensor<4x8xf32>) -> tensor<f32> {
  %0 = weir.reduce_sum %arg0 dims = [0, 1] : (tensor<4x8xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @narrow_parts_are_wide
// CHECK-NEXT: %[[X:.*]] = weir.convert %arg0 to f32
// CHECK-NEXT: %[[T:.*]] = weir.reduce_sum %[[X]] dims = [2]
// CHECK-NEXT: %[[S:.*]] = weir.reduce_sum %[[T]] dims = [0]
// CHECK-NEXT: weir.convert %[[S]] to f16
func.func @narrow_parts_are_wide(%arg0: tensor<2x5x8xf16>) -> tensor<5xf16> {
  %0 = weir.reduce_sum %arg0 dims = [0, 2] : (tensor<2x5x8xf16>) -> tensor<5xf16>
  return %0 : tensor<5xf16>
}
