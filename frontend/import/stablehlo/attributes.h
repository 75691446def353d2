// StableHLO's own attributes as text: #stablehlo.dot<...>, gather, scatter, conv, and enums such as
// #stablehlo<comparison_direction LT>. MLIR keeps them as opaque strings; this is their grammar,
// without MLIR. What a key means is said in the StableHLO specification.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::stablehlo {

/// Where a text stops being an attribute: `position` counts characters from 0.
class AttributeError : public std::exception {
public:
  AttributeError(std::string_view text, size_t position, const std::string &expected);
  /// "expected ']' at position 12 of 'dot<lhs_batching_dimensions = [0>'".
  const char *what() const noexcept override { return message.c_str(); }
  size_t position() const { return offset; }

private:
  std::string message;
  size_t offset;
};

using Dims64 = std::vector<int64_t>;

struct DotNumbers {
  Dims64 lhsBatch, rhsBatch, lhsContract, rhsContract;
};

struct GatherNumbers {
  Dims64 offsetDims, collapsedSliceDims, operandBatchingDims, startIndicesBatchingDims,
      startIndexMap;
  int64_t indexVectorDim = 0;
};

struct ScatterNumbers {
  Dims64 updateWindowDims, insertedWindowDims, inputBatchingDims, scatterIndicesBatchingDims,
      scatterDimsToOperandDims;
  int64_t indexVectorDim = 0;
};

/// Positions of the dims of one array of a convolution; `batch` and `feature` of a kernel are its
/// input and output features.
struct ConvSide {
  int64_t batch = 0, feature = 0;
  Dims64 spatial;
};
struct ConvNumbers {
  ConvSide lhs, rhs, out;
};

/// Shardy's: a mesh, and how a tensor is split over the axes of one.
struct MeshText {
  std::vector<std::pair<std::string, int64_t>> axes;
};
struct ShardingText {
  std::string mesh;                           ///< its symbol
  std::vector<std::vector<std::string>> dims; ///< axes that split each, major first
  bool isOpen = false; ///< nothing is said: all dims may be split as you like
};

// All of these throw AttributeError. `text` is what stands between '#stablehlo' and the end,
// without the first '.' or '<...>': "dot<...>", "comparison_direction LT".
DotNumbers parseDot(std::string_view text);
GatherNumbers parseGather(std::string_view text);
ScatterNumbers parseScatter(std::string_view text);
ConvNumbers parseConv(std::string_view text);
/// "mesh<["x"=2, "y"=4]>" of #sdy.mesh<...>.
MeshText parseMesh(std::string_view text);
/// "sharding<@mesh, [{"x", "y"}, {?}]>" of #sdy.sharding<...>. Priorities, axes that are to stay
/// replicated and dims that are open for more axes say how to propagate, and are passed over.
ShardingText parseSharding(std::string_view text);
/// The word after `kind`: "LT" of "comparison_direction LT".
std::string parseEnum(std::string_view text, std::string_view kind);

} // namespace weir::stablehlo
