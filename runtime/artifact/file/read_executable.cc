// The checks on the way in.
#include "runtime/artifact/file/encode.h"
#include "runtime/artifact/file/executable_file.h"
#include "runtime/artifact/file/layout.h"
#include "runtime/base/mapped_file.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstring>

namespace weir::runtime {

std::vector<std::string> supportedLevels() {
  std::vector<std::string> levels;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) levels.push_back("x86-64-v4");
  if (__builtin_cpu_supports("x86-64-v3")) levels.push_back("x86-64-v3");
  return levels;
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
  /// The level that runs here: an entry for each size of the batch.
  absl::StatusOr<std::vector<const proto::Level *>> choose(const std::string &wanted) const;
  absl::StatusOr<std::shared_ptr<const Executable>> readLevel(const proto::Level &level,
                                                              const BatchExecutable &batch) const;
  bool isModest(const std::vector<const proto::Level *> &levels) const;
  absl::StatusOr<BatchExecutable> readSizes(const std::vector<const proto::Level *> &levels) const;
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

absl::StatusOr<std::vector<const proto::Level *>> Reader::choose(const std::string &wanted) const {
  std::vector<std::string> here = supportedLevels();
  std::string offered, last;
  std::vector<const proto::Level *> chosen;
  for (const proto::Level &level : file.levels()) {
    bool runs = std::ranges::find(here, level.cpu()) != here.end() || wanted == kCudaLevel;
    if (runs && (wanted.empty() || level.cpu() == wanted) &&
        (chosen.empty() || level.cpu() == chosen[0]->cpu()))
      chosen.push_back(&level);
    if (level.cpu() != last) absl::StrAppend(&offered, offered.empty() ? "" : ", ", level.cpu());
    last = level.cpu();
  }
  if (!chosen.empty()) return chosen;
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
    auto size = elementCount(wholeDims(variable));
    if (!size || static_cast<uint64_t>(*size) * dtypeBytes(variable.dtype) != value->size())
      return damaged(
          absl::StrCat("variable ", variable.name, ": the size is not that of its type"));
    loaded.values.emplace_back(variable.dtype, wholeDims(variable), *std::move(value));
  }
  return absl::OkStatus();
}

template <typename Ports, typename Entries> bool decodePorts(const Ports &ports, Entries &entries) {
  return std::ranges::all_of(
      ports, [&](const auto &port) { return decodePort(port, entries.emplace_back()); });
}

/// `batch` says which dims of the ports are those of a batch.
absl::StatusOr<std::shared_ptr<const Executable>>
Reader::readLevel(const proto::Level &level, const BatchExecutable &batch) const {
  auto executable = std::make_shared<Executable>();
  executable->name = file.name();
  if (!decode(level, *executable) || !decodePorts(file.inputs(), executable->inputs) ||
      !decodePorts(file.outputs(), executable->outputs) ||
      !decodePorts(file.variables(), executable->variables))
    return damaged("the metadata are malformed");
  for (const proto::MeshAxis &axis : file.mesh())
    executable->mesh.push_back({axis.name(), axis.size()});
  auto setRows = [&](auto &ports, const std::vector<int64_t> &leading) {
    for (size_t i = 0; i < ports.size(); ++i) {
      if (leading[i] == 0) continue;
      if (leading[i] < 0 || ports[i].dims.empty() ||
          __builtin_mul_overflow(leading[i], level.rows(), &ports[i].dims[0]))
        return false;
    }
    return true;
  };
  if (!setRows(executable->inputs, batch.inputs) || !setRows(executable->outputs, batch.outputs))
    return damaged("a port has no such batch");
  auto code = section(level.code(), "machine code");
  if (!code.ok()) return code.status();
  const auto *first = reinterpret_cast<const uint8_t *>(code->data());
  executable->image.assign(first, first + code->size());
  auto constants = section(level.constants(), "constants");
  if (!constants.ok()) return constants.status();
  executable->constants = *std::move(constants);
  return executable;
}

/// Sizes of a batch share what is in the file once; a small file must not become much by that.
bool Reader::isModest(const std::vector<const proto::Level *> &levels) const {
  constexpr double mostPorts = 1 << 20, mostCode = 64 << 20;
  const double ports = double(file.inputs_size()) + file.outputs_size() + file.variables_size();
  double code = 0;
  for (const proto::Level *level : levels) code += double(level->code().size());
  return levels.size() == 1 || (ports * double(levels.size()) <= mostPorts &&
                                code <= mostCode + 16 * double(bytes.size()));
}

absl::StatusOr<BatchExecutable>
Reader::readSizes(const std::vector<const proto::Level *> &levels) const {
  if (!isModest(levels)) return damaged("has too many sizes of a batch");
  BatchExecutable batch;
  for (const proto::Port &port : file.inputs()) batch.inputs.push_back(port.batch());
  for (const proto::Port &port : file.outputs()) batch.outputs.push_back(port.batch());
  for (const proto::Level *level : levels) {
    auto executable = readLevel(*level, batch);
    if (!executable.ok()) return executable.status();
    batch.sizes.push_back({batch.isRange() ? level->rows() : 1, *std::move(executable)});
  }
  const auto areDims = [](const auto &ports, const auto &entries) {
    return std::ranges::equal(ports, entries, [](const proto::Port &port, const auto &entry) {
      return std::ranges::equal(port.dims(), entry.dims);
    });
  };
  if (!areDims(file.inputs(), batch.largest().inputs) ||
      !areDims(file.outputs(), batch.largest().outputs))
    return damaged("a port is not that of the largest batch");
  return batch;
}

absl::StatusOr<LoadedExecutable> Reader::load(const std::string &wanted) {
  if (absl::Status s = readMetadata(); !s.ok()) return s;
  auto levels = choose(wanted);
  if (!levels.ok()) return levels.status();
  auto batch = readSizes(*levels);
  if (!batch.ok()) return batch.status();
  if (absl::Status s = verify(*batch); !s.ok()) return s;
  LoadedExecutable loaded{(*levels)[0]->cpu(),
                          file.compiler(),
                          batch->sizes.back().executable,
                          std::make_shared<const BatchExecutable>(*std::move(batch)),
                          {}};
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
