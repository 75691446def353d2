// The layout of the file, and the checks on the way in.
#include "runtime/artifact/file/executable_file.h"

#include "runtime/artifact/file/encode.h"
#include "runtime/artifact/verify.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/file.h"
#include "runtime/base/mapped_file.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::runtime {

namespace {

constexpr std::array<char, 8> kMagic = {'W', 'E', 'I', 'R', 'X', '\r', '\n', '\x1a'};
constexpr uint32_t kVersion = 1;
constexpr const char *kCompiler = "weir 0.1";
constexpr int64_t kPage = 4096;

/// The first bytes of the file, little-endian as the processors that it is for.
struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t metadataCrc = 0;
  uint64_t fileBytes = 0;
  uint64_t metadataBytes = 0; // right after the header
  uint32_t unused[7] = {};
  uint32_t headerCrc = 0; // of all before
};
static_assert(sizeof(Header) == 64);

uint32_t headerSum(const Header &header) {
  return crc32c(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, headerCrc)));
}

using Piece = std::span<const std::byte>;

/// The sections in the order they are added; equal ones once.
class Sections {
public:
  proto::Section add(Piece bytes) {
    proto::Section section;
    section.set_size(bytes.size());
    section.set_crc32c(crc32c(bytes));
    for (size_t i = 0; i < pieces.size(); ++i)
      if (pieces[i].size() == bytes.size() && std::ranges::equal(pieces[i], bytes)) {
        section.set_offset(static_cast<uint64_t>(offsets[i]));
        return section;
      }
    pieces.push_back(bytes);
    offsets.push_back(end);
    section.set_offset(static_cast<uint64_t>(end));
    end = roundUp(end + static_cast<int64_t>(bytes.size()), kPage);
    return section;
  }

  std::vector<Piece> pieces;
  std::vector<int64_t> offsets; // from the first section's start
  int64_t end = 0;
};

template <typename Ports> bool samePorts(const Ports &a, const Ports &b) {
  return std::ranges::equal(a, b, [](const auto &x, const auto &y) {
    return x.name == y.name && x.dtype == y.dtype && x.dims == y.dims;
  });
}

absl::Status checkLevels(const std::vector<LevelExecutable> &levels,
                         const std::vector<HostTensor> &values) {
  if (levels.empty()) return absl::InvalidArgumentError("an executable file needs a level");
  const Executable &first = *levels[0].executable;
  for (const LevelExecutable &level : levels) {
    const Executable &other = *level.executable;
    if (!samePorts(first.inputs, other.inputs) || !samePorts(first.outputs, other.outputs) ||
        !samePorts(first.variables, other.variables))
      return absl::InvalidArgumentError(
          absl::StrCat("levels ", levels[0].cpu, " and ", level.cpu, " differ in their ports"));
  }
  if (values.empty()) return absl::OkStatus();
  if (values.size() != first.variables.size())
    return absl::InvalidArgumentError(
        absl::StrCat(values.size(), " values for ", first.variables.size(), " variables"));
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].dtype() != first.variables[i].dtype ||
        values[i].dims() != first.variables[i].dims)
      return absl::InvalidArgumentError(
          absl::StrCat("variable '", first.variables[i].name, "' has a value of another type"));
  return absl::OkStatus();
}

/// Moves every section by `start`.
void placeSections(proto::ExecutableFile &file, uint64_t start) {
  for (proto::Level &level : *file.mutable_levels())
    for (proto::Section *section : {level.mutable_code(), level.mutable_constants()})
      section->set_offset(section->offset() + start);
  for (proto::Section &section : *file.mutable_values())
    section.set_offset(section.offset() + start);
}

} // namespace

std::vector<std::string> supportedLevels() {
  std::vector<std::string> levels;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) levels.push_back("x86-64-v4");
  if (__builtin_cpu_supports("x86-64-v3")) levels.push_back("x86-64-v3");
  return levels;
}

