// Philox4x32-10: ten rounds of two 32-bit multiplications, keyed (Salmon, Moraes, Dror, Shaw:
// Parallel random numbers: as easy as 1, 2, 3; 2011). Pure integer arithmetic, so any lane count
// gives the same.

#include "codegen/cpu/math/expr.h"

namespace weir::codegen {

std::array<mlir::Value, 4> emitPhilox(mlir::ImplicitLocOpBuilder &b, std::array<mlir::Value, 2> key,
                                      std::array<mlir::Value, 4> counter) {
  constexpr int kRounds = 10;
  TargetInfo target;
  auto expr = [&](mlir::Value v) { return Expr{&b, &target, v}; };
  Expr k0 = expr(key[0]), k1 = expr(key[1]);
  Expr c0 = expr(counter[0]), c1 = expr(counter[1]), c2 = expr(counter[2]), c3 = expr(counter[3]);
  for (int round = 0; round < kRounds; ++round) {
    auto [low0, high0] = multiplyWide(c0, c0.constant(0xD2511F53));
    auto [low1, high1] = multiplyWide(c2, c2.constant(0xCD9E8D57));
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = k0 + 0x9E3779B9;
    k1 = k1 + 0xBB67AE85;
  }
  return {c0.value, c1.value, c2.value, c3.value};
}

} // namespace weir::codegen
