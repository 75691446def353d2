// sort, cumulative ops and linear_recurrence against the reference interpreter.
// features: C2
#include "codegen/lower/kernel_runner.h"

#include "gtest/gtest.h"
#include <cmath>

using namespace weir::codegen;
using weir::runtime::HostTensor;

namespace {

std::string kernel(const std::string &signature, const std::string &body) {
  return "func.func @k" + signature + " attributes {weir.kernel = \"op\"} {\n" + body + "}\n";
}

std::string cumulative(const std::string &op, const std::string &type, int dim,
                       const std::string &reverse) {
  bool two = op == "linear_recurrence";
  return kernel("(%x: " + type + (two ? ", %y: " + type : "") + ") -> " + type,
                "%0 = weir." + op + " %x" + (two ? ", %y" : "") + " dim = " + std::to_string(dim) +
                    " reverse = " + reverse + " : " + type + "\nreturn %0 : " + type + "\n");
}

TEST(CumulativeKernel, EveryOpAlongEveryDim) {
  for (std::string op : {"cumulative_sum", "cumulative_prod", "cumulative_max", "cumulative_min",
                         "cumulative_logsumexp", "linear_recurrence"})
    for (int dim : {0, 1, 2})
      for (std::string reverse : {"false", "true"})
        expectMatchesReference(cumulative(op, "tensor<3x7x19xf32>", dim, reverse));
}

TEST(CumulativeKernel, DtypesAndSizes) {
  for (std::string e : {"f64", "i32", "i64"})
    for (std::string shape : {"1x1", "1x40", "40x1", "100x33"})
      for (int dim : {0, 1})
        expectMatchesReference(
            cumulative("cumulative_sum", "tensor<" + shape + "x" + e + ">", dim, "false"));
}

TEST(CumulativeKernel, LogsumexpOfInfinities) {
  float inf = INFINITY;
  std::string text = cumulative("cumulative_logsumexp", "tensor<5xf32>", 0, "false");
  auto got =
      runKernel(text, {HostTensor::from<float>({5}, {-inf, -inf, 0, 0, inf})}, *hostTarget());
  EXPECT_EQ(got.results[0].at(0), -inf);
  EXPECT_EQ(got.results[0].at(1), -inf);
  EXPECT_EQ(got.results[0].at(2), 0);
  EXPECT_NEAR(got.results[0].at(3), std::log(2), 1e-6);
  EXPECT_EQ(got.results[0].at(4), inf);
}

std::string sorted(const std::string &type, int dim, const std::string &descending) {
  return kernel("(%x: " + type + ") -> " + type, "%0 = weir.sort %x dim = " + std::to_string(dim) +
                                                     " keys = 1 descending = " + descending +
                                                     " : " + type + "\nreturn %0 : " + type + "\n");
}

TEST(SortKernel, EveryDtypeDimAndSize) {
  for (std::string e : {"f32", "f64", "i32", "i64", "i1"})
    for (std::string shape : {"1x1", "1x2", "3x3", "2x40", "33x5", "4x100"})
      for (int dim : {0, 1})
        for (std::string descending : {"false", "true"})
          expectMatchesReference(sorted("tensor<" + shape + "x" + e + ">", dim, descending));
}

TEST(SortKernel, EqualKeysKeepTheirOrderAndOthersGoAlong) {
  for (std::string keys : {"1", "2"})
    for (std::string descending : {"false", "true"})
      expectMatchesReference(
          kernel("(%a: tensor<3x50xi32>, %b: tensor<3x50xi64>, %c: tensor<3x50xf32>) -> "
                 "(tensor<3x50xi32>, tensor<3x50xi64>, tensor<3x50xf32>)",
                 "%0:3 = weir.sort %a, %b, %c dim = 1 keys = " + keys +
                     " descending = " + descending +
                     " : tensor<3x50xi32>, tensor<3x50xi64>, tensor<3x50xf32>\n"
                     "return %0#0, %0#1, %0#2 : tensor<3x50xi32>, tensor<3x50xi64>, "
                     "tensor<3x50xf32>\n"),
          /*intLimit=*/4);
}

TEST(SortKernel, FloatsAreInTotalOrder) {
  float inf = INFINITY, nan = NAN;
  std::vector<float> values = {nan, 1, -0.0f, inf, 0.0f, -nan, -inf, -1, 1e-42f};
  auto order = [&](const std::string &descending) {
    std::string text = kernel(
        "(%x: tensor<9xf32>, %i: tensor<9xi32>) -> (tensor<9xf32>, tensor<9xi32>)",
        "%0:2 = weir.sort %x, %i dim = 0 keys = 1 descending = " + descending +
            " : tensor<9xf32>, tensor<9xi32>\nreturn %0#0, %0#1 : tensor<9xf32>, tensor<9xi32>\n");
    KernelRun run = runKernel(text,
                              {HostTensor::from<float>({9}, values),
                               HostTensor::from<int32_t>({9}, {0, 1, 2, 3, 4, 5, 6, 7, 8})},
                              *hostTarget());
    return run.results[1].toDoubles();
  };
  EXPECT_EQ(order("false"), (std::vector<double>{6, 7, 2, 4, 8, 1, 3, 0, 5}));
  EXPECT_EQ(order("true"), (std::vector<double>{0, 5, 3, 1, 8, 2, 4, 7, 6}));
}

} // namespace
