// RUN: weir-opt --weir-widen-sums %s | FileCheck %s
// features: F6

// CHECK-LABEL: func.func @scatter_of_bf16_adds_in_f32
// CHECK-NEXT: %[[X:.*]] = weir.convert %arg0 to f32
// CHECK-NEXT: %[[U:.*]] = weir.convert %arg2 to f32
// CHECK-NEXT: %[[S:.*]] = weir.scatter_add %[[X]], %arg1, %[[U]]
// CHECK-SAME: tensor<8xf32>
// CHECK-NEXT: weir.convert %[[S]] to bf16
func.func @scatter_of_bf16_adds_in_f32(%arg0: tensor<8xbf16>, %arg1: tensor<3xi32>, %arg2: tensor<3xbf16>) -> tensor<8xbf16> {
  %0 = weir.scatter_add %arg0, %arg1, %arg2 dim = 0 batch_dims = 0 : (tensor<8xbf16>, tensor<3xi32>, tensor<3xbf16>) -> tensor<8xbf16>
  return %0 : tensor<8xbf16>
}

// CHECK-LABEL: func.func @others_stay
// CHECK-NEXT: weir.scatter_add
// CHECK-NEXT: weir.reduce_sum
// CHECK-NEXT: return
func.func @others_stay(%arg0: tensor<8xi8>, %arg1: tensor<3xi32>, %arg2: tensor<3xi8>, %arg3: tensor<4x8xf16>) -> (tensor<8xi8>, tensor<4xf16>) {
  %0 = weir.scatter_add %arg0, %arg1, %arg2 dim = 0 batch_dims = 0 : (tensor<8xi8>, tensor<3xi32>, tensor<3xi8>) -> tensor<8xi8>
  %1 = weir.reduce_sum %arg3 dims = [1] : (tensor<4x8xf16>) -> tensor<4xf16>
  return %0, %1 : tensor<8xi8>, tensor<4xf16>
}
