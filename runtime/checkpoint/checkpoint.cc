//===- checkpoint.cc - named tensors in a file ----------------------------===//
// A safetensors file whose metadata has a digest of the rest.
//===----------------------------------------------------------------------===//
#include "runtime/checkpoint/checkpoint.h"

#include "runtime/base/safetensors.h"
#include "runtime/checkpoint/digest.h"

#include <absl/strings/str_cat.h>

#include <cstdio>

namespace weir::runtime {

namespace {

constexpr const char *kDigest = "weir.digest";

std::string digestText(uint64_t digest) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(digest));
  return text;
}

absl::StatusOr<uint64_t> digestOfAll(const NamedTensors &tensors, const Metadata &metadata) {
  absl::StatusOr<uint64_t> digest = digestOfHeader(typesOf(tensors), metadata);
  if (!digest.ok()) return digest;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const HostTensor &tensor = tensors[i].second;
    *digest += digestOf(tensor.raw(), dtypeBytes(tensor.dtype()), tensor.size(), 0, i);
  }
  return digest;
}

} // namespace

/// Of the header without the digest's own entry, as the JSON library prints it.
absl::StatusOr<uint64_t> digestOfHeader(const std::vector<NamedType> &tensors,
                                        const Metadata &metadata) {
  absl::StatusOr<std::string> header = safetensorsHeader(tensors, metadata);
  if (!header.ok()) return header.status();
  return digestOf(*header);
}

absl::StatusOr<std::string> checkpointStart(const std::vector<NamedType> &tensors,
                                            Metadata metadata, uint64_t digest) {
  metadata[kDigest] = digestText(digest);
  return safetensorsStart(tensors, metadata);
}

absl::Status writeCheckpoint(const std::string &path, const Checkpoint &checkpoint) {
  absl::StatusOr<uint64_t> digest = digestOfAll(checkpoint.tensors, checkpoint.metadata);
  if (!digest.ok())
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", path, ": ", digest.status().message()));
  Metadata metadata = checkpoint.metadata;
  metadata[kDigest] = digestText(*digest);
  return writeSafetensors(path, checkpoint.tensors, metadata);
}

std::optional<std::string> takeDigest(Metadata &metadata) {
  auto digest = metadata.extract(kDigest);
  if (digest.empty()) return std::nullopt;
  return std::move(digest.mapped());
}

absl::Status checkDigest(const std::string &path, const std::optional<std::string> &taken,
                         uint64_t digest) {
  if (!taken || *taken == digestText(digest)) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, ": its content does not match its digest: the file is damaged"));
}

absl::StatusOr<Checkpoint> readCheckpoint(const std::string &path) {
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file.ok()) return file.status();
  Checkpoint checkpoint{{}, file->metadata(), path};
  for (const SafetensorsHeader::Entry &entry : file->entries())
    checkpoint.tensors.emplace_back(entry.name, file->tensor(entry));
  const std::optional<std::string> taken = takeDigest(checkpoint.metadata);
  if (!taken) return checkpoint;
  absl::StatusOr<uint64_t> digest = digestOfAll(checkpoint.tensors, checkpoint.metadata);
  if (absl::Status s = checkDigest(path, taken, digest.value_or(0)); !s.ok()) return s;
  return checkpoint;
}

absl::StatusOr<HostTensor> Checkpoint::tensor(std::string_view name, DType dtype,
                                              const std::vector<int64_t> &dims) const {
  for (const auto &[known, tensor] : tensors) {
    if (known != name) continue;
    if (tensor.dtype() == dtype && tensor.dims() == dims) return tensor;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": tensor '", known, "' is ", tensor.typeStr(), ", expected ", typeStr(dtype, dims)));
  }
  return absl::NotFoundError(absl::StrCat(path, ": there is no tensor '", std::string(name), "'"));
}

absl::StatusOr<std::string> Checkpoint::text(std::string_view key) const {
  auto found = metadata.find(std::string(key));
  if (found == metadata.end())
    return absl::NotFoundError(absl::StrCat(path, ": there is no entry '", std::string(key), "'"));
  return found->second;
}

} // namespace weir::runtime
