// The C interface: handles, and statuses as text.
#include "runtime/c/weir_runtime.h"

#include "runtime/executor/open.h"

#include <absl/strings/str_cat.h>

#include <cstring>

using namespace weir::runtime;

static_assert(static_cast<int>(DType::I1) == WEIR_I1 && static_cast<int>(DType::U8) == WEIR_U8 &&
              static_cast<int>(DType::F64) == WEIR_F64);

struct weir_session {
  std::unique_ptr<BatchSession> session;
  std::vector<HostTensor> inputs, outputs; // for memory that is not aligned; empty until needed
};

namespace {

thread_local std::string lastError;

int failed(const absl::Status &status) {
  lastError = std::string(status.message());
  return 1;
}

template <typename Entries> int describe(const Entries &entries, int32_t index, weir_port *port) {
  if (index < 0 || static_cast<size_t>(index) >= entries.size())
    return failed(absl::InvalidArgumentError(
        absl::StrCat("port ", index, " of ", entries.size(), " is asked for")));
  const auto &entry = entries[static_cast<size_t>(index)];
  *port = {entry.name.c_str(), static_cast<weir_dtype>(entry.dtype),
           static_cast<int32_t>(entry.dims.size()), entry.dims.data(),
           static_cast<size_t>(elementCount(entry.dims).value_or(0)) * dtypeBytes(entry.dtype)};
  return 0;
}

bool isAligned(const void *pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % kBufferAlignment == 0;
}

absl::Status load(const char *path, int threads, weir_session &handle) {
  auto loaded = readExecutableFile(path);
  if (!loaded.ok()) return loaded.status();
  auto session = openBatchSession(*std::move(loaded), threads);
  if (!session.ok()) return session.status();
  handle.session = *std::move(session);
  return absl::OkStatus();
}

/// Aligned memory for each port whose pointer is not aligned.
template <typename Entries, typename Pointer>
std::vector<Pointer> aligned(const Entries &entries, const Pointer *given,
                             std::vector<HostTensor> &own) {
  std::vector<Pointer> result(given, given + entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    if (isAligned(given[i])) continue;
    while (own.size() < entries.size())
      own.emplace_back(entries[own.size()].dtype, entries[own.size()].dims);
    result[i] = own[i].mutableRaw();
  }
  return result;
}

/// What a run of `rows` takes of each port's memory.
template <typename Entry> size_t bytesOf(const Entry &entry, int64_t leading, int64_t rows) {
  const std::vector<int64_t> dims = dimsOfRows(entry.dims, leading, rows);
  return static_cast<size_t>(elementCount(dims).value_or(0)) * dtypeBytes(entry.dtype);
}

absl::Status run(weir_session &handle, int64_t rows, const void *const *inputs,
                 void *const *outputs) {
  const BatchExecutable &batch = handle.session->executable();
  if (rows < 1 || rows > batch.most()) return handle.session->runRaw(rows, inputs, outputs);
  const Executable &executable = batch.largest();
  auto feeds = aligned(executable.inputs, inputs, handle.inputs);
  auto fetches = aligned(executable.outputs, outputs, handle.outputs);
  for (size_t i = 0; i < feeds.size(); ++i) {
    if (!inputs[i])
      return absl::InvalidArgumentError(
          absl::StrCat("input '", executable.inputs[i].name, "' is null"));
    if (feeds[i] != inputs[i])
      std::memcpy(const_cast<void *>(feeds[i]), inputs[i],
                  bytesOf(executable.inputs[i], batch.inputs[i], rows));
  }
  if (absl::Status s = handle.session->runRaw(rows, feeds.data(), fetches.data()); !s.ok())
    return s;
  for (size_t i = 0; i < fetches.size(); ++i)
    if (fetches[i] != outputs[i])
      std::memcpy(outputs[i], fetches[i], bytesOf(executable.outputs[i], batch.outputs[i], rows));
  return absl::OkStatus();
}

/// Nothing is thrown at C.
template <typename Call> int guarded(Call call) {
  try {
    absl::Status status = call();
    return status.ok() ? 0 : failed(status);
  } catch (const std::bad_alloc &) {
    return failed(absl::ResourceExhaustedError("out of memory"));
  } catch (const std::exception &error) {
    return failed(absl::InternalError(error.what()));
  }
}

} // namespace

const char *weir_last_error(void) {
  return lastError.c_str();
}

int weir_load(const char *path, int threads, weir_session **session) {
  return guarded([&] {
    auto handle = std::make_unique<weir_session>();
    absl::Status status = load(path, threads, *handle);
    *session = status.ok() ? handle.release() : nullptr;
    return status;
  });
}

void weir_free(weir_session *session) {
  delete session;
}

int32_t weir_input_count(const weir_session *session) {
  return static_cast<int32_t>(session->session->executable().largest().inputs.size());
}

int32_t weir_output_count(const weir_session *session) {
  return static_cast<int32_t>(session->session->executable().largest().outputs.size());
}

int weir_input(const weir_session *session, int32_t index, weir_port *port) {
  return describe(session->session->executable().largest().inputs, index, port);
}

int weir_output(const weir_session *session, int32_t index, weir_port *port) {
  return describe(session->session->executable().largest().outputs, index, port);
}

int64_t weir_batch(const weir_session *session) {
  const BatchExecutable &batch = session->session->executable();
  return batch.isRange() ? batch.most() : 0;
}

template <typename Entries>
static size_t rowBytes(const Entries &entries, const std::vector<int64_t> &leading, int32_t index,
                       int64_t most) {
  const auto i = static_cast<size_t>(index);
  if (index < 0 || i >= entries.size() || leading[i] == 0) return 0;
  return bytesOf(entries[i], leading[i], most) / static_cast<size_t>(most);
}

size_t weir_input_row_bytes(const weir_session *session, int32_t index) {
  const BatchExecutable &batch = session->session->executable();
  return rowBytes(batch.largest().inputs, batch.inputs, index, batch.most());
}

size_t weir_output_row_bytes(const weir_session *session, int32_t index) {
  const BatchExecutable &batch = session->session->executable();
  return rowBytes(batch.largest().outputs, batch.outputs, index, batch.most());
}

int weir_run(weir_session *session, const void *const *inputs, void *const *outputs) {
  return weir_run_batch(session, session->session->executable().most(), inputs, outputs);
}

int weir_run_batch(weir_session *session, int64_t rows, const void *const *inputs,
                   void *const *outputs) {
  return guarded([&] { return run(*session, rows, inputs, outputs); });
}
