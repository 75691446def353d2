// RUN: weir-opt %s -weir-lower-to-dataflow -split-input-file -verify-diagnostics | FileCheck %s

// What a branch uses goes through a switch, one for both branches; so does a constant, which is made outside.
// CHECK-LABEL: func.func @branches
// CHECK-SAME: (%[[P:.*]]: tensor<i1>, %[[X:.*]]: tensor<4xf32>)
// CHECK: %[[R:.*]] = flow.graph -> tensor<4xf32> {
// CHECK-DAG: %[[ONE:.*]] = weir.constant dense<1.0
// CHECK-DAG: %[[XF:.*]], %[[XT:.*]] = flow.switch %[[X]] by %[[P]] : tensor<4xf32>
// CHECK-DAG: %[[SIN:.*]] = weir.sin %[[XT]]
// CHECK-DAG: %{{.*}}, %[[ONET:.*]] = flow.switch %[[ONE]] by %[[P]]
// CHECK-DAG: %[[SUM:.*]] = weir.add %[[SIN]], %[[ONET]]
// CHECK: %[[M:.*]], %{{.*}} = flow.merge %[[XF]], %[[SUM]] : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK: flow.output %[[M]]
// CHECK: return %[[R]]
func.func @branches(%p: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.if %p : (tensor<i1>) -> tensor<4xf32> {
    %1 = weir.constant dense<1.0> : tensor<4xf32>
    %2 = weir.sin %x : tensor<4xf32>
    %3 = weir.add %2, %1 : tensor<4xf32>
    weir.yield %3 : tensor<4xf32>
  } else {
    weir.yield %x : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

// A carry goes round: enter, merge, switch, body, next_iteration. What the body closes over enters once, as a constant,
// and runs out of the loop with the carries: it goes through a switch as well.
// CHECK-LABEL: func.func @loop
// CHECK-SAME: (%[[N:.*]]: tensor<f32>, %[[X:.*]]: tensor<f32>)
// CHECK: %[[IN:.*]] = flow.enter %[[X]] frame = "while_0"
// CHECK: %[[M:.*]], %{{.*}} = flow.merge %[[IN]], %[[BACK:.*]] :
// CHECK: %[[BOUND:.*]] = flow.enter constant %[[N]] frame = "while_0"
// CHECK: %[[P:.*]] = weir.compare lt %[[M]], %[[BOUND]]
// CHECK: %[[LEAVES:.*]], %[[STAYS:.*]] = flow.switch %[[M]] by %[[P]]
// CHECK: %[[OUT:.*]] = flow.exit %[[LEAVES]]
// CHECK: %{{.*}}, %[[BOUNDT:.*]] = flow.switch %[[BOUND]] by %[[P]]
// CHECK: %[[SUM:.*]] = weir.add %[[STAYS]], %[[BOUNDT]]
// CHECK: %[[BACK]] = flow.next_iteration %[[SUM]]
// CHECK: flow.output %[[OUT]]
func.func @loop(%n: tensor<f32>, %x: tensor<f32>) -> tensor<f32> {
  %0 = weir.while inits(%x) snapshots = 2 : (tensor<f32>) -> tensor<f32> {
  ^bb0(%c: tensor<f32>):
    %1 = weir.compare lt %c, %n : tensor<f32>
    weir.yield %1 : tensor<i1>
  } do {
  ^bb0(%c: tensor<f32>):
    %1 = weir.add %c, %n : tensor<f32>
    weir.yield %1 : tensor<f32>
  }
  return %0 : tensor<f32>
}

// -----

func.func @scans_are_expanded_before(%x: tensor<f32>) -> tensor<f32> {
  // expected-error @+1 {{scan: only if and while become dataflow primitives; other control flow must be expanded before}}
  %0 = weir.scan inits(%x) xs() trips = 2 : (tensor<f32>) -> tensor<f32> {
  ^bb0(%a: tensor<f32>):
    weir.yield %a : tensor<f32>
  }
  return %0 : tensor<f32>
}
