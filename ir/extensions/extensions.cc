// The list of extensions of this process.
#include "ir/extensions/extensions.h"

#include "mlir/IR/DialectRegistry.h"

#include <mutex>
#include <vector>

namespace weir::ir {
namespace {

struct Extensions {
  std::mutex mutex;
  std::vector<Extension> list;
};

Extensions &extensions() {
  static Extensions all;
  return all;
}

} // namespace

void registerExtension(Extension extension) {
  std::lock_guard lock(extensions().mutex);
  extensions().list.push_back(extension);
}

void addExtensions(mlir::DialectRegistry &registry) {
  std::lock_guard lock(extensions().mutex);
  for (Extension extension : extensions().list) extension(registry);
}

void loadExtensions(mlir::MLIRContext &context) {
  mlir::DialectRegistry registry;
  addExtensions(registry);
  context.appendDialectRegistry(registry);
  for (llvm::StringRef name : registry.getDialectNames()) context.getOrLoadDialect(name);
}

} // namespace weir::ir
