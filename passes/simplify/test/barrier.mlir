// RUN: weir-opt %s -weir-simplify | FileCheck %s

// What nobody reads behind a barrier is not computed before it.
// CHECK-LABEL: func.func @unread
// CHECK-NOT: weir.sort
// CHECK: %[[B:.*]] = weir.barrier %arg0 {weir.name = "x"} : tensor<4xf32> -> tensor<4xf32>
// CHECK: return %[[B]]
func.func @unread(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.sort %x dim = 0 keys = 1 descending = false : tensor<4xf32>
  %1:2 = weir.barrier %0, %x {weir.name = "x"} : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>, tensor<4xf32>
  return %1#1 : tensor<4xf32>
}
