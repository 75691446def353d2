// RUN: weir-opt --weir-library-convolutions --weir-widen-sums --weir-expand-convolutions --split-input-file %s | FileCheck %s
// features: G7

// A convolution of f16 is the library's as it is.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[Y:.*]] = weir.launch @convolution(%arg0, %arg1)
// CHECK-NEXT: return %[[Y]]
// CHECK: func.func private @convolution(%arg0: tensor<8x1x64x16x16xf16>, %arg1: tensor<1x64x64x3x3xf16>) -> tensor<8x1x64x16x16xf16> attributes {weir.kernel = "op"}
// CHECK-NEXT: weir.convolution %arg0, %arg1
// CHECK-SAME: weir.library = "forward"
func.func @main(%arg0: tensor<8x1x64x16x16xf16>, %arg1: tensor<1x64x64x3x3xf16>) -> tensor<8x1x64x16x16xf16> {
  %0 = weir.convolution %arg0, %arg1 strides = [1, 1] low = [1, 1] high = [1, 1] lhs_dilation = [1, 1] rhs_dilation = [1, 1] : (tensor<8x1x64x16x16xf16>, tensor<1x64x64x3x3xf16>) -> tensor<8x1x64x16x16xf16>
  return %0 : tensor<8x1x64x16x16xf16>
}

// -----

// The gradient of the input of a strided one: the library reverses the filter.
// CHECK-LABEL: func.func @input_gradient
// CHECK-NEXT: %[[X:.*]] = weir.launch @convolution(%arg0, %arg1)
// CHECK-NEXT: return %[[X]]
// CHECK: func.func private @convolution(%arg0: tensor<8x1x256x8x8xf32>, %arg1: tensor<1x256x64x3x3xf32>) -> tensor<8x1x64x16x16xf32>
// CHECK-NEXT: weir.reverse
// CHECK-NEXT: weir.transpose
// CHECK-NEXT: weir.convolution
// CHECK-SAME: weir.library = "input_gradient"
func.func @input_gradient(%arg0: tensor<8x1x256x8x8xf32>, %arg1: tensor<1x256x64x3x3xf32>) -> tensor<8x1x64x16x16xf32> {
  %0 = weir.reverse %arg1 dims = [3, 4] : (tensor<1x256x64x3x3xf32>) -> tensor<1x256x64x3x3xf32>
  %1 = weir.transpose %0 permutation = [0, 2, 1, 3, 4] : (tensor<1x256x64x3x3xf32>) -> tensor<1x64x256x3x3xf32>
  %2 = weir.convolution %arg0, %1 strides = [1, 1] low = [1, 1] high = [2, 2] lhs_dilation = [2, 2] rhs_dilation = [1, 1] : (tensor<8x1x256x8x8xf32>, tensor<1x64x256x3x3xf32>) -> tensor<8x1x64x16x16xf32>
  return %2 : tensor<8x1x64x16x16xf32>
}

// -----

// The gradient of the filter, in TF32: no transposes are left outside.
// CHECK-LABEL: func.func @filter_gradient
// CHECK-NEXT: %[[W:.*]] = weir.launch @convolution(%arg0, %arg1)
// CHECK-NEXT: return %[[W]]
// CHECK: func.func private @convolution(%arg0: tensor<8x1x64x16x16xf32>, %arg1: tensor<8x1x256x8x8xf32>) -> tensor<1x256x64x3x3xf32>
// CHECK: weir.convolution
// CHECK-SAME: weir.library = "filter_gradient", weir.tf32
module attributes {weir.tf32} {
  func.func @filter_gradient(%arg0: tensor<8x1x64x16x16xf32>, %arg1: tensor<8x1x256x8x8xf32>) -> tensor<1x256x64x3x3xf32> {
    %0 = weir.transpose %arg0 permutation = [2, 1, 0, 3, 4] : (tensor<8x1x64x16x16xf32>) -> tensor<64x1x8x16x16xf32>
    %1 = weir.transpose %arg1 permutation = [1, 2, 0, 3, 4] : (tensor<8x1x256x8x8xf32>) -> tensor<1x256x8x8x8xf32>
    %2 = weir.convolution %0, %1 strides = [1, 1] low = [1, 1] high = [0, 0] lhs_dilation = [1, 1] rhs_dilation = [2, 2] : (tensor<64x1x8x16x16xf32>, tensor<1x256x8x8x8xf32>) -> tensor<64x1x256x3x3xf32>
    %3 = weir.transpose %2 permutation = [1, 2, 0, 3, 4] : (tensor<64x1x256x3x3xf32>) -> tensor<1x256x64x3x3xf32>
    return %3 : tensor<1x256x64x3x3xf32>
  }
}

// -----

// One output, few channels, little work, or padding that no library has in front: as before.
// CHECK-LABEL: func.func @others_stay
// CHECK-NOT: weir.launch
// CHECK: return
func.func @others_stay(%arg0: tensor<8x64x1x64x64xf32>, %arg1: tensor<64x1x1x3x3xf32>, %arg2: tensor<2x1x16x8x8xf32>, %arg3: tensor<1x16x16x3x3xf32>, %arg4: tensor<8x1x64x18x18xf32>, %arg5: tensor<1x64x64x3x3xf32>) -> (tensor<8x64x1x62x62xf32>, tensor<2x1x16x6x6xf32>, tensor<8x1x64x16x15xf32>) {
  %0 = weir.convolution %arg0, %arg1 strides = [1, 1] low = [0, 0] high = [0, 0] lhs_dilation = [1, 1] rhs_dilation = [1, 1] : (tensor<8x64x1x64x64xf32>, tensor<64x1x1x3x3xf32>) -> tensor<8x64x1x62x62xf32>
  %1 = weir.convolution %arg2, %arg3 strides = [1, 1] low = [0, 0] high = [0, 0] lhs_dilation = [1, 1] rhs_dilation = [1, 1] : (tensor<2x1x16x8x8xf32>, tensor<1x16x16x3x3xf32>) -> tensor<2x1x16x6x6xf32>
  %2 = weir.convolution %arg4, %arg5 strides = [1, 1] low = [0, -1] high = [0, 0] lhs_dilation = [1, 1] rhs_dilation = [1, 1] : (tensor<8x1x64x18x18xf32>, tensor<1x64x64x3x3xf32>) -> tensor<8x1x64x16x15xf32>
  return %0, %1, %2 : tensor<8x64x1x62x62xf32>, tensor<2x1x16x6x6xf32>, tensor<8x1x64x16x15xf32>
}

// -----

// CHECK-LABEL: func.func @none
// CHECK-NOT: weir.launch
// CHECK: return
module attributes {weir.libraries = "none"} {
  func.func @none(%arg0: tensor<8x1x64x16x16xf32>, %arg1: tensor<1x64x64x3x3xf32>) -> tensor<8x1x64x16x16xf32> {
    %0 = weir.convolution %arg0, %arg1 strides = [1, 1] low = [1, 1] high = [1, 1] lhs_dilation = [1, 1] rhs_dilation = [1, 1] : (tensor<8x1x64x16x16xf32>, tensor<1x64x64x3x3xf32>) -> tensor<8x1x64x16x16xf32>
    return %0 : tensor<8x1x64x16x16xf32>
  }
}
