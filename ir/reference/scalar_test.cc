// Integers that would trap in C++, NaN in min and max, and the published answers of Philox.
#include "ir/reference/philox.h"
#include "ir/reference/scalar.h"

#include <gtest/gtest.h>

namespace weir::ir::reference {

constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

// Random123's kat_vectors for philox4x32, 10 rounds.
TEST(Philox, GivesTheKnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Scalar, DivisionNeverTraps) {
  EXPECT_EQ(scalar::div(-7, 2), -3);
  EXPECT_EQ(scalar::div(7, 0), -1);
  EXPECT_EQ(scalar::div(kMin64, -1), kMin64);
  EXPECT_EQ(scalar::rem(-7, 2), -1);
  EXPECT_EQ(scalar::rem(7, 0), 7);
  EXPECT_EQ(scalar::rem(kMin64, -1), 0);
}

TEST(Scalar, ArithmeticWraps) {
  EXPECT_EQ(scalar::add(kMax64, 1), kMin64);
  EXPECT_EQ(scalar::neg(kMin64), kMin64);
  EXPECT_EQ(scalar::mul(kMax64, 2), -2);
}

TEST(Scalar, IntegerPowers) {
  EXPECT_EQ(scalar::pow(-3, 3), -27);
  EXPECT_EQ(scalar::pow(0, 0), 1);
  EXPECT_EQ(scalar::pow(2, -1), 0);
  EXPECT_EQ(scalar::pow(-1, -3), -1);
  EXPECT_EQ(scalar::pow(0, -1), -1);
}

TEST(Scalar, ShiftsByTheWidthOrMoreShiftEverythingOut) {
  EXPECT_EQ(scalar::shiftLeft(1, 32, 32), 0);
  EXPECT_EQ(scalar::shiftLeft(1, -1, 32), 0);
  EXPECT_EQ(scalar::shiftRightLogical(-1, 31, 32), 1);
  EXPECT_EQ(scalar::shiftRightLogical(-1, 64, 64), 0);
  EXPECT_EQ(scalar::shiftRightArithmetic(-8, 100, 32), -1);
  EXPECT_EQ(scalar::shiftRightArithmetic(-8, 1, 32), -4);
}

TEST(Scalar, MinAndMaxPropagateNaN) {
  EXPECT_TRUE(std::isnan(scalar::max(kNaN, 1)));
  EXPECT_TRUE(std::isnan(scalar::min(1, kNaN)));
  EXPECT_FALSE(std::signbit(scalar::max(-0.0, 0.0)));
  EXPECT_TRUE(std::signbit(scalar::min(0.0, -0.0)));
}

TEST(Scalar, FloatToIntegerSaturates) {
  EXPECT_EQ(scalar::toInteger(-2.9, 32), -2);
  EXPECT_EQ(scalar::toInteger(3e9, 32), 2147483647);
  EXPECT_EQ(scalar::toInteger(-3e9, 32), -2147483648LL);
  EXPECT_EQ(scalar::toInteger(1e30, 64), kMax64);
  EXPECT_EQ(scalar::toInteger(-1e30, 64), kMin64);
  EXPECT_EQ(scalar::toInteger(kNaN, 32), 0);
}

} // namespace weir::ir::reference
