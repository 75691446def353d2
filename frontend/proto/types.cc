// Types and locations.
#include "frontend/proto/codec.h"

#include "ir/interfaces/dtype.h"
#include "ir/locations/locations.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace weir::graph_file {

template <typename T> static std::string shortText(T value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}
std::string describe(mlir::Attribute attribute) {
  return shortText(attribute);
}
std::string describe(mlir::Type type) {
  return shortText(type);
}

std::optional<Place> userPlace(mlir::Location location) {
  auto frame = ir::userFrame(location);
  if (!frame) return std::nullopt;
  return Place(frame->getFilename().str(), frame->getLine());
}

// ---- Types; the enum is the runtime's, from 1 ----

static_assert(proto::I1 == static_cast<int>(DType::I1) + 1);
static_assert(proto::F64 == static_cast<int>(DType::F64) + 1);

proto::DType encodeDType(mlir::Type element) {
  std::optional<DType> dtype = ir::dtypeOf(element);
  if (!dtype) throw Problem{describe(element) + " is no type of a graph"};
  return static_cast<proto::DType>(static_cast<int>(*dtype) + 1);
}

mlir::Type decodeDType(MLIRContext *context, proto::DType dtype) {
  if (dtype < proto::I1 || dtype > proto::F64)
    throw Problem{dtype == proto::DTYPE_UNSPECIFIED
                      ? "a dtype is missing"
                      : "there is no dtype of number " + std::to_string(dtype)};
  return ir::elementTypeOf(context, static_cast<DType>(dtype - 1));
}

void encodeType(mlir::Type type, proto::Type &to) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || tensor.getEncoding())
    throw Problem{describe(type) + " is no static tensor"};
  to.set_dtype(encodeDType(tensor.getElementType()));
  for (int64_t size : tensor.getShape()) to.add_shape(size);
}

RankedTensorType decodeType(MLIRContext *context, const proto::Type &from) {
  mlir::Type element = decodeDType(context, from.dtype());
  if (from.shape_size() > kMaxRank)
    throw Problem{"a tensor has " + std::to_string(from.shape_size()) + " dims, at most " +
                  std::to_string(kMaxRank)};
  const Shape shape(from.shape().begin(), from.shape().end());
  const std::optional<int64_t> count = runtime::elementCount(shape);
  int64_t bytes = 0;
  const DType dtype = static_cast<DType>(from.dtype() - 1);
  if (!count ||
      __builtin_mul_overflow(*count, static_cast<int64_t>(runtime::dtypeBytes(dtype)), &bytes))
    throw Problem{runtime::typeStr(dtype, shape) + " has a negative size or too many elements"};
  return RankedTensorType::get(shape, element);
}

// ---- Locations ----

uint32_t LocationWriter::number(mlir::Location location) {
  uint64_t frames = 0;
  return part(location, frames);
}

uint32_t LocationWriter::part(mlir::Location location, uint64_t &frames) {
  if (isa<UnknownLoc>(location)) return 0;
  auto found = known.find(location);
  if (found == known.end()) {
    proto::Location encoded;
    const uint64_t inside = encode(location, encoded); // adds its parts to the table first
    if (inside > kMaxFrames)
      throw Problem{"a location has more than " + std::to_string(kMaxFrames) + " frames"};
    *graph.add_locations() = std::move(encoded);
    const auto number = static_cast<uint32_t>(graph.locations_size());
    found = known.insert({location, {number, inside}}).first;
  }
  frames += found->second.second;
  return found->second.first;
}

uint64_t LocationWriter::encode(mlir::Location location, proto::Location &to) {
  uint64_t frames = 1;
  if (auto file = dyn_cast<FileLineColRange>(location)) {
    to.mutable_file()->set_path(file.getFilename().str());
    to.mutable_file()->set_line(file.getStartLine());
    to.mutable_file()->set_column(file.getStartColumn());
    if (file.getEndLine() != file.getStartLine() || file.getEndColumn() != file.getStartColumn()) {
      to.mutable_file()->set_end_line(file.getEndLine());
      to.mutable_file()->set_end_column(file.getEndColumn());
    }
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    to.mutable_call()->set_callee(part(call.getCallee(), frames));
    to.mutable_call()->set_caller(part(call.getCaller(), frames));
  } else if (auto name = dyn_cast<NameLoc>(location)) {
    to.mutable_name()->set_name(name.getName().str());
    to.mutable_name()->set_child(part(name.getChildLoc(), frames));
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    to.mutable_fused();
    for (mlir::Location inner : fused.getLocations())
      to.mutable_fused()->add_parts(part(inner, frames));
    if (fused.getMetadata())
      attributes.write(fused.getMetadata(), *to.mutable_fused()->mutable_metadata());
  } else {
    throw Problem{"a location of this kind cannot be written: " + describe(location)};
  }
  return frames;
}

LocationReader::LocationReader(MLIRContext *context, const proto::Graph &graph,
                               const AttributeReader &attributes)
    : context(context) {
  for (const proto::Location &from : graph.locations()) {
    const std::string number = "location " + std::to_string(table.size() + 1);
    uint64_t frames = 1;
    try {
      mlir::Location location = decode(from, attributes, frames);
      if (frames > kMaxFrames)
        throw Problem{"it has more than " + std::to_string(kMaxFrames) + " frames"};
      table.emplace_back(location, frames);
    } catch (Problem &problem) {
      throw Problem{number + ": " + problem.message};
    }
  }
}

mlir::Location LocationReader::operator[](uint32_t number) const {
  uint64_t frames = 0;
  return part(number, frames);
}

mlir::Location LocationReader::part(uint32_t number, uint64_t &frames) const {
  if (number == 0) return UnknownLoc::get(context);
  if (number > table.size())
    throw Problem{"it refers to location " + std::to_string(number) + " of " +
                  std::to_string(table.size()) + " before it"};
  frames += table[number - 1].second;
  return table[number - 1].first;
}

mlir::Location LocationReader::decode(const proto::Location &from,
                                      const AttributeReader &attributes, uint64_t &frames) {
  switch (from.kind_case()) {
  case proto::Location::kFile: {
    const auto &file = from.file();
    auto path = StringAttr::get(context, file.path());
    if (file.end_line() || file.end_column())
      return FileLineColRange::get(path, file.line(), file.column(), file.end_line(),
                                   file.end_column());
    return FileLineColLoc::get(path, file.line(), file.column());
  }
  case proto::Location::kCall: {
    mlir::Location callee = part(from.call().callee(), frames);
    return CallSiteLoc::get(callee, part(from.call().caller(), frames));
  }
  case proto::Location::kName:
    return NameLoc::get(StringAttr::get(context, from.name().name()),
                        part(from.name().child(), frames));
  case proto::Location::kFused: {
    SmallVector<mlir::Location> parts;
    for (uint32_t number : from.fused().parts()) parts.push_back(part(number, frames));
    mlir::Attribute metadata;
    if (from.fused().has_metadata()) metadata = attributes.read(from.fused().metadata());
    return FusedLoc::get(context, parts, metadata);
  }
  case proto::Location::KIND_NOT_SET:
    break;
  }
  throw Problem{"it has no kind"};
}

} // namespace weir::graph_file
