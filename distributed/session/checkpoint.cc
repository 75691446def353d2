// First the digest, which is a sum over elements; then the header with it; then everybody writes;
// then the file takes its place. After each part all processes agree on whether all is well.
#include "distributed/session/checkpoint.h"

#include "runtime/base/file.h"
#include "runtime/checkpoint/digest.h"

#include <absl/strings/str_cat.h>

#include <cstring>
#include <numeric>

namespace weir::distributed {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;
using runtime::DType;
using runtime::HostTensor;
using runtime::PartialFile;

namespace {

class Writer {
public:
  Writer(const std::string &path, MeshState &state, const std::vector<std::string> &names,
         const runtime::Checkpoint &rest)
      : path(path), state(state), names(names), rest(rest), isFirst(state.device(0) == 0) {}

  absl::Status write() {
    if (absl::Status s = agree(plan()); !s.ok()) return s;
    auto digest = sumDigests();
    if (!digest.ok()) return digest.status();
    auto start = runtime::checkpointStart(types, rest.metadata, *digest);
    if (!start.ok()) return start.status(); // as `plan` found out
    dataStart = static_cast<int64_t>(start->size());
    absl::Status written = agree(isFirst ? create(*start) : absl::OkStatus());
    if (written.ok()) written = agree(writePieces());
    if (written.ok()) written = agree(isFirst ? PartialFile::commit(path) : absl::OkStatus());
    if (!written.ok() && isFirst) PartialFile::discard(path);
    return written;
  }

private:
  /// Types and places of all tensors.
  absl::Status plan() {
    for (const std::string &name : names) {
      const MeshPort *port = state.port(name);
      if (!port || !state.hasValue(name))
        return absl::FailedPreconditionError(
            absl::StrCat("cannot write ", path, ": variable '", name, "' has no value"));
      types.push_back({name, port->dtype, port->dims});
    }
    for (const runtime::NamedType &type : runtime::typesOf(rest.tensors)) types.push_back(type);
    offsets = {0};
    for (const runtime::NamedType &type : types)
      offsets.push_back(offsets.back() + *runtime::elementCount(type.dims) *
                                             static_cast<int64_t>(runtime::dtypeBytes(type.dtype)));
    auto known = runtime::digestOfHeader(types, rest.metadata);
    if (known.ok()) headerDigest = *known;
    return known.status();
  }

  /// Calls `run(tensor, its first element, bytes, elements)` for all that devices here write.
  void forEachRun(size_t here,
                  const std::function<void(size_t, int64_t, const std::byte *, int64_t)> &run) {
    for (size_t i = 0; i < names.size(); ++i) {
      const MeshPort &port = *state.port(names[i]);
      const std::byte *piece = state.piece(names[i], here);
      const auto bytes = static_cast<int64_t>(runtime::dtypeBytes(port.dtype));
      forEachOwnRun(port.dims, port.sharding, state.mesh(), state.device(here),
                    [&](int64_t from, int64_t to, int64_t count) {
                      run(i, to, piece + from * bytes, count);
                    });
    }
    if (state.device(here) != 0) return;
    for (size_t i = 0; i < rest.tensors.size(); ++i) {
      const HostTensor &tensor = rest.tensors[i].second;
      if (tensor.size())
        run(names.size() + i, 0, static_cast<const std::byte *>(tensor.raw()), tensor.size());
    }
  }

  size_t elementBytes(size_t tensor) const { return runtime::dtypeBytes(types[tensor].dtype); }

  absl::StatusOr<uint64_t> sumDigests() {
    std::vector<uint64_t> sums(state.size());
    absl::Status done = state.onDevices([&](size_t here) {
      forEachRun(here, [&](size_t tensor, int64_t first, const std::byte *data, int64_t count) {
        sums[here] += runtime::digestOf(data, elementBytes(tensor), count, first, tensor);
      });
      return absl::OkStatus();
    });
    if (!done.ok()) return done;
    const uint64_t own = std::accumulate(sums.begin(), sums.end(), uint64_t(0));
    uint64_t all = own;
    if (!state.isAlone()) {
      CollectiveSpec spec = collective(CollectiveKind::AllReduce, DType::U64);
      spec.counts = {1};
      if (absl::Status s = state.communicate(spec, &own, &all); !s.ok()) return s;
    }
    return headerDigest + all;
  }

  absl::Status create(const std::string &start) {
    auto file = PartialFile::create(path, dataStart + offsets.back());
    if (!file.ok()) return file.status();
    if (absl::Status s = file->write(0, std::as_bytes(std::span(start))); !s.ok()) return s;
    return file->sync();
  }

  absl::Status writePieces() {
    std::vector<absl::Status> statuses(state.size());
    absl::Status done = state.onDevices([&](size_t here) {
      statuses[here] = writePiecesOf(here); // none that ends the collectives of all
      return absl::OkStatus();
    });
    for (const absl::Status &status : statuses) done.Update(status);
    return done;
  }

  absl::Status writePiecesOf(size_t here) {
    auto file = PartialFile::open(path);
    if (!file.ok()) return file.status();
    absl::Status status;
    forEachRun(here, [&](size_t tensor, int64_t first, const std::byte *data, int64_t count) {
      const auto bytes = static_cast<int64_t>(elementBytes(tensor));
      if (status.ok())
        status = file->write(dataStart + offsets[tensor] + first * bytes,
                             {data, static_cast<size_t>(count * bytes)});
    });
    return status.ok() ? file->sync() : status;
  }

  CollectiveSpec collective(CollectiveKind kind, DType dtype) const {
    return state.worldCollective(kind, dtype, "writing a checkpoint");
  }

  /// The first process's status that is not OK, on all of them.
  absl::Status agree(const absl::Status &mine) {
    if (state.isAlone()) return mine;
    constexpr size_t kText = 512;
    const auto ranks = static_cast<size_t>(state.mesh().devices());
    std::vector<char> own(kText), all(ranks * kText);
    own[0] = static_cast<char>(mine.code());
    const std::string message(mine.message());
    std::memcpy(own.data() + 1, message.data(), std::min(message.size(), kText - 2));
    CollectiveSpec spec = collective(CollectiveKind::AllGather, DType::I8);
    spec.counts.assign(ranks, kText);
    if (absl::Status s = state.communicate(spec, own.data(), all.data()); !s.ok()) return s;
    for (size_t rank = 0; rank < ranks; ++rank)
      if (const char *told = &all[rank * kText]; *told)
        return absl::Status(static_cast<absl::StatusCode>(*told), told + 1);
    return absl::OkStatus();
  }

  const std::string &path;
  MeshState &state;
  const std::vector<std::string> &names;
  const runtime::Checkpoint &rest;
  const bool isFirst;
  std::vector<runtime::NamedType> types;
  std::vector<int64_t> offsets; ///< of each tensor's bytes, and their end
  int64_t dataStart = 0;
  uint64_t headerDigest = 0;
};

} // namespace

absl::Status writeCheckpoint(const std::string &path, MeshState &state,
                             const std::vector<std::string> &names,
                             const runtime::Checkpoint &rest) {
  return Writer(path, state, names, rest).write();
}

} // namespace weir::distributed
