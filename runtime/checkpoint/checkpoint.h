//===- checkpoint.h - named tensors in a file -------------------*- C++ -*-===//
// The state of a training run (variables, and text such as the step, the seed and the
// configuration) in the safetensors format, so that other tools read it. Written atomically; read
// with everything checked. A digest in the metadata covers header and data: a file with a flipped
// bit is refused, not loaded.
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/host_tensor.h"
#include "runtime/base/safetensors.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::runtime {

struct Checkpoint {
  /// In the order of the file. Names are unique.
  std::vector<std::pair<std::string, HostTensor>> tensors;
  /// "step", "seed", ...: whatever the writer needs, as UTF-8.
  std::map<std::string, std::string> metadata;
  /// The file it was read from, for messages; empty otherwise.
  std::string path;

  /// The tensor `name` if it has this type. Errors name the file, the tensor, and both types.
  absl::StatusOr<HostTensor> tensor(std::string_view name, DType dtype,
                                    const std::vector<int64_t> &dims) const;
  /// The metadata entry `key`. Error: there is none.
  absl::StatusOr<std::string> text(std::string_view key) const;
};

/// Replaces `path` with `checkpoint`, or leaves it as it was and says why.
/// Errors: two tensors of one name, a name or text that is not UTF-8, or the file system's.
absl::Status writeCheckpoint(const std::string &path, const Checkpoint &checkpoint);

// For processes that have a file's tensors between them (distributed/session/checkpoint.h).

/// What the header adds to the digest of a file, to which each tensor adds `digestOf` its elements.
absl::StatusOr<uint64_t> digestOfHeader(const std::vector<NamedType> &tensors,
                                        const Metadata &metadata);
/// All that the file has before the tensors.
absl::StatusOr<std::string> checkpointStart(const std::vector<NamedType> &tensors,
                                            Metadata metadata, uint64_t digest);

/// The digest that the metadata of a file have, which is taken out of them; none of another tool's.
std::optional<std::string> takeDigest(Metadata &metadata);
/// Error: one was taken, and `digest` of what the file has is another.
absl::Status checkDigest(const std::string &path, const std::optional<std::string> &taken,
                         uint64_t digest);

/// Errors: no such file; truncated; not a safetensors file; a header that is not what the format
/// demands (offsets that overlap, leave gaps or pass the end, sizes that do not fit the type); a
/// digest that does not match. Each names the file and, where there is one, the tensor. A file
/// without a digest (another tool's) is read without that check.
absl::StatusOr<Checkpoint> readCheckpoint(const std::string &path);

} // namespace weir::runtime
