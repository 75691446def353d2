// RUN: weir-opt %s --weir-resolve-autodiff --split-input-file | FileCheck %s

// Weights that slices share: the batch is a free dim of one dot, and what does not differ from slice to slice is computed
// once.

func.func @main(%xs: tensor<2x5x3xf32>, %w: tensor<3x4xf32>) -> tensor<5x2x4xf32> {
  %0 = weir.vmap @f(%xs, %w) in = [1, -1] out = [0] : (tensor<2x5x3xf32>, tensor<3x4xf32>) -> tensor<5x2x4xf32>
  return %0 : tensor<5x2x4xf32>
}
func.func private @f(%x: tensor<2x3xf32>, %w: tensor<3x4xf32>) -> tensor<2x4xf32> {
  %0 = weir.exp %w : tensor<3x4xf32>
  %1 = weir.dot %x, %0 batch = [] x [] contract = [1] x [0] : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

// CHECK-LABEL: func.func @main
// CHECK: %[[XS:.*]] = weir.transpose %{{.*}} permutation = [1, 0, 2]
// CHECK: weir.call @f.vmap(%[[XS]], %{{.*}})
// CHECK: func.func private @f.vmap(%[[X:.*]]: tensor<5x2x3xf32>, %[[W:.*]]: tensor<3x4xf32>)
// CHECK: %[[E:.*]] = weir.exp %[[W]] : tensor<3x4xf32>
// CHECK: weir.dot %[[X]], %[[E]] batch = [] x [] contract = [2] x [0]

// -----

// A condition that differs: until the last slice is done.

func.func @main(%x: tensor<5xf32>) -> tensor<5xf32> {
  %0 = weir.vmap @until(%x) in = [0] out = [0] : (tensor<5xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}
func.func private @until(%x: tensor<f32>) -> tensor<f32> {
  %limit = weir.constant dense<9.0> : tensor<f32>
  %0 = weir.while inits(%x) snapshots = 2 : (tensor<f32>) -> tensor<f32> {
  ^bb0(%c: tensor<f32>):
    %1 = weir.compare lt %c, %limit : tensor<f32>
    weir.yield %1 : tensor<i1>
  } do {
  ^bb0(%c: tensor<f32>):
    %1 = weir.exp %c : tensor<f32>
    weir.yield %1 : tensor<f32>
  }
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func private @until.vmap
// CHECK: weir.while
// CHECK: %[[P:.*]] = weir.compare lt
// CHECK: weir.reduce_or %[[P]] dims = [0]
// CHECK: weir.exp
// CHECK: weir.select

// -----

// No rule for starts that differ: one slice after the other.

func.func @main(%x: tensor<9xf32>, %i: tensor<5xi32>) -> tensor<5x2xf32> {
  %0 = weir.vmap @window(%x, %i) in = [-1, 0] out = [0] : (tensor<9xf32>, tensor<5xi32>) -> tensor<5x2xf32>
  return %0 : tensor<5x2xf32>
}
func.func private @window(%x: tensor<9xf32>, %i: tensor<i32>) -> tensor<2xf32> {
  %0 = weir.dynamic_slice %x, %i sizes = [2] : (tensor<9xf32>, tensor<i32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func private @window.vmap
// CHECK: weir.scan inits() xs(%{{.*}}) trips = 5
// CHECK: weir.dynamic_slice
