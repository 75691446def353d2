// Registration, constants, and checked building.
#include "ir/dialect/weir.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "ir/dialect/weir_dialect.cc.inc"
#include "ir/dialect/weir_enums.cc.inc"
#include "ir/interfaces/weir_interfaces.cc.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/dialect/weir_attrs.cc.inc"

using namespace mlir;

namespace weir::ir {

void WeirDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/dialect/weir_attrs.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/ops/contraction.cc.inc"
      ,
#define GET_OP_LIST
#include "ir/ops/control.cc.inc"
      ,
#define GET_OP_LIST
#include "ir/ops/elementwise.cc.inc"
      ,
#define GET_OP_LIST
#include "ir/ops/indexing.cc.inc"
      ,
#define GET_OP_LIST
#include "ir/ops/layout.cc.inc"
      ,
#define GET_OP_LIST
#include "ir/ops/random.cc.inc"
      ,
#define GET_OP_LIST
#include "ir/ops/reduction.cc.inc"
      ,
#define GET_OP_LIST
#include "ir/ops/state.cc.inc"
      >();
}

Operation *WeirDialect::materializeConstant(OpBuilder &b, Attribute value, Type type,
                                            Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getShapedType() != type) return nullptr;
  return ConstantOp::create(b, loc, elements);
}

FailureOr<Operation *> buildChecked(OpBuilder &b, Location loc, StringRef opName,
                                    ValueRange operands, ArrayRef<NamedAttribute> attributes) {
  MLIRContext *context = b.getContext();
  auto name = RegisteredOperationName::lookup(opName, context);
  if (!name) return emitError(loc) << "no op " << opName, failure();
  auto *infer = name->getInterface<InferTypeOpInterface>();
  if (!infer) return emitError(loc) << opName << " needs explicit result types", failure();

  DictionaryAttr dictionary = b.getDictionaryAttr(attributes);
  SmallVector<std::max_align_t> storage(name->getOpPropertyByteSize() / sizeof(std::max_align_t) +
                                        1);
  OpaqueProperties properties(storage.data());
  name->initOpProperties(properties, nullptr);
  auto error = [&] { return opError(loc, opName); };
  SmallVector<Type> types;
  bool good =
      (name->getOpPropertyByteSize() == 0 ||
       succeeded(name->setOpPropertiesFromAttribute(*name, properties, dictionary, error))) &&
      succeeded(infer->inferReturnTypes(context, loc, operands, dictionary, properties, {}, types));
  if (name->getOpPropertyByteSize() > 0) name->destroyOpProperties(properties);
  if (!good) return failure();

  OperationState state(loc, *name);
  state.addOperands(operands);
  state.addTypes(types);
  state.addAttributes(attributes);
  Operation *op = b.create(state);
  if (succeeded(name->verifyInvariants(op))) return op;
  op->erase();
  return failure();
}

} // namespace weir::ir
