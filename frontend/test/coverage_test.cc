// Every op of the dialect has a public function: a graph that calls them all holds them all.
// An op that is missing here: add its function to frontend/api/ops.h (control.h, graph.h) and a
// call below.
#include "frontend/weir.h"

#include "ir/dialect/weir.h"

#include <gtest/gtest.h>
#include <set>

namespace weir {
namespace {

void addElementwise(Graph &g, TensorList &out) {
  Tensor x = g.input("x", f32, {2, 3}), y = g.input("y", f32, {2, 3});
  Tensor n = g.input("n", i32, {3}), p = x > y;
  const std::set<std::string_view> onIntegers{"not", "popcnt", "count_leading_zeros"};
#define CALL(function, op) out.push_back(onIntegers.count(#op) ? function(n) : function(x));
  WEIR_UNARY_FUNCTIONS(CALL)
#undef CALL
  out.push_back(~p);
  const std::set<std::string_view> bitwise{
      "and", "or", "xor", "shift_left", "shift_right_logical", "shift_right_arithmetic"};
#define CALL(function, op) out.push_back(bitwise.count(#op) ? function(n, n) : function(x, y));
  WEIR_BINARY_FUNCTIONS(CALL)
#undef CALL
  for (const Tensor &t : {select(p, x, y), convert(x, f64), bitcast(x, i32)}) out.push_back(t);
}

void addWindowsAndOrder(Graph &g, TensorList &out) {
  Tensor x = g.input("x3", f32, {3, 3}), n = g.input("n3", i32, {3});
#define CALL(function, op) out.push_back(function(x, 0, true));
  WEIR_CUMULATIVE_FUNCTIONS(CALL)
#undef CALL
#define CALL(function, op) out.push_back(function(x, n, x, 0, 0));
  WEIR_SCATTER_FUNCTIONS(CALL)
#undef CALL
  Tensor windows = unfold(x, 0, {.dims = {-1}, .sizes = {2}});
  for (const Tensor &t :
       {windows, fold(windows, {.dims = {1}}, {3}), linearRecurrence(x, x), sort(x), argsort(x),
        topK(x, 2).first, conv(reshape(x, {1, 3, 3}), reshape(x, {3, 3, 1}))})
    out.push_back(t);
}

void addOthers(Graph &g, TensorList &out) {
  Tensor x = g.input("x2", f32, {2, 3}), n = g.input("n2", i32, {3}), s = g.input("s", i32, {});
  const std::set<std::string_view> bitwise{"reduce_and", "reduce_or"};
#define CALL(function, op) out.push_back(bitwise.count(#op) ? function(n) : function(x));
  WEIR_REDUCTION_FUNCTIONS(CALL)
#undef CALL
  for (const Tensor &t :
       {argmax(x), argmin(x), broadcastTo(n, {2, 3}), reshape(x, {6}), transpose(x),
        slice(x, {0, 0}, {1, 2}), pad(x, 0, {1, 0}, {0, 1}), concatenate({x, x}, 0),
        reverse(x, {0}), g.iota(i32, {3}), dot(x, x, {{}, {}, {1}, {1}}), take(x, n),
        dynamicSlice(x, {s, 0}, {1, 3}), dynamicUpdateSlice(x, x, {0, s}),
        randomBits(sliceDim(n, 0, 0, 2), {4}), barrier({x})[0], g.undef(f32, {2})})
    out.push_back(t);
  Function f([](Tensor t) { return sum(t * t); }, "f");
  out.push_back(f(x));
  out.push_back(grad(f)(x));
  out.push_back(jvp(f)(x, x)[1]);
  out.push_back(vmap(f)(x));
  Function twice([](Tensor t) { return 2 * t; }, "twice");
  Function tangent([](Tensor t, Tensor dt) { return TensorList{2 * t, 2 * dt}; }, "tangent");
  out.push_back(customJvp(twice, tangent)(x));
  out.push_back(customVjp(twice, twice, twice)(x));
  out.push_back(cond(s > 0, [&] { return x; }, [&] { return -x; }));
  out.push_back(
      whileLoop(x, [](Tensor t) { return sum(t) < 9; }, [](Tensor t) { return abs(t) + 1; }));
  out.push_back(repeat(2, x, [](Tensor t) { return t * 2; }));
}

TEST(Coverage, EveryOpHasAPublicFunction) {
  Graph g;
  TensorList all;
  addElementwise(g, all);
  addOthers(g, all);
  addWindowsAndOrder(g, all);
  for (size_t i = 0; i < all.size(); ++i) g.output("out" + std::to_string(i), all[i]);
  const std::string text = g.toMlir();

  mlir::MLIRContext context;
  context.loadDialect<ir::WeirDialect>();
  for (mlir::RegisteredOperationName op : context.getRegisteredOperationsByDialect("weir")) {
    const std::string name = op.getStringRef().str();
    if (name == "weir.launch" || name == "weir.sweep" || name == "weir.custom_linear")
      continue; // the compiler's own
    EXPECT_NE(text.find(name + " "), std::string::npos) << name << " has no public function";
  }
  g.compile({.interpret = true});
}

} // namespace
} // namespace weir
