// The layout of the file.
#include "runtime/artifact/file/executable_file.h"

#include "runtime/artifact/file/encode.h"
#include "runtime/artifact/file/layout.h"
#include "runtime/base/file.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace weir::runtime {

namespace {

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
    return x.name == y.name && x.dtype == y.dtype && x.dims == y.dims && x.whole == y.whole;
  });
}

absl::Status checkLevels(const std::vector<LevelExecutable> &levels,
                         const std::vector<HostTensor> &values) {
  if (levels.empty()) return absl::InvalidArgumentError("an executable file needs a level");
  for (const LevelExecutable &level : levels) {
    if (level.batch.sizes.empty()) return absl::InvalidArgumentError("a level has no executable");
    if (level.batch.sizes.size() == 1) continue; // verified when it is loaded
    if (absl::Status s = verify(level.batch); !s.ok()) return s;
  }
  const BatchExecutable &batch = levels[0].batch;
  const Executable &first = batch.largest();
  for (const LevelExecutable &level : levels) {
    const Executable &other = level.batch.largest();
    if (!samePorts(first.inputs, other.inputs) || !samePorts(first.outputs, other.outputs) ||
        !samePorts(first.variables, other.variables) || batch.inputs != level.batch.inputs ||
        batch.outputs != level.batch.outputs || batch.most() != level.batch.most())
      return absl::InvalidArgumentError(
          absl::StrCat("levels ", levels[0].cpu, " and ", level.cpu, " differ in their ports"));
    if (first.mesh != other.mesh)
      return absl::InvalidArgumentError(
          absl::StrCat("levels ", levels[0].cpu, " and ", level.cpu, " are for different meshes"));
    if (level.batch.isRange() && !other.mesh.empty())
      return absl::InvalidArgumentError("a program for a mesh has one size of its batch");
  }
  if (values.empty()) return absl::OkStatus();
  if (values.size() != first.variables.size())
    return absl::InvalidArgumentError(
        absl::StrCat(values.size(), " values for ", first.variables.size(), " variables"));
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].dtype() != first.variables[i].dtype ||
        values[i].dims() != wholeDims(first.variables[i]))
      return absl::InvalidArgumentError(
          absl::StrCat("variable '", first.variables[i].name, "' has a value of another type"));
  return absl::OkStatus();
}

/// The metadata; sections are counted from the first one's start.
proto::ExecutableFile describe(const std::vector<LevelExecutable> &levels,
                               const std::vector<HostTensor> &values, Sections &sections) {
  const BatchExecutable &batch = levels[0].batch;
  const Executable &first = batch.largest();
  proto::ExecutableFile file;
  file.set_name(first.name);
  file.set_compiler(kCompiler);
  for (const LevelExecutable &from : levels)
    for (const BatchExecutable::Size &size : from.batch.sizes) {
      proto::Level &level = *file.add_levels();
      level.set_cpu(from.cpu);
      if (batch.isRange()) level.set_rows(size.rows);
      encode(*size.executable, level);
      const Bytes &constants = size.executable->constants;
      *level.mutable_code() = sections.add(std::as_bytes(std::span(size.executable->image)));
      *level.mutable_constants() = sections.add({constants.data(), constants.size()});
    }
  for (size_t i = 0; i < first.inputs.size(); ++i)
    *file.add_inputs() = encodePort(first.inputs[i], batch.inputs[i]);
  for (size_t i = 0; i < first.outputs.size(); ++i)
    *file.add_outputs() = encodePort(first.outputs[i], batch.outputs[i]);
  for (const Variable &port : first.variables) *file.add_variables() = encodePort(port);
  for (const MeshAxis &axis : first.mesh) {
    file.add_mesh()->set_name(axis.name);
    file.mutable_mesh()->rbegin()->set_size(axis.size);
  }
  for (const HostTensor &value : values)
    *file.add_values() = sections.add({static_cast<const std::byte *>(value.raw()), value.bytes()});
  return file;
}

/// The oldest that has all that the levels need.
uint32_t versionOf(const std::vector<LevelExecutable> &levels) {
  const auto has = [&](auto isSuch) {
    for (const LevelExecutable &level : levels)
      for (const BatchExecutable::Size &size : level.batch.sizes)
        if (std::ranges::any_of(size.executable->kernels, isSuch)) return true;
    return false;
  };
  if (has([](const Kernel &kernel) { return kernel.convolution.has_value(); })) return kVersion;
  if (has([](const Kernel &kernel) { return kernel.product.has_value(); }))
    return kVersionWithoutConvolutions;
  if (!levels[0].batch.largest().mesh.empty()) return kVersionWithoutLibraries;
  return levels[0].batch.isRange() ? kVersionWithoutMesh : kVersionWithoutRanges;
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

absl::Status writeExecutableFile(const std::string &path,
                                 const std::vector<LevelExecutable> &levels,
                                 const std::vector<HostTensor> &values) {
  if (absl::Status s = checkLevels(levels, values); !s.ok()) return s;
  Sections sections;
  const proto::ExecutableFile file = describe(levels, values, sections);
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
  header.version = versionOf(levels);
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

} // namespace weir::runtime
