// RUN: weir-opt --weir-library-dots --weir-pack-dots --split-input-file %s | FileCheck %s
// features: G7

// Dims merge, a transposed operand stays where it is.
// CHECK-LABEL: func.func @large_dot_of_rows
// CHECK-NEXT: %[[X:.*]] = weir.reshape %arg0 shape = [512, 512]
// CHECK-NEXT: %[[D:.*]] = weir.dot %[[X]], %arg1 batch = [] x [] contract = [1] x [1] {weir.library}
// CHECK-NEXT: weir.reshape %[[D]] shape = [2, 256, 512]
func.func @large_dot_of_rows(%arg0: tensor<2x256x512xf32>, %arg1: tensor<512x512xf32>) -> tensor<2x256x512xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [2] x [1] : (tensor<2x256x512xf32>, tensor<512x512xf32>) -> tensor<2x256x512xf32>
  return %0 : tensor<2x256x512xf32>
}

// A gradient of weights: the left operand is contracted over its rows.
// CHECK-LABEL: func.func @transposed_lhs
// CHECK-NEXT: weir.dot %arg0, %arg1 batch = [] x [] contract = [0] x [0] {weir.library}
func.func @transposed_lhs(%arg0: tensor<1024x256xbf16>, %arg1: tensor<1024x512xbf16>) -> tensor<256x512xbf16> {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [0] x [0] : (tensor<1024x256xbf16>, tensor<1024x512xbf16>) -> tensor<256x512xbf16>
  return %0 : tensor<256x512xbf16>
}

// CHECK-LABEL: func.func @batch
// CHECK: weir.dot %{{.*}}, %{{.*}} batch = [0] x [0] contract = [2] x [2] {weir.library}
// CHECK-SAME: (tensor<64x128x64xf32>, tensor<64x128x64xf32>) -> tensor<64x128x128xf32>
func.func @batch(%arg0: tensor<4x16x128x64xf32>, %arg1: tensor<4x16x128x64xf32>) -> tensor<4x16x128x128xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [0, 1] x [0, 1] contract = [3] x [3] : (tensor<4x16x128x64xf32>, tensor<4x16x128x64xf32>) -> tensor<4x16x128x128xf32>
  return %0 : tensor<4x16x128x128xf32>
}

// Heads between time and features: a library would need a copy.
// CHECK-LABEL: func.func @heads_in_between_stay
// CHECK-NOT: weir.library
// CHECK: return
func.func @heads_in_between_stay(%arg0: tensor<4x128x16x64xf32>, %arg1: tensor<4x128x16x64xf32>) -> tensor<4x16x128x128xf32> {
  %0 = weir.dot %arg0, %arg1 batch = [0, 2] x [0, 2] contract = [3] x [3] : (tensor<4x128x16x64xf32>, tensor<4x128x16x64xf32>) -> tensor<4x16x128x128xf32>
  return %0 : tensor<4x16x128x128xf32>
}

// CHECK-LABEL: func.func @small_and_narrow_stay
// CHECK-NOT: weir.library
// CHECK: return
func.func @small_and_narrow_stay(%arg0: tensor<256x256xf32>, %arg1: tensor<8192x8192xf32>, %arg2: tensor<8x8192xf32>, %arg3: tensor<512x512xi32>) -> (tensor<256x256xf32>, tensor<8x8192xf32>, tensor<512x512xi32>) {
  %0 = weir.dot %arg0, %arg0 batch = [] x [] contract = [1] x [0] : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
  %1 = weir.dot %arg2, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<8x8192xf32>, tensor<8192x8192xf32>) -> tensor<8x8192xf32>
  %2 = weir.dot %arg3, %arg3 batch = [] x [] contract = [1] x [0] : (tensor<512x512xi32>, tensor<512x512xi32>) -> tensor<512x512xi32>
  return %0, %1, %2 : tensor<256x256xf32>, tensor<8x8192xf32>, tensor<512x512xi32>
}

// -----

// CHECK-LABEL: func.func @tf32_is_for_f32
// CHECK-NEXT: weir.dot %arg0, %arg0 batch = [] x [] contract = [1] x [0] {weir.library, weir.tf32}
// CHECK-NEXT: weir.dot %arg1, %arg1 batch = [] x [] contract = [1] x [0] {weir.library} :
module attributes {weir.tf32} {
  func.func @tf32_is_for_f32(%arg0: tensor<512x512xf32>, %arg1: tensor<512x512xf16>) -> (tensor<512x512xf32>, tensor<512x512xf16>) {
    %0 = weir.dot %arg0, %arg0 batch = [] x [] contract = [1] x [0] : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
    %1 = weir.dot %arg1, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<512x512xf16>, tensor<512x512xf16>) -> tensor<512x512xf16>
    return %0, %1 : tensor<512x512xf32>, tensor<512x512xf16>
  }
}

// -----

// CHECK-LABEL: func.func @not_where_the_module_says_so
// CHECK-NOT: weir.library
// CHECK: return
module attributes {weir.libraries = "none"} {
  func.func @not_where_the_module_says_so(%arg0: tensor<512x512xf32>) -> tensor<512x512xf32> {
    %0 = weir.dot %arg0, %arg0 batch = [] x [] contract = [1] x [0] : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
    return %0 : tensor<512x512xf32>
  }
}
