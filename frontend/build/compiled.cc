// Machine code as a backend.
#include "frontend/build/backends.h"

namespace weir::build {

std::unique_ptr<Backend> makeCompiled(const StatePtr &, FinishedModule, const CompileOptions &,
                                      Location at) {
  throw Error("compile: machine code is not built in; use .interpret = true", at);
}

} // namespace weir::build
