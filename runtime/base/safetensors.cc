//===- safetensors.cc - named tensors in a file ---------------------------===//
// The header is parsed with nlohmann's library and then checked field by field.
//===----------------------------------------------------------------------===//
#include "runtime/base/safetensors.h"

#include "runtime/base/file.h"
#include "runtime/base/mapped_file.h"

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
using Entry = SafetensorsHeader::Entry;

constexpr int64_t kMaxHeaderBytes = 100'000'000; // the format's own limit
constexpr const char *kMetadata = "__metadata__";

// The format's names, in the order of DType.
constexpr const char *kNames[] = {"BOOL", "I8",  "I16", "I32",  "I64", "U8", "U16",
                                  "U32",  "U64", "F16", "BF16", "F32", "F64"};

std::optional<DType> parseName(const std::string &name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return static_cast<DType>(i);
  return std::nullopt;
}

std::span<const std::byte> bytesOf(const HostTensor &tensor) {
  return {static_cast<const std::byte *>(tensor.raw()), tensor.bytes()};
}

class HeaderReader {
public:
  HeaderReader(std::span<const std::byte> file, const std::string &path)
      : file(file), fileBytes(static_cast<int64_t>(file.size())), path(path) {}

  absl::StatusOr<SafetensorsHeader> read() {
    uint64_t length = 0;
    if (fileBytes < 8) return bad("not a safetensors file: it has only ", fileBytes, " bytes");
    std::memcpy(&length, file.data(), 8);
    if (length > kMaxHeaderBytes || length < 2)
      return bad("not a safetensors file: it begins with a header length of ", length);
    if (8 + int64_t(length) > fileBytes)
      return bad("truncated: its header has ", length, " bytes, the file ", fileBytes);
    result.dataStart = 8 + static_cast<int64_t>(length);
    if (absl::Status s = parse({reinterpret_cast<const char *>(file.data()) + 8, length}); !s.ok())
      return s;
    if (absl::Status s = readMetadata(); !s.ok()) return s;
    if (absl::Status s = readEntries(); !s.ok()) return s;
    return std::move(result);
  }

private:
  template <typename... Parts> absl::Status bad(const Parts &...parts) const {
    return absl::DataLossError(absl::StrCat(path, ": ", parts...));
  }

  absl::Status parse(std::string_view text) {
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
    tree = text[0] == '{' ? json::parse(text, look, false) : json();
    if (!duplicate.empty()) return bad("its header names '", duplicate, "' twice");
    if (deep || !tree.is_object())
      return bad("not a safetensors file: its header is not a JSON object");
    return absl::OkStatus();
  }

  absl::Status readMetadata() {
    auto found = tree.find(kMetadata);
    if (found == tree.end()) return absl::OkStatus();
    if (!found->is_object()) return bad("its metadata is not a JSON object");
    for (const auto &[key, value] : found->items()) {
      if (!value.is_string()) return bad("its metadata '", key, "' is not a string");
      result.metadata[key] = value.get<std::string>();
    }
    return absl::OkStatus();
  }

