// RUN: weir-opt --weir-simplify %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @merged
// CHECK-NEXT: %[[B:.*]] = weir.broadcast %{{.*}} shape = [2, 3, 4] dims = [2]
// CHECK-NEXT: return %[[B]]
func.func @merged(%x: tensor<4xf32>) -> tensor<2x3x4xf32> {
  %0 = weir.broadcast %x shape = [3, 4] dims = [1] : (tensor<4xf32>) -> tensor<3x4xf32>
  %1 = weir.broadcast %0 shape = [2, 3, 4] dims = [1, 2] : (tensor<3x4xf32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @kept_dims_vanish
// CHECK-NEXT: weir.broadcast %{{.*}} shape = [3, 4] dims = [0] : (tensor<3xf32>)
func.func @kept_dims_vanish(%x: tensor<3xf32>) -> tensor<3x4xf32> {
  %0 = weir.reshape %x shape = [3, 1] : (tensor<3xf32>) -> tensor<3x1xf32>
  %1 = weir.reshape %0 shape = [3] : (tensor<3x1xf32>) -> tensor<3xf32>
  %2 = weir.broadcast %1 shape = [3, 4] dims = [0] : (tensor<3xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// CHECK-LABEL: func.func @unit_dims_of_the_operand
// CHECK-NEXT: %[[B:.*]] = weir.broadcast %arg0 shape = [1, 5, 3] dims = [2] : (tensor<3xf32>)
// CHECK-NEXT: return %[[B]]
func.func @unit_dims_of_the_operand(%arg0: tensor<3xf32>) -> tensor<1x5x3xf32> {
  %0 = weir.reshape %arg0 shape = [1, 3] : (tensor<3xf32>) -> tensor<1x3xf32>
  %1 = weir.broadcast %0 shape = [1, 5, 3] dims = [0, 2] : (tensor<1x3xf32>) -> tensor<1x5x3xf32>
  return %1 : tensor<1x5x3xf32>
}

// CHECK-LABEL: func.func @transposed
// CHECK-NEXT: weir.broadcast %{{.*}} shape = [4, 3] dims = [0]
func.func @transposed(%x: tensor<4xf32>) -> tensor<4x3xf32> {
  %0 = weir.broadcast %x shape = [3, 4] dims = [1] : (tensor<4xf32>) -> tensor<3x4xf32>
  %1 = weir.transpose %0 permutation = [1, 0] : (tensor<3x4xf32>) -> tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}

// CHECK-LABEL: func.func @nothing_repeats
// CHECK-NEXT: weir.reshape %{{.*}} shape = [1, 4]
func.func @nothing_repeats(%x: tensor<4xf32>) -> tensor<1x4xf32> {
  %0 = weir.broadcast %x shape = [1, 4] dims = [1] : (tensor<4xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}
