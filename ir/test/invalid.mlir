// RUN: weir-opt %s -split-input-file -verify-diagnostics

func.func @contracted_dims_differ(%a: tensor<128x512xf32>, %b: tensor<256x64xf32>) -> tensor<128x64xf32> {
  // expected-error @+2 {{'weir.dot' op failed to infer returned types}}
  // expected-error @+1 {{dot: contracted dims differ: lhs dim 1 is 512, rhs dim 0 is 256}}
  %0 = weir.dot %a, %b batch = [] x [] contract = [1] x [0] : (tensor<128x512xf32>, tensor<256x64xf32>) -> tensor<128x64xf32>
  return %0 : tensor<128x64xf32>
}

// -----

func.func @tanh_of_integer(%a: tensor<4xi32>) -> tensor<4xi32> {
  // expected-error @+1 {{tanh: operand 0 is i32, but only f16, bf16, f32, f64 are supported}}
  %0 = weir.tanh %a : tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

func.func @groups_differ(%x: tensor<2x1x3x9xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @+2 {{'weir.convolution' op failed to infer returned types}}
  // expected-error @+1 {{convolution: lhs has 1 groups of 3 channels, rhs has 2 groups of 3}}
  %0 = weir.convolution %x, %w strides = [1] low = [0] high = [0] lhs_dilation = [1] rhs_dilation = [1] : (tensor<2x1x3x9xf32>, tensor<2x4x3x3xf32>) -> tensor<2x2x4x7xf32>
  return
}

// -----

func.func @too_many_keys(%x: tensor<2xf32>) {
  // expected-error @+1 {{sort: keys is 2 with 1 inputs}}
  %0 = weir.sort %x dim = 0 keys = 2 descending = false : tensor<2xf32>
  return
}

// -----

func.func @no_tensor_has_this_dtype(%a: tensor<4xf32>) -> tensor<4xf8E5M2> {
  // expected-error @+2 {{'weir.convert' op failed to infer returned types}}
  // expected-error @+1 {{convert: element type is f8E5M2, but only i1, i8, i16, i32, i64, ui8, ui16, ui32, ui64, f16, bf16, f32, f64 are supported}}
  %0 = weir.convert %a to f8E5M2 : (tensor<4xf32>) -> tensor<4xf8E5M2>
  return %0 : tensor<4xf8E5M2>
}

// -----

func.func @more_elements_than_an_integer_counts(%a: tensor<4xf32>) {
  // expected-error @+2 {{'weir.reshape' op failed to infer returned types}}
  // expected-error @+1 {{reshape: shape [4294967296, 4294967296] has too many elements}}
  %0 = weir.reshape %a shape = [4294967296, 4294967296] : (tensor<4xf32>) -> tensor<4294967296x4294967296xf32>
  return
}
