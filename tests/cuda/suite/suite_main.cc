// device-suite FOLDER [--device cuda:N] [--repeat N] [--filter TEXT]: exit status 1 where a case
// fails.
#include "runtime/device/open/open.h"
#include "tests/cuda/suite/suite.h"

#include <cstring>

int main(int argc, char **argv) {
  std::string folder, device = "cuda";
  weir::suite::Options options;
  for (int i = 1; i < argc; ++i) {
    auto is = [&](const char *name) { return std::strcmp(argv[i], name) == 0 && i + 1 < argc; };
    if (is("--device"))
      device = argv[++i];
    else if (is("--repeat"))
      options.repeat = std::atoi(argv[++i]);
    else if (is("--filter"))
      options.filter = argv[++i];
    else
      folder = argv[i];
  }
  if (folder.empty()) {
    std::fprintf(stderr, "device-suite FOLDER [--device cuda:N] [--repeat N] [--filter TEXT]\n");
    return 2;
  }
  auto open = weir::runtime::openDevice(device);
  auto result = open.ok() ? weir::suite::run(folder, open->device, options, stdout)
                          : absl::StatusOr<weir::suite::Result>(open.status());
  if (!result.ok()) {
    std::fprintf(stderr, "device-suite: %s\n", std::string(result.status().message()).c_str());
    return 1;
  }
  return result->failed > 0;
}
