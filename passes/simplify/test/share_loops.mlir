// RUN: weir-opt --weir-clean-loops --split-input-file %s | FileCheck %s
// features: G7

// The loop of the loss is part of the derivative's, which also yields residuals, wherever it stands.
// CHECK-LABEL: func.func @scan_with_residuals
// CHECK: %[[S:.*]]:3 = weir.scan
// CHECK-NOT: weir.scan
// CHECK: %[[E:.*]] = weir.exp %[[S]]#1
// CHECK: return %[[E]], %[[S]]#1, %[[S]]#2, %[[S]]#0
func.func @scan_with_residuals(%a: tensor<4xf32>, %xs: tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<4xf32>) {
  %0:2 = weir.scan inits(%a) xs(%xs) trips = 3 : (tensor<4xf32>, tensor<3x4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  ^bb0(%c: tensor<4xf32>, %x: tensor<4xf32>):
    %1 = weir.mul %c, %x : tensor<4xf32>
    %2 = weir.tanh %1 : tensor<4xf32>
    weir.yield %2, %1 : tensor<4xf32>, tensor<4xf32>
  }
  %3 = weir.exp %0#1 : tensor<3x4xf32>
  %4:3 = weir.scan inits(%a) xs(%xs) trips = 3 : (tensor<4xf32>, tensor<3x4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>, tensor<3x4xf32>) {
  ^bb0(%c: tensor<4xf32>, %x: tensor<4xf32>):
    %1 = weir.mul %c, %x : tensor<4xf32>
    %2 = weir.tanh %1 : tensor<4xf32>
    %5 = weir.sin %2 : tensor<4xf32>
    weir.yield %2, %1, %5 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  return %3, %4#1, %4#2, %0#0 : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<4xf32>
}

// -----

// A while that counts its trips beside; an if in it with more results.
// CHECK-LABEL: func.func @while_that_counts
// CHECK: %[[W:.*]]:2 = weir.while
// CHECK-NOT: weir.while
// CHECK: return %[[W]]#0, %[[W]]#0, %[[W]]#1
func.func @while_that_counts(%a: tensor<f32>, %p: tensor<i1>) -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %zero = weir.constant dense<0.0> : tensor<f32>
  %0:2 = weir.while inits(%a, %zero) snapshots = 1 : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>) {
  ^bb0(%c: tensor<f32>, %n: tensor<f32>):
    %1 = weir.sin %c : tensor<f32>
    %2 = weir.compare lt %1, %a : tensor<f32>
    weir.yield %2 : tensor<i1>
  } do {
  ^bb0(%c: tensor<f32>, %n: tensor<f32>):
    %1:2 = weir.if %p : (tensor<i1>) -> (tensor<f32>, tensor<f32>) {
      %3 = weir.exp %c : tensor<f32>
      weir.yield %n, %3 : tensor<f32>, tensor<f32>
    } else {
      weir.yield %c, %c : tensor<f32>, tensor<f32>
    }
    %2 = weir.add %n, %1#0 : tensor<f32>
    weir.yield %1#1, %2 : tensor<f32>, tensor<f32>
  }
  %4 = weir.while inits(%a) snapshots = 1 : (tensor<f32>) -> tensor<f32> {
  ^bb0(%c: tensor<f32>):
    %1 = weir.sin %c : tensor<f32>
    %2 = weir.compare lt %1, %a : tensor<f32>
    weir.yield %2 : tensor<i1>
  } do {
  ^bb0(%c: tensor<f32>):
    %1 = weir.if %p : (tensor<i1>) -> tensor<f32> {
      %3 = weir.exp %c : tensor<f32>
      weir.yield %3 : tensor<f32>
    } else {
      weir.yield %c : tensor<f32>
    }
    weir.yield %1 : tensor<f32>
  }
  return %4, %0#0, %0#1 : tensor<f32>, tensor<f32>, tensor<f32>
}

// -----

// Carries that only start alike, other directions, other conditions: nothing is shared.
// CHECK-LABEL: func.func @differ
// CHECK-COUNT-3: weir.scan
func.func @differ(%a: tensor<4xf32>, %xs: tensor<3x4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = weir.scan inits(%a) xs(%xs) trips = 3 : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<4xf32> {
  ^bb0(%c: tensor<4xf32>, %x: tensor<4xf32>):
    %1 = weir.mul %c, %x : tensor<4xf32>
    weir.yield %1 : tensor<4xf32>
  }
  %2 = weir.scan inits(%a) xs(%xs) trips = 3 reverse : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<4xf32> {
  ^bb0(%c: tensor<4xf32>, %x: tensor<4xf32>):
    %1 = weir.mul %c, %x : tensor<4xf32>
    weir.yield %1 : tensor<4xf32>
  }
  %3 = weir.scan inits(%a) xs(%xs) trips = 3 : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<4xf32> {
  ^bb0(%c: tensor<4xf32>, %x: tensor<4xf32>):
    %1 = weir.mul %c, %x : tensor<4xf32>
    %4 = weir.add %1, %1 : tensor<4xf32>
    weir.yield %4 : tensor<4xf32>
  }
  return %0, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
