// RUN: weir-opt --weir-expand-convolutions %s | FileCheck %s
// features: C4

// Output channels are the vector dim of a dot over channels and window; padding comes first.
// CHECK-LABEL: func.func @many_channels
// CHECK: %[[P:.*]] = weir.pad %arg0, %{{.*}} low = [0, 0, 0, 1, 0] high = [0, 0, 0, 1, 0] interior = [0, 0, 0, 0, 0]
// CHECK-NEXT: %[[U:.*]] = weir.unfold %[[P]], %{{.*}} dims = [3, 4] window = [3, 2] strides = [1, 2] dilations = [1, 1] low = [0, 0] high = [0, 0]
// CHECK-NEXT: %[[D:.*]] = weir.dot %[[U]], %arg1 batch = [1] x [0] contract = [2, 5, 6] x [2, 3, 4]
// CHECK-SAME: -> tensor<2x5x7x4x16xf32>
// CHECK-NEXT: weir.transpose %[[D]] permutation = [1, 0, 4, 2, 3]
func.func @many_channels(%arg0: tensor<5x2x3x7x8xf32>, %arg1: tensor<2x16x3x3x2xf32>) -> tensor<5x2x16x7x4xf32> {
  %0 = weir.convolution %arg0, %arg1 strides = [1, 2] low = [1, 0] high = [1, 0] lhs_dilation = [1, 1] rhs_dilation = [1, 1] : (tensor<5x2x3x7x8xf32>, tensor<2x16x3x3x2xf32>) -> tensor<5x2x16x7x4xf32>
  return %0 : tensor<5x2x16x7x4xf32>
}

// With few of them, positions are.
// CHECK-LABEL: func.func @few_channels
// CHECK: %[[D:.*]] = weir.dot %arg1, %{{.*}} batch = [0] x [1] contract = [2, 3] x [2, 4]
// CHECK-SAME: -> tensor<1x2x5x6xf32>
// CHECK-NEXT: weir.transpose %[[D]] permutation = [2, 0, 1, 3]
func.func @few_channels(%arg0: tensor<5x1x3x8xf32>, %arg1: tensor<1x2x3x3xf32>) -> tensor<5x1x2x6xf32> {
  %0 = weir.convolution %arg0, %arg1 strides = [1] low = [0] high = [0] lhs_dilation = [1] rhs_dilation = [1] : (tensor<5x1x3x8xf32>, tensor<1x2x3x3xf32>) -> tensor<5x1x2x6xf32>
  return %0 : tensor<5x1x2x6xf32>
}

// One channel a group: a product and a sum over the window.
// CHECK-LABEL: func.func @depthwise
// CHECK-NOT: weir.dot
// CHECK: weir.reduce_sum %{{.*}} dims = [0, 1] : (tensor<1x3x5x4x1x6xf32>) -> tensor<5x4x1x6xf32>
func.func @depthwise(%arg0: tensor<5x4x1x8xf32>, %arg1: tensor<4x1x1x3xf32>) -> tensor<5x4x1x6xf32> {
  %0 = weir.convolution %arg0, %arg1 strides = [1] low = [0] high = [0] lhs_dilation = [1] rhs_dilation = [1] : (tensor<5x4x1x8xf32>, tensor<4x1x1x3xf32>) -> tensor<5x4x1x6xf32>
  return %0 : tensor<5x4x1x6xf32>
}

// Negative padding leaves elements out.
// CHECK-LABEL: func.func @cropped
// CHECK: weir.pad %arg0, %{{.*}} low = [0, 0, 0, 0] high = [0, 0, 0, 2] interior = [0, 0, 0, 1]
// CHECK-NEXT: weir.unfold {{.*}} low = [-1] high = [0]
func.func @cropped(%arg0: tensor<5x1x3x8xf32>, %arg1: tensor<1x8x3x3xf32>) -> tensor<5x1x8x14xf32> {
  %0 = weir.convolution %arg0, %arg1 strides = [1] low = [-1] high = [2] lhs_dilation = [2] rhs_dilation = [1] : (tensor<5x1x3x8xf32>, tensor<1x8x3x3xf32>) -> tensor<5x1x8x14xf32>
  return %0 : tensor<5x1x8x14xf32>
}

// CHECK-LABEL: func.func @no_window_is_a_dot
// CHECK-NEXT: weir.dot %arg0, %arg1 batch = [1] x [0] contract = [2] x [2]
func.func @no_window_is_a_dot(%arg0: tensor<5x2x3xf32>, %arg1: tensor<2x8x3xf32>) -> tensor<5x2x8xf32> {
  %0 = weir.convolution %arg0, %arg1 strides = [] low = [] high = [] lhs_dilation = [] rhs_dilation = [] : (tensor<5x2x3xf32>, tensor<2x8x3xf32>) -> tensor<5x2x8xf32>
  return %0 : tensor<5x2x8xf32>
}
