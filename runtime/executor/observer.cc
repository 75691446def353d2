//===- observer.cc - someone who sees every launch of a run ---------------===//
// Where a launch stands in the loops around it, the scan for NaN and infinity, and the run that can
// be taken back.
//===----------------------------------------------------------------------===//
#include "runtime/executor/observer.h"

#include "runtime/executor/session.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstring>

namespace weir::runtime {

std::vector<int64_t> LaunchView::trips() const {
  std::vector<int64_t> found;
  const std::vector<Step> &steps = program.steps();
  for (int32_t at = step + 1; at < static_cast<int32_t>(steps.size()); ++at) {
    if (steps[at].target > step) continue;
    if (steps[at].kind == Step::Kind::LoopEnd) found.push_back(program.tripsDone(steps[at].loop));
    if (steps[at].kind == Step::Kind::Jump) found.push_back(jumps[at]);
  }
  return found;
}

namespace {

/// Words without their sign bit are ordered: finite < infinity < NaN.
template <typename Word> NonFinite findIn(const void *data, int64_t count, Word infinity) {
  const Word *words = static_cast<const Word *>(data);
  constexpr Word magnitude = static_cast<Word>(~Word(0)) >> 1;
  Word largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max<Word>(largest, words[i] & magnitude);
  if (largest < infinity) return {};
  NonFinite found{largest > infinity, largest == infinity};
  for (int64_t i = 0; i < count && !found.infinity; ++i)
    found.infinity = (words[i] & magnitude) == infinity;
  return found;
}

} // namespace

NonFinite findNonFinite(DType dtype, const void *data, int64_t count) {
  switch (dtype) {
  case DType::F16:
    return findIn<uint16_t>(data, count, 0x7c00);
  case DType::BF16:
    return findIn<uint16_t>(data, count, 0x7f80);
  case DType::F32:
    return findIn<uint32_t>(data, count, 0x7f800000);
  case DType::F64:
    return findIn<uint64_t>(data, count, 0x7ff0000000000000);
  default:
    return {};
  }
}

/// As an ordinary run, but a run that is stopped leaves the variables as they were.
absl::Status Session::runObserved() {
  std::vector<Bytes> before;
  for (size_t i = 0; i < compiled->variables.size(); ++i) {
    const Variable &variable = compiled->variables[i];
    before.push_back(Bytes::copyOf(bases.variables[i], elementCount(variable.dims).value_or(0) *
                                                           dtypeBytes(variable.dtype)));
  }
  backJumps.assign(program->steps().size(), 0);
  if (observer->begin(bases) && execute() && observer->end(bases)) {
    ++totals.runs;
    return absl::OkStatus();
  }
  program->rebind(bases);
  for (size_t i = 0; i < before.size(); ++i)
    if (before[i].size()) std::memcpy(bases.variables[i], before[i].data(), before[i].size());
  if (communicator) {
    communicator->abort(whyStopped());
    dropCollectives();
  }
  return whyStopped();
}

} // namespace weir::runtime
