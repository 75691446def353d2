// Which sizes a batch takes, and their runs.
#include "runtime/executor/batch_session.h"

#include "runtime/artifact/work.h"

#include <absl/strings/str_cat.h>

#include <cstring>
#include <numeric>

namespace weir::runtime {

namespace {

constexpr double kCopyBytesPerSecond = 10e9;

template <typename Entry> int64_t bytesOf(const Entry &entry) {
  return elementCount(entry.dims).value_or(0) * dtypeBytes(entry.dtype);
}

std::byte *at(const void *start, int64_t offset) {
  return static_cast<std::byte *>(const_cast<void *>(start)) + offset;
}

/// Clears a flag when it goes.
struct Release {
  std::atomic<bool> &flag;
  ~Release() { flag.store(false, std::memory_order_release); }
};

} // namespace

absl::StatusOr<std::unique_ptr<BatchSession>>
BatchSession::create(std::shared_ptr<const BatchExecutable> batch, SessionOptions options) {
  if (absl::Status s = verify(*batch); !s.ok()) return s;
  if (!options.variables) options.variables = std::make_shared<VariableStore>();
  if (!options.pool) options.pool = ThreadPool::shared();
  std::unique_ptr<BatchSession> session(new BatchSession(std::move(batch)));
  if (absl::Status s = session->load(std::move(options)); !s.ok()) return s;
  return session;
}

absl::Status BatchSession::load(SessionOptions options) {
  MemoryStatement most;
  for (const BatchExecutable::Size &size : batch->sizes) {
    const MemoryStatement lines = memoryStatement(*size.executable, options.pool->size());
    most.arenaBytes = std::max(most.arenaBytes, lines.arenaBytes);
    most.scratchBytes = std::max(most.scratchBytes, lines.scratchBytes);
  }
  if (!options.arena || options.arena->size() < most.arenaBytes) {
    auto arena = Reservation::start(most.arenaBytes);
    if (!arena.ok()) return arena.status();
    options.arena = *std::move(arena);
  }
  auto scratch = Mapping::zeros(most.scratchBytes);
  if (!scratch.ok()) return scratch.status();
  options.scratch = std::make_shared<Mapping>(*std::move(scratch));
  options.scratch->populate();
  for (const BatchExecutable::Size &size : batch->sizes) {
    auto session = Session::create(size.executable, options);
    if (!session.ok()) return session.status();
    sizes.push_back({size.rows, estimateSeconds(*size.executable), *std::move(session)});
  }
  return describePorts();
}

/// Sizes of rows, how many of them keep memory aligned, and room for padded batches where sizes are
/// missing; pages that no run touches take no memory.
absl::Status BatchSession::describePorts() {
  int64_t room = 0;
  auto describe = [&](const auto &entries, const std::vector<int64_t> &leading, auto &ports) {
    for (size_t i = 0; i < entries.size(); ++i) {
      Port &port = ports.emplace_back();
      if (leading[i] == 0) continue;
      port.rowBytes = bytesOf(entries[i]) / batch->most();
      if (port.rowBytes == 0) continue;
      unit = std::lcm(unit, kBufferAlignment / std::gcd(int64_t(kBufferAlignment), port.rowBytes));
      port.staged = room;
      room += roundUp(bytesOf(entries[i]), kBufferAlignment);
    }
  };
  const Executable &largest = batch->largest();
  describe(largest.inputs, batch->inputs, inputs);
  describe(largest.outputs, batch->outputs, outputs);
  feedPointers.resize(inputs.size());
  fetchPointers.resize(outputs.size());
  if (static_cast<int64_t>(sizes.size()) == batch->most()) return absl::OkStatus();
  auto mapped = Mapping::zeros(room);
  if (!mapped.ok()) return mapped.status();
  staging = *std::move(mapped);
  return absl::OkStatus();
}

const BatchSession::Size *BatchSession::findSize(int64_t rows) const {
  auto found = std::ranges::lower_bound(sizes, rows, {}, &Size::rows);
  return found != sizes.end() && found->rows == rows ? &*found : nullptr;
}

BatchSession::Plan BatchSession::planFor(int64_t rows) const {
  if (const Size *exact = findSize(rows)) return {exact};
  const Size *next = &*std::ranges::lower_bound(sizes, rows, {}, &Size::rows);
  int64_t copied = 0;
  for (const std::vector<Port> *ports : {&inputs, &outputs})
    for (const Port &port : *ports) copied += rows * port.rowBytes;
  Plan best{next};
  double least = next->seconds + static_cast<double>(copied) / kCopyBytesPerSecond;
  for (const Size &first : sizes) {
    if (first.rows >= rows) break;
    const Size *second = first.rows % unit ? nullptr : findSize(rows - first.rows);
    if (!second || first.seconds + second->seconds >= least) continue;
    best = {&first, second};
    least = first.seconds + second->seconds;
  }
  return best;
}

absl::Status BatchSession::runPart(const Size &size, int64_t firstRow, const void *const *feeds,
                                   void *const *fetches) {
  for (size_t i = 0; i < inputs.size(); ++i)
    feedPointers[i] = feeds[i] ? at(feeds[i], firstRow * inputs[i].rowBytes) : nullptr;
  for (size_t i = 0; i < outputs.size(); ++i)
    fetchPointers[i] = fetches[i] ? at(fetches[i], firstRow * outputs[i].rowBytes) : nullptr;
  return size.session->runRaw(feedPointers.data(), fetchPointers.data());
}

/// Rows beyond the caller's are what an earlier run left there: nobody sees what becomes of them.
absl::Status BatchSession::runPadded(const Size &size, int64_t rows, const void *const *feeds,
                                     void *const *fetches) {
  auto copy = [rows](void *to, const void *from, const Port &port) {
    std::memcpy(to, from, static_cast<size_t>(rows * port.rowBytes));
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool isStaged = inputs[i].rowBytes > 0 && feeds[i];
    feedPointers[i] = isStaged ? staging.data() + inputs[i].staged : feeds[i];
    if (isStaged) copy(staging.data() + inputs[i].staged, feeds[i], inputs[i]);
  }
  for (size_t i = 0; i < outputs.size(); ++i)
    fetchPointers[i] =
        outputs[i].rowBytes > 0 && fetches[i] ? staging.data() + outputs[i].staged : fetches[i];
  if (absl::Status s = size.session->runRaw(feedPointers.data(), fetchPointers.data()); !s.ok())
    return s;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (fetchPointers[i] != fetches[i]) copy(fetches[i], fetchPointers[i], outputs[i]);
  return absl::OkStatus();
}

absl::Status BatchSession::checkRows(int64_t rows) const {
  if (rows >= 1 && rows <= batch->most()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a batch of ", rows, " is asked for; '",
                                                 batch->largest().name, "' takes batches of 1 to ",
                                                 batch->most()));
}

