// Element types of less than 8 bits, and floats of 8, which Weir has no dtype for: they are held in
// a wider one that has all their values. Only casts and quantisation see the difference.
#pragma once

#include "frontend/import/onnx/model_file.h"

namespace weir::onnx {

class Node;

struct Narrow {
  enum class Kind {
    Integer,
    Finite,      ///< float without infinities and NaN
    Ieee,        ///< the largest exponent is infinity and NaN
    OnesAreNan,  ///< no infinities; all bits but the sign's set is NaN
    NoMinusZero, ///< no infinities; the bits of -0 are NaN
    Exponent,    ///< powers of two; all bits set is NaN
  };
  int32_t type; ///< ONNX's number
  Kind kind;
  DType held; ///< i8, u8 or f32
  int bits, mantissa, bias;
  double least, most;
};

/// Null for types that are Weir's own, or not supported.
const Narrow *narrowOf(int32_t type);
/// `count` elements, packed as ONNX packs them: the first in the lowest bits.
Array unpacked(const Narrow &type, const Shape &dims, std::string_view bytes);
/// Bytes of `count` packed elements.
size_t packedBytes(const Narrow &type, size_t count);

/// x as it is after ONNX's Cast, in type.held. Integers keep their low bits; floats go to the
/// nearest value, what is beyond the largest to the largest with `saturate`.
Tensor narrowed(Node &node, const Tensor &x, const Narrow &type, bool saturate,
                const std::string &roundMode = "up");

} // namespace weir::onnx
