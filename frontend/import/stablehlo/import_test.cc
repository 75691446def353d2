// What ops of StableHLO become, by their values, and what is said of those that cannot be imported.
// features: A1 F6
#include "frontend/import/stablehlo/stablehlo.h"
#include "frontend/weir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::stablehlo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A module whose @main has this type and these lines, from line 3 on.
std::string moduleOf(const std::string &type, const std::string &body) {
  return "\"builtin.module\"() ({\n\"func.func\"() <{function_type = " + type +
         ", sym_name = \"main\"}> ({\n" + body + "}) : () -> ()\n}) : () -> ()\n";
}

std::vector<double> run(const std::string &text, const std::vector<Array> &inputs = {}) {
  Feeds feeds;
  for (size_t i = 0; i < inputs.size(); ++i) feeds.emplace("arg" + std::to_string(i), inputs[i]);
  return Module::parse(text, "model.mlir")
      .graph()
      .compile({.interpret = true})
      .run(feeds)["result0"]
      .toDoubles();
}

std::string errorOf(const std::string &text) {
  try {
    Module::parse(text, "model.mlir").graph();
  } catch (const Error &error) {
    return error.what();
  }
  return "no error";
}

Array ints(const std::vector<int32_t> &values) {
  return Array::from<int32_t>({static_cast<int64_t>(values.size())}, values);
}

TEST(StablehloImport, TextEndsWhereItsViewEnds) {
  const std::string text = moduleOf("() -> tensor<f32>", R"(
    %0 = "stablehlo.constant"() <{value = dense<5.0> : tensor<f32>}> : () -> tensor<f32>
    "func.return"(%0) : (tensor<f32>) -> ()
)");
  const std::string longer = text + "more";
  const std::string_view view = std::string_view(longer).substr(0, text.size());
  EXPECT_EQ(Module::parse(view, "model.mlir")
                .graph()
                .compile({.interpret = true})
                .run({})
                .scalar("result0"),
            5);
}

