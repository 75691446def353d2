// passes/fuse has given the kernel the library's arguments; its one convolution says the rest.
#include "codegen/artifact/library_convolutions.h"

#include "ir/dialect/library.h"
#include "ir/dialect/library_convolution.h"

using namespace mlir;

namespace weir::codegen {

using Kind = ir::LibraryConvolution::Kind;

static runtime::Convolution converted(ir::ConvolutionOp op, const ir::LibraryConvolution &known) {
  runtime::Convolution c;
  c.kind = known.kind == Kind::Forward         ? runtime::Convolution::Kind::Forward
           : known.kind == Kind::InputGradient ? runtime::Convolution::Kind::InputGradient
                                               : runtime::Convolution::Kind::FilterGradient;
  c.dtype = *ir::dtypeOf(cast<RankedTensorType>(op.getType()));
  c.batch = known.batch;
  c.groups = known.groups;
  c.channels = known.channels;
  c.outputs = known.outputs;
  for (const auto &[input, filter, output, stride, dilation, low] : known.dims)
    c.dims.push_back({input, filter, output, stride, dilation, low});
  c.isTf32 = op->hasAttr(ir::kTf32Attr);
  return c;
}

std::optional<runtime::Convolution> libraryConvolution(func::FuncOp kernel) {
  for (auto op : kernel.getBody().front().getOps<ir::ConvolutionOp>())
    if (auto name = op->getAttrOfType<StringAttr>(ir::kLibraryAttr))
      if (auto kind = ir::convolutionKindNamed(name.getValue()))
        if (auto known = ir::libraryConvolution(op, *kind)) return converted(op, *known);
  return std::nullopt;
}

} // namespace weir::codegen
