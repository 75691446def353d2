// RUN: weir-opt --weir-simplify %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @slice_of_slice
// CHECK-NEXT: weir.slice %{{.*}} starts = [5] limits = [12] strides = [6]
func.func @slice_of_slice(%x: tensor<20xf32>) -> tensor<2xf32> {
  %0 = weir.slice %x starts = [2] limits = [20] strides = [3] : (tensor<20xf32>) -> tensor<6xf32>
  %1 = weir.slice %0 starts = [1] limits = [5] strides = [2] : (tensor<6xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: func.func @slice_undoes_pad
// CHECK-NEXT: return %arg0
func.func @slice_undoes_pad(%arg0: tensor<4xf32>, %v: tensor<f32>) -> tensor<4xf32> {
  %0 = weir.pad %arg0, %v low = [2] high = [1] interior = [0] : (tensor<4xf32>, tensor<f32>) -> tensor<7xf32>
  %1 = weir.slice %0 starts = [2] limits = [6] strides = [1] : (tensor<7xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @slice_of_one_piece
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<3xf32>)
// CHECK-NEXT: weir.slice %[[Y]] starts = [1] limits = [3] strides = [1]
func.func @slice_of_one_piece(%x: tensor<4xf32>, %y: tensor<3xf32>) -> tensor<2xf32> {
  %0 = weir.concatenate %x, %y dim = 0 : (tensor<4xf32>, tensor<3xf32>) -> tensor<7xf32>
  %1 = weir.slice %0 starts = [5] limits = [7] strides = [1] : (tensor<7xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// CHECK-LABEL: func.func @known_starts_clamp
// CHECK-NEXT: weir.slice %{{.*}} starts = [0, 2] limits = [2, 4]
func.func @known_starts_clamp(%x: tensor<4x4xf32>) -> tensor<2x2xf32> {
  %0 = weir.constant dense<-3> : tensor<i32>
  %1 = weir.constant dense<9> : tensor<i32>
  %2 = weir.dynamic_slice %x, %0, %1 sizes = [2, 2] : (tensor<4x4xf32>, tensor<i32>, tensor<i32>) -> tensor<2x2xf32>
  return %2 : tensor<2x2xf32>
}
