// RUN: weir-opt --weir-inline-calls --split-input-file --verify-diagnostics %s | FileCheck %s
// features: A6

// CHECK-LABEL: func.func @main
// CHECK-NEXT: weir.tanh
// CHECK-NEXT: weir.add
// CHECK-NEXT: weir.scan
// CHECK: weir.tanh
// CHECK-NEXT: weir.add
// CHECK-NEXT: weir.yield
// CHECK-NOT: func.func
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.call @layer(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = weir.scan inits(%0) xs() trips = 3 : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%c: tensor<4xf32>):
    %2 = weir.call @layer(%c) : (tensor<4xf32>) -> tensor<4xf32>
    weir.yield %2 : tensor<4xf32>
  }
  return %1 : tensor<4xf32>
}
func.func private @layer(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.call @inner(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = weir.add %0, %x : tensor<4xf32>
  return %1 : tensor<4xf32>
}
func.func private @inner(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.tanh %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// expected-error @+1 {{function calls itself}}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.call @main(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
