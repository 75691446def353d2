// RUN: weir-opt %s -weir-expand-sweeps -split-input-file | FileCheck %s

// Forwards only: one counted loop; the reverse half is not there.
// CHECK-LABEL: func.func @forwards
// CHECK: weir.while
// CHECK-NOT: weir.while
// CHECK-NOT: weir.sweep
func.func @forwards(%n: tensor<i64>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.sweep %n forward(%x) reverse() snapshots = 4 : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%s: tensor<4xf32>):
    %1 = weir.sin %s : tensor<4xf32>
    weir.yield %1 : tensor<4xf32>
  } then {
  ^bb0(%s: tensor<4xf32>):
    weir.yield
  }
  return %0 : tensor<4xf32>
}

// -----

// Back again: a loop over the steps; in it one that finds the step's state, which advances by a stride of its own.
// Three snapshots and one place for what need not be kept.
// CHECK-LABEL: func.func @there_and_back
// CHECK: weir.broadcast %{{.*}} shape = [4, 8] dims = [1]
// CHECK: weir.while
// CHECK: weir.dynamic_slice
// CHECK: weir.while
// CHECK: weir.while
// CHECK: weir.while
// CHECK: weir.dynamic_update_slice
// CHECK: weir.cos
// CHECK-NOT: weir.sweep
func.func @there_and_back(%n: tensor<i64>, %x: tensor<8xf32>, %c: tensor<8xf32>) -> tensor<8xf32> {
  %0:2 = weir.sweep %n forward(%x) reverse(%c) snapshots = 3 : (tensor<i64>, tensor<8xf32>, tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  ^bb0(%s: tensor<8xf32>):
    %1 = weir.sin %s : tensor<8xf32>
    weir.yield %1 : tensor<8xf32>
  } then {
  ^bb0(%s: tensor<8xf32>, %r: tensor<8xf32>):
    %1 = weir.cos %s : tensor<8xf32>
    %2 = weir.mul %1, %r : tensor<8xf32>
    weir.yield %2 : tensor<8xf32>
  }
  return %0#1 : tensor<8xf32>
}