  absl::Status readEntries() {
    for (const auto &[name, value] : tree.items()) {
      if (name == kMetadata) continue;
      if (absl::Status s = readEntry(name, value); !s.ok()) return s;
    }
    std::ranges::sort(result.entries, [](const Entry &a, const Entry &b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    int64_t end = 0;
    for (const Entry &entry : result.entries) {
      if (entry.begin != end)
        return bad("tensor '", entry.name, "' begins at byte ", entry.begin,
                   " of the data, the one before ends at ", end);
      end = entry.end;
    }
    if (result.dataStart + end > fileBytes)
      return bad("truncated: its tensors have ", end, " bytes, of which ",
                 fileBytes - result.dataStart, " are there");
    if (result.dataStart + end < fileBytes)
      return bad("it has ", fileBytes - result.dataStart - end, " bytes after its last tensor");
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
    result.entries.push_back({name, *dtype, *std::move(dims), begin, end});
    return absl::OkStatus();
  }

  std::span<const std::byte> file;
  int64_t fileBytes;
  const std::string &path;
  json tree;
  SafetensorsHeader result;
};

} // namespace

absl::StatusOr<SafetensorsHeader> SafetensorsHeader::parse(std::span<const std::byte> file,
                                                           const std::string &name) {
  return HeaderReader(file, name).read();
}

std::vector<NamedType> typesOf(const NamedTensors &tensors) {
  std::vector<NamedType> types;
  for (const auto &[name, tensor] : tensors) types.push_back({name, tensor.dtype(), tensor.dims()});
  return types;
}

absl::StatusOr<std::string> safetensorsHeader(const std::vector<NamedType> &tensors,
                                              const Metadata &metadata) {
  json header = {{kMetadata, metadata}};
  int64_t offset = 0;
  for (const auto &[name, dtype, dims] : tensors) {
    int64_t end = offset + elementCount(dims).value_or(0) * static_cast<int64_t>(dtypeBytes(dtype));
    if (header.contains(name))
      return absl::InvalidArgumentError(absl::StrCat("two tensors are named '", name, "'"));
    header[name] = {{"dtype", kNames[static_cast<size_t>(dtype)]},
                    {"shape", dims},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  try {
    return header.dump();
  } catch (const json::exception &) {
    return absl::InvalidArgumentError("a tensor's name or a text is not UTF-8");
  }
}

absl::StatusOr<std::string> safetensorsStart(const std::vector<NamedType> &tensors,
                                             const Metadata &metadata) {
  absl::StatusOr<std::string> text = safetensorsHeader(tensors, metadata);
  if (!text.ok()) return text;
  // The first tensor begins where a buffer may.
  text->resize(roundUp(text->size() + 8, kBufferAlignment) - 8, ' ');
  const uint64_t length = text->size();
  return std::string(reinterpret_cast<const char *>(&length), 8) + *text;
}

absl::Status writeSafetensors(const std::string &path, const NamedTensors &tensors,
                              const Metadata &metadata) {
  absl::StatusOr<std::string> start = safetensorsStart(typesOf(tensors), metadata);
  if (!start.ok())
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", path, ": ", start.status().message()));
  std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(*start))};
  for (const auto &[name, tensor] : tensors) pieces.push_back(bytesOf(tensor));
  return writeFileAtomically(path, pieces);
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  absl::StatusOr<Bytes> file = mapFile(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<SafetensorsHeader> header =
      SafetensorsHeader::parse({file->data(), file->size()}, path);
  if (!header.ok()) return header.status();
  return SafetensorsFile(path, std::make_shared<Bytes>(*std::move(file)), *std::move(header));
}

const std::byte *SafetensorsFile::bytes(const Entry &entry) const {
  return file->data() + header.dataStart + entry.begin;
}

HostTensor SafetensorsFile::tensor(const Entry &entry) const {
  std::byte *data = file->data() + header.dataStart + entry.begin;
  const auto size = static_cast<size_t>(entry.end - entry.begin);
  const bool aligned = reinterpret_cast<uintptr_t>(data) % kBufferAlignment == 0;
  HostTensor tensor(entry.dtype, entry.dims,
                    aligned ? Bytes::view(file, data, size) : Bytes::copyOf(data, size));
  // An i1 is 0 or 1; other tools may write any byte for true.
  if (entry.dtype == DType::I1 &&
      std::any_of(data, data + size, [](std::byte b) { return std::to_integer<int>(b) > 1; }))
    for (std::byte &b : std::span(static_cast<std::byte *>(tensor.mutableRaw()), size))
      b = std::byte(b != std::byte(0));
  return tensor;
}

absl::StatusOr<HostTensor> SafetensorsFile::tensor(std::string_view name) const {
  for (const Entry &entry : header.entries)
    if (entry.name == name) return tensor(entry);
  return absl::NotFoundError(absl::StrCat(path, ": there is no tensor '", std::string(name), "'"));
}

} // namespace weir::runtime
