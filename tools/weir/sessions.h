// A model as something that runs: compiled here, or read from a .weirx file.
#pragma once

#include "runtime/executor/session.h"
#include "tools/values/values.h"
#include "tools/weir/model_source.h"

namespace weir::tools {

/// Whether the file begins as a .weirx file does.
bool isExecutableFile(const std::string &path);

struct SessionSettings {
  int threads = 0;   ///< 0: as many as there are cores
  std::string level; ///< "" for the best that runs here
  int64_t memoryBudget = 0;
};

struct OpenModel {
  std::unique_ptr<runtime::Session> session;
  std::string level;  ///< x86-64-v4, or "host"
  double seconds = 0; ///< to compile, or to load
  bool isCompiledHere = false;
};

/// Throws weir::Error for sizes and values, which a .weirx file has; --batch is for its reader.
void refuseSizesOfExecutable(const ModelOptions &options);

/// Throws weir::Error. Variables have values only where the file has some.
OpenModel openModel(const ModelOptions &options, const SessionSettings &settings);

std::vector<Port> inputPorts(const runtime::Executable &executable);
std::vector<Port> variablePorts(const runtime::Executable &executable);

} // namespace weir::tools
