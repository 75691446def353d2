// RUN: weir-opt %s -split-input-file -weir-rematerialize=budget=26000 -verify-diagnostics | FileCheck %s

// Four values of 4 KiB wait for the way back; each is made from the one before.

func.func private @up(%x: tensor<1024xf32>) -> tensor<1024xf32> attributes {weir.kernel = "loop"} {
  %0 = weir.sin %x : tensor<1024xf32>
  return %0 : tensor<1024xf32>
}
func.func private @back(%x: tensor<1024xf32>, %ct: tensor<1024xf32>) -> tensor<1024xf32>
    attributes {weir.kernel = "loop", weir.inplace = [[0, 1]]} {
  %0 = weir.mul %x, %ct : tensor<1024xf32>
  return %0 : tensor<1024xf32>
}

// What lies in the middle is made again from what is left, and only before it is read.
// CHECK-LABEL: func @main
// CHECK: %[[A:.*]] = weir.launch @up(%arg0)
// CHECK: weir.launch @back
// CHECK: weir.launch @up(%{{.*}}) {weir.again}
// CHECK: return
// expected-remark @below {{memory budget: 25.4 KiB is met with 24.0 KiB, 28.0 KiB without it; 1 launches are run again}}
// expected-note @below {{run again: 1 launches, 1024 FLOP}}
func.func @main(%x: tensor<1024xf32>) -> (tensor<1024xf32>) {
  %a = weir.launch @up(%x) : (tensor<1024xf32>) -> tensor<1024xf32>
  %b = weir.launch @up(%a) : (tensor<1024xf32>) -> tensor<1024xf32>
  %c = weir.launch @up(%b) : (tensor<1024xf32>) -> tensor<1024xf32>
  %d = weir.launch @up(%c) : (tensor<1024xf32>) -> tensor<1024xf32>
  %e = weir.launch @up(%d) : (tensor<1024xf32>) -> tensor<1024xf32>
  %3 = weir.launch @back(%d, %e) : (tensor<1024xf32>, tensor<1024xf32>) -> tensor<1024xf32>
  %2 = weir.launch @back(%c, %3) : (tensor<1024xf32>, tensor<1024xf32>) -> tensor<1024xf32>
  %1 = weir.launch @back(%b, %2) : (tensor<1024xf32>, tensor<1024xf32>) -> tensor<1024xf32>
  %0 = weir.launch @back(%a, %1) : (tensor<1024xf32>, tensor<1024xf32>) -> tensor<1024xf32>
  return %0 : tensor<1024xf32>
}

// -----

// A value that is read through a view is made again together with the view.

func.func private @up(%x: tensor<1024xf32>) -> tensor<1024xf32> attributes {weir.kernel = "loop"} {
  %0 = weir.sin %x : tensor<1024xf32>
  return %0 : tensor<1024xf32>
}
func.func private @wide(%x: tensor<1024xf32>) -> tensor<4096xf32> attributes {weir.kernel = "loop"} {
  %0 = weir.concatenate %x, %x, %x, %x dim = 0 : (tensor<1024xf32>, tensor<1024xf32>, tensor<1024xf32>, tensor<1024xf32>) -> tensor<4096xf32>
  return %0 : tensor<4096xf32>
}
func.func private @total(%x: tensor<4096xf32>) -> tensor<f32> attributes {weir.kernel = "loop"} {
  %0 = weir.reduce_sum %x dims = [0] : (tensor<4096xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @scale(%x: tensor<32x32xf32>, %s: tensor<f32>) -> tensor<32x32xf32> attributes {weir.kernel = "loop"} {
  %0 = weir.broadcast %s shape = [32, 32] dims = [] : (tensor<f32>) -> tensor<32x32xf32>
  %1 = weir.mul %x, %0 : tensor<32x32xf32>
  return %1 : tensor<32x32xf32>
}

// CHECK-LABEL: func @main
// CHECK: weir.launch @total
// CHECK: %[[AGAIN:.*]] = weir.launch @up(%arg0) {weir.again}
// CHECK: %[[VIEW:.*]] = weir.reshape %[[AGAIN]]
// CHECK: weir.launch @scale(%[[VIEW]]
// expected-remark @below {{1 launches are run again}}
// expected-note @below {{run again: 1 launches}}
func.func @main(%x: tensor<1024xf32>) -> (tensor<32x32xf32>) {
  %a = weir.launch @up(%x) : (tensor<1024xf32>) -> tensor<1024xf32>
  %v = weir.reshape %a shape = [32, 32] : (tensor<1024xf32>) -> tensor<32x32xf32>
  %w = weir.launch @wide(%x) : (tensor<1024xf32>) -> tensor<4096xf32>
  %t = weir.launch @total(%w) : (tensor<4096xf32>) -> tensor<f32>
  %0 = weir.launch @scale(%v, %t) : (tensor<32x32xf32>, tensor<f32>) -> tensor<32x32xf32>
  return %0 : tensor<32x32xf32>
}

// -----

func.func private @up(%x: tensor<8192xf32>) -> tensor<8192xf32> attributes {weir.kernel = "loop"} {
  %0 = weir.sin %x : tensor<8192xf32>
  return %0 : tensor<8192xf32>
}

// expected-error @below {{memory budget: 25.4 KiB cannot be met; no order of the work needs less than 64.0 KiB}}
// expected-note @below {{cannot shrink: input}}
// expected-note @below {{cannot shrink: output}}
func.func @main(%x: tensor<8192xf32>) -> (tensor<8192xf32>) {
  %a = weir.launch @up(%x) : (tensor<8192xf32>) -> tensor<8192xf32>
  return %a : tensor<8192xf32>
}
