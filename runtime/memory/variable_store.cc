//===- variable_store.cc - state that outlives runs -----------------------===//
// One mapping for each batch of declared variables.
//===----------------------------------------------------------------------===//
#include "runtime/memory/variable_store.h"

#include <absl/strings/str_cat.h>

#include <cstring>

namespace weir::runtime {

namespace {

/// Fresh storage is zero: what is to be zero, as optimizer state is at first, need not touch it.
bool isZero(const void *data, size_t bytes) {
  auto *first = static_cast<const char *>(data);
  return bytes == 0 || (*first == 0 && std::memcmp(first, first + 1, bytes - 1) == 0);
}

absl::string_view view(std::string_view text) {
  return {text.data(), text.size()};
}

} // namespace

absl::Status VariableStore::declare(const std::vector<Variable> &variables) {
  int64_t added = 0;
  std::vector<Entry> fresh;
  for (const Variable &variable : variables) {
    auto found = entries.find(variable.name);
    if (found == entries.end()) {
      Entry entry{variable, nullptr,
                  elementCount(variable.dims).value_or(0) * dtypeBytes(variable.dtype)};
      added += roundUp(entry.bytes, kBufferAlignment);
      fresh.push_back(std::move(entry));
      continue;
    }
    const Variable &known = found->second.variable;
    if (known.dtype != variable.dtype || known.dims != variable.dims)
      return absl::InvalidArgumentError(
          absl::StrCat("variable '", variable.name, "' is ", typeStr(known.dtype, known.dims),
                       ", here it is ", typeStr(variable.dtype, variable.dims)));
  }
  if (fresh.empty()) return absl::OkStatus();
  absl::StatusOr<Mapping> mapping = Mapping::zeros(roundUp(added + 1, kBufferAlignment));
  if (!mapping.ok()) return mapping.status();
  std::byte *next = mapping->data();
  for (Entry &entry : fresh) {
    entry.data = next;
    next += roundUp(entry.bytes, kBufferAlignment);
    std::string name = entry.variable.name;
    if (entries.emplace(std::move(name), std::move(entry)).second) ++missing;
  }
  mappings.push_back(*std::move(mapping));
  total += added;
  return absl::OkStatus();
}

absl::Status VariableStore::adopt(const std::string &name, HostTensor value) {
  Entry entry{{name, value.dtype(), value.dims()},
              static_cast<std::byte *>(const_cast<void *>(value.raw())),
              value.bytes(),
              /*hasValue=*/true};
  int64_t bytes = roundUp(static_cast<int64_t>(entry.bytes), kBufferAlignment);
  if (!entries.emplace(name, std::move(entry)).second)
    return absl::AlreadyExistsError(absl::StrCat("there is a variable '", name, "' already"));
  total += bytes;
  adopted.push_back(std::move(value));
  return absl::OkStatus();
}

absl::StatusOr<const VariableStore::Entry *> VariableStore::find(std::string_view name) const {
  auto found = entries.find(name);
  if (found == entries.end())
    return absl::NotFoundError(absl::StrCat("there is no variable '", view(name), "'"));
  return &found->second;
}

absl::Status VariableStore::set(std::string_view name, const HostTensor &value) {
  auto found = entries.find(name);
  if (found == entries.end()) return find(name).status();
  Entry &entry = found->second;
  if (value.dtype() != entry.variable.dtype || value.dims() != entry.variable.dims)
    return absl::InvalidArgumentError(absl::StrCat(
        "variable '", view(name), "' is ", typeStr(entry.variable.dtype, entry.variable.dims),
        ", given ", value.typeStr()));
  bool isFresh = !entry.hasValue && !entry.lost;
  if (!isFresh || !isZero(value.raw(), entry.bytes))
    std::memcpy(entry.data, value.raw(), entry.bytes);
  if (!entry.hasValue) --missing;
  entry.hasValue = true;
  return absl::OkStatus();
}

absl::StatusOr<HostTensor> VariableStore::get(std::string_view name) const {
  absl::StatusOr<const Entry *> entry = find(name);
  if (!entry.ok()) return entry.status();
  const Variable &variable = (*entry)->variable;
  if (absl::Status s = requireValues({variable}); !s.ok()) return s;
  return HostTensor(variable.dtype, variable.dims, Bytes::copyOf((*entry)->data, (*entry)->bytes));
}

std::vector<std::string> VariableStore::names() const {
  std::vector<std::string> names;
  for (const auto &[name, entry] : entries) names.push_back(name);
  return names;
}

void *VariableStore::address(std::string_view name) const {
  auto found = entries.find(name);
  return found == entries.end() ? nullptr : found->second.data;
}

absl::Status VariableStore::requireValues(const std::vector<Variable> &variables) const {
  for (const Variable &variable : variables) {
    absl::StatusOr<const Entry *> entry = find(variable.name);
    if (!entry.ok()) return entry.status();
    if ((*entry)->hasValue) continue;
    return absl::FailedPreconditionError(
        !(*entry)->lost
            ? absl::StrCat("variable '", variable.name, "' has no value yet")
            : absl::StrCat("variable '", variable.name, "' lost its value when a run failed (",
                           poisonReason, "); set it again or restore a checkpoint"));
  }
  return absl::OkStatus();
}

void VariableStore::poison(const std::vector<Variable> &variables, const std::string &reason) {
  poisonReason = reason;
  for (const Variable &variable : variables) {
    auto found = entries.find(variable.name);
    if (found == entries.end() || !found->second.hasValue) continue;
    found->second.hasValue = false;
    found->second.lost = true;
    ++missing;
  }
}

} // namespace weir::runtime
