// RUN: weir-opt --weir-simplify %s | FileCheck %s
// features: P10

// CHECK-LABEL: @roll_back
// CHECK: %[[I:.*]] = weir.constant dense<[2, 0, 1]>
// CHECK: weir.gather %arg0, %[[I]] dim = 0 batch_dims = 0
// CHECK-NOT: scatter
func.func @roll_back(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %zero = weir.constant dense<0.0> : tensor<3x4xf32>
  %i = weir.constant dense<[1, 2, 0]> : tensor<3xi32>
  %y = weir.scatter_add %zero, %i, %x dim = 0 batch_dims = 0 : (tensor<3x4xf32>, tensor<3xi32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// CHECK-LABEL: @twice_one_place
// CHECK: scatter_add
func.func @twice_one_place(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %zero = weir.constant dense<0.0> : tensor<3x4xf32>
  %i = weir.constant dense<[1, 1, 0]> : tensor<3xi32>
  %y = weir.scatter_add %zero, %i, %x dim = 0 batch_dims = 0 : (tensor<3x4xf32>, tensor<3xi32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}
