//===- checkpoint.cc - named tensors in a file ----------------------------===//
// safetensors: 8 bytes of header length, little-endian; a JSON object that gives each tensor's
// dtype, shape and data_offsets; the tensors' bytes without gaps. "__metadata__" holds strings.
//===----------------------------------------------------------------------===//
#include "runtime/checkpoint/checkpoint.h"

#include "runtime/base/file.h"
#include "runtime/checkpoint/digest.h"

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <set>

namespace weir::runtime {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

using nlohmann::json;

constexpr int64_t kMaxHeaderBytes = 100'000'000; // the format's own limit
constexpr const char *kMetadata = "__metadata__";
constexpr const char *kDigest = "weir.digest";

// The format's names, in the order of DType.
constexpr const char *kNames[] = {"BOOL", "I8",  "I16", "I32",  "I64", "U8", "U16",
                                  "U32",  "U64", "F16", "BF16", "F32", "F64"};

std::optional<DType> parseName(const std::string &name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return static_cast<DType>(i);
  return std::nullopt;
}

std::span<const std::byte> bytesOf(const std::string &text) {
  return std::as_bytes(std::span(text));
}
std::span<const std::byte> bytesOf(const HostTensor &tensor) {
  return {static_cast<const std::byte *>(tensor.raw()), tensor.bytes()};
}

/// Of the header without its own entry, as the JSON library prints it, and of every tensor.
std::string digestOf(const json &header,
                     const std::vector<std::pair<std::string, HostTensor>> &tensors) {
  Digest digest;
  digest.add(bytesOf(header.dump()));
  for (const auto &[name, tensor] : tensors) digest.add(bytesOf(tensor));
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(digest.value()));
  return text;
}

class Reader {
public:
  Reader(const std::string &path, const InputFile &file) : path(path), file(file) {}

  absl::StatusOr<Checkpoint> read() {
    if (absl::Status s = readHeader(); !s.ok()) return s;
    Checkpoint checkpoint;
    checkpoint.path = path;
    if (absl::Status s = takeMetadata(checkpoint.metadata); !s.ok()) return s;
    if (absl::Status s = readEntries(); !s.ok()) return s;
    for (const Entry &entry : entries) {
      HostTensor tensor(entry.dtype, entry.dims);
      std::span<std::byte> target(static_cast<std::byte *>(tensor.mutableRaw()), tensor.bytes());
      if (absl::Status s = file.read(dataStart + entry.begin, target); !s.ok()) return s;
      checkpoint.tensors.emplace_back(entry.name, std::move(tensor));
    }
    auto digest = checkpoint.metadata.find(kDigest);
    if (digest == checkpoint.metadata.end()) return checkpoint;
    header[kMetadata].erase(kDigest);
    if (digestOf(header, checkpoint.tensors) != digest->second)
      return bad("its content does not match its digest: the file is damaged");
    checkpoint.metadata.erase(digest);
    return checkpoint;
  }

private:
  struct Entry {
    std::string name;
    DType dtype;
    std::vector<int64_t> dims;
    int64_t begin, end;
  };

  template <typename... Parts> absl::Status bad(const Parts &...parts) const {
    return absl::DataLossError(absl::StrCat(path, ": ", parts...));
  }

  absl::Status readHeader() {
    uint64_t length = 0;
    if (file.size() < 8) return bad("not a checkpoint: it has only ", file.size(), " bytes");
    if (absl::Status s = file.read(0, std::as_writable_bytes(std::span(&length, 1))); !s.ok())
      return s;
    if (length > kMaxHeaderBytes || length < 2)
      return bad("not a checkpoint: it begins with a header length of ", length);
    if (8 + int64_t(length) > file.size())
      return bad("truncated: its header has ", length, " bytes, the file ", file.size());
    std::string text(length, ' ');
    if (absl::Status s = file.read(8, std::as_writable_bytes(std::span(text))); !s.ok()) return s;
    dataStart = 8 + static_cast<int64_t>(length);
    return parse(text);
  }

  absl::Status parse(const std::string &text) {
    // The library keeps the last of equal keys, and prints by recursion; the format has three
    // levels.
    std::vector<std::set<std::string>> keys;
    std::string duplicate;
    bool deep = false;
    auto look = [&](int depth, json::parse_event_t event, json &value) {
      if (event == json::parse_event_t::object_start) keys.emplace_back();
      if (event == json::parse_event_t::object_end) keys.pop_back();
      if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
        duplicate = value.get<std::string>();
      deep |= depth > 3;
      return !deep;
    };
    header = text[0] == '{' ? json::parse(text, look, false) : json();
    if (!duplicate.empty()) return bad("its header names '", duplicate, "' twice");
    if (deep || !header.is_object())
      return bad("not a checkpoint: its header is not a JSON object");
    return absl::OkStatus();
  }

