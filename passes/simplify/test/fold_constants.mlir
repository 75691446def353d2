// RUN: weir-opt --weir-simplify %s | FileCheck %s
// features: G7

// CHECK-LABEL: func.func @splats_of_any_size
// CHECK-NEXT: %[[C:.*]] = weir.constant dense<3.500000e+00> : tensor<512x512xf32>
// CHECK-NEXT: return %[[C]]
func.func @splats_of_any_size() -> tensor<512x512xf32> {
  %0 = weir.constant dense<1.5> : tensor<f32>
  %1 = weir.broadcast %0 shape = [512, 512] dims = [] : (tensor<f32>) -> tensor<512x512xf32>
  %2 = weir.constant dense<2.0> : tensor<512x512xf32>
  %3 = weir.add %1, %2 : tensor<512x512xf32>
  return %3 : tensor<512x512xf32>
}

// CHECK-LABEL: func.func @small_constants
// CHECK-DAG: dense<[true, false]>
// CHECK-DAG: dense<[1, -3]>
func.func @small_constants() -> (tensor<2xi1>, tensor<2xi32>) {
  %0 = weir.constant dense<[-1, 3]> : tensor<2xi32>
  %1 = weir.constant dense<[0, 2]> : tensor<2xi32>
  %2 = weir.compare lt %0, %1 : tensor<2xi32>
  %3 = weir.neg %0 : tensor<2xi32>
  return %2, %3 : tensor<2xi1>, tensor<2xi32>
}

// CHECK-LABEL: func.func @integer_overflow_wraps
// CHECK-NEXT: weir.constant dense<-2147483648> : tensor<i32>
func.func @integer_overflow_wraps() -> tensor<i32> {
  %0 = weir.constant dense<2147483647> : tensor<i32>
  %1 = weir.constant dense<1> : tensor<i32>
  %2 = weir.add %0, %1 : tensor<i32>
  return %2 : tensor<i32>
}

// CHECK-LABEL: func.func @f32_rounds_once
// CHECK-NEXT: weir.constant dense<1.000000e-01> : tensor<f32>
func.func @f32_rounds_once() -> tensor<f32> {
  %0 = weir.constant dense<1.0> : tensor<f32>
  %1 = weir.constant dense<10.0> : tensor<f32>
  %2 = weir.div %0, %1 : tensor<f32>
  return %2 : tensor<f32>
}

// CHECK-LABEL: func.func @reshape_of_a_constant
// CHECK-NEXT: weir.constant dense<{{\[\[}}1, 2], [3, 4]]> : tensor<2x2xi64>
func.func @reshape_of_a_constant() -> tensor<2x2xi64> {
  %0 = weir.constant dense<[1, 2, 3, 4]> : tensor<4xi64>
  %1 = weir.reshape %0 shape = [2, 2] : (tensor<4xi64>) -> tensor<2x2xi64>
  return %1 : tensor<2x2xi64>
}
