// features: X12
#include "tools/weir/safe_parse.h"

#include "frontend/api/error.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <stdexcept>

namespace weir::tools {
namespace {

std::string messageOf(int seconds, const std::function<void()> &parse) {
  try {
    tryInChild("a.mlir", seconds, parse);
  } catch (const Error &error) {
    return error.message();
  }
  return "";
}

TEST(SafeParse, WhatEndsIsLeftToWhoeverParsesNext) {
  EXPECT_EQ(messageOf(10, [] {}), "");
  EXPECT_EQ(messageOf(10, [] { throw std::runtime_error("a mistake in the text"); }), "");
}

TEST(SafeParse, NothingReachesThisProcess) {
  int changed = 0;
  tryInChild("a.mlir", 10, [&] {
    changed = 1;
    std::fputs("the child says nothing", stdout);
  });
  EXPECT_EQ(changed, 0);
}

TEST(SafeParse, ACrashIsAMessage) {
  EXPECT_NE(messageOf(10, [] { std::abort(); }).find("a.mlir: MLIR's parser crashed on this text"),
            std::string::npos);
}

TEST(SafeParse, WhatDoesNotEndIsStopped) {
  EXPECT_EQ(messageOf(1,
                      [] {
                        for (volatile int i = 0;; i = i + 1) {
                        }
                      }),
            "a.mlir: MLIR's parser was not done after 1 s");
}

} // namespace
} // namespace weir::tools
