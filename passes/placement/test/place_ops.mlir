// RUN: weir-opt --weir-place-ops --split-input-file %s | FileCheck %s
// RUN: weir-opt --weir-place-ops=final --split-input-file %s | FileCheck %s --check-prefix=FINAL
// features: G5

// An op runs where its operands lie; the words become one copy there and one back.
// CHECK-LABEL: func.func @main
// CHECK-SAME: weir.device = 0 : i64
// CHECK-SAME: weir.device = 1 : i64
// CHECK-NEXT: %[[A:.*]] = weir.tanh %arg0
// CHECK-NEXT: %[[M:.*]] = spmd.shard %[[A]] to "device=1"
// CHECK-NEXT: %[[B:.*]] = weir.mul %[[M]], %arg1
// CHECK-NEXT: %[[N:.*]] = spmd.shard %[[B]] to "device=0"
// CHECK-NEXT: weir.add %[[N]], %[[A]]
// FINAL: weir.tanh %arg0 {weir.device = 0 : i64}
// FINAL: weir.mul {{.*}} {weir.device = 1 : i64}
func.func @main(%arg0: tensor<8xf32> {weir.device = 0 : i64, weir.name = "x"}, %arg1: tensor<8xf32> {weir.device = 1 : i64, weir.variable = "w"}) -> (tensor<8xf32> {weir.name = "y"}) {
  %0 = weir.tanh %arg0 : tensor<8xf32>
  %1 = spmd.shard %0 to "device=0" : tensor<8xf32>
  %2 = spmd.shard %1 to "device=1" : tensor<8xf32>
  %3 = weir.mul %2, %arg1 : tensor<8xf32>
  %4 = spmd.shard %3 to "device=1" : tensor<8xf32>
  %5 = spmd.shard %4 to "device=0" : tensor<8xf32>
  %6 = weir.add %5, %0 : tensor<8xf32>
  return %6 : tensor<8xf32>
}

// -----

// Without words most bytes decide, a variable's new value goes back to it, and what has no operands is made twice.
// CHECK-LABEL: func.func @main
// CHECK: %[[I:.*]] = weir.iota
// CHECK-NEXT: %[[J:.*]] = weir.iota
// CHECK-NEXT: weir.add %arg0, %[[I]]
// CHECK-NEXT: %[[S:.*]] = weir.add %arg1, %[[J]]
// CHECK-NEXT: %[[C:.*]] = spmd.shard %{{.*}} to "device=0"
// CHECK-NEXT: return %{{.*}}, %[[C]]
func.func @main(%arg0: tensor<8xf32> {weir.device = 0 : i64, weir.variable = "v"}, %arg1: tensor<8xf32> {weir.device = 1 : i64, weir.name = "x"}) -> (tensor<8xf32> {weir.name = "y"}, tensor<8xf32> {weir.updates = 0 : i64}) {
  %0 = weir.iota shape = [8] dim = 0 element = f32 : tensor<8xf32>
  %1 = weir.add %arg0, %0 : tensor<8xf32>
  %2 = weir.add %arg1, %0 : tensor<8xf32>
  return %1, %2 : tensor<8xf32>, tensor<8xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK-NOT: weir.device
func.func @main(%arg0: tensor<8xf32> {weir.name = "x"}) -> (tensor<8xf32> {weir.name = "y"}) {
  %0 = weir.tanh %arg0 : tensor<8xf32>
  return %0 : tensor<8xf32>
}
