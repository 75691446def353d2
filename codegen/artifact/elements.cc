// Elements to bytes.
#include "codegen/artifact/elements.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"

#include <cstring>

using namespace mlir;

namespace weir::codegen {

void writeElements(ElementsAttr elements, std::byte *out) {
  if (elements.getNumElements() == 0) return;
  Type element = elements.getElementType();
  size_t width = (element.getIntOrFloatBitWidth() + 7) / 8;
  auto write = [&](const llvm::APInt &bits) {
    uint64_t word = bits.getZExtValue();
    std::memcpy(out, &word, width);
    out += width;
  };
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (dense && !dense.isSplat() && width > 1 &&
      dense.getRawData().size() == width * elements.getNumElements()) {
    std::memcpy(out, dense.getRawData().data(), dense.getRawData().size());
  } else if (isa<FloatType>(element)) {
    for (const llvm::APFloat &value : elements.getValues<llvm::APFloat>())
      write(value.bitcastToAPInt());
  } else {
    for (const llvm::APInt &value : elements.getValues<llvm::APInt>()) write(value);
  }
}

} // namespace weir::codegen
