// What makes several executables one program.
#include "runtime/artifact/batch.h"

#include "runtime/artifact/verify.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace weir::runtime {

namespace {

bool isBatch(int64_t leading) {
  return leading > 0;
}

template <typename Entry> std::string typeOf(const Entry &entry, int64_t leading, int64_t most) {
  std::string text = typeStr(entry.dtype, wholeDims(entry));
  if (leading == 0) return text;
  const size_t open = text.find('[') + 1, end = text.find_first_of(",]", open);
  const std::string times = leading == 1 ? "" : absl::StrCat(leading, " * ");
  return text.replace(open, end - open, absl::StrCat(times, "1..", most));
}

/// Are the ports those of the largest batch but for their rows?
template <typename Entries>
bool samePorts(const Entries &entries, const Entries &largest, const std::vector<int64_t> &leading,
               int64_t rows) {
  if (entries.size() != largest.size() || entries.size() != leading.size()) return false;
  for (size_t i = 0; i < entries.size(); ++i)
    if (entries[i].name != largest[i].name || entries[i].dtype != largest[i].dtype ||
        entries[i].dims != dimsOfRows(largest[i].dims, leading[i], rows))
      return false;
  return true;
}

template <typename Entries>
bool areLeading(const Entries &largest, const std::vector<int64_t> &leading, int64_t most) {
  if (largest.size() != leading.size()) return false;
  for (size_t i = 0; i < leading.size(); ++i) {
    if (leading[i] == 0) continue;
    int64_t size = 0;
    if (leading[i] < 0 || largest[i].dims.empty() ||
        __builtin_mul_overflow(leading[i], most, &size) || largest[i].dims[0] != size)
      return false;
  }
  return true;
}

} // namespace

BatchExecutable BatchExecutable::ofOneSize(std::shared_ptr<const Executable> executable) {
  const size_t inputs = executable->inputs.size(), outputs = executable->outputs.size();
  return {{{1, std::move(executable)}},
          std::vector<int64_t>(inputs, 0),
          std::vector<int64_t>(outputs, 0)};
}

bool BatchExecutable::isRange() const {
  return std::ranges::any_of(inputs, isBatch);
}

std::string BatchExecutable::inputType(size_t input) const {
  return typeOf(largest().inputs[input], inputs[input], most());
}

std::string BatchExecutable::outputType(size_t output) const {
  return typeOf(largest().outputs[output], outputs[output], most());
}

std::vector<int64_t> dimsOfRows(std::vector<int64_t> dims, int64_t leading, int64_t rows) {
  if (leading > 0) dims[0] = leading * rows;
  return dims;
}

std::vector<int64_t> batchSizes(int64_t most) {
  std::vector<int64_t> sizes;
  for (int64_t size = 1; size < most; size += std::max<int64_t>(1, size / 8)) sizes.push_back(size);
  sizes.push_back(most);
  return sizes;
}

absl::Status verify(const BatchExecutable &batch) {
  auto bad = [](const auto &...parts) {
    return absl::InvalidArgumentError(absl::StrCat("the batch range is malformed: ", parts...));
  };
  if (batch.sizes.empty()) return bad("there are no sizes");
  int64_t before = 0;
  for (const BatchExecutable::Size &size : batch.sizes) {
    if (size.rows <= before) return bad(size.rows, " rows follow ", before);
    before = size.rows;
    if (absl::Status s = verify(*size.executable); !s.ok()) return s;
  }
  const Executable &largest = batch.largest();
  if (!areLeading(largest.inputs, batch.inputs, batch.most()) ||
      !areLeading(largest.outputs, batch.outputs, batch.most()))
    return bad("leading dims are not those of ", batch.most(), " rows");
  if (batch.sizes.size() > 1 && !batch.isRange()) return bad("no input has a batch");
  for (const BatchExecutable::Size &size : batch.sizes) {
    const Executable &executable = *size.executable;
    const auto isSame = [](const Variable &a, const Variable &b) {
      return a.name == b.name && a.dtype == b.dtype && a.dims == b.dims;
    };
    if (!samePorts(executable.inputs, largest.inputs, batch.inputs, size.rows) ||
        !samePorts(executable.outputs, largest.outputs, batch.outputs, size.rows) ||
        !std::ranges::equal(executable.variables, largest.variables, isSame))
      return bad("that of ", size.rows, " rows differs in its ports from that of ", batch.most());
  }
  return absl::OkStatus();
}

} // namespace weir::runtime
