// ProgramState: names and types of a compiled graph, and a Backend that runs it: machine code or
// the interpreter. No MLIR here.
#pragma once

#include "frontend/api/program.h"

namespace weir::build {

/// Runs a program by position. Both kinds keep variables by name.
class Backend {
public:
  virtual ~Backend() = default;
  /// Feeds in the order of the inputs; the outputs at `fetches`, in that order. Variables are
  /// updated.
  virtual std::vector<Array> run(const std::vector<Array> &feeds,
                                 const std::vector<int32_t> &fetches, Location at) = 0;
  virtual Array variable(const std::string &name, Location at) const = 0;
  virtual void setVariable(const std::string &name, const Array &value, Location at) = 0;
  virtual runtime::Session *runtimeSession() const { return nullptr; }
  virtual runtime::DeviceSession *deviceSession() const { return nullptr; }
  /// Does it check the types of feeds itself, as their leading dims may be of any batch?
  virtual bool takesBatches() const { return false; }
  virtual distributed::MeshSession *meshSession() const { return nullptr; }

  std::vector<std::string> notes; ///< what compiling has to say
};

class ProgramState {
public:
  std::vector<Program::Port> inputs, outputs, variables;
  std::unique_ptr<Backend> backend;
  double compileSeconds = 0;

  int32_t findOutput(const Name &name) const;
  /// Feeds in the order of inputs; Error for unknown, missing and mistyped ones.
  std::vector<Array> orderFeeds(const Feeds &feeds, Location at) const;
};

} // namespace weir::build
