// RUN: weir-opt %s -split-input-file -weir-plan-memory | FileCheck %s

func.func private @inc(%x: tensor<16xf32>) -> tensor<16xf32>
    attributes {weir.kernel = "loop", weir.inplace = [[0, 0]]} {
  %0 = weir.add %x, %x : tensor<16xf32>
  return %0 : tensor<16xf32>
}
func.func private @pair(%x: tensor<16xf32>, %y: tensor<16xf32>) -> tensor<16xf32> attributes {weir.kernel = "loop"} {
  %0 = weir.add %x, %y : tensor<16xf32>
  return %0 : tensor<16xf32>
}

// A variable is updated in place; the fetch is written where it is wanted; temporaries share bytes.
// CHECK-LABEL: func.func @main
//  CHECK-SAME: %{{.*}}: tensor<16xf32> {weir.buffer = #weir.buffer<variable, 0, 0, 64>, weir.variable = "w"}
//  CHECK-SAME: weir.arena_bytes = 64
func.func @main(%w: tensor<16xf32> {weir.variable = "w"}, %x: tensor<16xf32> {weir.name = "x"})
    -> (tensor<16xf32> {weir.updates = 0 : i64}, tensor<16xf32> {weir.name = "y"}) {
  // CHECK: launch @inc({{.*}}) {weir.buffer = [#weir.buffer<arena, 0, 0, 64>]}
  %t = weir.launch @inc(%x) : (tensor<16xf32>) -> tensor<16xf32>
  // CHECK: launch @inc({{.*}}) {weir.buffer = [#weir.buffer<arena, 0, 0, 64>]}
  %u = weir.launch @inc(%t) : (tensor<16xf32>) -> tensor<16xf32>
  // CHECK: launch @pair({{.*}}) {weir.buffer = [#weir.buffer<output, 0, 0, 64>]}
  %y = weir.launch @pair(%u, %w) : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  // CHECK: launch @inc({{.*}}) {weir.buffer = [#weir.buffer<variable, 0, 0, 64>]}
  %n = weir.launch @inc(%w) : (tensor<16xf32>) -> tensor<16xf32>
  // CHECK-NOT: weir.copies
  return %n, %y : tensor<16xf32>, tensor<16xf32>
}

// -----

// Variables that change places go through a copy.
// CHECK-LABEL: func.func @main
func.func @main(%a: tensor<16xf32> {weir.variable = "a"}, %b: tensor<16xf32> {weir.variable = "b"})
    -> (tensor<16xf32> {weir.updates = 0 : i64}, tensor<16xf32> {weir.updates = 1 : i64}) {
  // CHECK: return {weir.copies = {{\[\[}}#weir.buffer<variable, 1, 0, 64>, #weir.buffer<arena, 0, [[T0:.*]], 64>], [#weir.buffer<variable, 0, 0, 64>, #weir.buffer<arena, 0, [[T1:.*]], 64>], [#weir.buffer<arena, 0, [[T0]], 64>, #weir.buffer<variable, 0, 0, 64>], [#weir.buffer<arena, 0, [[T1]], 64>, #weir.buffer<variable, 1, 0, 64>]]}
  return %b, %a : tensor<16xf32>, tensor<16xf32>
}

// -----

func.func private @step(%c: tensor<4xf32>, %x: tensor<4xf32>) -> tensor<4xf32>
    attributes {weir.kernel = "loop", weir.inplace = [[0, 0]]} {
  %0 = weir.add %c, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// A carry lies in the fetch from the start; its next value replaces it; slices are addressed in place.
// CHECK-LABEL: func.func @main
func.func @main(%c: tensor<4xf32> {weir.name = "c"}, %xs: tensor<5x4xf32> {weir.name = "xs"})
    -> (tensor<4xf32> {weir.name = "last"}, tensor<5x4xf32> {weir.name = "all"}) {
  // CHECK: weir.scan
  // CHECK-SAME: weir.body_buffers = [#weir.buffer<output, 0, 0, 16>, #weir.buffer<input, 1, 0, 16, [0, 16]>]
  // CHECK-SAME: weir.buffer = [#weir.buffer<output, 0, 0, 16>, #weir.buffer<output, 1, 0, 80>]
  // CHECK-SAME: weir.copies = {{\[\[}}#weir.buffer<input, 0, 0, 16>, #weir.buffer<output, 0, 0, 16>]]
  %0:2 = weir.scan inits(%c) xs(%xs) trips = 5 : (tensor<4xf32>, tensor<5x4xf32>) -> (tensor<4xf32>, tensor<5x4xf32>) {
  ^bb0(%carry: tensor<4xf32>, %x: tensor<4xf32>):
    // CHECK: launch @step({{.*}}) {weir.buffer = [#weir.buffer<output, 0, 0, 16>]}
    %n = weir.launch @step(%carry, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    // CHECK: yield {{.*}} {weir.copies = {{\[\[}}#weir.buffer<output, 0, 0, 16>, #weir.buffer<output, 1, 0, 16, [0, 16]>]]}
    weir.yield %n, %n : tensor<4xf32>, tensor<4xf32>
  }
  return %0#0, %0#1 : tensor<4xf32>, tensor<5x4xf32>
}
