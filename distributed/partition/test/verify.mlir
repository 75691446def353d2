// RUN: weir-opt %s --split-input-file --weir-verify-sharding --verify-diagnostics
// Shardings are types: what a value is, its users must be able to take.

module attributes {spmd.mesh = "a=2,b=2"} {
func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{},{a}]"}, %w: tensor<4x5xf32> {spmd.sharding = "[{a},{}]"})
    -> (tensor<6x5xf32> {spmd.sharding = "[{},{}]"}) {
  %p = weir.dot %x, %w batch = [] x [] contract = [1] x [0] {spmd.shardings = ["[{},{}] partial(sum){a}"]} : (tensor<6x4xf32>, tensor<4x5xf32>) -> tensor<6x5xf32>
  // expected-error @+1 {{exp: operand 0 is [{},{}] partial(sum){a}, but the op needs the whole value}}
  %e = weir.exp %p {spmd.shardings = ["[{},{}]"]} : tensor<6x5xf32>
  return %e : tensor<6x5xf32>
}
}

// -----

module attributes {spmd.mesh = "a=2,b=2"} {
func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{},{a}]"}, %w: tensor<4x5xf32> {spmd.sharding = "[{},{}]"})
    -> (tensor<6x5xf32> {spmd.sharding = "[{},{}]"}) {
  // expected-error @+1 {{dot: operand 1 is [{},{}], which is not split along dim 0 as the others are}}
  %p = weir.dot %x, %w batch = [] x [] contract = [1] x [0] {spmd.shardings = ["[{},{}]"]} : (tensor<6x4xf32>, tensor<4x5xf32>) -> tensor<6x5xf32>
  return %p : tensor<6x5xf32>
}
}

// -----

module attributes {spmd.mesh = "a=2,b=2"} {
func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{},{a}]"}, %b: tensor<6xf32> {spmd.sharding = "[{}]"})
    -> (tensor<6xf32> {spmd.sharding = "[{}]"}) {
  %p = weir.reduce_sum %x dims = [1] {spmd.shardings = ["[{}] partial(sum){a}"]} : (tensor<6x4xf32>) -> tensor<6xf32>
  // expected-error @+1 {{add: operand 0 is [{}] partial(sum){a}, operand 1 is [{}]: they do not go together}}
  %s = weir.add %p, %b {spmd.shardings = ["[{}] partial(sum){a}"]} : tensor<6xf32>
  return %s : tensor<6xf32>
}
}

// -----

module attributes {spmd.mesh = "a=2,b=2"} {
func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{a},{}]"}) -> (tensor<6x4xf32> {spmd.sharding = "[{a},{}]"}) {
  // expected-error @+1 {{reverse: operand 0 is split along dim 0, of which all is needed: [{a},{}]}}
  %r = weir.reverse %x dims = [0] {spmd.shardings = ["[{a},{}]"]} : (tensor<6x4xf32>) -> tensor<6x4xf32>
  return %r : tensor<6x4xf32>
}
}

// -----

module attributes {spmd.mesh = "a=2,b=2"} {
func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{a},{}]"}) -> (tensor<6x4xf32> {spmd.sharding = "[{},{}]"}) {
  // expected-error @+1 {{all_gather: does not go on a value that is [{a},{}]}}
  %r = spmd.all_gather %x dim = 0 over ["b"] parts = 2 {spmd.shardings = ["[{},{}]"]} : (tensor<6x4xf32>) -> tensor<6x4xf32>
  return %r : tensor<6x4xf32>
}
}

// -----

module attributes {spmd.mesh = "a=2,b=2"} {
func.func @main(%x: tensor<6x4xf32> {spmd.sharding = "[{a},{}]"}) -> (tensor<6x4xf32> {spmd.sharding = "[{},{}]"}) {
  // expected-error @+1 {{return: result 0 is [{a},{}], but must be [{},{}]}}
  return %x : tensor<6x4xf32>
}
}
