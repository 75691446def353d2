// usage: ad_golden DIR [--interpret] [PART OF A NAME]: golden derivatives of a folder, in f64 and
// in f32.
#include "tests/conformance/golden.h"

int main(int argc, char **argv) {
  using namespace weir::conformance;
  return runCommand(argc, argv, [](const CaseFiles &files, RunOptions options) {
    for (bool widen : {true, false}) {
      options.widen = widen;
      if (std::string reason = checkGolden(files, options); !reason.empty()) return reason;
    }
    return std::string();
  });
}
