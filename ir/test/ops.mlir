// RUN: weir-opt %s | weir-opt | FileCheck %s

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%x: tensor<4x8xf32>, %p: tensor<4x8xi1>) -> tensor<4x8xf32> {
  // CHECK: weir.add %{{.*}}, %{{.*}} : tensor<4x8xf32>
  %0 = weir.add %x, %x : tensor<4x8xf32>
  // CHECK: weir.compare lt
  %1 = weir.compare lt %0, %x : tensor<4x8xf32>
  %2 = weir.and %1, %p : tensor<4x8xi1>
  %3 = weir.select %2, %0, %x : (tensor<4x8xi1>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = weir.convert %3 to f64 : (tensor<4x8xf32>) -> tensor<4x8xf64>
  %5 = weir.convert %4 to f32 : (tensor<4x8xf64>) -> tensor<4x8xf32>
  return %5 : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @layout
func.func @layout(%x: tensor<4x8xf32>) -> tensor<16x3xf32> {
  %c = weir.constant dense<0.0> : tensor<f32>
  // CHECK: weir.broadcast %{{.*}} shape = [2, 4, 8] dims = [1, 2]
  %0 = weir.broadcast %x shape = [2, 4, 8] dims = [1, 2] : (tensor<4x8xf32>) -> tensor<2x4x8xf32>
  %1 = weir.reshape %0 shape = [16, 4] : (tensor<2x4x8xf32>) -> tensor<16x4xf32>
  %2 = weir.slice %1 starts = [0, 1] limits = [16, 3] strides = [1, 1] : (tensor<16x4xf32>) -> tensor<16x2xf32>
  %3 = weir.pad %2, %c low = [0, 0] high = [0, 1] interior = [0, 0] : (tensor<16x2xf32>, tensor<f32>) -> tensor<16x3xf32>
  return %3 : tensor<16x3xf32>
}

// CHECK-LABEL: func.func @dot
func.func @dot(%a: tensor<2x4x8xf32>, %b: tensor<2x8x16xf32>) -> tensor<2x4x16xf32> {
  // CHECK: weir.dot %{{.*}}, %{{.*}} batch = [0] x [0] contract = [2] x [1]
  %0 = weir.dot %a, %b batch = [0] x [0] contract = [2] x [1] : (tensor<2x4x8xf32>, tensor<2x8x16xf32>) -> tensor<2x4x16xf32>
  return %0 : tensor<2x4x16xf32>
}

// CHECK-LABEL: func.func @control
func.func @control(%x: tensor<f32>, %xs: tensor<5xf32>, %p: tensor<i1>) -> (tensor<f32>, tensor<5xf32>) {
  %0 = weir.if %p : (tensor<i1>) -> tensor<f32> {
    weir.yield %x : tensor<f32>
  } else {
    %e = weir.exp %x : tensor<f32>
    weir.yield %e : tensor<f32>
  }
  // CHECK: weir.scan inits(%{{.*}}) xs(%{{.*}}) trips = 5 reverse
  %1:2 = weir.scan inits(%0) xs(%xs) trips = 5 reverse : (tensor<f32>, tensor<5xf32>) -> (tensor<f32>, tensor<5xf32>) {
  ^bb0(%c: tensor<f32>, %s: tensor<f32>):
    %n = weir.add %c, %s : tensor<f32>
    weir.yield %n, %n : tensor<f32>, tensor<f32>
  }
  return %1#0, %1#1 : tensor<f32>, tensor<5xf32>
}

// CHECK-LABEL: func.func @gradient
func.func @gradient(%x: tensor<f32>, %p: tensor<i1>, %xs: tensor<5xf32>) -> tensor<f32> {
  %one = weir.constant dense<1.0> : tensor<f32>
  %0:2 = weir.vjp @f(%x, %one) wrt = [0] : (tensor<f32>, tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %0#1 : tensor<f32>
}
func.func private @f(%x: tensor<f32>) -> tensor<f32> {
  %0 = weir.mul %x, %x : tensor<f32>
  return %0 : tensor<f32>
}

// CHECK-LABEL: func.func @windows
func.func @windows(%x: tensor<2x1x3x9xf32>, %w: tensor<1x4x3x3xf32>) -> tensor<2x1x3x9xf32> {
  // CHECK: weir.convolution %{{.*}}, %{{.*}} strides = [2] low = [1] high = [1] lhs_dilation = [1] rhs_dilation = [1]
  %0 = weir.convolution %x, %w strides = [2] low = [1] high = [1] lhs_dilation = [1] rhs_dilation = [1] : (tensor<2x1x3x9xf32>, tensor<1x4x3x3xf32>) -> tensor<2x1x4x5xf32>
  %c = weir.constant dense<0.0> : tensor<f32>
  // CHECK: weir.unfold
  %1 = weir.unfold %x, %c dims = [3] window = [3] strides = [2] dilations = [1] low = [0] high = [0] : (tensor<2x1x3x9xf32>, tensor<f32>) -> tensor<2x1x3x4x3xf32>
  // CHECK: weir.fold
  %2 = weir.fold %1 dims = [3] sizes = [9] strides = [2] dilations = [1] low = [0] : (tensor<2x1x3x4x3xf32>) -> tensor<2x1x3x9xf32>
  // CHECK: weir.cumulative_sum %{{.*}} dim = 3 reverse = true
  %3 = weir.cumulative_sum %2 dim = 3 reverse = true : tensor<2x1x3x9xf32>
  %4 = weir.linear_recurrence %x, %3 dim = 3 reverse = false : tensor<2x1x3x9xf32>
  return %4 : tensor<2x1x3x9xf32>
}

// CHECK-LABEL: func.func @order
func.func @order(%k: tensor<4x5xf32>, %v: tensor<4x5xi32>, %i: tensor<3xi32>, %u: tensor<3x5xf32>) -> (tensor<4x5xf32>, tensor<4x5xi32>, tensor<4x5xf32>) {
  // CHECK: weir.sort %{{.*}}, %{{.*}} dim = 1 keys = 1 descending = false : tensor<4x5xf32>, tensor<4x5xi32>
  %0:2 = weir.sort %k, %v dim = 1 keys = 1 descending = false : tensor<4x5xf32>, tensor<4x5xi32>
  // CHECK: weir.scatter_set
  %1 = weir.scatter_set %k, %i, %u dim = 0 batch_dims = 0 : (tensor<4x5xf32>, tensor<3xi32>, tensor<3x5xf32>) -> tensor<4x5xf32>
  return %0#0, %0#1, %1 : tensor<4x5xf32>, tensor<4x5xi32>, tensor<4x5xf32>
}
