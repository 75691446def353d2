// .npy and .npz files; the first bytes say which.
#include "frontend/import/npy/npy.h"
#include "tests/fuzz/parsers/mutation.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace weir::fuzz {

std::vector<std::string> seeds() {
  const Array floats = Array::from<float>({2, 3}, {1, 2, 3, 4, 5, 6}),
              flags = Array::from<bool>({3}, {true, false, true});
  const char *folder = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(folder ? folder : "/tmp") + "/weir_seed.npz";
  npy::writeArchive(path, {{"a", floats}, {"b", flags}});
  std::ifstream archive(path, std::ios::binary);
  std::vector<std::string> files = {
      npy::toBytes(floats), npy::toBytes(flags), {std::istreambuf_iterator<char>(archive), {}}};
  std::filesystem::remove(path);
  return files;
}

bool accepts(std::string_view bytes) {
  try {
    if (bytes.starts_with("PK"))
      npy::parseArchive(bytes, "fuzz.npz");
    else
      npy::parse(bytes, "fuzz.npy");
    return true;
  } catch (const Error &) {
    return false;
  }
}

/// Characters of the header, where there is one, wherever it is.
std::string mutate(const std::string &bytes, Random &random) {
  std::string changed = bytes;
  const size_t header = changed.find('{'),
               end = changed.find('}', std::min(header, changed.size()));
  if (end == std::string::npos)
    mutateBytes(changed, 0, changed.size(), random);
  else
    mutateBytes(changed, header, end + 1, random, "0123456789(),{}':<|fiubTFalse ");
  return changed;
}

} // namespace weir::fuzz
