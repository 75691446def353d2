// What an op's location tells: the modules it lies in, whether it is part of a derivative, and
// which op of an earlier level it comes from, by numbers that `tag` puts into locations.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace weir::tools {

/// Puts the names of called functions into the locations of calls.
void nameCalls(mlir::ModuleOp module);
/// Puts `number` into the location of `op`; passes keep it.
void tag(mlir::Operation *op, int64_t number);
/// All numbers of `tag` in a location, in order, each once.
std::vector<int64_t> tagsOf(mlir::Location location);

/// Names of the modules around an op, outermost first: {"block0", "attention", "qkv"}.
std::vector<std::string> modulesOf(mlir::Location location);
/// Its lines of code but the innermost, outermost first: where modules have no names.
std::vector<std::string> callersOf(mlir::Location location);

bool isDerivative(mlir::Location location);
/// The location of the op that it is a derivative of, as that op's function has it.
mlir::Location forwardLocation(mlir::Location location);
/// What an op inlined from a function had for a location there, innermost function last; first its
/// own.
llvm::SmallVector<mlir::Location> locationsInCallees(mlir::Location location);

} // namespace weir::tools
