// The grammar of StableHLO's attributes, and what is said where a text leaves it.
// features: A1
#include "frontend/import/stablehlo/attributes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace weir::stablehlo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StrEq;

template <typename F> std::string messageOf(F &&parse) {
  try {
    parse();
  } catch (const AttributeError &error) {
    return error.what();
  }
  return "no error";
}

TEST(Attributes, DotMayBeEmpty) {
  EXPECT_THAT(parseDot("dot<>").lhsContract, IsEmpty());
  const DotNumbers n = parseDot("dot<lhs_batching_dimensions = [0], rhs_batching_dimensions = [1], "
                                "lhs_contracting_dimensions = [2, 3], "
                                "rhs_contracting_dimensions = [0, 2]>");
  EXPECT_THAT(n.lhsBatch, ElementsAre(0));
  EXPECT_THAT(n.rhsBatch, ElementsAre(1));
  EXPECT_THAT(n.lhsContract, ElementsAre(2, 3));
  EXPECT_THAT(n.rhsContract, ElementsAre(0, 2));
}

TEST(Attributes, GatherKeysMayBeLeftOut) {
  const GatherNumbers n =
      parseGather("gather<offset_dims = [0], collapsed_slice_dims = [1], start_index_map = [1]>");
  EXPECT_THAT(n.offsetDims, ElementsAre(0));
  EXPECT_EQ(n.indexVectorDim, 0);
  EXPECT_EQ(parseGather("gather<index_vector_dim = 2>").indexVectorDim, 2);
}

TEST(Attributes, ScatterWithBatchingDims) {
  const ScatterNumbers n = parseScatter(
      "scatter<update_window_dims = [1], inserted_window_dims = [0], input_batching_dims = [2], "
      "scatter_indices_batching_dims = [0], scatter_dims_to_operand_dims = [0], "
      "index_vector_dim = 1>");
  EXPECT_THAT(n.inputBatchingDims, ElementsAre(2));
  EXPECT_THAT(n.scatterIndicesBatchingDims, ElementsAre(0));
}

TEST(Attributes, ConvolutionDimsInAnyOrder) {
  const ConvNumbers n = parseConv("conv<[f, 0, 1, b]x[i, 1, 0, o]->[0, 1, b, f]>");
  EXPECT_EQ(n.lhs.batch, 3);
  EXPECT_EQ(n.lhs.feature, 0);
  EXPECT_THAT(n.lhs.spatial, ElementsAre(1, 2));
  EXPECT_EQ(n.rhs.batch, 0);
  EXPECT_EQ(n.rhs.feature, 3);
  EXPECT_THAT(n.rhs.spatial, ElementsAre(2, 1));
  EXPECT_EQ(n.out.batch, 2);
}

TEST(Attributes, Enums) {
  EXPECT_EQ(parseEnum("comparison_direction LT", "comparison_direction"), "LT");
}

TEST(Attributes, ErrorsNameWhatIsExpectedAndWhere) {
  EXPECT_THAT(messageOf([] { parseDot("dot<lhs_batching_dimensions = [0>"); }),
              StrEq("expected ']' at position 32 of 'dot<lhs_batching_dimensions = [0>'"));
  EXPECT_THAT(messageOf([] { parseDot("dot<rank = 1>"); }),
              StrEq("expected another key than 'rank' at position 4 of 'dot<rank = 1>'"));
  EXPECT_THAT(messageOf([] { parseGather("gather<offset_dims = [-1]>"); }),
              StrEq("expected a dim at position 22 of 'gather<offset_dims = [-1]>'"));
  EXPECT_THAT(messageOf([] { parseConv("conv<[b, 0, f]x[0, i, o]->[b, 0]>"); }),
              StrEq("expected dims 'b' and 'f' before this at position 31 of 'conv<[b, 0, f]x[0, "
                    "i, o]->[b, 0]>'"));
  EXPECT_THAT(messageOf([] { parseEnum("precision", "comparison_type"); }),
              StrEq("expected 'comparison_type' at position 0 of 'precision'"));
}

TEST(Attributes, MutatedOnesAreErrorsInTheText) {
  const std::string whole[] = {
      "dot<lhs_batching_dimensions = [0], rhs_contracting_dimensions = [1, 2]>",
      "gather<offset_dims = [1], collapsed_slice_dims = [0], index_vector_dim = 1>",
      "scatter<update_window_dims = [1], scatter_dims_to_operand_dims = [0]>",
      "conv<[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]>"};
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 20000; ++trial) {
    std::string text = whole[random() % 4];
    for (int change = 0; change < 3; ++change) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.insert(at, 1, "[]<>,=0159bfio"[random() % 14]);
        break;
      default:
        if (text.size() > 1) text.erase(at, 1 + random() % 4);
      }
      if (text.empty()) break;
    }
    for (auto parse :
         {+[](std::string_view t) { parseDot(t); }, +[](std::string_view t) { parseGather(t); },
          +[](std::string_view t) { parseScatter(t); }, +[](std::string_view t) { parseConv(t); },
          +[](std::string_view t) { parseEnum(t, "dot"); }})
      try {
        parse(text);
      } catch (const AttributeError &error) {
        EXPECT_LE(error.position(), text.size());
      }
  }
}

TEST(Attributes, MeshesAndShardingsOfShardy) {
  const MeshText mesh = parseMesh(R"(mesh<["x"=2, "y"=4]>)");
  EXPECT_THAT(mesh.axes, ElementsAre(std::pair("x", 2), std::pair("y", 4)));
  EXPECT_THAT(parseMesh("mesh<[]>").axes, IsEmpty());
  const ShardingText sharding =
      parseSharding(R"(sharding<@mesh, [{"x", "y"}, {"z", ?}p2, {}], replicated={"w"}>)");
  EXPECT_EQ(sharding.mesh, "mesh");
  EXPECT_THAT(sharding.dims, ElementsAre(ElementsAre("x", "y"), ElementsAre("z"), IsEmpty()));
  EXPECT_FALSE(sharding.isOpen);
  EXPECT_TRUE(parseSharding("sharding<@m, [{?}, {?}]>").isOpen);
  EXPECT_FALSE(parseSharding("sharding<@m, []>").isOpen);
  EXPECT_THAT(messageOf([] { parseSharding(R"(sharding<@m, [{"x":(1)2}]>)"); }),
              StrEq(R"(expected '}' at position 18 of 'sharding<@m, [{"x":(1)2}]>')"));
}

} // namespace
} // namespace weir::stablehlo
