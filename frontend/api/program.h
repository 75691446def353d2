// Program: a compiled graph with its variables. Fed by name, fetched by name.
#pragma once

#include "frontend/api/array.h"
#include "frontend/api/error.h"

#include <map>
#include <memory>

namespace weir {

namespace runtime {
class DeviceSession;
class Session;
class Communicator;
} // namespace runtime
namespace distributed {
class MeshSession;
}
namespace build {
class ProgramState;
class GraphState;
} // namespace build

class Program;

struct CompileOptions {
  /// Evaluate op by op with the reference interpreter instead of compiling: slow, exact to the
  /// dialect's meaning.
  bool interpret = false;
  /// Threads of a run; 0: as many as there are cores. Results are the same bits for any number.
  int threads = 0;
  /// Bytes that a run may need: variables, inputs, outputs, constants and what is in use between
  /// them; 0: any. What does not fit is computed again, to the same bits. Error where the budget
  /// cannot be met, with what cannot shrink.
  int64_t memoryBudget = 0;
  /// Write each level of the compiler to numbered files in this folder.
  std::string dumpTo;
  /// Find the op that makes the first NaN or infinity of a run: the run throws Error with the op,
  /// the values, and the forward op where it is of a derivative; no variable is changed. Slower.
  bool checkNumerics = false;
  /// Use the variables of this program where names agree (training and evaluation see one state);
  /// both are compiled or both interpreted, and they do not run at once.
  const Program *shareVariables = nullptr;
  /// What runs it: "cpu", "cuda", "cuda:1" (`weir devices` lists them). Variables live there. Error
  /// where there is no such device, with the reason, or where its memory is too small.
  std::string device = "cpu";
  /// Run any batch of 1 to this many rows, without compiling again: feeds and outputs that have the
  /// batch as their leading dim have as many rows there as the caller likes. 0: sizes are as
  /// declared. Error, at the op that is the reason, for a graph whose rows depend on each other or
  /// that updates a variable.
  int64_t batch = 0;
  /// The inputs that have the batch as their leading dim, of any size from 2 on; none: those of
  /// `batch` elements there.
  std::vector<std::string> batchInputs;
  /// Of a graph on a mesh: this process is one of its devices, the communicator's rank, and the
  /// other processes make the same calls. Null: all devices are threads of this process.
  std::shared_ptr<runtime::Communicator> communicator;
};

using Feeds = std::map<std::string, Array>;

/// A name together with the line where it was written.
struct Name {
  Name(const char *text, Location at = Location::current()) : text(text), at(at) {}
  Name(std::string text, Location at = Location::current()) : text(std::move(text)), at(at) {}
  std::string text;
  Location at;
};

/// What a run returns; asking for a name that was not fetched is an Error that lists those that
/// were.
class Fetched {
public:
  explicit Fetched(std::map<std::string, Array> arrays) : arrays(std::move(arrays)) {}
  const Array &operator[](Name name) const;
  /// The one element of output `name` as a number.
  double scalar(Name name) const;
  const std::map<std::string, Array> &all() const { return arrays; }

private:
  std::map<std::string, Array> arrays;
};

/// A cheap handle; copies share variables. One run at a time.
class Program {
public:
  /// One run: feeds every input, updates the variables, returns the outputs (`fetch`: only these).
  /// Errors: unknown, missing or mistyped feeds; unknown fetches.
  Fetched run(const Feeds &feeds = {}, const std::vector<std::string> &fetch = {},
              Location at = Location::current());

  struct Port {
    std::string name;
    TensorType type;
    bool trainable = false;
  };
  /// Types are as declared, also where the program takes any batch.
  const std::vector<Port> &inputs() const;
  const std::vector<Port> &outputs() const;
  const std::vector<Port> &variables() const;

  /// The variable's value after the last run.
  Array variable(Name name) const;
  void setVariable(Name name, const Array &value);
  /// Takes over the values of all variables that `other` has by the same name (training ->
  /// evaluation).
  void copyVariables(const Program &other, Location at = Location::current());

  /// The runtime's side, for tools: kernels, FLOPs, predicted memory, counters, traces, cancelling
  /// a run. Null in interpreter mode, on other devices than the CPU and on a mesh.
  runtime::Session *session() const;
  /// The same on such a device, else null.
  runtime::DeviceSession *deviceSession() const;
  /// The same on a mesh: the devices of this process, and what they sent. Null elsewhere.
  distributed::MeshSession *meshSession() const;
  double compileSeconds() const;

  /// Internal.
  explicit Program(std::shared_ptr<build::ProgramState> state) : shared(std::move(state)) {}
  const std::shared_ptr<build::ProgramState> &state() const { return shared; }

private:
  std::shared_ptr<build::ProgramState> shared;
};

} // namespace weir
