// RUN: weir-opt --weir-simplify %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @neutral_elements
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>)
// CHECK-NEXT: return %[[X]]
func.func @neutral_elements(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = weir.constant dense<0.0> : tensor<4xf32>
  %one = weir.constant dense<1.0> : tensor<4xf32>
  %0 = weir.add %zero, %x : tensor<4xf32>
  %1 = weir.sub %0, %zero : tensor<4xf32>
  %2 = weir.mul %one, %1 : tensor<4xf32>
  %3 = weir.div %2, %one : tensor<4xf32>
  %4 = weir.pow %3, %one : tensor<4xf32>
  return %4 : tensor<4xf32>
}

// CHECK-LABEL: func.func @float_times_zero_stays
// CHECK: weir.mul
func.func @float_times_zero_stays(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = weir.constant dense<0.0> : tensor<4xf32>
  %0 = weir.mul %x, %zero : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @integer_times_zero
// CHECK-NEXT: %[[C:.*]] = weir.constant dense<0> : tensor<4xi32>
// CHECK-NEXT: return %[[C]]
func.func @integer_times_zero(%x: tensor<4xi32>) -> tensor<4xi32> {
  %zero = weir.constant dense<0> : tensor<4xi32>
  %0 = weir.mul %x, %zero : tensor<4xi32>
  return %0 : tensor<4xi32>
}

// CHECK-LABEL: func.func @negations
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[D:.*]] = weir.sub %[[X]], %[[Y]]
// CHECK-NEXT: %[[P:.*]] = weir.mul %[[D]], %[[Y]]
// CHECK-NEXT: return %[[P]]
func.func @negations(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weir.neg %y : tensor<4xf32>
  %1 = weir.add %x, %0 : tensor<4xf32>
  %2 = weir.neg %1 : tensor<4xf32>
  %3 = weir.mul %2, %0 : tensor<4xf32>
  return %3 : tensor<4xf32>
}

// CHECK-LABEL: func.func @division_by_a_power_of_two
// CHECK: %[[C:.*]] = weir.constant dense<1.250000e-01>
// CHECK: weir.mul %{{.*}}, %[[C]]
func.func @division_by_a_power_of_two(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = weir.constant dense<8.0> : tensor<4xf32>
  %0 = weir.div %x, %c : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @division_by_three_stays
// CHECK: weir.div
func.func @division_by_three_stays(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = weir.constant dense<3.0> : tensor<4xf32>
  %0 = weir.div %x, %c : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @selects
// CHECK-SAME: (%[[P:.*]]: tensor<4xi1>, %[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[S:.*]] = weir.select %[[P]], %[[Y]], %[[X]]
// CHECK-NEXT: return %[[S]], %[[X]]
func.func @selects(%p: tensor<4xi1>, %x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %true = weir.constant dense<true> : tensor<4xi1>
  %0 = weir.not %p : tensor<4xi1>
  %1 = weir.select %0, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = weir.select %true, %x, %y : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: func.func @converts
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[I:.*]]: tensor<4xi32>)
// CHECK-NEXT: %[[F:.*]] = weir.convert %[[X]] to i32
// CHECK-NEXT: %[[G:.*]] = weir.convert %[[F]] to f32
// CHECK-NEXT: return %[[X]], %[[G]]
func.func @converts(%x: tensor<4xf32>, %i: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = weir.convert %x to f64 : (tensor<4xf32>) -> tensor<4xf64>
  %1 = weir.convert %0 to f32 : (tensor<4xf64>) -> tensor<4xf32>
  %2 = weir.convert %x to i32 : (tensor<4xf32>) -> tensor<4xi32>
  %3 = weir.convert %2 to f32 : (tensor<4xi32>) -> tensor<4xf32>
  return %1, %3 : tensor<4xf32>, tensor<4xf32>
}
