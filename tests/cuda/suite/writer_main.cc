// write-device-suite FOLDER [FORM,...]: the whole op table and the programs.
#include "tests/cuda/suite/writer.h"

#include "tests/cuda/lowered.h"

#include <cstdio>
#include <filesystem>
#include <sstream>

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "write-device-suite FOLDER [FORM,...]\n");
    return 2;
  }
  const std::string folder = argv[1];
  std::vector<std::string> forms;
  std::istringstream list(argc > 2 ? argv[2] : "ptx,sm_90");
  for (std::string form; std::getline(list, form, ',');) forms.push_back(form);
  std::filesystem::create_directories(folder);
  try {
    for (const weir::testing::Row &row : weir::testing::rowsWithKernels())
      weir::suite::writeOps(folder, row, forms);
    weir::suite::writePrograms(folder, forms, /*small=*/false);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "write-device-suite: %s\n", error.what());
    return 1;
  }
}
