// RUN: weir-opt --weir-lower-precision %s | FileCheck %s
// features: P3

// CHECK-NOT: weir.compute
module attributes {weir.compute = bf16} {
  // CHECK-LABEL: func.func @dots_are_computed_in_bf16_between_converts
  // CHECK-NEXT: %[[A:.*]] = weir.convert %arg0 to bf16
  // CHECK-NEXT: %[[B:.*]] = weir.convert %arg1 to bf16
  // CHECK-NEXT: %[[D:.*]] = weir.dot %[[A]], %[[B]]
  // CHECK-SAME: -> tensor<4x5xbf16>
  // CHECK-NEXT: %[[W:.*]] = weir.convert %[[D]] to f32
  // CHECK-NEXT: weir.tanh %[[W]] : tensor<4x5xf32>
  func.func @dots_are_computed_in_bf16_between_converts(%arg0: tensor<4x3xf32>, %arg1: tensor<3x5xf32>) -> tensor<4x5xf32> {
    %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<4x3xf32>, tensor<3x5xf32>) -> tensor<4x5xf32>
    %1 = weir.tanh %0 : tensor<4x5xf32>
    return %1 : tensor<4x5xf32>
  }

  // CHECK-LABEL: func.func @f64_and_integers_stay
  // CHECK-NEXT: weir.dot
  // CHECK-NEXT: weir.dot
  // CHECK-NEXT: return
  func.func @f64_and_integers_stay(%arg0: tensor<3x3xf64>, %arg1: tensor<3x3xi32>) -> (tensor<3x3xf64>, tensor<3x3xi32>) {
    %0 = weir.dot %arg0, %arg0 batch = [] x [] contract = [1] x [0] : (tensor<3x3xf64>, tensor<3x3xf64>) -> tensor<3x3xf64>
    %1 = weir.dot %arg1, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<3x3xi32>, tensor<3x3xi32>) -> tensor<3x3xi32>
    return %0, %1 : tensor<3x3xf64>, tensor<3x3xi32>
  }
}
