// RUN: weir-opt --weir-simplify %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @there_and_back
// CHECK-NEXT: return %arg0
func.func @there_and_back(%arg0: tensor<6x4xf32>) -> tensor<6x4xf32> {
  %0 = weir.reshape %arg0 shape = [2, 3, 4] : (tensor<6x4xf32>) -> tensor<2x3x4xf32>
  %1 = weir.transpose %0 permutation = [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %2 = weir.transpose %1 permutation = [1, 2, 0] : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  %3 = weir.reverse %2 dims = [1] : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %4 = weir.reverse %3 dims = [1] : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %5 = weir.reshape %4 shape = [6, 4] : (tensor<2x3x4xf32>) -> tensor<6x4xf32>
  return %5 : tensor<6x4xf32>
}

// CHECK-LABEL: func.func @transpose_of_unit_dims
// CHECK-NEXT: weir.reshape %{{.*}} shape = [3, 1, 4]
func.func @transpose_of_unit_dims(%x: tensor<1x3x4xf32>) -> tensor<3x1x4xf32> {
  %0 = weir.transpose %x permutation = [1, 0, 2] : (tensor<1x3x4xf32>) -> tensor<3x1x4xf32>
  return %0 : tensor<3x1x4xf32>
}
