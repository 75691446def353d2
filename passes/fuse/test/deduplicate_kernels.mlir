// RUN: weir-opt --weir-deduplicate-kernels %s | FileCheck %s
// features: X4

// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[A:.*]] = weir.launch @k0(%arg0)
// CHECK-NEXT: %[[B:.*]] = weir.launch @k0(%[[A]])
// CHECK-NEXT: weir.launch @k2(%[[B]])
func.func @main(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.launch @k0(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = weir.launch @k1(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = weir.launch @k2(%1) : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
// CHECK: func.func private @k0
func.func private @k0(%arg0: tensor<4xf32>) -> tensor<4xf32> attributes {weir.kernel = "loop"} {
  %c = weir.constant dense<2.0> : tensor<4xf32>
  %0 = weir.mul %arg0, %c : tensor<4xf32>
  return %0 : tensor<4xf32>
}
// CHECK-NOT: @k1
func.func private @k1(%arg0: tensor<4xf32>) -> tensor<4xf32> attributes {weir.kernel = "loop"} {
  %c = weir.constant dense<2.0> : tensor<4xf32>
  %0 = weir.mul %arg0, %c : tensor<4xf32>
  return %0 : tensor<4xf32>
}
// CHECK: func.func private @k2
func.func private @k2(%arg0: tensor<4xf32>) -> tensor<4xf32> attributes {weir.kernel = "loop"} {
  %c = weir.constant dense<3.0> : tensor<4xf32>
  %0 = weir.mul %arg0, %c : tensor<4xf32>
  return %0 : tensor<4xf32>
}
