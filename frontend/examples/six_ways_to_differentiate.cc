// One function, written once, differentiated in six ways: by symbols, by central differences, by a
// library of elementary functions, by dual numbers, by a tape, and by Weir's transformation of the
// graph.
#include "autodiff/oracles/central_differences.h"
#include "autodiff/oracles/dual.h"
#include "autodiff/oracles/tape.h"
#include "frontend/examples/expression_library.h"
#include "frontend/examples/symbolic.h"
#include "frontend/weir.h"

#include <cstdio>

constexpr double kX1 = 2, kX2 = 5;

/// The function; what log, sin and the operators mean depends on what it is given.
const auto f = [](const auto &x1, const auto &x2) {
  using std::log, std::sin;
  return log(x1) + x1 * x2 - sin(x2);
};

struct Row {
  const char *way;
  double value, d1, d2;
};

Row bySymbols() {
  auto x1 = symbolic::Expression::variable("x1"), x2 = symbolic::Expression::variable("x2");
  auto y = f(x1, x2), d1 = y.derivative("x1"), d2 = y.derivative("x2");
  std::printf("f       = %s\ndf/dx1  = %s\ndf/dx2  = %s\n\n", y.str().c_str(), d1.str().c_str(),
              d2.str().c_str());
  const std::map<std::string, double> at{{"x1", kX1}, {"x2", kX2}};
  return {"symbols", y.at(at), d1.at(at), d2.at(at)};
}

Row byDifferences() {
  auto d = weir::autodiff::centralGradient([](const auto &x) { return f(x[0], x[1]); }, {kX1, kX2});
  return {"central differences", f(kX1, kX2), d[0], d[1]};
}

Row byExpressionLibrary() {
  double d1 = 0, d2 = 0;
  auto y = f(elementary::Input{kX1, &d1}, elementary::Input{kX2, &d2});
  y.chain(1);
  return {"expression library", y.value, d1, d2};
}

Row byDualNumbers() {
  using Dual = weir::autodiff::Dual<double>;
  return {"dual numbers", f(kX1, kX2), f(Dual(kX1, 1), Dual(kX2, 0)).tangent,
          f(Dual(kX1, 0), Dual(kX2, 1)).tangent};
}

Row byTape() {
  weir::tape::Tensor<double> x1 = kX1, x2 = kX2;
  x1.requireGrad();
  x2.requireGrad();
  auto y = f(x1, x2);
  y.backward();
  return {"tape", y.item(), x1.grad().item(), x2.grad().item()};
}

Row bySourceTransformation() {
  weir::Graph g;
  auto x1 = g.scalar(kX1, weir::f64), x2 = g.scalar(kX2, weir::f64);
  auto all = weir::valueAndGrad(f, {0, 1})(x1, x2);
  g.output("f", all[0]);
  g.output("d1", all[1]);
  g.output("d2", all[2]);
  auto out = g.compile().run();
  return {"source transformation", out.scalar("f"), out.scalar("d1"), out.scalar("d2")};
}

int main() {
  const Row exact{"", 11.652071455223084, 5.5, 1.7163378145367738};
  const Row rows[] = {bySymbols(),     byDifferences(), byExpressionLibrary(),
                      byDualNumbers(), byTape(),        bySourceTransformation()};
  std::printf("at x1 = %g, x2 = %g\n\n%-22s  %-18s  %-18s  %-18s  %s\n", kX1, kX2, "way", "f",
              "df/dx1", "df/dx2", "largest error");
  for (const Row &row : rows)
    std::printf("%-22s  %-18.15g  %-18.15g  %-18.15g  %.1e\n", row.way, row.value, row.d1, row.d2,
                std::max({std::abs(row.value - exact.value), std::abs(row.d1 - exact.d1),
                          std::abs(row.d2 - exact.d2)}));
}
