// RUN: weir-opt %s -weir-expand-scans -split-input-file | FileCheck %s

// The counter, the carry and the stacked output are carried; slices are taken from the end when the scan is reversed.
// CHECK-LABEL: func.func @reversed
// CHECK: %[[FINAL:.*]]:3 = weir.while inits(
// CHECK-SAME: tensor<i64>, tensor<f32>, tensor<5xf32>
// CHECK: weir.compare
// CHECK: } do {
// CHECK: ^bb0(%[[I:.*]]: tensor<i64>, %[[C:.*]]: tensor<f32>, %[[Y:.*]]: tensor<5xf32>)
// CHECK: %[[AT:.*]] = weir.sub %{{.*}}, %[[I]]
// CHECK: weir.dynamic_slice %{{.*}}, %[[AT]]
// CHECK: %[[ADD:.*]] = weir.add %[[C]]
// CHECK: %[[NEXT:.*]] = weir.add %[[I]]
// CHECK: %[[PUT:.*]] = weir.dynamic_update_slice %[[Y]]
// CHECK: weir.yield %[[NEXT]], %[[ADD]], %[[PUT]]
// CHECK: return %[[FINAL]]#1, %[[FINAL]]#2
// CHECK-NOT: weir.scan
func.func @reversed(%c: tensor<f32>, %x: tensor<5xf32>) -> (tensor<f32>, tensor<5xf32>) {
  %0:2 = weir.scan inits(%c) xs(%x) trips = 5 reverse : (tensor<f32>, tensor<5xf32>) -> (tensor<f32>, tensor<5xf32>) {
  ^bb0(%a: tensor<f32>, %s: tensor<f32>):
    %1 = weir.add %a, %s : tensor<f32>
    weir.yield %1, %a : tensor<f32>, tensor<f32>
  }
  return %0#0, %0#1 : tensor<f32>, tensor<5xf32>
}

// -----

// No step: the carry as it came, and an output without elements.
// CHECK-LABEL: func.func @no_trips
// CHECK-SAME: (%[[C:.*]]: tensor<f32>
// CHECK-NOT: weir.while
// CHECK: %[[EMPTY:.*]] = weir.constant dense<{{.*}}> : tensor<0xf32>
// CHECK: return %[[C]], %[[EMPTY]]
func.func @no_trips(%c: tensor<f32>) -> (tensor<f32>, tensor<0xf32>) {
  %0:2 = weir.scan inits(%c) xs() trips = 0 : (tensor<f32>) -> (tensor<f32>, tensor<0xf32>) {
  ^bb0(%a: tensor<f32>):
    %1 = weir.sin %a : tensor<f32>
    weir.yield %1, %1 : tensor<f32>, tensor<f32>
  }
  return %0#0, %0#1 : tensor<f32>, tensor<0xf32>
}
