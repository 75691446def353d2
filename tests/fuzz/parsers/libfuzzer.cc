// libFuzzer on one parser. Half of the changes are libFuzzer's, half know the format.
// WEIR_FUZZ_SEEDS=DIR writes the seeds there and ends, for the first corpus.
#include "tests/fuzz/parsers/parser.h"

#include <cstdlib>
#include <cstring>
#include <fstream>

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  const char *folder = std::getenv("WEIR_FUZZ_SEEDS");
  if (!folder) return 0;
  int number = 0;
  for (const std::string &seed : weir::fuzz::seeds()) {
    std::ofstream file(std::string(folder) + "/seed" + std::to_string(number++), std::ios::binary);
    if (!(file << seed).flush()) std::exit(1);
  }
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  weir::fuzz::accepts({reinterpret_cast<const char *>(data), size});
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned int seed) {
  if (seed % 2) return LLVMFuzzerMutate(data, size, maxSize);
  weir::fuzz::Random random(seed);
  const std::string changed =
      weir::fuzz::mutate({reinterpret_cast<const char *>(data), size}, random);
  if (changed.size() > maxSize) return LLVMFuzzerMutate(data, size, maxSize);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