absl::Status writeExecutableFile(const std::string &path,
                                 const std::vector<LevelExecutable> &levels,
                                 const std::vector<HostTensor> &values) {
  if (absl::Status s = checkLevels(levels, values); !s.ok()) return s;
  const Executable &first = *levels[0].executable;
  proto::ExecutableFile file;
  Sections sections;
  file.set_name(first.name);
  file.set_compiler(kCompiler);
  for (const LevelExecutable &from : levels) {
    proto::Level &level = *file.add_levels();
    level.set_cpu(from.cpu);
    encode(*from.executable, level);
    const Bytes &constants = from.executable->constants;
    *level.mutable_code() = sections.add(std::as_bytes(std::span(from.executable->image)));
    *level.mutable_constants() = sections.add({constants.data(), constants.size()});
  }
  for (const Input &port : first.inputs)
    *file.add_inputs() = encode(port.name, port.dtype, port.dims);
  for (const Output &port : first.outputs)
    *file.add_outputs() = encode(port.name, port.dtype, port.dims);
  for (const Variable &port : first.variables)
    *file.add_variables() = encode(port.name, port.dtype, port.dims);
  for (const HostTensor &value : values)
    *file.add_values() = sections.add({static_cast<const std::byte *>(value.raw()), value.bytes()});

  // Offsets are as long as they get; the metadata's size does not depend on them any more then.
  std::string metadata;
  uint64_t start = 0;
  for (uint64_t previous = 1; start != previous;) {
    proto::ExecutableFile placed = file;
    placeSections(placed, previous = start);
    if (!placed.SerializeToString(&metadata))
      return absl::InvalidArgumentError("the executable's metadata are too large");
    start = static_cast<uint64_t>(
        roundUp(static_cast<int64_t>(sizeof(Header) + metadata.size()), kPage));
  }
  Header header;
  header.metadataBytes = metadata.size();
  header.metadataCrc = crc32c(std::as_bytes(std::span(metadata)));
  header.fileBytes = start + static_cast<uint64_t>(sections.end);
  header.headerCrc = headerSum(header);

  static constexpr std::array<std::byte, kPage> zeros{};
  std::vector<Piece> pieces = {std::as_bytes(std::span(&header, 1)),
                               std::as_bytes(std::span(metadata))};
  auto pad = [&](int64_t size) {
    pieces.push_back(Piece(zeros).first(static_cast<size_t>(roundUp(size, kPage) - size)));
  };
  pad(static_cast<int64_t>(sizeof header + metadata.size()));
  for (Piece piece : sections.pieces) {
    pieces.push_back(piece);
    pad(static_cast<int64_t>(piece.size()));
  }
  return writeFileAtomically(path, pieces);
}

namespace {

/// One file on its way in.
class Reader {
public:
  Reader(const std::string &path, Bytes bytes) : path(path), bytes(std::move(bytes)) {}

  absl::StatusOr<LoadedExecutable> load(const std::string &wanted);

private:
  absl::Status damaged(const std::string &what) const {
    return absl::DataLossError(absl::StrCat(path, ": ", what));
  }
  absl::Status readMetadata();
  absl::StatusOr<const proto::Level *> choose(const std::string &wanted) const;
  /// A checked section, in the file's pages.
  absl::StatusOr<Bytes> section(const proto::Section &section, const std::string &what) const;
  absl::Status readValues(LoadedExecutable &loaded) const;

  const std::string &path;
  Bytes bytes;
  proto::ExecutableFile file;
};

absl::Status Reader::readMetadata() {
  Header header;
  if (bytes.size() < sizeof header || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not a Weir executable"));
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version > kVersion)
    return absl::FailedPreconditionError(absl::StrCat(path, ": has format version ", header.version,
                                                      "; this runtime reads versions up to ",
                                                      kVersion));
  if (header.headerCrc != headerSum(header)) return damaged("the header is damaged");
  if (header.fileBytes != bytes.size())
    return damaged(absl::StrCat("has ", bytes.size(), " bytes, but ", header.fileBytes,
                                " were written: it is truncated or damaged"));
  if (header.metadataBytes > bytes.size() - sizeof header) return damaged("the header is damaged");
  Piece metadata(bytes.data() + sizeof header, header.metadataBytes);
  if (crc32c(metadata) != header.metadataCrc) return damaged("the metadata are damaged");
  if (metadata.size() > INT32_MAX ||
      !file.ParseFromArray(metadata.data(), static_cast<int>(metadata.size())))
    return damaged("the metadata cannot be read");
  return absl::OkStatus();
}

absl::StatusOr<const proto::Level *> Reader::choose(const std::string &wanted) const {
  std::vector<std::string> here = supportedLevels();
  std::string offered;
  for (const proto::Level &level : file.levels()) {
    bool runs = std::ranges::find(here, level.cpu()) != here.end() || wanted == kCudaLevel;
    if (runs && (wanted.empty() || level.cpu() == wanted)) return &level;
    absl::StrAppend(&offered, offered.empty() ? "" : ", ", level.cpu());
  }
  std::string have;
  for (const std::string &level : here) absl::StrAppend(&have, have.empty() ? "" : ", ", level);
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": is for ", offered, "; this processor has ",
                   have.empty() ? "none of the known levels" : have,
                   wanted.empty() ? "" : ", and " + wanted + " was asked for",
                   offered == kCudaLevel ? "; weir run --device cuda runs it" : ""));
}

