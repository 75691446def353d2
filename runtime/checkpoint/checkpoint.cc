//===- checkpoint.cc - named tensors in a file ----------------------------===//
// A safetensors file whose metadata has a digest of the rest.
//===----------------------------------------------------------------------===//
#include "runtime/checkpoint/checkpoint.h"

#include "runtime/base/safetensors.h"
#include "runtime/checkpoint/digest.h"

#include <absl/strings/str_cat.h>

#include <cstdio>
#include <span>

namespace weir::runtime {

namespace {

constexpr const char *kDigest = "weir.digest";

/// Of the header without its own entry, as the JSON library prints it, and of every tensor.
absl::StatusOr<std::string> digestOf(const NamedTensors &tensors, const Metadata &metadata) {
  absl::StatusOr<std::string> header = safetensorsHeader(tensors, metadata);
  if (!header.ok()) return header.status();
  Digest digest;
  digest.add(std::as_bytes(std::span(*header)));
  for (const auto &[name, tensor] : tensors)
    digest.add({static_cast<const std::byte *>(tensor.raw()), tensor.bytes()});
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(digest.value()));
  return text;
}

} // namespace

absl::Status writeCheckpoint(const std::string &path, const Checkpoint &checkpoint) {
  absl::StatusOr<std::string> digest = digestOf(checkpoint.tensors, checkpoint.metadata);
  if (!digest.ok())
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", path, ": ", digest.status().message()));
  Metadata metadata = checkpoint.metadata;
  metadata[kDigest] = *digest;
  return writeSafetensors(path, checkpoint.tensors, metadata);
}

absl::StatusOr<Checkpoint> readCheckpoint(const std::string &path) {
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file.ok()) return file.status();
  Checkpoint checkpoint{{}, file->metadata(), path};
  for (const SafetensorsHeader::Entry &entry : file->entries())
    checkpoint.tensors.emplace_back(entry.name, file->tensor(entry));
  auto digest = checkpoint.metadata.extract(kDigest);
  if (digest.empty()) return checkpoint;
  absl::StatusOr<std::string> expected = digestOf(checkpoint.tensors, checkpoint.metadata);
  if (!expected.ok() || *expected != digest.mapped())
    return absl::DataLossError(
        absl::StrCat(path, ": its content does not match its digest: the file is damaged"));
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
