//===- safetensors.h - named tensors in a file ------------------*- C++ -*-===//
// The safetensors format: 8 bytes of header length, little-endian; a JSON object that gives each
// tensor's dtype, shape and data_offsets; the tensors' bytes without gaps. "__metadata__" holds
// strings. Reading checks all that the format demands before any tensor is touched.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/host_tensor.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::runtime {

using NamedTensors = std::vector<std::pair<std::string, HostTensor>>;
using Metadata = std::map<std::string, std::string>;

/// A file's content, without the tensors' bytes.
struct SafetensorsHeader {
  struct Entry {
    std::string name;
    DType dtype;
    std::vector<int64_t> dims;
    int64_t begin, end; ///< bytes of the data
  };
  std::vector<Entry> entries; ///< in the order of the data
  Metadata metadata;
  int64_t dataStart = 0; ///< byte of the file where the data begins

  /// Of a whole file's bytes; `name` is what errors call it. Errors: truncated; a header that is
  /// not what the format demands (offsets that overlap, leave gaps or pass the end, sizes that do
  /// not fit the type). Each names the file and, where there is one, the tensor.
  static absl::StatusOr<SafetensorsHeader> parse(std::span<const std::byte> file,
                                                 const std::string &name);
};

/// A tensor of a file, without its bytes.
struct NamedType {
  std::string name;
  DType dtype;
  std::vector<int64_t> dims;
};
std::vector<NamedType> typesOf(const NamedTensors &tensors);

/// The JSON object as text, not padded. Error: two tensors of one name, a name or text that is not
/// UTF-8.
absl::StatusOr<std::string> safetensorsHeader(const std::vector<NamedType> &tensors,
                                              const Metadata &metadata);
/// All that a file has before the tensors' bytes, which follow each other.
absl::StatusOr<std::string> safetensorsStart(const std::vector<NamedType> &tensors,
                                             const Metadata &metadata);

/// Replaces `path`, or leaves it as it was and says why.
absl::Status writeSafetensors(const std::string &path, const NamedTensors &tensors,
                              const Metadata &metadata = {});

/// A mapped file: opening reads the header alone.
class SafetensorsFile {
public:
  static absl::StatusOr<SafetensorsFile> open(const std::string &path);

  const std::vector<SafetensorsHeader::Entry> &entries() const { return header.entries; }
  const Metadata &metadata() const { return header.metadata; }
  /// A tensor that shares the mapping where its bytes lie as kernels need them, else a copy.
  absl::StatusOr<HostTensor> tensor(std::string_view name) const;
  HostTensor tensor(const SafetensorsHeader::Entry &entry) const;
  /// Its bytes where they are mapped, at any address; as long as this lives.
  const std::byte *bytes(const SafetensorsHeader::Entry &entry) const;

private:
  SafetensorsFile(std::string path, std::shared_ptr<Bytes> file, SafetensorsHeader header)
      : path(std::move(path)), file(std::move(file)), header(std::move(header)) {}

  std::string path;
  std::shared_ptr<Bytes> file; ///< tensors that share it count as copies of each other
  SafetensorsHeader header;
};

} // namespace weir::runtime