absl::StatusOr<Bytes> Reader::section(const proto::Section &section,
                                      const std::string &what) const {
  if (section.size() > bytes.size() || section.offset() > bytes.size() - section.size() ||
      section.offset() % kPage)
    return damaged(absl::StrCat(what, ": lies outside the file"));
  std::byte *start = bytes.data() + section.offset();
  if (crc32c({start, section.size()}) != section.crc32c())
    return damaged(absl::StrCat(what, ": the checksum differs, so the file is damaged"));
  return Bytes::view(std::make_shared<Bytes>(bytes), start, section.size());
}

absl::Status Reader::readValues(LoadedExecutable &loaded) const {
  const std::vector<Variable> &variables = loaded.executable->variables;
  if (file.values().empty()) return absl::OkStatus();
  if (static_cast<size_t>(file.values_size()) != variables.size())
    return damaged("the number of values is not that of the variables");
  for (size_t i = 0; i < variables.size(); ++i) {
    const Variable &variable = variables[i];
    auto value = section(file.values(static_cast<int>(i)), "variable " + variable.name);
    if (!value.ok()) return value.status();
    auto size = elementCount(variable.dims);
    if (!size || static_cast<uint64_t>(*size) * dtypeBytes(variable.dtype) != value->size())
      return damaged(
          absl::StrCat("variable ", variable.name, ": the size is not that of its type"));
    loaded.values.emplace_back(variable.dtype, variable.dims, *std::move(value));
  }
  return absl::OkStatus();
}

template <typename Ports, typename Entries> bool decodePorts(const Ports &ports, Entries &entries) {
  return std::ranges::all_of(
      ports, [&](const auto &port) { return decodePort(port, entries.emplace_back()); });
}

absl::StatusOr<LoadedExecutable> Reader::load(const std::string &wanted) {
  if (absl::Status s = readMetadata(); !s.ok()) return s;
  auto level = choose(wanted);
  if (!level.ok()) return level.status();
  auto executable = std::make_shared<Executable>();
  executable->name = file.name();
  if (!decode(**level, *executable) || !decodePorts(file.inputs(), executable->inputs) ||
      !decodePorts(file.outputs(), executable->outputs) ||
      !decodePorts(file.variables(), executable->variables))
    return damaged("the metadata are malformed");
  auto code = section((*level)->code(), "machine code");
  if (!code.ok()) return code.status();
  const auto *first = reinterpret_cast<const uint8_t *>(code->data());
  executable->image.assign(first, first + code->size());
  auto constants = section((*level)->constants(), "constants");
  if (!constants.ok()) return constants.status();
  executable->constants = *std::move(constants);
  if (absl::Status s = verify(*executable); !s.ok()) return s;
  LoadedExecutable loaded{(*level)->cpu(), file.compiler(), executable, {}};
  if (absl::Status s = readValues(loaded); !s.ok()) return s;
  return loaded;
}

} // namespace

absl::StatusOr<LoadedExecutable> readExecutableFile(const std::string &path,
                                                    const std::string &level) {
  auto bytes = mapFile(path);
  if (!bytes.ok()) return bytes.status();
  return Reader(path, *std::move(bytes)).load(level);
}

} // namespace weir::runtime
