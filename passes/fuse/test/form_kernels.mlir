// RUN: weir-opt --weir-form-kernels --split-input-file %s | FileCheck %s
// features: G7

// Softmax is one row kernel.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[S:.*]] = weir.launch @k0(%arg0)
// CHECK-NEXT: return %[[S]]
// CHECK: func.func private @k0
// CHECK-SAME: weir.inplace = {{\[\[}}0, 0]], weir.kernel = "row"
func.func @main(%arg0: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = weir.reduce_max %arg0 dims = [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  %1 = weir.broadcast %0 shape = [4, 8] dims = [0] : (tensor<4xf32>) -> tensor<4x8xf32>
  %2 = weir.sub %arg0, %1 : tensor<4x8xf32>
  %3 = weir.exp %2 : tensor<4x8xf32>
  %4 = weir.reduce_sum %3 dims = [1] : (tensor<4x8xf32>) -> tensor<4xf32>
  %5 = weir.broadcast %4 shape = [4, 8] dims = [0] : (tensor<4xf32>) -> tensor<4x8xf32>
  %6 = weir.div %3, %5 : tensor<4x8xf32>
  return %6 : tensor<4x8xf32>
}

// -----

// Bias and activation follow the dot in its kernel; the value before the activation is a second result.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[D:.*]]:2 = weir.launch @k0(%arg0, %arg1, %arg2)
// CHECK-NEXT: return %[[D]]#1, %[[D]]#0
// CHECK: func.func private @k0
// CHECK-SAME: attributes {weir.kernel = "dot"}
func.func @main(%arg0: tensor<4x8xf32>, %arg1: tensor<8x6xf32>, %arg2: tensor<6xf32>) -> (tensor<4x6xf32>, tensor<4x6xf32>) {
  %0 = weir.dot %arg0, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %1 = weir.broadcast %arg2 shape = [4, 6] dims = [1] : (tensor<6xf32>) -> tensor<4x6xf32>
  %2 = weir.add %0, %1 : tensor<4x6xf32>
  %3 = weir.tanh %2 : tensor<4x6xf32>
  return %3, %2 : tensor<4x6xf32>, tensor<4x6xf32>
}

// -----

// Two sums over one value's leading dims read it once.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[S:.*]]:2 = weir.launch @k0(%arg0, %arg1)
// CHECK-NEXT: return %[[S]]#0, %[[S]]#1
// CHECK: weir.kernel = "column"
func.func @main(%arg0: tensor<64x8xf32>, %arg1: tensor<64x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = weir.reduce_sum %arg0 dims = [0] : (tensor<64x8xf32>) -> tensor<8xf32>
  %1 = weir.mul %arg0, %arg1 : tensor<64x8xf32>
  %2 = weir.reduce_sum %1 dims = [0] : (tensor<64x8xf32>) -> tensor<8xf32>
  return %0, %2 : tensor<8xf32>, tensor<8xf32>
}

// -----

// A cheap value wanted by two kernels that cannot become one is computed in both.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[A:.*]] = weir.launch @k0(%arg0)
// CHECK-NEXT: %[[B:.*]] = weir.launch @k1(%arg0)
// CHECK-NEXT: return %[[A]], %[[B]]
func.func @main(%arg0: tensor<64x8xf32>) -> (tensor<8xf32>, tensor<64xf32>) {
  %0 = weir.mul %arg0, %arg0 : tensor<64x8xf32>
  %1 = weir.reduce_sum %0 dims = [0] : (tensor<64x8xf32>) -> tensor<8xf32>
  %2 = weir.reduce_sum %0 dims = [1] : (tensor<64x8xf32>) -> tensor<64xf32>
  return %1, %2 : tensor<8xf32>, tensor<64xf32>
}

// -----

// The transpose reads the variable's old value, so it runs before the update although it stands behind it.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[T:.*]] = weir.launch @k0(%arg0)
// CHECK-NEXT: %[[W:.*]] = weir.launch @k1(%arg0, %arg1)
// CHECK-NEXT: return %[[W]], %[[T]]
// CHECK: func.func private @k1
// CHECK-SAME: weir.inplace = {{\[\[}}0, 0], [0, 1]]
func.func @main(%arg0: tensor<4x8xf32> {weir.variable = "w"}, %arg1: tensor<4x8xf32>) -> (tensor<4x8xf32> {weir.updates = 0}, tensor<8x4xf32>) {
  %0 = weir.sub %arg0, %arg1 : tensor<4x8xf32>
  %1 = weir.transpose %arg0 permutation = [1, 0] : (tensor<4x8xf32>) -> tensor<8x4xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<8x4xf32>
}

// -----

// Regions are clustered by themselves; broadcasts of what they capture are computed inside.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[S:.*]] = weir.scan
// CHECK: weir.launch @k0(%arg2, %arg1)
// CHECK-NEXT: weir.yield
// CHECK: return %[[S]]
func.func @main(%arg0: tensor<128x512xf32>, %arg1: tensor<512xf32>) -> tensor<128x512xf32> {
  %b = weir.broadcast %arg1 shape = [128, 512] dims = [1] : (tensor<512xf32>) -> tensor<128x512xf32>
  %0 = weir.scan inits(%arg0) xs() trips = 3 : (tensor<128x512xf32>) -> tensor<128x512xf32> {
  ^bb0(%c: tensor<128x512xf32>):
    %1 = weir.mul %c, %b : tensor<128x512xf32>
    %2 = weir.tanh %1 : tensor<128x512xf32>
    weir.yield %2 : tensor<128x512xf32>
  }
  return %0 : tensor<128x512xf32>
}

// -----

// Two readers that need one another's results stay apart.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: weir.launch @k0
// CHECK-NEXT: weir.launch @k1
// CHECK: weir.launch @k3
// CHECK-NEXT: return
func.func @main(%arg0: tensor<4x4xf32>, %arg1: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = weir.exp %arg0 : tensor<4x4xf32>
  %1 = weir.dot %0, %arg1 batch = [] x [] contract = [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = weir.reduce_sum %1 dims = [0] : (tensor<4x4xf32>) -> tensor<4xf32>
  %3 = weir.broadcast %2 shape = [4, 4] dims = [1] : (tensor<4xf32>) -> tensor<4x4xf32>
  %4 = weir.mul %0, %3 : tensor<4x4xf32>
  return %0, %4 : tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// Nothing is shared after this pass, so barriers go; an undefined value is memory that nobody fills.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[U:.*]] = weir.undef
// CHECK-NEXT: %[[E:.*]] = weir.launch @k0(%arg0)
// CHECK-NEXT: return %[[E]], %[[U]]
// CHECK-NOT: weir.barrier
func.func @main(%arg0: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = weir.barrier %arg0 : tensor<4xf32> -> tensor<4xf32>
  %1 = weir.exp %0 : tensor<4xf32>
  %2 = weir.undef shape = [4] element = f32 : tensor<4xf32>
  return %1, %2 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Large memory of equal elements is filled by a kernel instead of being stored in the artifact.
// CHECK-LABEL: func.func @main
// CHECK-NOT: weir.constant
// CHECK: weir.launch @k{{[0-9]+}}()
// CHECK: weir.scan
func.func @main(%arg0: tensor<3x64x64xf32>) -> tensor<64x64xf32> {
  %zero = weir.constant dense<0.0> : tensor<64x64xf32>
  %0 = weir.scan inits(%zero) xs(%arg0) trips = 3 : (tensor<64x64xf32>, tensor<3x64x64xf32>) -> tensor<64x64xf32> {
  ^bb0(%c: tensor<64x64xf32>, %x: tensor<64x64xf32>):
    %1 = weir.add %c, %x : tensor<64x64xf32>
    weir.yield %1 : tensor<64x64xf32>
  }
  return %0 : tensor<64x64xf32>
}

// -----

// A weight may be updated by the kernel of the dot that makes its gradient, in place.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[W:.*]] = weir.launch @k0
// CHECK-NEXT: return %[[W]]
// CHECK: func.func private @k0(%arg0: tensor<4x6xf32>
// CHECK-SAME: weir.inplace = {{\[\[}}0, 0]], weir.kernel = "dot"
func.func @main(%w: tensor<4x6xf32> {weir.variable = "w"}, %x: tensor<8x4xf32>, %y: tensor<8x6xf32>) -> (tensor<4x6xf32> {weir.updates = 0}) {
  %0 = weir.dot %x, %y batch = [] x [] contract = [0] x [0] : (tensor<8x4xf32>, tensor<8x6xf32>) -> tensor<4x6xf32>
  %1 = weir.sub %w, %0 : tensor<4x6xf32>
  return %1 : tensor<4x6xf32>
}

// -----

// Scalars that take long to compute are computed once, not in every kernel that reads them.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[S:.*]] = weir.launch @k0(%arg2)
// CHECK-NEXT: weir.launch @k1(%arg0, %[[S]])
// CHECK-NEXT: weir.launch @k2(%arg1, %[[S]])
func.func @main(%arg0: tensor<64xf32>, %arg1: tensor<32xf32>, %arg2: tensor<f32>) -> (tensor<64xf32>, tensor<32xf32>) {
  %c = weir.constant dense<0.5> : tensor<f32>
  %0 = weir.pow %c, %arg2 : tensor<f32>
  %1 = weir.broadcast %0 shape = [64] dims = [] : (tensor<f32>) -> tensor<64xf32>
  %2 = weir.mul %arg0, %1 : tensor<64xf32>
  %3 = weir.broadcast %0 shape = [32] dims = [] : (tensor<f32>) -> tensor<32xf32>
  %4 = weir.mul %arg1, %3 : tensor<32xf32>
  return %2, %4 : tensor<64xf32>, tensor<32xf32>
}

// -----

// Nested concatenations read one value at ever more indices: what that would repeat too often goes to memory.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[A:.*]] = weir.launch @k0(%arg0)
// CHECK-NEXT: %[[B:.*]] = weir.launch @k1(%[[A]])
// CHECK-NEXT: return %[[B]]
func.func @main(%arg0: tensor<8xf32>) -> tensor<64xf32> {
  %0 = weir.tanh %arg0 : tensor<8xf32>
  %1 = weir.concatenate %0, %0 dim = 0 : (tensor<8xf32>, tensor<8xf32>) -> tensor<16xf32>
  %2 = weir.neg %1 : tensor<16xf32>
  %3 = weir.concatenate %2, %2 dim = 0 : (tensor<16xf32>, tensor<16xf32>) -> tensor<32xf32>
  %4 = weir.neg %3 : tensor<32xf32>
  %5 = weir.concatenate %4, %4 dim = 0 : (tensor<32xf32>, tensor<32xf32>) -> tensor<64xf32>
  return %5 : tensor<64xf32>
}

// -----

// A dot reads windows of its left operand where they lie; padding is written before.
// CHECK-LABEL: func.func @main
// CHECK: %[[P:.*]] = weir.launch @k0(%arg0)
// CHECK-NEXT: %[[D:.*]] = weir.launch @k1(%[[P]], %arg1)
// CHECK-NEXT: return %[[D]]
// CHECK: func.func private @k0
// CHECK: weir.pad
// CHECK: func.func private @k1
// CHECK-SAME: weir.kernel = "dot"
// CHECK: weir.unfold
// CHECK: weir.dot
func.func @main(%arg0: tensor<2x1x3x10xf32>, %arg1: tensor<1x3x3x16xf32>) -> tensor<1x2x10x16xf32> {
  %c = weir.constant dense<0.0> : tensor<f32>
  %0 = weir.pad %arg0, %c low = [0, 0, 0, 1] high = [0, 0, 0, 1] interior = [0, 0, 0, 0] : (tensor<2x1x3x10xf32>, tensor<f32>) -> tensor<2x1x3x12xf32>
  %1 = weir.unfold %0, %c dims = [3] window = [3] strides = [1] dilations = [1] low = [0] high = [0] : (tensor<2x1x3x12xf32>, tensor<f32>) -> tensor<2x1x3x10x3xf32>
  %2 = weir.dot %1, %arg1 batch = [1] x [0] contract = [2, 4] x [1, 2] : (tensor<2x1x3x10x3xf32>, tensor<1x3x3x16xf32>) -> tensor<1x2x10x16xf32>
  return %2 : tensor<1x2x10x16xf32>
}