TEST(StablehloImport, HexBlobsAndSplats) {
  EXPECT_THAT(run(moduleOf("() -> tensor<2xf32>", R"(
    %0 = "stablehlo.constant"() <{value = dense<"0x0000803F00000040"> : tensor<2xf32>}> : () -> tensor<2xf32>
    %1 = "stablehlo.constant"() <{value = dense<5.0> : tensor<2xf32>}> : () -> tensor<2xf32>
    %2 = "stablehlo.add"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    "func.return"(%2) : (tensor<2xf32>) -> ()
)")),
              ElementsAre(6, 7));
}

TEST(StablehloImport, BroadcastDimsInAnyOrder) {
  EXPECT_THAT(run(moduleOf("(tensor<2x1xi32>) -> tensor<3x2xi32>", R"(
  ^bb0(%arg0: tensor<2x1xi32>):
    %0 = "stablehlo.broadcast_in_dim"(%arg0) <{broadcast_dimensions = array<i64: 1, 0>}> : (tensor<2x1xi32>) -> tensor<3x2xi32>
    "func.return"(%0) : (tensor<3x2xi32>) -> ()
)"),
                  {Array::from<int32_t>({2, 1}, {4, 5})}),
              ElementsAre(4, 5, 4, 5, 4, 5));
}

// Windows of two dims, moved to where they fit.
TEST(StablehloImport, GatherClampsWindows) {
  EXPECT_THAT(run(moduleOf("(tensor<3x4xi32>, tensor<2x2xi32>) -> tensor<2x2x2xi32>", R"(
  ^bb0(%arg0: tensor<3x4xi32>, %arg1: tensor<2x2xi32>):
    %0 = "stablehlo.gather"(%arg0, %arg1) <{dimension_numbers = #stablehlo.gather<offset_dims = [1, 2], start_index_map = [0, 1], index_vector_dim = 1>, slice_sizes = array<i64: 2, 2>}> : (tensor<3x4xi32>, tensor<2x2xi32>) -> tensor<2x2x2xi32>
    "func.return"(%0) : (tensor<2x2x2xi32>) -> ()
)"),
                  {Array::from<int32_t>({3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}),
                   Array::from<int32_t>({2, 2}, {0, 1, 9, -5})}),
              ElementsAre(1, 2, 5, 6, 4, 5, 8, 9));
}

TEST(StablehloImport, GatherWithBatchingDims) {
  EXPECT_THAT(run(moduleOf("(tensor<3x2xi32>, tensor<2x1xi32>) -> tensor<2xi32>", R"(
  ^bb0(%arg0: tensor<3x2xi32>, %arg1: tensor<2x1xi32>):
    %0 = "stablehlo.gather"(%arg0, %arg1) <{dimension_numbers = #stablehlo.gather<collapsed_slice_dims = [0], operand_batching_dims = [1], start_indices_batching_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 1>}> : (tensor<3x2xi32>, tensor<2x1xi32>) -> tensor<2xi32>
    "func.return"(%0) : (tensor<2xi32>) -> ()
)"),
                  {Array::from<int32_t>({3, 2}, {0, 1, 10, 11, 20, 21}),
                   Array::from<int32_t>({2, 1}, {2, 1})}),
              ElementsAre(20, 11));
}

// Each element of a window is dropped by itself, and negative indices are out of range.
TEST(StablehloImport, ScatterDropsWhatIsOutOfRange) {
  EXPECT_THAT(run(moduleOf("(tensor<4xi32>, tensor<3x1xi32>, tensor<3x2xi32>) -> tensor<4xi32>", R"(
  ^bb0(%arg0: tensor<4xi32>, %arg1: tensor<3x1xi32>, %arg2: tensor<3x2xi32>):
    %0 = "stablehlo.scatter"(%arg0, %arg1, %arg2) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %1 = "stablehlo.add"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%1) : (tensor<i32>) -> ()
    }) : (tensor<4xi32>, tensor<3x1xi32>, tensor<3x2xi32>) -> tensor<4xi32>
    "func.return"(%0) : (tensor<4xi32>) -> ()
)"),
                  {ints({0, 0, 0, 0}), Array::from<int32_t>({3, 1}, {1, 3, -1}),
                   Array::from<int32_t>({3, 2}, {1, 2, 3, 4, 5, 6})}),
              ElementsAre(6, 1, 2, 3));
}

TEST(StablehloImport, ArgmaxOfPairs) {
  EXPECT_THAT(run(moduleOf("(tensor<5xf32>) -> tensor<i32>", R"(
  ^bb0(%arg0: tensor<5xf32>):
    %i = "stablehlo.iota"() <{iota_dimension = 0 : i64}> : () -> tensor<5xi32>
    %low = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %zero = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %0:2 = "stablehlo.reduce"(%arg0, %i, %low, %zero) <{dimensions = array<i64: 0>}> ({
    ^bb0(%a: tensor<f32>, %ai: tensor<i32>, %b: tensor<f32>, %bi: tensor<i32>):
      %gt = "stablehlo.compare"(%a, %b) <{comparison_direction = #stablehlo<comparison_direction GT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %nan = "stablehlo.compare"(%a, %a) <{comparison_direction = #stablehlo<comparison_direction NE>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %pick = "stablehlo.or"(%gt, %nan) : (tensor<i1>, tensor<i1>) -> tensor<i1>
      %eq = "stablehlo.compare"(%a, %b) <{comparison_direction = #stablehlo<comparison_direction EQ>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %lt = "stablehlo.compare"(%ai, %bi) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
      %tie = "stablehlo.and"(%eq, %lt) : (tensor<i1>, tensor<i1>) -> tensor<i1>
      %picki = "stablehlo.or"(%pick, %tie) : (tensor<i1>, tensor<i1>) -> tensor<i1>
      %v = "stablehlo.select"(%pick, %a, %b) : (tensor<i1>, tensor<f32>, tensor<f32>) -> tensor<f32>
      %vi = "stablehlo.select"(%picki, %ai, %bi) : (tensor<i1>, tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%v, %vi) : (tensor<f32>, tensor<i32>) -> ()
    }) : (tensor<5xf32>, tensor<5xi32>, tensor<f32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
    "func.return"(%0#1) : (tensor<i32>) -> ()
)"),
                  {Array::from<float>({5}, {1, 7, 3, 7, 2})}),
              ElementsAre(1));
}

// A region that is no one op: a scan.
TEST(StablehloImport, ReduceByAnyRegion) {
  EXPECT_THAT(run(moduleOf("(tensor<2x3xi32>) -> tensor<2xi32>", R"(
  ^bb0(%arg0: tensor<2x3xi32>):
    %zero = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %0 = "stablehlo.reduce"(%arg0, %zero) <{dimensions = array<i64: 1>}> ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>):
      %1 = "stablehlo.xor"(%a, %b) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%1) : (tensor<i32>) -> ()
    }) : (tensor<2x3xi32>, tensor<i32>) -> tensor<2xi32>
    "func.return"(%0) : (tensor<2xi32>) -> ()
)"),
                  {Array::from<int32_t>({2, 3}, {1, 2, 4, 7, 7, 9})}),
              ElementsAre(7, 9));
}

