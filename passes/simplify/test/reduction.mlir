// RUN: weir-opt --weir-simplify %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @sum_of_copies
// CHECK-NEXT: %[[C:.*]] = weir.constant dense<5.000000e+00> : tensor<3xf32>
// CHECK-NEXT: weir.mul %{{.*}}, %[[C]]
func.func @sum_of_copies(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = weir.broadcast %x shape = [5, 3] dims = [1] : (tensor<3xf32>) -> tensor<5x3xf32>
  %1 = weir.reduce_sum %0 dims = [0] : (tensor<5x3xf32>) -> tensor<3xf32>
  return %1 : tensor<3xf32>
}

// CHECK-LABEL: func.func @max_of_copies
// CHECK-NEXT: %[[M:.*]] = weir.reduce_max %{{.*}} dims = [0] : (tensor<3xf32>)
// CHECK-NEXT: return %[[M]]
func.func @max_of_copies(%x: tensor<3xf32>) -> tensor<f32> {
  %0 = weir.broadcast %x shape = [5, 3] dims = [1] : (tensor<3xf32>) -> tensor<5x3xf32>
  %1 = weir.reduce_max %0 dims = [0, 1] : (tensor<5x3xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}

// CHECK-LABEL: func.func @unit_dims
// CHECK-NEXT: %[[R:.*]] = weir.reshape %{{.*}} shape = [3, 4]
// CHECK-NEXT: weir.reduce_sum %[[R]] dims = [1]
func.func @unit_dims(%x: tensor<3x1x4xf32>) -> tensor<3xf32> {
  %0 = weir.reduce_sum %x dims = [1, 2] : (tensor<3x1x4xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: func.func @transposed_and_twice
// CHECK-NEXT: weir.reduce_sum %{{.*}} dims = [0, 2] : (tensor<3x4x5xf32>)
func.func @transposed_and_twice(%x: tensor<3x4x5xf32>) -> tensor<4xf32> {
  %0 = weir.transpose %x permutation = [1, 2, 0] : (tensor<3x4x5xf32>) -> tensor<4x5x3xf32>
  %1 = weir.reduce_sum %0 dims = [2] : (tensor<4x5x3xf32>) -> tensor<4x5xf32>
  %2 = weir.reduce_sum %1 dims = [1] : (tensor<4x5xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
