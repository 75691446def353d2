// RUN: weir-opt %s -split-input-file -verify-diagnostics

func.func @inputs_differ(%x: tensor<2xf32>, %y: tensor<3xf32>) {
  %r = flow.graph -> tensor<2xf32> {
    // expected-error @+1 {{merge: input is f32[3], but the result is f32[2]}}
    %0, %i = flow.merge %x, %y : (tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32>
    flow.output %0 : tensor<2xf32>
  }
  return
}

// -----

func.func @values_of_two_frames(%x: tensor<2xf32>) {
  %r = flow.graph -> tensor<2xf32> {
    %0 = flow.enter %x frame = "a" : tensor<2xf32>
    // expected-error @+1 {{add: takes values of two frames}}
    %1 = weir.add %0, %x : tensor<2xf32>
    flow.output %1 : tensor<2xf32>
  }
  return
}

// -----

func.func @frame_entered_twice(%x: tensor<2xf32>) {
  %r:2 = flow.graph -> tensor<2xf32>, tensor<2xf32> {
    %0 = flow.enter %x frame = "a" : tensor<2xf32>
    // expected-error @+1 {{enter: frame "a" is entered from two frames}}
    %1 = flow.enter %0 frame = "a" : tensor<2xf32>
    %2 = flow.exit %1 : tensor<2xf32>
    flow.output %2, %2 : tensor<2xf32>, tensor<2xf32>
  }
  return
}

// -----

func.func @outside_of_frames(%x: tensor<2xf32>) {
  %r = flow.graph -> tensor<2xf32> {
    // expected-error @+1 {{next_iteration: is in no frame}}
    %0 = flow.next_iteration %x : tensor<2xf32>
    flow.output %0 : tensor<2xf32>
  }
  return
}

// -----

func.func @result_in_a_frame(%x: tensor<2xf32>) {
  %r = flow.graph -> tensor<2xf32> {
    %0 = flow.enter constant %x frame = "a" : tensor<2xf32>
    // expected-error @+1 {{output: is in frame "a"}}
    flow.output %0 : tensor<2xf32>
  }
  return
}

// -----

func.func @cycle_that_nothing_enters(%x: tensor<2xf32>) {
  %r = flow.graph -> tensor<2xf32> {
    // expected-error @+1 {{sin: no token can come to it}}
    %0 = weir.sin %1 : tensor<2xf32>
    %1 = weir.cos %0 : tensor<2xf32>
    flow.output %x : tensor<2xf32>
  }
  return
}

// -----

func.func @regions(%p: tensor<i1>, %x: tensor<2xf32>) {
  %r = flow.graph -> tensor<2xf32> {
    // expected-error @+1 {{if: an op with regions is not a dataflow op}}
    %0 = weir.if %p : (tensor<i1>) -> tensor<2xf32> {
      weir.yield %x : tensor<2xf32>
    } else {
      weir.yield %x : tensor<2xf32>
    }
    flow.output %0 : tensor<2xf32>
  }
  return
}

// -----

func.func @other_types(%x: tensor<2xf32>) {
  %r = flow.graph -> tensor<3xf32> {
    // expected-error @+1 {{graph: the values of flow.output have other types than the results}}
    flow.output %x : tensor<2xf32>
  }
  return
}
