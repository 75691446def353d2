// What functions of nn ask of their arguments; for the bodies here, not for users.
#pragma once

#include "frontend/api/tensor.h"

namespace weir::nn {

/// The tensor, or Error for a number.
inline Tensor need(const char *name, const Arg &arg) {
  if (arg.kind == Arg::IsTensor) {
    arg.tensor.type(arg.at);
    return arg.tensor;
  }
  throw Error(std::string(name) + ": a number is given where a tensor is needed", arg.at);
}

/// The tensor, which must be [b, channels, spatial...]; `spatial` < 0: any number of them.
inline Tensor needImage(const char *name, const Arg &arg, int64_t spatial = -1) {
  const Tensor x = need(name, arg);
  if (x.rank() < 2 || (spatial >= 0 && x.rank() != 2 + spatial))
    throw Error(
        std::string(name) + ": the input is " + x.type().str() + ", but must be [b, channels" +
            (spatial < 0 ? ", spatial...]" : "] and " + std::to_string(spatial) + " spatial dims"),
        arg.at, {noteOn(x, "the input")});
  return x;
}

/// [channels] so that it broadcasts against [b, channels, spatial...] of rank `rank`.
inline Shape channelShape(int64_t channels, int64_t rank) {
  Shape shape(static_cast<size_t>(rank), 1);
  shape[1] = channels;
  return shape;
}

} // namespace weir::nn
