// Parsing, places and types. Nothing here knows what an op means.
#include "frontend/import/stablehlo/source.h"

#include "frontend/import/stablehlo/index_helpers.h"
#include "frontend/import/text/guard.h"
#include "ir/interfaces/dtype.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace weir::stablehlo {

static Place placeOf(mlir::Location location, const std::string &file) {
  Place place(file, 0);
  location->walk([&](mlir::Location part) {
    auto at = dyn_cast<FileLineColLoc>(part);
    if (!at) return WalkResult::advance();
    place = Place(at.getFilename().str(), at.getLine(), at.getColumn());
    return WalkResult::interrupt();
  });
  return place;
}

Place Source::place(Operation *op) const {
  return placeOf(op->getLoc(), file);
}

Block &Source::onlyBlock(Region &region, const Place &place) {
  if (region.hasOneBlock()) return region.front();
  throw Error(region.empty() ? "a region is empty" : "branches between blocks are not supported",
              place, {}, "");
}

std::shared_ptr<Source> Source::parse(std::string_view text, const std::string &file) {
  text::checkText(text, file);
  auto source = std::make_shared<Source>();
  source->file = file;
  source->context.allowUnregisteredDialects();
  source->context.loadDialect<func::FuncDialect>();
  std::vector<Note> problems;
  {
    ScopedDiagnosticHandler handler(&source->context, [&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
        problems.push_back({placeOf(diagnostic.getLocation(), file), diagnostic.str()});
      return success();
    });
    // MLIR's lexer ends at a zero behind the text.
    source->module = parseSourceString<ModuleOp>(std::string(text), &source->context, file);
  }
  if (!source->module) {
    if (problems.empty()) problems.push_back({Place(file, 0), "this is not an MLIR module"});
    throw Error(problems[0].message, problems[0].at, {problems.begin() + 1, problems.end()}, "");
  }
  source->main = source->function("main");
  if (!source->main || source->main.isDeclaration())
    throw Error("there is no function @main with a body", Place(file, 1), {}, "");
  inlineIndexHelpers(*source->module);
  return source;
}

std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

std::optional<DType> dtypeOf(Type element, const ImportOptions &options) {
  std::optional<DType> dtype = ir::dtypeOf(element);
  return options.widen && dtype == f32 ? f64 : dtype;
}

std::optional<TensorType> tensorTypeOf(Type type, const ImportOptions &options) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || tensor.getEncoding()) return std::nullopt;
  std::optional<DType> dtype = dtypeOf(tensor.getElementType(), options);
  TensorType result{dtype.value_or(f32), Shape(tensor.getShape())};
  if (!dtype || !runtime::elementCount(result.shape)) return std::nullopt;
  return result;
}

std::optional<Elements> elementsOf(mlir::Attribute attribute) {
  auto elements = dyn_cast_or_null<ElementsAttr>(attribute);
  if (!elements) return std::nullopt;
  std::optional<TensorType> type = tensorTypeOf(elements.getShapedType(), {});
  if (!type) return std::nullopt;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    const size_t bytes =
        static_cast<size_t>(elements.getNumElements()) * runtime::dtypeBytes(type->dtype);
    if (!blob || blob->getData().size() != bytes || type->dtype == i1) return std::nullopt;
    return Elements{
        Array(type->dtype, type->shape, runtime::Bytes::copyOf(blob->getData().data(), bytes)),
        false};
  }
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (!dense) return std::nullopt;
  Elements result{Array(type->dtype, dense.isSplat() ? Shape{} : type->shape), dense.isSplat()};
  if (type->dtype == i1) {
    size_t next = 0;
    auto to = result.array.mutableData<bool>();
    for (bool value : dense.getValues<bool>())
      if (next < to.size()) to[next++] = value;
  } else {
    ArrayRef<char> raw = dense.getRawData();
    if (raw.size() != result.array.bytes()) return std::nullopt;
    std::copy(raw.begin(), raw.end(), static_cast<char *>(result.array.mutableRaw()));
  }
  return result;
}

} // namespace weir::stablehlo