std::string sortWith(const std::string &region) {
  return moduleOf("(tensor<4xf32>) -> tensor<4xf32>", R"(
  ^bb0(%arg0: tensor<4xf32>):
    %0 = "stablehlo.sort"(%arg0) <{dimension = 0 : i64, is_stable = true}> ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
)" + region + R"(
      "stablehlo.return"(%r) : (tensor<i1>) -> ()
    }) : (tensor<4xf32>) -> tensor<4xf32>
    "func.return"(%0) : (tensor<4xf32>) -> ()
)");
}

const Array kUnsorted = Array::from<float>({4}, {2, -3, 1, 0});

TEST(StablehloImport, SortByWhatTheComparatorAnswers) {
  EXPECT_THAT(
      run(sortWith(
              R"(%r = "stablehlo.compare"(%a, %b) <{comparison_direction = #stablehlo<comparison_direction GT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>)"),
          {kUnsorted}),
      ElementsAre(2, 1, 0, -3));
  // Not less or equal, with the sides exchanged.
  EXPECT_THAT(run(sortWith(R"(
      %le = "stablehlo.compare"(%b, %a) <{comparison_direction = #stablehlo<comparison_direction LE>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %r = "stablehlo.not"(%le) : (tensor<i1>) -> tensor<i1>)"),
                  {kUnsorted}),
              ElementsAre(-3, 0, 1, 2));
  // A key of each side.
  EXPECT_THAT(run(sortWith(R"(
      %x = "stablehlo.abs"(%a) : (tensor<f32>) -> tensor<f32>
      %y = "stablehlo.abs"(%b) : (tensor<f32>) -> tensor<f32>
      %r = "stablehlo.compare"(%x, %y) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>)"),
                  {kUnsorted}),
              ElementsAre(0, 1, 2, -3));
}

TEST(StablehloImport, SortByAnUnknownComparatorIsRefused) {
  EXPECT_THAT(errorOf(sortWith(R"(
      %x = "stablehlo.abs"(%a) : (tensor<f32>) -> tensor<f32>
      %r = "stablehlo.compare"(%x, %b) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>)")),
              HasSubstr("model.mlir:5: error: stablehlo.sort: the comparator is none"));
}

/// Sums x[i] and writes i into y[i], over `condition` trips.
std::string loop(const std::string &condition) {
  return moduleOf(
      "(tensor<3xi32>, tensor<i32>) -> (tensor<i32>, tensor<3xi32>)",
      R"(
  ^bb0(%x: tensor<3xi32>, %n: tensor<i32>):
    %zero = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %three = "stablehlo.constant"() <{value = dense<3> : tensor<i32>}> : () -> tensor<i32>
    %0:3 = "stablehlo.while"(%zero, %zero, %x) ({
    ^bb0(%i: tensor<i32>, %s: tensor<i32>, %y: tensor<3xi32>):
      %c = "stablehlo.compare"(%i, )" +
          condition +
          R"() <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<i32>, tensor<i32>) -> tensor<i1>
      "stablehlo.return"(%c) : (tensor<i1>) -> ()
    }, {
    ^bb0(%i: tensor<i32>, %s: tensor<i32>, %y: tensor<3xi32>):
      %one = "stablehlo.constant"() <{value = dense<1> : tensor<i32>}> : () -> tensor<i32>
      %row = "stablehlo.dynamic_slice"(%x, %i) <{slice_sizes = array<i64: 1>}> : (tensor<3xi32>, tensor<i32>) -> tensor<1xi32>
      %e = "stablehlo.reshape"(%row) : (tensor<1xi32>) -> tensor<i32>
      %sum = "stablehlo.add"(%s, %e) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      %last = "stablehlo.constant"() <{value = dense<2> : tensor<i32>}> : () -> tensor<i32>
      %back = "stablehlo.subtract"(%last, %i) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      %u = "stablehlo.reshape"(%i) : (tensor<i32>) -> tensor<1xi32>
      %w = "stablehlo.dynamic_update_slice"(%y, %u, %back) : (tensor<3xi32>, tensor<1xi32>, tensor<i32>) -> tensor<3xi32>
      %next = "stablehlo.add"(%i, %one) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      "stablehlo.return"(%next, %sum, %w) : (tensor<i32>, tensor<i32>, tensor<3xi32>) -> ()
    }) : (tensor<i32>, tensor<i32>, tensor<3xi32>) -> (tensor<i32>, tensor<i32>, tensor<3xi32>)
    "func.return"(%0#1, %0#2) : (tensor<i32>, tensor<3xi32>) -> ()
)");
}

TEST(StablehloImport, CountedLoopsAreScans) {
  const Graph graph = Module::parse(loop("%three"), "model.mlir").graph();
  const std::string ir = graph.toMlir();
  EXPECT_THAT(ir, HasSubstr("weir.scan"));
  EXPECT_THAT(ir, ::testing::Not(HasSubstr("dynamic")));
  const Fetched got = graph.compile({.interpret = true})
                          .run({{"arg0", ints({5, 6, 7})}, {"arg1", Array::scalar<int32_t>(0)}});
  EXPECT_EQ(got.scalar("result0"), 18);
  EXPECT_EQ(got["result1"], ints({2, 1, 0}));
}

TEST(StablehloImport, LoopsOverDataStayLoops) {
  const Graph graph = Module::parse(loop("%n"), "model.mlir").graph();
  EXPECT_THAT(graph.toMlir(), HasSubstr("weir.while"));
  const Fetched got = graph.compile({.interpret = true})
                          .run({{"arg0", ints({5, 6, 7})}, {"arg1", Array::scalar<int32_t>(2)}});
  EXPECT_EQ(got.scalar("result0"), 11);
  EXPECT_EQ(got["result1"], ints({5, 1, 0}));
}

// An index out of range takes the last branch, on both sides.
TEST(StablehloImport, CaseTakesOneOfItsBranches) {
  const std::string text = moduleOf("(tensor<i32>) -> tensor<i32>", R"(
  ^bb0(%arg0: tensor<i32>):
    %0 = "stablehlo.case"(%arg0) ({
      %1 = "stablehlo.constant"() <{value = dense<10> : tensor<i32>}> : () -> tensor<i32>
      "stablehlo.return"(%1) : (tensor<i32>) -> ()
    }, {
      %1 = "stablehlo.constant"() <{value = dense<11> : tensor<i32>}> : () -> tensor<i32>
      "stablehlo.return"(%1) : (tensor<i32>) -> ()
    }, {
      %1 = "stablehlo.constant"() <{value = dense<12> : tensor<i32>}> : () -> tensor<i32>
      "stablehlo.return"(%1) : (tensor<i32>) -> ()
    }) : (tensor<i32>) -> tensor<i32>
    "func.return"(%0) : (tensor<i32>) -> ()
)");
  for (auto [index, value] : {std::pair(0, 10), {1, 11}, {2, 12}, {3, 12}, {-1, 12}})
    EXPECT_THAT(run(text, {Array::scalar<int32_t>(index)}), ElementsAre(value));
}

TEST(StablehloImport, OneReportHasEveryReason) {
  const std::string error = errorOf(moduleOf("(tensor<4xf32>) -> tensor<4xf32>", R"(
  ^bb0(%arg0: tensor<4xf32>):
    %0 = "stablehlo.fft"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
    %1 = "stablehlo.add"(%0, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<3xf32>
    %2 = "stablehlo.complex"(%0, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xcomplex<f32>>
    %3 = "stablehlo.real"(%2) : (tensor<4xcomplex<f32>>) -> tensor<4xf32>
    "func.return"(%3) : (tensor<4xf32>) -> ()
)"));
  EXPECT_THAT(error, HasSubstr("model.mlir:5: error: 4 ops cannot be imported\n"));
  EXPECT_THAT(error, HasSubstr("model.mlir:5: note: stablehlo.fft: this op is not supported"));
  EXPECT_THAT(error, HasSubstr("model.mlir:6: note: stablehlo.add: gives f32[4], the text says "
                               "f32[3]"));
  EXPECT_THAT(error, HasSubstr("model.mlir:7: note: stablehlo.complex: this op is not supported"));
}

TEST(StablehloImport, MistakesOfTheTextHaveTheirLine) {
  EXPECT_THAT(errorOf("\"builtin.module\"() ({\n  what\n}) : () -> ()"),
              HasSubstr("model.mlir:2:"));
  EXPECT_THAT(errorOf(moduleOf("(tensor<2x3xf32>) -> tensor<2x2xf32>", R"(
  ^bb0(%arg0: tensor<2x3xf32>):
    %0 = "stablehlo.dot_general"(%arg0, %arg0) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0]>}> : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
    "func.return"(%0) : (tensor<2x2xf32>) -> ()
)")),
              HasSubstr("model.mlir:5: error: stablehlo.dot_general: dot: contracted dims differ"));
}

TEST(StablehloImport, OpsKeepTheirLine) {
  const Graph graph = Module::parse(moduleOf("(tensor<2xf32>) -> tensor<2xf32>", R"(
  ^bb0(%arg0: tensor<2xf32>):
    %0 = "stablehlo.tanh"(%arg0) : (tensor<2xf32>) -> tensor<2xf32>
    "func.return"(%0) : (tensor<2xf32>) -> ()
)"),
                                    "model.mlir")
                          .graph();
  EXPECT_THAT(graph.toMlir(true), HasSubstr("model.mlir\":5"));
}

TEST(StablehloImport, WideningReachesConstantsAndBits) {
  const Module module = Module::parse(moduleOf("(tensor<f32>) -> tensor<i32>", R"(
  ^bb0(%arg0: tensor<f32>):
    %0 = "stablehlo.bitcast_convert"(%arg0) : (tensor<f32>) -> tensor<i32>
    "func.return"(%0) : (tensor<i32>) -> ()
)"),
                                      "model.mlir", {.widen = true});
  EXPECT_EQ(module.arguments()[0].dtype, f64);
  const Fetched got =
      module.graph().compile({.interpret = true}).run({{"arg0", Array::scalar(1.0)}});
  EXPECT_EQ(got.scalar("result0"), 0x3f800000);
}

TEST(StablehloImport, AssertionsBecomeChecks) {
  std::vector<Check> checks;
  Module::parse(moduleOf("(tensor<2xf32>) -> ()", R"(
  ^bb0(%arg0: tensor<2xf32>):
    "stablehlo.custom_call"(%arg0, %arg0) <{call_target_name = "check.expect_close", has_side_effect = true}> : (tensor<2xf32>, tensor<2xf32>) -> ()
    "check.expect_almost_eq_const"(%arg0) <{value = dense<1.0> : tensor<2xf32>}> : (tensor<2xf32>) -> ()
    "func.return"() : () -> ()
)"),
                "model.mlir")
      .graph(&checks);
  ASSERT_EQ(checks.size(), 2u);
  EXPECT_EQ(checks[0].kind, "expect_close");
  EXPECT_EQ(checks[0].at.line, 5u);
  EXPECT_EQ(checks[1].kind, "expect_almost_eq");
  EXPECT_EQ(checks[1].expected, "check1.expected");
}

/// A module with a mesh of Shardy's whose @main is x w, x split by rows and the product by columns.
std::string shardedModule(const std::string &argument, const std::string &constraint) {
  return R"("builtin.module"() ({
"sdy.mesh"() <{mesh = #sdy.mesh<["data"=2, "model"=3]>, sym_name = "mesh"}> : () -> ()
"func.func"() <{arg_attrs = [{sdy.sharding = #sdy.sharding<@mesh, )" +
         argument +
         R"(>}, {}], function_type = (tensor<4x5xf32>, tensor<5x3xf32>) -> tensor<4x3xf32>, sym_name = "main"}> ({
^bb0(%arg0: tensor<4x5xf32>, %arg1: tensor<5x3xf32>):
  %0 = "stablehlo.dot_general"(%arg0, %arg1) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0]>}> : (tensor<4x5xf32>, tensor<5x3xf32>) -> tensor<4x3xf32>
  %1 = "sdy.sharding_constraint"(%0) <{sharding = #sdy.sharding<@mesh, )" +
         constraint + R"(>}> : (tensor<4x3xf32>) -> tensor<4x3xf32>
  "func.return"(%1) : (tensor<4x3xf32>) -> ()
}) : () -> ()
}) : () -> ()
)";
}

TEST(StablehloImport, ShardingsOfShardyAreThoseOfTheGraph) {
  const Module module = Module::parse(
      shardedModule(R"([{"data", ?}p1, {?}], replicated={"model"})", R"([{}, {"model"}])"),
      "model.mlir");
  const Graph graph = module.graph();
  EXPECT_THAT(graph.toMlir(false),
              testing::AllOf(HasSubstr("data=2,model=3"), HasSubstr("[{data},{}]"),
                             HasSubstr("[{},{model}]")));
  std::vector<float> x(20), w(15);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 5) - 2;
  const Feeds feeds = {{"arg0", Array::from<float>({4, 5}, x)},
                       {"arg1", Array::from<float>({5, 3}, w)}};
  const std::vector<double> sharded =
      module.graph().compile({.interpret = true}).run(feeds)["result0"].toDoubles();
  for (size_t row = 0; row < 4; ++row)
    for (size_t column = 0; column < 3; ++column) {
      double sum = 0;
      for (size_t k = 0; k < 5; ++k)
        sum += static_cast<double>(x[row * 5 + k]) * static_cast<double>(w[k * 3 + column]);
      EXPECT_EQ(sharded[row * 3 + column], sum);
    }
}

TEST(StablehloImport, ShardingsThatAreSpelledWronglyAreReported) {
  EXPECT_THAT(errorOf(shardedModule(R"([{"data":(1)2}, {}])", "[{}, {}]")),
              HasSubstr("argument 0 of @main: expected '}'"));
  EXPECT_THAT(errorOf(shardedModule("[{}, {}]", R"([{"data"}])")),
              HasSubstr("1 entries for a tensor of rank 2"));
}

/// x w, whose shardings are said as XLA did before Shardy; `constraint` is that of a custom call.
std::string tiledModule(const std::string &argument, const std::string &constraint) {
  return R"("builtin.module"() ({
"func.func"() <{arg_attrs = [{mhlo.sharding = ")" +
         argument +
         R"("}, {}], function_type = (tensor<4x5xf32>, tensor<5x3xf32>) -> tensor<4x3xf32>, res_attrs = [{mhlo.sharding = "{replicated}"}], sym_name = "main"}> ({
^bb0(%arg0: tensor<4x5xf32>, %arg1: tensor<5x3xf32>):
  %0 = "stablehlo.dot_general"(%arg0, %arg1) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0]>}> : (tensor<4x5xf32>, tensor<5x3xf32>) -> tensor<4x3xf32>
  %1 = "stablehlo.custom_call"(%0) <{call_target_name = "Sharding"}> {mhlo.sharding = ")" +
         constraint + R"("} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  "func.return"(%1) : (tensor<4x3xf32>) -> ()
}) : () -> ()
}) : () -> ()
)";
}

