// The symbol table of transformed functions.
#include "autodiff/functions/functions.h"

#include "ir/dialect/weir.h"

using namespace mlir;

namespace weir::autodiff {

FailureOr<func::FuncOp> Functions::lookup(Operation *user, llvm::StringRef name) {
  auto f = symbols.lookup<func::FuncOp>(name);
  if (f && !f.isExternal()) return f;
  return user->emitError() << user->getName().stripDialect() << ": function '" << name
                           << "' is not defined";
}

func::FuncOp Functions::create(func::FuncOp source) {
  OpBuilder b(source.getContext());
  auto f = func::FuncOp::create(source.getLoc(), source.getSymName(), b.getFunctionType({}, {}));
  f.setPrivate();
  f.getBody().emplaceBlock();
  return f;
}

void Functions::finish(func::FuncOp f, ValueRange values, Location loc) {
  Block &body = f.front();
  OpBuilder b = OpBuilder::atBlockEnd(&body);
  func::ReturnOp::create(b, loc, values);
  f.setType(b.getFunctionType(body.getArgumentTypes(), values.getTypes()));
}

func::FuncOp Functions::insert(func::FuncOp f, const Twine &name) {
  f.setSymName(name.str());
  symbols.insert(f);
  made.push_back(f);
  return f;
}

void Functions::eraseUnused() {
  llvm::DenseMap<StringAttr, int> uses; // of each function
  llvm::DenseMap<Operation *, SmallVector<StringAttr>> usedBy;
  module.walk([&](Operation *op) {
    if (isa_and_present<ir::WeirDialect>(op->getDialect()) && !isa<SymbolUserOpInterface>(op))
      return; // most ops: quicker than to look at their attributes
    op->getAttrDictionary().walk([&](SymbolRefAttr callee) {
      ++uses[callee.getRootReference()];
      usedBy[op->getParentOfType<func::FuncOp>()].push_back(callee.getRootReference());
    });
  });
  // Users are made after what they use, or use it through another function: last ones first, until
  // nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    for (func::FuncOp &f : llvm::reverse(made)) {
      if (!f || uses.lookup(f.getNameAttr()) > 0) continue;
      for (StringAttr name : usedBy.lookup(f)) --uses[name];
      symbols.erase(f);
      f = nullptr;
      changed = true;
    }
  }
}

} // namespace weir::autodiff
