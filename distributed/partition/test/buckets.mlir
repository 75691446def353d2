// RUN: weir-opt %s --split-input-file --weir-shard | FileCheck %s
// Reductions go together where that makes nothing wait for itself.

// Two sums that nothing connects, of 20 bytes each; the third does not fit any more, the fourth is too large.
module attributes {spmd.mesh = "data=2", spmd.bucket_bytes = 40 : i64} {
// CHECK-LABEL: func.func @main
// CHECK: weir.concatenate
// CHECK: spmd.all_reduce local {{.*}} and 1 more in this bucket{{.*}} : tensor<1x10xf32>
// CHECK-DAG: weir.slice {{.*}} starts = [0, 0] limits = [1, 5]
// CHECK-DAG: weir.slice {{.*}} starts = [0, 5] limits = [1, 10]
// CHECK-DAG: spmd.all_reduce local {{.*}} : tensor<5xf32>
// CHECK-DAG: spmd.all_reduce local {{.*}} : tensor<11xf32>
// CHECK-NOT: spmd.all_reduce
func.func @main(%a: tensor<6x5xf32> {spmd.sharding = "[{data},{}]"}, %b: tensor<4x5xf32> {spmd.sharding = "[{data},{}]"},
                %c: tensor<8x5xf32> {spmd.sharding = "[{data},{}]"}, %d: tensor<8x11xf32> {spmd.sharding = "[{data},{}]"})
    -> (tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<11xf32>) {
  %s = weir.reduce_sum %a dims = [0] : (tensor<6x5xf32>) -> tensor<5xf32>
  %t = weir.reduce_sum %b dims = [0] : (tensor<4x5xf32>) -> tensor<5xf32>
  %u = weir.reduce_sum %c dims = [0] : (tensor<8x5xf32>) -> tensor<5xf32>
  %v = weir.reduce_sum %d dims = [0] : (tensor<8x11xf32>) -> tensor<11xf32>
  return %s, %t, %u, %v : tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<11xf32>
}
}

// -----

// The second sum is of what the first one gives, the third of neither: it goes with the second.
module attributes {spmd.mesh = "data=2", spmd.bucket_bytes = 1000 : i64} {
// CHECK-LABEL: func.func @main
// CHECK: spmd.all_reduce local {{.*}} : tensor<5xf32>
// CHECK: spmd.all_reduce local {{.*}} and 1 more in this bucket{{.*}} : tensor<1x8xf32>
// CHECK-NOT: spmd.all_reduce
func.func @main(%a: tensor<6x5xf32> {spmd.sharding = "[{data},{}]"}, %b: tensor<4x3xf32> {spmd.sharding = "[{data},{}]"})
    -> (tensor<5xf32>, tensor<3xf32>) {
  %s = weir.reduce_sum %a dims = [0] : (tensor<6x5xf32>) -> tensor<5xf32>
  %e = weir.exp %s : tensor<5xf32>
  %x = weir.broadcast %e shape = [6, 5] dims = [1] : (tensor<5xf32>) -> tensor<6x5xf32>
  %y = weir.mul %a, %x : tensor<6x5xf32>
  %t = weir.reduce_sum %y dims = [0] : (tensor<6x5xf32>) -> tensor<5xf32>
  %u = weir.reduce_sum %b dims = [0] : (tensor<4x3xf32>) -> tensor<3xf32>
  return %t, %u : tensor<5xf32>, tensor<3xf32>
}
}

// -----

// A maximum is not a sum, and a sum over other devices is another one.
module attributes {spmd.mesh = "data=2,model=2", spmd.bucket_bytes = 1000 : i64} {
// CHECK-LABEL: func.func @main
// CHECK-COUNT-3: spmd.all_reduce local {{.*}} : tensor<5xf32>
// CHECK-NOT: spmd.all_reduce
func.func @main(%a: tensor<6x5xf32> {spmd.sharding = "[{data},{}]"}, %b: tensor<4x5xf32> {spmd.sharding = "[{model},{}]"})
    -> (tensor<5xf32>, tensor<5xf32>, tensor<5xf32>) {
  %s = weir.reduce_sum %a dims = [0] : (tensor<6x5xf32>) -> tensor<5xf32>
  %t = weir.reduce_max %a dims = [0] : (tensor<6x5xf32>) -> tensor<5xf32>
  %u = weir.reduce_sum %b dims = [0] : (tensor<4x5xf32>) -> tensor<5xf32>
  return %s, %t, %u : tensor<5xf32>, tensor<5xf32>, tensor<5xf32>
}
}
