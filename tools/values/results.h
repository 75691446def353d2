// What an executable takes and what a run returned, for people and for programs. No compiler here:
// weir-run links this too.
#pragma once

#include "frontend/api/array.h"
#include "runtime/artifact/batch.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

namespace weir::tools {

/// Values by name, in the order of the outputs.
using Named = std::vector<std::pair<std::string, Array>>;

/// One for each output of the executable.
Named namedOutputs(const runtime::Executable &executable, const std::vector<Array> &outputs);

/// To standard output, "name = value" with at most `limit` elements of each.
void printResults(const Named &results, int64_t limit);

/// To standard output, one object with {"dtype", "dims", "values"} for each name, every element.
void printResultsAsJson(const Named &results);

/// "data=2,model=2"; "" for one device.
std::string meshText(const runtime::Executable &executable);

/// {"inputs", "outputs", "variables"}, each a list of {"name", "type"}, "mesh" where there is one,
/// and "batch" with the most rows of a range.
nlohmann::ordered_json describe(const runtime::BatchExecutable &batch);

} // namespace weir::tools
