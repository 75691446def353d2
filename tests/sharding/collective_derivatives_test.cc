// Collectives of one device and their derivatives: over all devices together,
// <ct, J t> = <J' ct, t>, and J t is the collective of t.  features: A12
#include "distributed/partition/lock_step.h"
#include "ir/collective/spmd.h"
#include "passes/pipelines/pipelines.h"

#include "mlir/Parser/Parser.h"

#include <cmath>
#include <gtest/gtest.h>

namespace weir::distributed {
namespace {

using runtime::HostTensor;

HostTensor ramp(int64_t size, double phase) {
  std::vector<double> values;
  for (int64_t i = 0; i < size; ++i) values.push_back(std::sin(1.3 * i + phase));
  return HostTensor::from<double>({size}, values);
}

double inner(const HostTensor &x, const HostTensor &y) {
  double sum = 0;
  for (int64_t i = 0; i < x.size(); ++i) sum += x.at(i) * y.at(i);
  return sum;
}

/// Four devices, of which each has its own piece of a global argument and result.
void check(const std::string &collective, int64_t in, int64_t out) {
  mlir::DialectRegistry registry;
  passes::registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto type = [](int64_t n) { return "tensor<" + std::to_string(n) + "xf64>"; };
  auto port = [&](int64_t n) {
    return type(n) +
           " {spmd.sharding = \"[{a,b}]\", spmd.shape = array<i64: " + std::to_string(4 * n) + ">}";
  };
  std::string x = type(in), y = type(out);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(
      "module attributes {spmd.mesh = \"a=2,b=2\"} {\n"
      "func.func private @f(%x: " +
          x + ") -> " + y + " {\n %y = " + collective + "\n return %y : " + y +
          "\n}\n"
          "func.func @main(%x: " +
          port(in) + ", %t: " + port(in) + ", %ct: " + port(out) + ") -> (" + port(out) + ", " +
          port(out) + ", " + port(in) +
          ") {\n"
          " %y, %dy = weir.jvp @f(%x, %t) wrt = [0] : (" +
          x + ", " + x + ") -> (" + y + ", " + y +
          ")\n"
          " %z, %dx = weir.vjp @f(%x, %ct) wrt = [0] : (" +
          x + ", " + y + ") -> (" + y + ", " + x +
          ")\n"
          " return %y, %dy, %dx : " +
          y + ", " + y + ", " + x + "\n}\n}",
      &context);
  ASSERT_TRUE(module);
  ASSERT_TRUE(succeeded(passes::lower(*module, passes::Level::Source, passes::Level::Resolved)));
  HostTensor t = ramp(4 * in, 0.2), ct = ramp(4 * out, 0.7);
  auto got = runLockStep(*module, "main", {t, t, ct});
  ASSERT_TRUE(succeeded(got)) << collective;
  EXPECT_EQ((*got)[0], (*got)[1]) << collective;
  EXPECT_NEAR(inner(ct, (*got)[1]), inner((*got)[2], t), 1e-12) << collective;
  EXPECT_GT(std::abs(inner(ct, (*got)[1])), 1e-3);
}

TEST(CollectiveDerivatives, AreTransposesOverAllDevices) {
  check(
      "spmd.all_gather local %x dim = 0 over [\"b\"] parts = 2 : (tensor<3xf64>) -> tensor<6xf64>",
      3, 6);
  check("spmd.all_reduce local %x by \"sum\" over [\"a\"] parts = 2 : tensor<3xf64>", 3, 3);
  check("spmd.reduce_scatter local %x by \"sum\" dim = 0 over [\"a\", \"b\"] parts = 4 : "
        "(tensor<8xf64>) -> tensor<2xf64>",
        8, 2);
  check("spmd.permute local %x from [1, 2, 3, 0] : tensor<3xf64>", 3, 3);
}

} // namespace
} // namespace weir::distributed
