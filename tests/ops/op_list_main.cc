// Prints the page of all ops, for ir/ops/OPS.md.
#include "tests/ops/op_list.h"

#include <iostream>

int main() {
  std::cout << weir::testing::opList("ir/ops");
  return 0;
}
