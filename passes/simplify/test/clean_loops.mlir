// RUN: weir-opt --weir-clean-loops %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @invariants_leave
// CHECK-NEXT: weir.exp %arg1
// CHECK-NEXT: weir.scan
func.func @invariants_leave(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.scan inits(%arg0) xs() trips = 3 : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%c: tensor<4xf32>):
    %1 = weir.exp %arg1 : tensor<4xf32>
    %2 = weir.mul %c, %1 : tensor<4xf32>
    weir.yield %2 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// Of a while, from the condition and the body.
// CHECK-LABEL: func.func @invariants_leave_while
// CHECK-DAG: %[[S:.*]] = weir.reduce_sum %arg1
// CHECK-DAG: %[[E:.*]] = weir.exp %arg1
// CHECK: weir.while
// CHECK-NOT: weir.exp
// CHECK-NOT: weir.reduce_sum %arg1
// CHECK: weir.compare lt %{{.*}}, %[[S]]
// CHECK: weir.mul %{{.*}}, %[[E]]
func.func @invariants_leave_while(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.while inits(%arg0) snapshots = 1 : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%c: tensor<4xf32>):
    %1 = weir.reduce_sum %arg1 dims = [0] : (tensor<4xf32>) -> tensor<f32>
    %2 = weir.reduce_sum %c dims = [0] : (tensor<4xf32>) -> tensor<f32>
    %3 = weir.compare lt %2, %1 : tensor<f32>
    weir.yield %3 : tensor<i1>
  } do {
  ^bb0(%c: tensor<4xf32>):
    %1 = weir.exp %arg1 : tensor<4xf32>
    %2 = weir.mul %c, %1 : tensor<4xf32>
    weir.yield %2 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// A carry that nobody reads goes with its computation; one that feeds a needed carry stays.
// CHECK-LABEL: func.func @dead_carries
// CHECK-NOT: weir.exp
// CHECK: weir.scan inits(%arg0, %arg1) xs() trips = 3
// CHECK-NEXT: ^bb0(%[[A:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<4xf32>):
// CHECK-NEXT: %[[T:.*]] = weir.tanh %[[A]]
// CHECK-NEXT: %[[S:.*]] = weir.add %[[A]], %[[B]]
// CHECK-NEXT: weir.yield %[[T]], %[[S]]
func.func @dead_carries(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
  %0:3 = weir.scan inits(%arg0, %arg1, %arg1) xs() trips = 3
      : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>):
    %1 = weir.tanh %a : tensor<4xf32>
    %2 = weir.add %a, %b : tensor<4xf32>
    %3 = weir.exp %c : tensor<4xf32>
    weir.yield %1, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  return %0#1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @stacks_of_slices_are_the_operand
// CHECK: %[[S:.*]] = weir.scan inits(%arg0) xs(%arg1)
// CHECK-NOT: weir.scan
// CHECK: return %[[S]], %arg1
func.func @stacks_of_slices_are_the_operand(%arg0: tensor<4xf32>, %arg1: tensor<3x4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  %0:2 = weir.scan inits(%arg0) xs(%arg1) trips = 3 : (tensor<4xf32>, tensor<3x4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  ^bb0(%c: tensor<4xf32>, %x: tensor<4xf32>):
    %1 = weir.mul %c, %x : tensor<4xf32>
    weir.yield %1, %x : tensor<4xf32>, tensor<4xf32>
  }
  return %0#0, %0#1 : tensor<4xf32>, tensor<3x4xf32>
}

// CHECK-LABEL: func.func @known_branch
// CHECK-NEXT: weir.constant
// CHECK-NEXT: %[[E:.*]] = weir.exp %arg0
// CHECK-NEXT: return %[[E]]
func.func @known_branch(%arg0: tensor<4xf32>) -> tensor<4xf32> {
  %p = weir.constant dense<true> : tensor<i1>
  %0 = weir.if %p : (tensor<i1>) -> tensor<4xf32> {
    %1 = weir.exp %arg0 : tensor<4xf32>
    weir.yield %1 : tensor<4xf32>
  } else {
    weir.yield %arg0 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}
