// RUN: weir-opt --weir-form-kernels --weir-deduplicate-kernels --split-input-file %s | FileCheck %s
// features: G7 G11

// A loop whose iteration takes less than its launches would is one kernel; its ops are numbered by step.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[I:.*]] = weir.constant dense<0>
// CHECK-NEXT: %[[L:.*]]:2 = weir.launch @k0(%arg0, %[[I]])
// CHECK-NEXT: return %[[L]]#0
// CHECK: func.func private @k0
// CHECK-SAME: weir.inplace = {{\[\[}}0, 0], [1, 1]], weir.kernel = "control"
// CHECK: weir.while
// CHECK: weir.compare {{.*}}weir.step = 0
// CHECK: } do {
// CHECK: weir.mul {{.*}}weir.step = [[S:[01]]]
// CHECK: weir.add {{.*}}weir.step = [[S]]
func.func @main(%arg0: tensor<8xf32>) -> tensor<8xf32> {
  %zero = weir.constant dense<0> : tensor<i64>
  %0:2 = weir.while inits(%arg0, %zero) snapshots = 1 : (tensor<8xf32>, tensor<i64>) -> (tensor<8xf32>, tensor<i64>) {
  ^bb0(%x: tensor<8xf32>, %i: tensor<i64>):
    %n = weir.constant dense<1000> : tensor<i64>
    %c = weir.compare lt %i, %n : tensor<i64>
    weir.yield %c : tensor<i1>
  } do {
  ^bb0(%x: tensor<8xf32>, %i: tensor<i64>):
    %a = weir.constant dense<0.999> : tensor<8xf32>
    %b = weir.constant dense<1.0> : tensor<8xf32>
    %one = weir.constant dense<1> : tensor<i64>
    %1 = weir.mul %x, %a : tensor<8xf32>
    %2 = weir.add %1, %b : tensor<8xf32>
    %3 = weir.add %i, %one : tensor<i64>
    weir.yield %2, %3 : tensor<8xf32>, tensor<i64>
  }
  return %0#0 : tensor<8xf32>
}

// -----

// An iteration that is worth several threads stays a list of launches; a small loop in it is one of them.
// CHECK-LABEL: func.func @main
// CHECK: weir.scan
// CHECK: weir.launch
// CHECK: weir.launch
// CHECK: weir.yield
// CHECK: weir.kernel = "control"
// CHECK: weir.scan
// CHECK-SAME: reverse
func.func @main(%arg0: tensor<512x512xf32>, %arg1: tensor<16xf32>) -> (tensor<512x512xf32>, tensor<4x16xf32>) {
  %0:2 = weir.scan inits(%arg0) xs() trips = 4 : (tensor<512x512xf32>) -> (tensor<512x512xf32>, tensor<4x16xf32>) {
  ^bb0(%c: tensor<512x512xf32>):
    %1 = weir.tanh %c : tensor<512x512xf32>
    %2 = weir.scan inits(%arg1) xs() trips = 9 reverse : (tensor<16xf32>) -> tensor<16xf32> {
    ^bb0(%d: tensor<16xf32>):
      %3 = weir.sin %d : tensor<16xf32>
      weir.yield %3 : tensor<16xf32>
    }
    weir.yield %1, %2 : tensor<512x512xf32>, tensor<16xf32>
  }
  return %0#0, %0#1 : tensor<512x512xf32>, tensor<4x16xf32>
}

// -----

// Values of unequal elements are arguments, wherever they stand; loops that are equal share a kernel.
// CHECK-LABEL: func.func @main
// CHECK: %[[T:.*]] = weir.constant dense<[1.0
// CHECK: %[[A:.*]] = weir.launch @k0(%arg0, %[[T]])
// CHECK: %[[B:.*]] = weir.launch @k0(%[[A]], %{{.*}})
// CHECK: return %[[B]]
// CHECK: func.func private @k0
// CHECK-NOT: func.func private
func.func @main(%arg0: tensor<2xf32>) -> tensor<2xf32> {
  %0 = weir.scan inits(%arg0) xs() trips = 5 : (tensor<2xf32>) -> tensor<2xf32> {
  ^bb0(%c: tensor<2xf32>):
    %t = weir.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %1 = weir.mul %c, %t : tensor<2xf32>
    weir.yield %1 : tensor<2xf32>
  }
  %2 = weir.scan inits(%0) xs() trips = 5 : (tensor<2xf32>) -> tensor<2xf32> {
  ^bb0(%c: tensor<2xf32>):
    %t = weir.constant dense<[3.0, 4.0]> : tensor<2xf32>
    %1 = weir.mul %c, %t : tensor<2xf32>
    weir.yield %1 : tensor<2xf32>
  }
  return %2 : tensor<2xf32>
}

// -----

// Loops and ifs inside belong to the kernel.
// CHECK-LABEL: func.func @main
// CHECK-NOT: weir.scan
// CHECK: weir.launch
// CHECK-NOT: weir.launch
// CHECK: weir.kernel = "control"
// CHECK: weir.scan
// CHECK: weir.scan
// CHECK: weir.if
func.func @main(%arg0: tensor<3xf32>, %arg1: tensor<6x3xf32>, %p: tensor<i1>) -> tensor<6x3xf32> {
  %0:2 = weir.scan inits(%arg0) xs(%arg1) trips = 6 : (tensor<3xf32>, tensor<6x3xf32>) -> (tensor<3xf32>, tensor<6x3xf32>) {
  ^bb0(%c: tensor<3xf32>, %x: tensor<3xf32>):
    %1 = weir.scan inits(%c) xs() trips = 2 : (tensor<3xf32>) -> tensor<3xf32> {
    ^bb0(%d: tensor<3xf32>):
      %2 = weir.mul %d, %x : tensor<3xf32>
      weir.yield %2 : tensor<3xf32>
    }
    %3 = weir.if %p : (tensor<i1>) -> tensor<3xf32> {
      %4 = weir.neg %1 : tensor<3xf32>
      weir.yield %4 : tensor<3xf32>
    } else {
      weir.yield %x : tensor<3xf32>
    }
    weir.yield %1, %3 : tensor<3xf32>, tensor<3xf32>
  }
  return %0#1 : tensor<6x3xf32>
}
