// ir/ops/OPS.md says what the records say.
#include "tests/ops/op_list.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace weir::testing {

TEST(OpList, IsCurrent) {
  std::ifstream file("ir/ops/OPS.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), opList("ir/ops"))
      << "write it again: bazel run //tests/ops:op_list > ir/ops/OPS.md";
}

} // namespace weir::testing
