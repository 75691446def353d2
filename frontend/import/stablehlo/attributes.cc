// A recursive-descent parser over one string; every function leaves the position after what it
// read.
#include "frontend/import/stablehlo/attributes.h"
#include "frontend/import/stablehlo/reader.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace weir::stablehlo {

AttributeError::AttributeError(std::string_view text, size_t position, const std::string &expected)
    : message("expected " + expected + " at position " + std::to_string(position) + " of '" +
              std::string(text) + "'"),
      offset(position) {}

namespace {

using Field = std::pair<std::string_view, Dims64 *>;

/// NAME<key = dims, ...>; keys may be left out, but not repeated.
void parseFields(std::string_view text, std::string_view name, std::vector<Field> fields) {
  Reader in(text);
  in.expect(name);
  in.expect("<");
  if (!in.accept(">")) {
    do {
      Reader before = in;
      const std::string key = in.word();
      auto field = std::find_if(fields.begin(), fields.end(),
                                [&](const Field &f) { return f.first == key; });
      if (field == fields.end()) before.fail("another key than '" + key + "'");
      in.expect("=");
      *field->second = in.dims();
      fields.erase(field);
    } while (in.accept(","));
    in.expect(">");
  }
  in.expectEnd();
}

/// A field that is one dim; 0 when it is left out.
int64_t onlyDim(std::string_view text, std::string_view key, const Dims64 &dims) {
  if (dims.size() > 1)
    throw AttributeError(text, text.find(key), "one dim for " + std::string(key));
  return dims.empty() ? 0 : dims[0];
}

/// [b, 0, 1, f]: `batch` and `feature` are the letters of the dims that are not spatial.
ConvSide parseSide(Reader &in, char batch, char feature) {
  ConvSide side{-1, -1, {}};
  std::vector<std::pair<int64_t, int64_t>> spatial; // number, position
  in.expect("[");
  int64_t position = 0;
  do {
    if (side.batch < 0 && in.accept(std::string(1, batch)))
      side.batch = position;
    else if (side.feature < 0 && in.accept(std::string(1, feature)))
      side.feature = position;
    else
      spatial.push_back({in.integer(), position});
    ++position;
  } while (in.accept(","));
  std::sort(spatial.begin(), spatial.end());
  for (size_t i = 0; i < spatial.size(); ++i) {
    if (spatial[i].first != static_cast<int64_t>(i)) in.fail("spatial dims 0, 1, ... before this");
    side.spatial.push_back(spatial[i].second);
  }
  if (side.batch < 0 || side.feature < 0)
    in.fail(std::string("dims '") + batch + "' and '" + feature + "' before this");
  in.expect("]");
  return side;
}

} // namespace

DotNumbers parseDot(std::string_view text) {
  DotNumbers n;
  parseFields(text, "dot",
              {{"lhs_batching_dimensions", &n.lhsBatch},
               {"rhs_batching_dimensions", &n.rhsBatch},
               {"lhs_contracting_dimensions", &n.lhsContract},
               {"rhs_contracting_dimensions", &n.rhsContract}});
  return n;
}

GatherNumbers parseGather(std::string_view text) {
  GatherNumbers n;
  Dims64 indexVectorDim;
  parseFields(text, "gather",
              {{"offset_dims", &n.offsetDims},
               {"collapsed_slice_dims", &n.collapsedSliceDims},
               {"operand_batching_dims", &n.operandBatchingDims},
               {"start_indices_batching_dims", &n.startIndicesBatchingDims},
               {"start_index_map", &n.startIndexMap},
               {"index_vector_dim", &indexVectorDim}});
  n.indexVectorDim = onlyDim(text, "index_vector_dim", indexVectorDim);
  return n;
}

ScatterNumbers parseScatter(std::string_view text) {
  ScatterNumbers n;
  Dims64 indexVectorDim;
  parseFields(text, "scatter",
              {{"update_window_dims", &n.updateWindowDims},
               {"inserted_window_dims", &n.insertedWindowDims},
               {"input_batching_dims", &n.inputBatchingDims},
               {"scatter_indices_batching_dims", &n.scatterIndicesBatchingDims},
               {"scatter_dims_to_operand_dims", &n.scatterDimsToOperandDims},
               {"index_vector_dim", &indexVectorDim}});
  n.indexVectorDim = onlyDim(text, "index_vector_dim", indexVectorDim);
  return n;
}

ConvNumbers parseConv(std::string_view text) {
  Reader in(text);
  ConvNumbers n;
  in.expect("conv");
  in.expect("<");
  n.lhs = parseSide(in, 'b', 'f');
  in.expect("x");
  n.rhs = parseSide(in, 'i', 'o');
  in.expect("->");
  n.out = parseSide(in, 'b', 'f');
  in.expect(">");
  in.expectEnd();
  if (n.lhs.spatial.size() != n.rhs.spatial.size() || n.lhs.spatial.size() != n.out.spatial.size())
    in.fail("as many spatial dims everywhere");
  return n;
}

MeshText parseMesh(std::string_view text) {
  Reader in(text);
  in.expect("mesh");
  in.expect("<");
  in.expect("[");
  MeshText mesh;
  if (!in.accept("]")) {
    do {
      std::string axis = in.quoted();
      in.expect("=");
      mesh.axes.emplace_back(std::move(axis), in.integer());
    } while (in.accept(","));
    in.expect("]");
  }
  in.expect(">"); // device_ids: another order of devices, which a mesh of Weir does not have
  in.expectEnd();
  return mesh;
}

namespace {

/// {"x", "y", ?}p1
std::vector<std::string> parseAxes(Reader &in, bool &isOpen) {
  std::vector<std::string> axes;
  in.expect("{");
  if (!in.accept("}")) {
    do {
      if (in.accept("?")) {
        isOpen = true;
        break;
      }
      axes.push_back(in.quoted());
    } while (in.accept(","));
    in.expect("}");
  }
  if (in.accept("p")) in.integer();
  return axes;
}

} // namespace

ShardingText parseSharding(std::string_view text) {
  Reader in(text);
  in.expect("sharding");
  in.expect("<");
  ShardingText sharding;
  in.expect("@");
  sharding.mesh = in.word();
  in.expect(",");
  in.expect("[");
  bool allOpen = true;
  if (!in.accept("]")) {
    do {
      bool isOpen = false;
      sharding.dims.push_back(parseAxes(in, isOpen));
      allOpen &= isOpen && sharding.dims.back().empty();
    } while (in.accept(","));
    in.expect("]");
  }
  sharding.isOpen = allOpen && !sharding.dims.empty();
  if (in.accept(",")) {
    in.expect("replicated");
    in.expect("=");
    bool ignored = false;
    parseAxes(in, ignored);
  }
  in.expect(">");
  in.expectEnd();
  return sharding;
}

std::string parseEnum(std::string_view text, std::string_view kind) {
  Reader in(text);
  in.expect(kind);
  std::string value = in.word();
  in.expectEnd();
  return value;
}

} // namespace weir::stablehlo