absl::Status BatchSession::runRaw(int64_t rows, const void *const *feeds, void *const *fetches) {
  if (absl::Status s = checkRows(rows); !s.ok()) return s;
  if (running.exchange(true, std::memory_order_acquire))
    return absl::FailedPreconditionError("the session is running already");
  Release release{running};
  const Plan plan = planFor(rows);
  const bool isPadded = plan.first->rows > rows;
  absl::Status status = isPadded ? runPadded(*plan.first, rows, feeds, fetches)
                                 : runPart(*plan.first, 0, feeds, fetches);
  if (status.ok() && plan.second) status = runPart(*plan.second, plan.first->rows, feeds, fetches);
  if (!status.ok()) return status;
  ++totals.runs;
  ++(isPadded ? totals.padded : plan.second ? totals.twoFold : totals.exact);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> BatchSession::rowsOf(const std::vector<HostTensor> &feeds) const {
  const Executable &largest = batch->largest();
  if (feeds.size() != largest.inputs.size())
    return absl::InvalidArgumentError(absl::StrCat(
        "'", largest.name, "' needs ", largest.inputs.size(), " feeds, given ", feeds.size()));
  std::optional<size_t> first; // input that said how many
  int64_t rows = 1;
  for (size_t i = 0; i < feeds.size(); ++i) {
    const Input &input = largest.inputs[i];
    const std::vector<int64_t> &dims = feeds[i].dims();
    const int64_t leading = batch->inputs[i];
    const bool isWhole = leading == 0 || (!dims.empty() && dims[0] % leading == 0);
    const int64_t mine = leading == 0 || !isWhole ? batch->most() : dims[0] / leading;
    if (!isWhole || feeds[i].dtype() != input.dtype || dims.size() != input.dims.size() ||
        dims != dimsOfRows(input.dims, leading, mine) || mine < 1 || mine > batch->most())
      return absl::InvalidArgumentError(absl::StrCat("feed '", input.name, "' is ",
                                                     feeds[i].typeStr(), ", the graph needs ",
                                                     batch->inputType(i)));
    if (leading == 0) continue;
    if (first && mine != rows)
      return absl::InvalidArgumentError(absl::StrCat(
          "feed '", input.name, "' is ", feeds[i].typeStr(), ", a batch of ", mine, ", but feed '",
          largest.inputs[*first].name, "' is ", feeds[*first].typeStr(), ", a batch of ", rows));
    if (!first) first = i;
    rows = mine;
  }
  return rows;
}

absl::StatusOr<std::vector<HostTensor>> BatchSession::run(const std::vector<HostTensor> &feeds) {
  std::vector<int32_t> all(outputs.size());
  std::iota(all.begin(), all.end(), 0);
  return run(feeds, all);
}

absl::StatusOr<std::vector<HostTensor>> BatchSession::run(const std::vector<HostTensor> &feeds,
                                                          const std::vector<int32_t> &fetches) {
  auto rows = rowsOf(feeds);
  if (!rows.ok()) return rows.status();
  const std::vector<Output> &types = batch->largest().outputs;
  std::vector<const void *> from;
  for (const HostTensor &feed : feeds) from.push_back(feed.raw());
  std::vector<void *> to(types.size());
  std::vector<HostTensor> results;
  try {
    results.reserve(fetches.size());
    for (int32_t fetch : fetches) {
      const auto i = static_cast<size_t>(fetch);
      if (fetch < 0 || i >= types.size() || to[i])
        return absl::InvalidArgumentError(
            absl::StrCat("fetch ", fetch, " of ", types.size(), " outputs, or fetched twice"));
      results.emplace_back(types[i].dtype, dimsOfRows(types[i].dims, batch->outputs[i], *rows));
      to[i] = results.back().mutableRaw();
    }
  } catch (const std::bad_alloc &) {
    return absl::ResourceExhaustedError("no memory for the fetches");
  }
  if (absl::Status s = runRaw(*rows, from.data(), to.data()); !s.ok()) return s;
  return results;
}

} // namespace weir::runtime
