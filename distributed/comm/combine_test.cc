// Each type and operation against arithmetic on wider numbers, rounded once.
#include "distributed/comm/combine.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace weir::distributed {
namespace {

using runtime::BFloat16;
using runtime::DType;
using runtime::dtypeOf;
using runtime::Half;
using runtime::ReduceOp;

template <typename T>
std::vector<T> combined(ReduceOp op, std::vector<T> left, const std::vector<T> &right) {
  combine(dtypeOf<T>(), op, left.data(), right.data(), left.data(), int64_t(left.size()));
  return left;
}

/// Every pair of special bit patterns and many random ones.
template <typename T> void checkSixteenBits(std::vector<uint16_t> special) {
  std::mt19937 random(7);
  std::vector<T> left, right;
  for (uint16_t a : special)
    for (uint16_t b : special) {
      left.push_back(T::fromBits(a));
      right.push_back(T::fromBits(b));
    }
  for (int i = 0; i < 200'000; ++i) {
    left.push_back(T::fromBits(uint16_t(random())));
    right.push_back(T::fromBits(uint16_t(random())));
  }
  for (ReduceOp op : {ReduceOp::Sum, ReduceOp::Prod, ReduceOp::Max, ReduceOp::Min}) {
    std::vector<T> got = combined(op, left, right);
    for (size_t i = 0; i < got.size(); ++i) {
      float a = left[i], b = right[i];
      bool nan = std::isnan(a) || std::isnan(b);
      double wanted = op == ReduceOp::Sum    ? double(a) + b
                      : op == ReduceOp::Prod ? double(a) * b
                      : nan                  ? a + b
                      : op == ReduceOp::Max  ? std::max(a, b)
                                             : std::min(a, b);
      if (std::isnan(wanted)) {
        EXPECT_TRUE(std::isnan(float(got[i]))) << a << " " << b;
        continue;
      }
      ASSERT_EQ(float(got[i]), float(T(wanted)))
          << runtime::reduceOpName(op) << " " << a << " " << b;
    }
  }
}

// features: C4
TEST(Combine, RoundsHalvesOnceToNearestEven) {
  checkSixteenBits<Half>({0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x0400, 0x3c00, 0x3c01, 0x7bff,
                          0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x1000});
}

TEST(Combine, RoundsBfloat16OnceToNearestEven) {
  checkSixteenBits<BFloat16>({0x0000, 0x8000, 0x0001, 0x8001, 0x007f, 0x0080, 0x3f80, 0x3f81,
                              0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fc0, 0x3400});
}

TEST(Combine, WrapsIntegersAndKeepsTheirSign) {
  EXPECT_EQ(combined<int8_t>(ReduceOp::Sum, {127, -128}, {1, -1}),
            (std::vector<int8_t>{-128, 127}));
  EXPECT_EQ(combined<int8_t>(ReduceOp::Prod, {100}, {3}), (std::vector<int8_t>{44}));
  EXPECT_EQ(combined<int16_t>(ReduceOp::Prod, {-32768}, {-32768}), (std::vector<int16_t>{0}));
  EXPECT_EQ(combined<uint16_t>(ReduceOp::Prod, {65535}, {65535}), (std::vector<uint16_t>{1}));
  EXPECT_EQ(combined<int32_t>(ReduceOp::Sum, {std::numeric_limits<int32_t>::max()}, {1}),
            (std::vector<int32_t>{std::numeric_limits<int32_t>::min()}));
  EXPECT_EQ(combined<uint64_t>(ReduceOp::Max, {uint64_t(1) << 63}, {1}),
            (std::vector<uint64_t>{uint64_t(1) << 63}));
  EXPECT_EQ(combined<int64_t>(ReduceOp::Max, {std::numeric_limits<int64_t>::min()}, {1}),
            (std::vector<int64_t>{1}));
}

TEST(Combine, KeepsNaNAndTheSignOfZeroInMaxAndMin) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  for (ReduceOp op : {ReduceOp::Max, ReduceOp::Min}) {
    std::vector<float> got = combined<float>(op, {nan, 1, 0.f, -0.f}, {1, nan, -0.f, 0.f});
    EXPECT_TRUE(std::isnan(got[0]) && std::isnan(got[1]));
    EXPECT_EQ(std::signbit(got[2]), op == ReduceOp::Min);
    EXPECT_EQ(std::signbit(got[3]), op == ReduceOp::Min);
  }
}

TEST(Combine, DoesEachLengthAndLeavesTheRest) {
  for (size_t n = 0; n < 70; ++n) {
    std::vector<double> left(n + 1, 1.5), right(n + 1, 2.25), to(n + 1, -1);
    combine(DType::F64, ReduceOp::Sum, left.data(), right.data(), to.data(), int64_t(n));
    for (size_t i = 0; i < n; ++i) ASSERT_EQ(to[i], 3.75);
    ASSERT_EQ(to[n], -1);
  }
}

} // namespace
} // namespace weir::distributed
