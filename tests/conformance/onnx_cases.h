// ONNX's backend cases in their classic layout: NAME/model.onnx with
// NAME/test_data_set_N/input_I.pb and output_I.pb, and tolerances.json beside the cases where it is
// there.
#pragma once

#include "tests/conformance/cases.h"

namespace weir::conformance {

struct OnnxCase {
  std::string name, folder;
  Tolerance tolerance{1e-3, 1e-7};
};

/// All cases of a folder, by name. Throws Error when it cannot be read or has none.
std::vector<OnnxCase> onnxCasesIn(const std::string &folder);
/// The lines of a file of names.
std::vector<std::string> namesIn(const std::string &file);

struct OnnxRuns {
  bool compiled = true, interpreted = true;
};

/// "" when every set of data gives the expected outputs in every run, else the reason. A case runs
/// in a process of its own: one that crashes or hangs is a reason as well.
std::string checkOnnx(const OnnxCase &onnxCase, OnnxRuns runs);

} // namespace weir::conformance
