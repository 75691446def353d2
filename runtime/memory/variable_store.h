//===- variable_store.h - state that outlives runs --------------*- C++ -*-===//
// Named variables at fixed addresses, shared by every session that is created on the store, so that
// a training step and an evaluation see the same parameters. A variable has a value once it was
// set; a failed run takes the values of its variables away, since kernels update them in place. One
// thread at a time: sessions on one store do not run at once.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/artifact/executable.h"
#include "runtime/base/host_tensor.h"
#include "runtime/memory/mapping.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::runtime {

class VariableStore {
public:
  /// Gives storage to the variables that have none. Error: one of them exists with another type.
  absl::Status declare(const std::vector<Variable> &variables);

  /// A new variable that lies in the tensor's own memory, and has its value: runs write there, and
  /// copies of the tensor see it. Error: the name is taken.
  absl::Status adopt(const std::string &name, HostTensor value);

  /// Copies `value` in. Errors: no such variable, another type.
  absl::Status set(std::string_view name, const HostTensor &value);
  /// A copy of the value. Errors: no such variable, no value yet.
  absl::StatusOr<HostTensor> get(std::string_view name) const;
  /// In lexical order.
  std::vector<std::string> names() const;

  /// Stable for the life of the store; null for an unknown name.
  void *address(std::string_view name) const;
  /// OK when each of `variables` has a value. `allSet` is the quick answer to the same question.
  absl::Status requireValues(const std::vector<Variable> &variables) const;
  bool allSet() const { return missing == 0; }
  /// Takes the values of `variables` away because a run failed with `reason`.
  void poison(const std::vector<Variable> &variables, const std::string &reason);

  /// Storage of all variables, each rounded up to 64 bytes.
  int64_t bytes() const { return total; }

private:
  struct Entry {
    Variable variable;
    std::byte *data = nullptr;
    size_t bytes = 0;
    bool hasValue = false;
    bool lost = false; // had a value until a run failed
  };
  absl::StatusOr<const Entry *> find(std::string_view name) const;

  std::map<std::string, Entry, std::less<>> entries;
  std::vector<Mapping> mappings;
  std::vector<HostTensor> adopted;
  int64_t missing = 0; // variables without a value
  int64_t total = 0;
  std::string poisonReason;
};

} // namespace weir::runtime
