// RUN: weir-opt %s --split-input-file --weir-insert-collectives | FileCheck %s --check-prefix=GLOBAL
// RUN: weir-opt %s --split-input-file --weir-shard | FileCheck %s --check-prefix=LOCAL
// Collectives come while shapes are global; then shapes are those of one device.

module attributes {spmd.mesh = "model=2"} {
// GLOBAL-LABEL: func.func @main
// LOCAL-LABEL: func.func @main
// LOCAL-SAME: tensor<6x4xf32>
// LOCAL-SAME: tensor<4x4xf32>
// LOCAL-SAME: tensor<4x4xf32>
func.func @main(%x: tensor<6x4xf32>, %v: tensor<4x8xf32> {spmd.sharding = "[{},{model}]"}, %w: tensor<8x4xf32>) -> tensor<6x4xf32> {
  // GLOBAL: weir.dot {{.*}}spmd.shardings = ["[{},{model}]"]{{.*}} -> tensor<6x8xf32>
  // LOCAL: weir.dot {{.*}} -> tensor<6x4xf32>
  %a = weir.dot %x, %v batch = [] x [] contract = [1] x [0] : (tensor<6x4xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  // GLOBAL: weir.dot {{.*}}spmd.shardings = ["[{},{}] partial(sum){model}"]
  %y = weir.dot %a, %w batch = [] x [] contract = [1] x [0] : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
  // GLOBAL-NEXT: spmd.all_reduce %{{.*}} by "sum" over ["model"] parts = 2
  // LOCAL: spmd.all_reduce local
  return %y : tensor<6x4xf32>
}
}

// -----

// Seven rows on two devices are four each, of which the last is padding that the sum must not see.
module attributes {spmd.mesh = "data=2"} {
// GLOBAL-LABEL: func.func @main
// LOCAL-LABEL: func.func @main
// LOCAL-SAME: tensor<4x3xf32>
func.func @main(%x: tensor<7x3xf32> {spmd.sharding = "[{data},{}]"}) -> tensor<3xf32> {
  // LOCAL: spmd.axis_index over ["data"] parts = 2
  // LOCAL: weir.select
  // LOCAL: weir.reduce_sum {{.*}} : (tensor<4x3xf32>) -> tensor<3xf32>
  // LOCAL: spmd.all_reduce local
  %s = weir.reduce_sum %x dims = [0] : (tensor<7x3xf32>) -> tensor<3xf32>
  return %s : tensor<3xf32>
}
}

// -----

// Without devices to share the work, a word on a value is dropped.
// GLOBAL-LABEL: func.func @main
// GLOBAL-NOT: spmd
// LOCAL-LABEL: func.func @main
// LOCAL-NOT: spmd
func.func @main(%x: tensor<7x3xf32>) -> tensor<7x3xf32> {
  %s = spmd.shard %x to "[{data},{}]" : tensor<7x3xf32>
  return %s : tensor<7x3xf32>
}
