// .weirx executables. Their checksums refuse nearly every change, so mutate() changes the metadata
// and makes the sums right again: what is left to refuse it is verify(). Nothing is run.
#include "runtime/artifact/file/executable.pb.h"
#include "runtime/artifact/file/executable_file.h"
#include "runtime/artifact/test_executable.h"
#include "runtime/base/crc32c.h"
#include "tests/fuzz/parsers/mutation.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sys/mman.h>
#include <unistd.h>

namespace weir::fuzz {

namespace {

using namespace runtime;

// Where executable_file.cc puts what: magic, version, the metadata's sum, sizes of the file and the
// metadata, the header's own sum; then the metadata.
constexpr size_t kMetadataSum = 12, kFileSize = 16, kMetadataSize = 24, kHeaderSum = 60,
                 kHeader = 64;

template <typename T> T numberAt(const std::string &bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
template <typename T> void put(std::string &bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
uint32_t sum(std::string_view bytes) {
  return crc32c(std::as_bytes(std::span(bytes)));
}

/// A file in memory; removed with the object.
class MemoryFile {
public:
  MemoryFile() : descriptor(memfd_create("fuzz", 0)) {
    if (descriptor < 0) std::abort();
  }
  ~MemoryFile() { close(descriptor); }
  void write(std::string_view bytes) const {
    if (::write(descriptor, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      std::abort();
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor); }

private:
  int descriptor;
};

/// The sums of the sections that lie in the file, as they are now.
void sumSections(proto::ExecutableFile &file, const std::string &bytes) {
  auto fix = [&](proto::Section &section) {
    if (section.size() <= bytes.size() && section.offset() <= bytes.size() - section.size())
      section.set_crc32c(sum(std::string_view(bytes).substr(section.offset(), section.size())));
  };
  for (proto::Level &level : *file.mutable_levels()) {
    fix(*level.mutable_code());
    fix(*level.mutable_constants());
  }
  for (proto::Section &section : *file.mutable_values()) fix(section);
}

std::string fileOf(const std::vector<LevelExecutable> &levels) {
  const char *folder = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(folder ? folder : "/tmp") + "/weir_seed.weirx";
  const Variable &variable = levels[0].batch.largest().variables[0];
  const absl::Status written =
      writeExecutableFile(path, levels, {HostTensor(variable.dtype, wholeDims(variable))});
  if (!written.ok()) std::abort();
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  std::remove(path.c_str());
  return bytes;
}

} // namespace

std::vector<std::string> seeds() {
  auto of = [](int64_t rows) { return std::make_shared<const Executable>(testExecutable(rows)); };
  const auto cpu = of(4), gpu = std::make_shared<const Executable>(testGpuExecutable()),
             product = std::make_shared<const Executable>(testProductExecutable()),
             mesh = std::make_shared<const Executable>(testExecutableOnMesh());
  const BatchExecutable range{{{1, of(1)}, {2, of(2)}, {4, cpu}}, {1, 0}, {0}};
  return {fileOf({{"x86-64-v4", cpu}, {"x86-64-v3", cpu}}),
          fileOf({{"x86-64-v4", range}, {"x86-64-v3", range}}), fileOf({{kCudaLevel, gpu}}),
          fileOf({{kCudaLevel, product}}), fileOf({{"x86-64-v3", mesh}})};
}

bool accepts(std::string_view bytes) {
  MemoryFile file;
  file.write(bytes);
  // As it comes, and as it is asked for when it is to run on a GPU.
  return readExecutableFile(file.path()).ok() || readExecutableFile(file.path(), kCudaLevel).ok();
}

std::string mutate(const std::string &bytes, Random &random) {
  if (bytes.size() < kHeader) return bytes;
  const auto size = numberAt<uint64_t>(bytes, kMetadataSize);
  proto::ExecutableFile file;
  if (size > bytes.size() - kHeader || !file.ParseFromString(bytes.substr(kHeader, size)))
    return bytes;
  mutateMessage(file, random);
  // Sections stay where they are; metadata that would reach into the first have no place.
  const size_t room = 4096 - kHeader;
  std::string changed = bytes;
  sumSections(file, changed);
  const std::string metadata = file.SerializeAsString();
  if (metadata.size() > room || changed.size() < kHeader + room) return bytes;
  changed.replace(kHeader, metadata.size(), metadata);
  put(changed, kMetadataSum, sum(metadata));
  put<uint64_t>(changed, kFileSize, changed.size());
  put<uint64_t>(changed, kMetadataSize, metadata.size());
  put(changed, kHeaderSum, sum(std::string_view(changed).substr(0, kHeaderSum)));
  return changed;
}

} // namespace weir::fuzz
