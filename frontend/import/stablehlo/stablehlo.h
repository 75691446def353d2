// StableHLO programs as Weir graphs: the generic text that JAX prints, parsed by MLIR itself with
// unknown dialects allowed, and rebuilt op by op through the public functions of frontend/api.
// Every op keeps its line of the text. What cannot be expressed is reported all at once.
#pragma once

#include "frontend/api/graph.h"

namespace weir::stablehlo {

struct Source;

struct ImportOptions {
  bool widen = false; ///< f32 becomes f64 everywhere, in constants, arguments and results too.
};

/// What a self-checking module asserts: output `actual` of its graph agrees with output `expected`.
struct Check {
  std::string kind; ///< expect_eq, expect_almost_eq, expect_close
  std::string actual, expected;
  double tolerance = 0; ///< expect_almost_eq: absolute; expect_close: units in the last place
  Place at;
};

/// A parsed module; cheap to copy.
class Module {
public:
  /// `file` is what places and errors call the text. Throws Error with all reasons when the text is
  /// not an MLIR module with a function @main over static shapes of supported dtypes.
  static Module parse(std::string_view text, const std::string &file, ImportOptions options = {},
                      Location at = Location::current());
  static Module read(const std::string &path, ImportOptions options = {},
                     Location at = Location::current());

  /// Of @main, after widening.
  const std::vector<TensorType> &arguments() const { return argumentTypes; }
  const std::vector<TensorType> &results() const { return resultTypes; }

  /// @main as a function of `graph`, built now. Assertions are left out. Throws one Error that
  /// lists everything that cannot be imported with its line; then the graph is as before.
  Function function(Graph &graph, Location at = Location::current()) const;
  /// A graph with inputs arg0, arg1, ... and outputs result0, result1, ...; with `checks`, also the
  /// outputs that they name. Errors as above.
  Graph graph(std::vector<Check> *checks = nullptr, Location at = Location::current()) const;

private:
  std::shared_ptr<Source> source;
  ImportOptions options;
  std::vector<TensorType> argumentTypes, resultTypes;
};

/// Whether a text uses StableHLO's or CHLO's ops.
bool isStablehlo(std::string_view text);

} // namespace weir::stablehlo
