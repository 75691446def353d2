// RUN: weir-opt %s --split-input-file --verify-diagnostics | FileCheck %s
// Collectives at both levels print and parse; types that do not go together are refused.

// CHECK-LABEL: func.func @global
func.func @global(%x: tensor<4x6xf32>) -> tensor<4x6xf32> {
  // CHECK: spmd.shard %{{.*}} to "[{data},{}]" : tensor<4x6xf32>
  %a = spmd.shard %x to "[{data},{}]" : tensor<4x6xf32>
  // CHECK: spmd.all_gather %{{.*}} dim = 0 over ["data"] parts = 2 : (tensor<4x6xf32>) -> tensor<4x6xf32>
  %b = spmd.all_gather %a dim = 0 over ["data"] parts = 2 : (tensor<4x6xf32>) -> tensor<4x6xf32>
  // CHECK: spmd.as_partial
  %c = spmd.as_partial %b over ["data"] parts = 2 : tensor<4x6xf32>
  // CHECK: spmd.all_reduce %{{.*}} by "sum" over ["data"] parts = 2 : tensor<4x6xf32>
  %d = spmd.all_reduce %c by "sum" over ["data"] parts = 2 : tensor<4x6xf32>
  return %d : tensor<4x6xf32>
}

// -----

// CHECK-LABEL: func.func @local
func.func @local(%x: tensor<4x6xf32>) -> tensor<2x6xf32> {
  // CHECK: spmd.all_gather local
  %a = spmd.all_gather local %x dim = 0 over ["a", "b"] parts = 4 : (tensor<4x6xf32>) -> tensor<16x6xf32>
  // CHECK: spmd.reduce_scatter local
  %b = spmd.reduce_scatter local %a by "max" dim = 0 over ["a"] parts = 2 : (tensor<16x6xf32>) -> tensor<8x6xf32>
  // CHECK: spmd.all_to_all local
  %c = spmd.all_to_all local %b split = 0 concat = 1 over ["a"] parts = 2 : (tensor<8x6xf32>) -> tensor<4x12xf32>
  // CHECK: spmd.split local
  %d = spmd.split local %c dim = 1 over ["b"] parts = 2 : (tensor<4x12xf32>) -> tensor<4x6xf32>
  // CHECK: spmd.permute local %{{.*}} from [1, 0, 3, 2] : tensor<4x6xf32>
  %e = spmd.permute local %d from [1, 0, 3, 2] : tensor<4x6xf32>
  // CHECK: spmd.axis_index over ["a"] parts = 2 : tensor<i32>
  %i = spmd.axis_index over ["a"] parts = 2 : tensor<i32>
  %f = spmd.split local %e dim = 0 over ["a"] parts = 2 : (tensor<4x6xf32>) -> tensor<2x6xf32>
  return %f : tensor<2x6xf32>
}

// -----

func.func @global_types_differ(%x: tensor<4xf32>) {
  // expected-error @+1 {{all_gather: result is f32[8], but must be f32[4]}}
  %a = spmd.all_gather %x dim = 0 over ["a"] parts = 2 : (tensor<4xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @uneven_pieces(%x: tensor<5xf32>) {
  // expected-error @+1 {{split: dim 0 is 5, which 2 devices cannot share}}
  %a = spmd.split local %x dim = 0 over ["a"] parts = 2 : (tensor<5xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @no_such_dim(%x: tensor<4xf32>) {
  // expected-error @+1 {{reduce_scatter: dim 1 of a tensor of rank 1}}
  %a = spmd.reduce_scatter local %x by "sum" dim = 1 over ["a"] parts = 2 : (tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @no_such_combiner(%x: tensor<4xf32>) {
  // expected-error @+1 {{all_reduce: combiner is mean, but must be sum, max, min or prod}}
  %a = spmd.all_reduce local %x by "mean" over ["a"] parts = 2 : tensor<4xf32>
  return
}

// -----

func.func @one_dim(%x: tensor<4xf32>) {
  // expected-error @+1 {{all_to_all: dim 0 is split and concatenated}}
  %a = spmd.all_to_all local %x split = 0 concat = 0 over ["a"] parts = 2 : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @no_permutation(%x: tensor<4xf32>) {
  // expected-error @+1 {{permute: sources}}
  %a = spmd.permute local %x from [0, 0] : tensor<4xf32>
  return
}

// -----

func.func @no_axis(%x: tensor<4xf32>) {
  // expected-error @+1 {{as_partial: names no mesh axis}}
  %a = spmd.as_partial local %x over [] parts = 1 : tensor<4xf32>
  return
}