TEST(StablehloImport, ShardingsOfXlaAreThoseOfTheGraph) {
  const Module module =
      Module::parse(tiledModule("{devices=[2,1,3]<=[6] last_tile_dim_replicate}",
                                "{devices=[1,3,2]<=[2,3]T(1,0) last_tile_dim_replicate}"),
                    "model.mlir");
  EXPECT_THAT(module.graph().toMlir(false),
              testing::AllOf(HasSubstr("x0=2,x1=3"), HasSubstr("[{x0},{}]"), HasSubstr("[{},{x1}]"),
                             HasSubstr("[{},{}]")));
  std::vector<float> x(20), w(15);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i % 5) - 2;
  const Feeds feeds = {{"arg0", Array::from<float>({4, 5}, x)},
                       {"arg1", Array::from<float>({5, 3}, w)}};
  const Module whole = Module::parse(tiledModule("{replicated}", "{unknown}"), "model.mlir");
  EXPECT_EQ(module.graph().compile({.interpret = true}).run(feeds)["result0"].toDoubles(),
            whole.graph().compile({.interpret = true}).run(feeds)["result0"].toDoubles());
}

TEST(StablehloImport, ShardingsOfXlaThatHaveNoMeaningAreRefusedWithTheirLine) {
  EXPECT_THAT(errorOf(tiledModule("{maximal device=0}", "{replicated}")),
              testing::AllOf(HasSubstr(":2: error: argument 0 of @main: mhlo.sharding"),
                             HasSubstr("puts a value on one device")));
  EXPECT_THAT(errorOf(tiledModule("{devices=[2,1]<=[2]}", "{devices=[4]<=[4]}")),
              testing::AllOf(HasSubstr(":5: error: "), HasSubstr("cuts 1 dims")));
  EXPECT_THAT(errorOf(tiledModule("{devices=[2,1]<=[2]}", "{devices=[4,1]<=[4]}")),
              testing::AllOf(HasSubstr(":5: error: "), HasSubstr("over 2 devices and over 4")));
}

TEST(StablehloImport, CollectivesOfOneDeviceChangeNothingAndOthersAreRefused) {
  auto module = [](const std::string &groups) {
    return moduleOf("(tensor<2xf32>) -> tensor<2xf32>", R"(
  ^bb0(%arg0: tensor<2xf32>):
    %0 = "stablehlo.all_gather"(%arg0) <{all_gather_dim = 0 : i64, replica_groups = )" +
                                                            groups +
                                                            R"(}> : (tensor<2xf32>) -> tensor<2xf32>
    "func.return"(%0) : (tensor<2xf32>) -> ()
)");
  };
  EXPECT_THAT(run(module("dense<0> : tensor<1x1xi64>"), {Array::from<float>({2}, {3, 4})}),
              ElementsAre(3, 4));
  EXPECT_THAT(errorOf(module("dense<[[0, 1]]> : tensor<1x2xi64>")),
              HasSubstr("of a program that each of several devices runs on its pieces"));
}

} // namespace
} // namespace weir::stablehlo
