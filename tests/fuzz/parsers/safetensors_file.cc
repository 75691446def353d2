// The header of safetensors files: what it promises of offsets and sizes must hold.
#include "runtime/base/safetensors.h"
#include "tests/fuzz/parsers/mutation.h"

#include <cstdlib>
#include <cstring>

namespace weir::fuzz {

using runtime::SafetensorsHeader;

std::vector<std::string> seeds() {
  const runtime::NamedTensors tensors = {
      {"a", runtime::HostTensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6})},
      {"b", runtime::HostTensor::from<bool>({2}, {true, false})},
      {"c.weight", runtime::HostTensor::zeros(runtime::DType::BF16, {0, 4})}};
  const std::string header = *runtime::safetensorsHeader(runtime::typesOf(tensors), {{"k", "v"}});
  std::string file(8, '\0');
  const uint64_t size = header.size();
  std::memcpy(file.data(), &size, 8);
  file += header;
  for (const auto &[name, tensor] : tensors)
    file.append(static_cast<const char *>(tensor.raw()), tensor.bytes());
  return {file};
}

bool accepts(std::string_view bytes) {
  auto header = SafetensorsHeader::parse(std::as_bytes(std::span(bytes)), "fuzz");
  if (!header.ok()) return false;
  for (const auto &entry : header->entries) {
    const auto elements = runtime::elementCount(entry.dims);
    if (!elements || entry.begin < 0 ||
        header->dataStart + entry.end > static_cast<int64_t>(bytes.size()) ||
        entry.end - entry.begin != *elements * static_cast<int64_t>(dtypeBytes(entry.dtype)))
      std::abort();
  }
  return true;
}

/// Changes the JSON text, and gives it its length again.
std::string mutate(const std::string &bytes, Random &random) {
  uint64_t size = 0;
  if (bytes.size() < 8) return bytes;
  std::memcpy(&size, bytes.data(), 8);
  if (size > bytes.size() - 8) return bytes;
  std::string json = bytes.substr(8, size);
  mutateBytes(json, 0, json.size(), random, "0123456789[]{},:\"-e.\\ FIBU");
  const uint64_t length = json.size();
  std::string file(reinterpret_cast<const char *>(&length), 8);
  return file + json + bytes.substr(8 + size);
}

} // namespace weir::fuzz
