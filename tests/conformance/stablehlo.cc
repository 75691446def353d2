// usage: stablehlo DIR [--interpret] [PART OF A NAME]: values of a folder of StableHLO programs,
// against arrays or what the programs themselves assert.
#include "tests/conformance/golden.h"

int main(int argc, char **argv) {
  return weir::conformance::runCommand(argc, argv, weir::conformance::checkValues);
}
