// Writes the cases of the device suite (suite.h): samples of the op table with the interpreter's
// results and bounds, and steps of training programs with the CPU's results.
#pragma once

#include "frontend/weir.h"
#include "tests/ops/op_table.h"

namespace weir::suite {

/// As "op_NAME_SAMPLE": compiled in `forms`. Throws std::runtime_error with the compiler's
/// messages.
void writeOps(const std::string &folder, const testing::Row &row,
              const std::vector<std::string> &forms);

/// As `name`: one run on `feeds` from the graph's initial values. Throws weir::Error.
void writeProgram(const std::string &folder, const std::string &name, const Graph &graph,
                  const Feeds &feeds, const std::vector<std::string> &forms);

/// The training programs that are measured: an MLP, a character GPT, a ResNet-18 of a quarter of
/// the channels and a mixture of experts, in sizes of a benchmark (or small, for tests).
void writePrograms(const std::string &folder, const std::vector<std::string> &forms, bool small);

} // namespace weir::suite