  absl::Status takeMetadata(std::map<std::string, std::string> &metadata) const {
    auto found = header.find(kMetadata);
    if (found == header.end()) return absl::OkStatus();
    if (!found->is_object()) return bad("its metadata is not a JSON object");
    for (const auto &[key, value] : found->items()) {
      if (!value.is_string()) return bad("its metadata '", key, "' is not a string");
      metadata[key] = value.get<std::string>();
    }
    return absl::OkStatus();
  }

  absl::Status readEntries() {
    for (const auto &[name, value] : header.items()) {
      if (name == kMetadata) continue;
      if (absl::Status s = readEntry(name, value); !s.ok()) return s;
    }
    std::ranges::sort(entries, [](const Entry &a, const Entry &b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    int64_t end = 0;
    for (const Entry &entry : entries) {
      if (entry.begin != end)
        return bad("tensor '", entry.name, "' begins at byte ", entry.begin,
                   " of the data, the one before ends at ", end);
      end = entry.end;
    }
    if (dataStart + end > file.size())
      return bad("truncated: its tensors have ", end, " bytes, of which ", file.size() - dataStart,
                 " are there");
    if (dataStart + end < file.size())
      return bad("it has ", file.size() - dataStart - end, " bytes after its last tensor");
    return absl::OkStatus();
  }

  /// A whole number >= 0, or nothing.
  static std::optional<int64_t> natural(const json &value) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t(INT64_MAX))
      return std::nullopt;
    return value.get<int64_t>();
  }

  static std::optional<std::vector<int64_t>> naturals(const json &object, const char *key) {
    auto found = object.find(key);
    if (found == object.end() || !found->is_array()) return std::nullopt;
    std::vector<int64_t> numbers;
    for (const json &item : *found) {
      std::optional<int64_t> number = natural(item);
      if (!number) return std::nullopt;
      numbers.push_back(*number);
    }
    return numbers;
  }

  absl::Status readEntry(const std::string &name, const json &value) {
    if (!value.is_object()) return bad("tensor '", name, "' is not described by a JSON object");
    auto type = value.find("dtype");
    if (type == value.end() || !type->is_string()) return bad("tensor '", name, "' has no dtype");
    std::optional<DType> dtype = parseName(type->get<std::string>());
    if (!dtype)
      return bad("tensor '", name, "' has the unknown dtype '", type->get<std::string>(), "'");
    auto dims = naturals(value, "shape"), offsets = naturals(value, "data_offsets");
    if (!dims) return bad("tensor '", name, "' has no valid shape");
    if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1])
      return bad("tensor '", name, "' has no valid data_offsets");
    int64_t begin = (*offsets)[0], end = (*offsets)[1], bytes = 0;
    std::optional<int64_t> count = elementCount(*dims);
    if (!count || __builtin_mul_overflow(*count, int64_t(dtypeBytes(*dtype)), &bytes) ||
        bytes != end - begin)
      return bad("tensor '", name, "' is ", typeStr(*dtype, *dims), " but has ", end - begin,
                 " bytes");
    entries.push_back({name, *dtype, *std::move(dims), begin, end});
    return absl::OkStatus();
  }

  const std::string &path;
  const InputFile &file;
  json header;
  int64_t dataStart = 0;
  std::vector<Entry> entries;
};

} // namespace

absl::Status writeCheckpoint(const std::string &path, const Checkpoint &checkpoint) {
  json header = {{kMetadata, json::object()}};
  for (const auto &[key, value] : checkpoint.metadata) header[kMetadata][key] = value;
  int64_t offset = 0;
  for (const auto &[name, tensor] : checkpoint.tensors) {
    int64_t end = offset + static_cast<int64_t>(tensor.bytes());
    if (header.contains(name))
      return absl::InvalidArgumentError(
          absl::StrCat("cannot write ", path, ": two tensors are named '", name, "'"));
    header[name] = {{"dtype", kNames[static_cast<size_t>(tensor.dtype())]},
                    {"shape", tensor.dims()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    header[kMetadata][kDigest] = digestOf(header, checkpoint.tensors);
    text = header.dump();
  } catch (const json::exception &) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", path, ": a tensor's name or a text is not UTF-8"));
  }
  text.resize(roundUp(text.size(), 8), ' ');
  uint64_t length = text.size();
  std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(&length, 1)),
                                                    bytesOf(text)};
  for (const auto &[name, tensor] : checkpoint.tensors) pieces.push_back(bytesOf(tensor));
  return writeFileAtomically(path, pieces);
}

absl::StatusOr<Checkpoint> readCheckpoint(const std::string &path) {
  absl::StatusOr<InputFile> file = InputFile::open(path);
  if (!file.ok()) return file.status();
  return Reader(path, *file).read();
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
