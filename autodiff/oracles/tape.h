// A tape: reverse-mode differentiation of a small eager tensor with the feel of PyTorch, in one
// include, without MLIR and without the rest of Weir.
//
//   using Tensor = tape::Tensor<double>;
//   Tensor w({2}, {0.5, -1}), x({3, 2}, {1, 2, 3, 4, 5, 6});
//   w.requireGrad();
//   Tensor loss = mean(square(matmul(x, w)));
//   loss.backward();               // w.grad() is d loss / d w
//
// It is an oracle for the compiler's derivatives and shares no code with them. Names and meanings
// are those of weir::Tensor's free functions, so one function template runs here at once and is
// captured there as a graph.
#pragma once

#include "autodiff/oracles/tape_indexing.h"
#include "autodiff/oracles/tape_shape.h"
#include "autodiff/oracles/tape_tensor.h"
