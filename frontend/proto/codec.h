// The parts of the format that both directions share: types, attributes, tensors and locations.
// Failures are thrown as Problem, without a place; whoever walks the ops adds it.
#pragma once

#include "frontend/proto/graph_file.h"
#include "frontend/proto/weir.pb.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>
#include <set>
#include <string>

namespace weir::graph_file {

/// The attribute of a variable of @main that is its value; a tensor, never part of the module.
inline constexpr const char *kInitial = "weir.initial";
/// Whether every element has the bits of the first.
bool isSplat(const Array &array);

/// What is wrong, in words; caught by the walk, which knows where.
struct Problem {
  std::string message;
};

/// Messages and attributes nest no deeper than this, in files and in memory.
inline constexpr int kMaxDepth = 200;
/// Frames of one location, shared parts counted each time: who prints it walks them all.
inline constexpr uint64_t kMaxFrames = 4096;
inline constexpr int kMaxRank = 64;

// ---- Types ----
proto::DType encodeDType(mlir::Type element);
mlir::Type decodeDType(mlir::MLIRContext *context, proto::DType dtype);
void encodeType(mlir::Type type, proto::Type &to);
mlir::RankedTensorType decodeType(mlir::MLIRContext *context, const proto::Type &from);

// ---- Attributes ----
class AttributeWriter {
public:
  explicit AttributeWriter(ExternalTensors *external) : external(external) {}
  void write(mlir::Attribute attribute, proto::Attribute &to);
  /// Sorted by name.
  template <typename List> void write(mlir::DictionaryAttr attributes, List &to) {
    for (mlir::NamedAttribute attribute : attributes) {
      auto &entry = *to.Add();
      entry.set_name(attribute.getName().str());
      write(attribute.getValue(), *entry.mutable_value());
    }
  }

  /// The value of variable `name`.
  void write(const Value &value, const std::string &name, proto::Tensor &to);

private:
  void writeTensor(mlir::DenseElementsAttr elements, proto::Tensor &to);
  /// Gives `array` the name `wish` or the like in the other file.
  std::string moveOut(const std::string &wish, const Array &array, proto::Tensor &to);

  ExternalTensors *external;
  llvm::DenseMap<mlir::Attribute, std::string> externalNames;
  std::set<std::string> movedNames;
};

class AttributeReader {
public:
  AttributeReader(mlir::MLIRContext *context, const ReadTensor &readTensor)
      : context(context), readTensor(readTensor) {}
  mlir::Attribute read(const proto::Attribute &from) const;
  Value readValue(const proto::Tensor &from) const;
  /// Errors: a name twice or without letters.
  template <typename List> mlir::NamedAttrList read(const List &from) const {
    mlir::NamedAttrList attributes;
    for (const proto::NamedAttribute &entry : from) {
      if (entry.name().empty()) throw Problem{"an attribute has no name"};
      if (attributes.get(entry.name()))
        throw Problem{"attribute '" + entry.name() + "' is given twice"};
      attributes.append(entry.name(), readNamed(entry));
    }
    return attributes;
  }

private:
  mlir::Attribute readNamed(const proto::NamedAttribute &entry) const;
  mlir::Attribute readTensorAttribute(const proto::Tensor &from) const;
  mlir::Attribute readIntegers(const proto::Attribute::Integers &from) const;
  mlir::Attribute readNumber(const proto::Attribute::Number &from) const;

  mlir::MLIRContext *context;
  const ReadTensor &readTensor;
};

// ---- Locations ----
class LocationWriter {
public:
  LocationWriter(proto::Graph &graph, AttributeWriter &attributes)
      : graph(graph), attributes(attributes) {}
  /// Its number in the graph's table.
  uint32_t number(mlir::Location location);

private:
  uint64_t encode(mlir::Location location, proto::Location &to);
  uint32_t part(mlir::Location location, uint64_t &frames);

  proto::Graph &graph;
  AttributeWriter &attributes;
  llvm::DenseMap<mlir::Attribute, std::pair<uint32_t, uint64_t>> known; // number, frames
};

class LocationReader {
public:
  /// Reads the whole table.
  LocationReader(mlir::MLIRContext *context, const proto::Graph &graph,
                 const AttributeReader &attributes);
  mlir::Location operator[](uint32_t number) const;

private:
  mlir::Location decode(const proto::Location &from, const AttributeReader &attributes,
                        uint64_t &frames);
  mlir::Location part(uint32_t number, uint64_t &frames) const;

  mlir::MLIRContext *context;
  std::vector<std::pair<mlir::LocationAttr, uint64_t>> table; // with frames
};

/// The user's frame of a location; none if it has no frame.
std::optional<Place> userPlace(mlir::Location location);
/// Text of an attribute or type for messages, shortened.
std::string describe(mlir::Attribute attribute);
std::string describe(mlir::Type type);

} // namespace weir::graph_file
