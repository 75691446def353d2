// Writing: first the digest, which is a sum over elements; then the header with it; then everybody
// writes; then the file takes its place. After each part all processes agree on whether all is
// well.
#include "distributed/session/checkpoint.h"

#include "runtime/base/file.h"
#include "runtime/checkpoint/digest.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <numeric>
#include <span>

namespace weir::distributed {

using runtime::HostTensor;
using runtime::PartialFile;
using runtime::SafetensorsFile;
using runtime::SafetensorsHeader;

namespace {

constexpr const char *kWriting = "writing a checkpoint", *kReading = "reading a checkpoint";

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
    auto all = state.sum(own, kWriting);
    if (!all.ok()) return all.status();
    return headerDigest + *all;
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

  absl::Status agree(const absl::Status &mine) { return state.agree(mine, kWriting); }

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

/// A place of the file for each variable, in their order.
absl::StatusOr<std::vector<const SafetensorsHeader::Entry *>>
entriesOf(const SafetensorsFile &file, const std::string &path, const MeshState &state,
          const std::vector<std::string> &names) {
  std::vector<const SafetensorsHeader::Entry *> found;
  for (const std::string &name : names) {
    const MeshPort *port = state.port(name);
    if (!port) return absl::NotFoundError(absl::StrCat("there is no variable '", name, "'"));
    auto entry = std::ranges::find(file.entries(), name, &SafetensorsHeader::Entry::name);
    if (entry == file.entries().end())
      return absl::NotFoundError(absl::StrCat(path, ": there is no tensor '", name, "'"));
    if (entry->dtype != port->dtype || entry->dims != port->dims)
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor '", name, "' is ", typeStr(entry->dtype, entry->dims),
                       ", expected ", typeStr(port->dtype, port->dims)));
    found.push_back(&*entry);
  }
  return found;
}

} // namespace

absl::StatusOr<std::unique_ptr<CheckpointReader>>
CheckpointReader::open(const std::string &path, MeshState &state,
                       const std::vector<std::string> &names) {
  std::unique_ptr<CheckpointReader> reader(new CheckpointReader(state, names));
  if (absl::Status s = state.agree(reader->readHeader(path), kReading); !s.ok()) return s;
  auto digest = reader->sumDigests();
  if (!digest.ok()) return digest.status();
  if (absl::Status s = runtime::checkDigest(path, reader->digest, *digest); !s.ok()) return s;
  return reader;
}

absl::Status CheckpointReader::readHeader(const std::string &path) {
  auto opened = SafetensorsFile::open(path);
  if (!opened.ok()) return opened.status();
  file.emplace(*std::move(opened));
  auto found = entriesOf(*file, path, state, names);
  if (!found.ok()) return found.status();
  entries = *std::move(found);
  others.path = path;
  others.metadata = file->metadata();
  digest = runtime::takeDigest(others.metadata);
  for (const SafetensorsHeader::Entry &entry : file->entries())
    if (std::ranges::find(names, entry.name) == names.end()) {
      others.tensors.emplace_back(entry.name, file->tensor(entry));
      read += entry.end - entry.begin;
    }
  return absl::OkStatus();
}

/// Of the header and, over all processes, of each element once; zero where the file says none.
absl::StatusOr<uint64_t> CheckpointReader::sumDigests() {
  if (!digest) return 0;
  std::vector<runtime::NamedType> types;
  for (const SafetensorsHeader::Entry &entry : file->entries())
    types.push_back({entry.name, entry.dtype, entry.dims});
  auto known = runtime::digestOfHeader(types, others.metadata);
  if (!known.ok()) return known;
  auto numberOf = [&](const SafetensorsHeader::Entry *entry) {
    return static_cast<size_t>(entry - file->entries().data());
  };
  uint64_t own = 0;
  for (size_t i = 0; i < names.size(); ++i)
    for (size_t here = 0; here < state.size(); ++here) {
      const auto bytes = static_cast<int64_t>(runtime::dtypeBytes(entries[i]->dtype));
      forEachOwnRun(entries[i]->dims, state.port(names[i])->sharding, state.mesh(),
                    state.device(here), [&](int64_t, int64_t first, int64_t count) {
                      own += runtime::digestOf(file->bytes(*entries[i]) + first * bytes,
                                               static_cast<size_t>(bytes), count, first,
                                               numberOf(entries[i]));
                    });
    }
  auto all = state.sum(own, kReading);
  if (!all.ok()) return all;
  uint64_t rest = 0;
  for (const auto &[name, tensor] : others.tensors) {
    auto entry = std::ranges::find(file->entries(), name, &SafetensorsHeader::Entry::name);
    rest += runtime::digestOf(tensor.raw(), runtime::dtypeBytes(tensor.dtype()), tensor.size(), 0,
                              numberOf(&*entry));
  }
  return *known + *all + rest;
}

absl::Status CheckpointReader::restore() {
  for (size_t i = 0; i < names.size(); ++i) {
    const SafetensorsHeader::Entry &entry = *entries[i];
    const Sharding sharding = state.port(names[i])->sharding;
    absl::Status set = state.setPieces(names[i], [&](size_t here) {
      const int64_t device = state.device(here);
      read += heldElements(entry.dims, sharding, state.mesh(), device) *
              static_cast<int64_t>(runtime::dtypeBytes(entry.dtype));
      HostTensor piece = cutPiece(file->bytes(entry), entry.dtype, entry.dims, sharding,
                                  state.mesh(), device, state.padding());
      if (entry.dtype == runtime::DType::I1) // other tools may write any byte for true
        for (std::byte &b : std::span(static_cast<std::byte *>(piece.mutableRaw()), piece.bytes()))
          b = std::byte(b != std::byte(0));
      return piece;
    });
    if (!set.ok()) return set;
  }
  return absl::OkStatus();
}

absl::Status writeCheckpoint(const std::string &path, MeshState &state,
                             const std::vector<std::string> &names,
                             const runtime::Checkpoint &rest) {
  return Writer(path, state, names, rest).write();
}

} // namespace weir::distributed
