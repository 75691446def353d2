// Dumping through a pass instrumentation.
#include "passes/pipelines/dump.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace weir::passes {

namespace {

class Dump : public PassInstrumentation {
public:
  explicit Dump(StringRef folder) : folder(folder) {}

  void runAfterPass(Pass *pass, Operation *op) override {
    if (isa<ModuleOp>(op) && !pass->getArgument().empty()) (void)write(op, pass->getArgument());
  }
  void runAfterPassFailed(Pass *pass, Operation *op) override {
    (void)write(op, (pass->getArgument() + "-failed").str());
  }

  LogicalResult write(Operation *op, StringRef name) {
    std::string file;
    llvm::raw_string_ostream(file) << llvm::format("%02d-", number++) << name << ".mlir";
    SmallString<128> path(folder);
    llvm::sys::path::append(path, file);
    std::error_code error;
    llvm::raw_fd_ostream stream(path, error);
    if (error)
      return emitError(op->getLoc()) << "cannot write " << path.str() << ": " << error.message(),
             failure();
    OpPrintingFlags flags;
    flags.elideLargeElementsAttrs(64).enableDebugInfo(true);
    op->print(stream, flags);
    return success();
  }

private:
  std::string folder;
  int number = 0;
};

} // namespace

LogicalResult dumpAfterEachPass(PassManager &pm, ModuleOp module, StringRef folder) {
  if (auto error = llvm::sys::fs::create_directories(folder))
    return emitError(module.getLoc())
           << "cannot make the folder " << folder << ": " << error.message();
  auto dump = std::make_unique<Dump>(folder);
  if (failed(dump->write(module, "source"))) return failure();
  pm.addInstrumentation(std::move(dump));
  return success();
}

} // namespace weir::passes
