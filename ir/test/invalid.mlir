// RUN: weir-opt %s -split-input-file -verify-diagnostics

func.func @contracted_dims_differ(%a: tensor<128x512xf32>, %b: tensor<256x64xf32>) -> tensor<128x64xf32> {
  // expected-error @+2 {{'weir.dot' op failed to infer returned types}}
  // expected-error @+1 {{dot: contracted dims differ: lhs dim 1 is 512, rhs dim 0 is 256}}
  %0 = weir.dot %a, %b batch = [] x [] contract = [1] x [0] : (tensor<128x512xf32>, tensor<256x64xf32>) -> tensor<128x64xf32>
  return %0 : tensor<128x64xf32>
}

// -----

func.func @tanh_of_integer(%a: tensor<4xi32>) -> tensor<4xi32> {
  // expected-error @+1 {{tanh: operand 0 is i32, but only f32, f64 are supported}}
  %0 = weir.tanh %a : tensor<4xi32>
  return %0 : tensor<4xi32>
}
