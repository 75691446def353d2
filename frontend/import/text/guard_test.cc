// features: X12
#include "frontend/import/text/guard.h"

#include "frontend/api/error.h"

#include <gtest/gtest.h>

namespace weir::text {
namespace {

std::string nested(int depth) {
  return std::string(depth, '(') + std::string(depth, ')');
}

TEST(Guard, BracketsMayNestToTheLimit) {
  EXPECT_NO_THROW(checkText(nested(kDeepest), "a.mlir"));
  EXPECT_THROW(checkText(nested(kDeepest + 1), "a.mlir"), Error);
}

TEST(Guard, TheLineIsNamed) {
  try {
    checkText("module {\n\"a(((\" // (((\n" + std::string(kDeepest, '<'), "a.mlir");
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(), "a.mlir:3: error: brackets nest deeper than 400");
  }
}

TEST(Guard, StringsCommentsAndArrowsDoNotNest) {
  const std::string many(2000, '[');
  EXPECT_NO_THROW(checkText("\"" + many + "\\\"" + many + "\"", "a.mlir"));
  EXPECT_NO_THROW(checkText("// " + many + "\n()", "a.mlir"));
  std::string functions;
  for (int i = 0; i < 1000; ++i) functions += "func.func private @f() -> (tensor<f32>)\n";
  EXPECT_NO_THROW(checkText(functions, "a.mlir"));
}

TEST(Guard, UnbalancedTextIsLeftToTheParser) {
  EXPECT_NO_THROW(checkText(std::string(5000, '}'), "a.mlir"));
  EXPECT_NO_THROW(checkText("\"open", "a.mlir"));
  EXPECT_NO_THROW(checkText("\"open\\", "a.mlir"));
  EXPECT_NO_THROW(checkText("", "a.mlir"));
}

} // namespace
} // namespace weir::text
