// Convolutional layers and pooling over [b, channels, spatial...] with one to three spatial dims.
#pragma once

#include "frontend/api/ops.h"
#include "frontend/nn/init.h"

namespace weir::nn {

/// Lists have one entry for each spatial dim; empty: ones, and no padding.
struct ConvLayerOptions {
  Shape strides, padding, dilations;
  int64_t groups = 1;
  bool bias = true;
  Initializer weight; ///< Empty: He et al. 2015 with fan in = channels · window.
  DType dtype = f32;
};

/// [b, in, spatial...] -> [b, out, spatial...]; `window` has the size in each spatial dim (one:
/// Conv1d, ...). Parameters: NAME.weight [out, in / groups, window...], NAME.bias [out].
class Conv {
public:
  Conv(Graph &graph, const std::string &name, int64_t in, int64_t out, Shape window,
       ConvLayerOptions options = {}, Location at = Location::current());
  Tensor operator()(Arg x) const;
  std::string name;
  Tensor weight, bias; ///< bias is empty without options.bias.

private:
  Shape window;
  ConvLayerOptions options;
};

/// The adjoint of Conv with the same options, as a layer of its own: spatial size n becomes
/// (n - 1) · stride - 2 · padding + (window - 1) · dilation + outputPadding + 1.
/// Parameters: NAME.weight [in, out / groups, window...], NAME.bias [out].
class ConvTranspose {
public:
  ConvTranspose(Graph &graph, const std::string &name, int64_t in, int64_t out, Shape window,
                ConvLayerOptions options = {}, Shape outputPadding = {},
                Location at = Location::current());
  Tensor operator()(Arg x) const;
  std::string name;
  Tensor weight, bias;

private:
  Shape window, outputPadding;
  ConvLayerOptions options;
};

/// Lists have one entry for each spatial dim.
struct PoolOptions {
  Shape window;
  Shape strides;             ///< Empty: as the window, so that windows do not overlap.
  Shape padding;             ///< On both sides; empty: none. Padding is never the largest.
  bool countsPadding = true; ///< An average divides by the whole window, or by what is inside.
};
/// x [b, channels, spatial...]
Tensor maxPool(Arg x, PoolOptions options);
Tensor avgPool(Arg x, PoolOptions options);
/// Over all spatial dims: [b, channels].
Tensor globalMaxPool(Arg x);
Tensor globalAvgPool(Arg x);
/// To spatial `sizes`: window i of n is from floor(i · in / n) up to ceil((i + 1) · in / n).
Tensor adaptiveMaxPool(Arg x, Shape sizes);
Tensor adaptiveAvgPool(Arg x, Shape sizes);

} // namespace weir::nn
