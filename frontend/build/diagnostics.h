// From MLIR's diagnostics to weir::Error: the user's place out of a location, the first error out
// of many.
#pragma once

#include "frontend/api/error.h"

#include "passes/debug/numerics.h"

#include "mlir/IR/Diagnostics.h"

#include <optional>

namespace weir::build {

/// The first frame outside the library; none for an unknown location.
std::optional<Place> userPlace(mlir::Location location);

/// Throws what was found about NaN and infinity; `at` where it has no place.
[[noreturn]] void raise(const passes::NumericsReport &report, Location at);

/// Collects errors and remarks while it lives.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext &context);
  /// Throws the first error, at its place (`at` when it has none); without one says that `what`
  /// failed.
  [[noreturn]] void raise(const std::string &what, Location at);
  /// Each with its notes, a line each.
  const std::vector<std::string> &remarks() const { return lines; }

private:
  struct Item {
    std::string message;
    std::optional<Place> place;
    std::vector<Note> notes;
  };
  std::vector<Item> items;
  std::vector<std::string> lines;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace weir::build
