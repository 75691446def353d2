// Dot kernels against plain loops. Floating-point results must be the same bits as a chain of
// std::fma in ascending k, whatever the tiles, blocks and copies.
// features: A2
#include "codegen/cpu/dot/dot_kernel.h"

#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace weir::codegen;
using llvm::ArrayRef;
using llvm::SmallVector;

namespace {

template <typename T> constexpr DotElement elementOf() {
  if constexpr (std::is_same_v<T, float>) return DotElement::F32;
  if constexpr (std::is_same_v<T, double>) return DotElement::F64;
  if constexpr (std::is_same_v<T, int32_t>) return DotElement::I32;
  return DotElement::I64;
}

template <typename T> std::vector<T> randomData(int64_t size, int seed) {
  std::mt19937 random(seed);
  std::vector<T> data(size);
  for (T &x : data) {
    if constexpr (std::is_floating_point_v<T>)
      x = std::uniform_real_distribution<T>(-1, 1)(random);
    else
      x = T(random() % 201) - 100;
  }
  return data;
}

/// Walks every index of `dims` in row-major order, giving the offsets in lhs, rhs and result.
template <typename F>
void forEach(ArrayRef<DotDim> dims, int64_t lhs, int64_t rhs, int64_t result, F body) {
  if (dims.empty()) return body(lhs, rhs, result);
  for (int64_t i = 0; i < dims.front().size; ++i)
    forEach(dims.drop_front(), lhs + i * dims.front().lhs, rhs + i * dims.front().rhs,
            result + i * dims.front().result, body);
}

template <typename T>
std::vector<T> naiveDot(const DotCase &dot, const std::vector<T> &lhs, const std::vector<T> &rhs) {
  DotProblem problem = denseDot(dot.lhs, dot.rhs, dot.lhsBatch, dot.rhsBatch, dot.lhsContract,
                                dot.rhsContract, sizeof(T));
  SmallVector<DotDim> free(problem.batch);
  free.append(problem.rows);
  free.append(problem.columns);
  std::vector<T> out(dot.resultElements());
  forEach(free, 0, 0, 0, [&](int64_t l, int64_t r, int64_t at) {
    T sum = 0;
    forEach(problem.contract, l, r, 0, [&](int64_t l, int64_t r, int64_t) {
      if constexpr (std::is_floating_point_v<T>)
        sum = std::fma(lhs[l], rhs[r], sum);
      else
        sum += lhs[l] * rhs[r];
    });
    out[at] = sum;
  });
  return out;
}

template <typename T>
void check(DotCase dot, const TargetInfo &target = *hostTarget(), bool epilogue = false) {
  dot.element = elementOf<T>();
  auto product = [](ArrayRef<int64_t> shape) {
    int64_t size = 1;
    for (int64_t dim : shape) size *= dim;
    return size;
  };
  std::vector<T> lhs = randomData<T>(product(dot.lhs), 1), rhs = randomData<T>(product(dot.rhs), 2);
  std::vector<T> expected = naiveDot(dot, lhs, rhs);
  if (epilogue)
    for (T &x : expected) x = x + x + T(1);
  auto kernel = DotKernel::create(dot, target, epilogue);
  ASSERT_TRUE(kernel);
  // In two parts, and with sentinels after the end.
  constexpr T sentinel = 77;
  std::vector<T> out(expected.size() + 64, sentinel);
  int64_t middle = kernel->plan.tasks / 2;
  kernel->run(lhs.data(), rhs.data(), out.data(), middle, kernel->plan.tasks, 1);
  kernel->run(lhs.data(), rhs.data(), out.data(), 0, middle, 0);
  int64_t wrong = 0;
  for (size_t i = 0; i < expected.size(); ++i) wrong += out[i] != expected[i];
  for (size_t i = expected.size(); i < out.size(); ++i) wrong += out[i] != sentinel;
  EXPECT_EQ(wrong, 0) << "tile " << kernel->plan.tileRows << "x" << kernel->plan.tileColumns;
}

DotCase matmul(int64_t m, int64_t n, int64_t k) {
  return {{m, k}, {k, n}, {}, {}, {1}, {0}};
}

constexpr int64_t oddSizes[] = {1, 2, 3, 7, 10, 17, 31, 33, 65, 96, 100};

TEST(Dot, OddSizesGiveTheBitsOfAnAscendingFmaChain) {
  // Every size in every place, each with two others.
  for (size_t i = 0; i < std::size(oddSizes); ++i)
    for (size_t step : {1, 4}) {
      int64_t m = oddSizes[i], n = oddSizes[(i + step) % std::size(oddSizes)],
              k = oddSizes[(i + 2 * step) % std::size(oddSizes)];
      SCOPED_TRACE(testing::Message() << m << "x" << n << "x" << k);
      check<float>(matmul(m, n, k));
    }
}

TEST(Dot, EveryElementType) {
  for (auto [m, n, k] : {std::array{33, 31, 17}, std::array{10, 100, 65}}) {
    check<float>(matmul(m, n, k));
    check<double>(matmul(m, n, k));
    check<int32_t>(matmul(m, n, k));
    check<int64_t>(matmul(m, n, k));
  }
}

TEST(Dot, TransposedLhs) {
  check<float>({{65, 33}, {65, 100}, {}, {}, {0}, {0}});
  check<double>({{7, 96}, {7, 31}, {}, {}, {0}, {0}});
}

TEST(Dot, BatchDims) {
  check<float>({{3, 17, 10}, {3, 10, 33}, {0}, {0}, {2}, {1}});
  // [b t h d] x [b u h d]: the batch is two dims apart, the last rhs dim is free.
  check<float>({{2, 7, 3, 10}, {2, 3, 10, 17}, {0, 2}, {0, 1}, {3}, {2}});
}

TEST(Dot, SeveralRowAndContractDims) {
  check<float>({{5, 7, 6}, {7, 33}, {}, {}, {1}, {0}});          // rows are [5, 6]
  check<float>({{5, 7, 6}, {7, 5, 33}, {}, {}, {1, 0}, {0, 1}}); // sum over [7, 5]
  check<float>({{5, 7, 6}, {5, 7, 33}, {}, {}, {0, 1}, {0, 1}}); // sum over 35
}

TEST(Dot, PackedPanels) {
  check<float>({{33, 65}, {3, 65, 32}, {}, {}, {1}, {1}});
  check<float>({{128, 65}, {20, 65, 32}, {}, {}, {1}, {1}});
  check<float>({{10, 7}, {5, 7, 10}, {}, {}, {1}, {1}});
  check<float>({{10, 7}, {3, 7, 2, 17}, {}, {}, {1}, {1}});
  check<double>({{2, 17, 7}, {2, 3, 7, 32}, {0}, {0}, {2}, {2}});
}

TEST(Dot, VectorsAndScalars) {
  check<float>({{100}, {100, 33}, {}, {}, {0}, {0}});
  check<float>({{17}, {33}, {}, {}, {}, {}}); // outer product
  check<float>(matmul(65, 1, 10));
  check<float>(
      {{7, 10}, {17, 10}, {}, {}, {1}, {1}}); // the last rhs dim is contracted: slow, right
}

TEST(Dot, LongSumsReturnToTheResultBetweenBlocks) {
  check<float>(matmul(70, 33, 3001));
  check<float>(matmul(65, 300, 4096));
  check<double>({{2500, 33}, {2500, 40}, {}, {}, {0}, {0}});
}

TEST(Dot, CopiedOperands) {
  check<float>(matmul(200, 512, 2048)); // both copied
  check<float>(matmul(200, 500, 96));
  check<float>({{96, 1030}, {96, 300}, {}, {}, {0}, {0}}); // the lhs by tiles
  check<double>({{2000, 517}, {2000, 257}, {}, {}, {0}, {0}});
}

TEST(Dot, EpilogueSeesEveryElementOnceAndComplete) {
  check<float>(matmul(33, 65, 17), *hostTarget(), /*epilogue=*/true);
  check<float>(matmul(300, 100, 3000), *hostTarget(), /*epilogue=*/true);
  check<float>({{17, 65}, {3, 65, 32}, {}, {}, {1}, {1}}, *hostTarget(), /*epilogue=*/true);
  check<int32_t>(matmul(10, 10, 10), *hostTarget(), /*epilogue=*/true);
}

TEST(Dot, Avx2Level) {
  TargetInfo avx2 = *targetForLevel("x86-64-v3");
  check<float>(matmul(33, 65, 17), avx2);
  check<float>({{33, 65}, {3, 65, 32}, {}, {}, {1}, {1}}, avx2);
  check<double>(matmul(10, 31, 7), avx2);
  check<int64_t>(matmul(10, 31, 7), avx2);
}

TEST(Dot, EmptySumIsZeroAndEmptyResultHasNoTasks) {
  check<float>(matmul(10, 33, 0));
  DotPlan plan = planDot(denseDot({0, 3}, {3, 4}, {}, {}, {1}, {0}, 4), *hostTarget());
  EXPECT_EQ(plan.tasks, 0);
}

} // namespace
