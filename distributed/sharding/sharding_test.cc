// Meshes and shardings: text forms and their errors, groups of devices, pieces of uneven dims.
// features: P11
#include "distributed/sharding/sharding.h"

#include "gtest/gtest.h"

#include <random>

namespace weir::distributed {
namespace {

Mesh mesh(std::string_view text) {
  auto result = parseMesh(text);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.value_or(Mesh{});
}

TEST(MeshTest, TextFormIsReadAndWritten) {
  Mesh m = mesh("data=2, model=4");
  EXPECT_EQ(m.str(), "data=2,model=4");
  EXPECT_EQ(m.devices(), 8);
  EXPECT_EQ(m.find("model"), 1);
  EXPECT_EQ(m.find("expert"), std::nullopt);
  EXPECT_EQ(mesh("").devices(), 1);
}

TEST(MeshTest, MistakesAreNamed) {
  EXPECT_EQ(parseMesh("data=2,data=3").status().message(), "axis data is named twice in a mesh");
  EXPECT_EQ(parseMesh("data=0").status().message(), "axis data of a mesh has no size");
  EXPECT_EQ(parseMesh("data").status().message(), "axis data of a mesh has no size");
  EXPECT_EQ(parseMesh("data=2 model=2").status().message(),
            "a mesh ends with what is no axis: model=2");
  EXPECT_EQ(parseMesh("a=99999999999999999999").status().message(), "axis a of a mesh has no size");
  EXPECT_FALSE(parseMesh("a=4096,b=4096").ok());
  EXPECT_FALSE(parseMesh("2=data").ok());
  EXPECT_FALSE(parseMesh("data=2,").ok());
}

TEST(MeshTest, GroupsListDevicesInOrderOfPosition) {
  Mesh m = mesh("data=2,model=3");
  using Groups = std::vector<std::vector<int64_t>>;
  EXPECT_EQ(m.groups({0}), (Groups{{0, 3}, {1, 4}, {2, 5}}));
  EXPECT_EQ(m.groups({1}), (Groups{{0, 1, 2}, {3, 4, 5}}));
  EXPECT_EQ(m.groups({1, 0}), (Groups{{0, 3, 1, 4, 2, 5}}));
  EXPECT_EQ(m.groups({}).size(), 6u);
  EXPECT_EQ(m.coordinates(5), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(m.device({1, 2}), 5);
}

TEST(ShardingTest, TextFormIsReadAndWritten) {
  Mesh m = mesh("data=2,model=4");
  for (std::string text : {"[]", "[{},{}]", "[{data},{}]", "[{model,data},{}]",
                           "[{}] partial(sum){data,model}", "[{data}] partial(max){model}"}) {
    auto sharding = parseSharding(text, m);
    ASSERT_TRUE(sharding.ok()) << sharding.status();
    EXPECT_EQ(sharding->str(m), text);
  }
  auto sharding = parseSharding("[ {data} , {} ] partial(prod) {model}", m);
  ASSERT_TRUE(sharding.ok());
  EXPECT_EQ(*sharding, (Sharding{{{0}, {}}, {1}, Combiner::Prod}));
  EXPECT_EQ(parseSharding("[{}] partial(max){}", m).value(), Sharding::replicated(1));
}

TEST(ShardingTest, MistakesAreNamed) {
  Mesh m = mesh("data=2,model=4");
  auto message = [&](std::string_view text) {
    return std::string(parseSharding(text, m).status().message());
  };
  EXPECT_EQ(message("[{expert}]"), "the mesh data=2,model=4 has no axis expert");
  EXPECT_EQ(message("[{data},{data}]"), "axis data is named twice in a sharding");
  EXPECT_EQ(message("[{data}] partial(sum){data}"), "axis data is named twice in a sharding");
  EXPECT_EQ(message("{data}"), "a sharding starts with [, as in [{data},{}]");
  EXPECT_EQ(message("[data]"), "a sharding lists axes in braces, as in [{data},{}]");
  EXPECT_EQ(message("[{data}"), "the dims of a sharding do not end with ]");
  EXPECT_EQ(message("[{}] whole"), "a sharding ends with what is no part of it: whole");
  EXPECT_NE(message("[{}] partial(mean){data}").find("sum, max, min and prod are known"),
            std::string::npos);
  EXPECT_NE(message(""), "");
}

TEST(ShardingTest, UnevenPiecesAreNested) {
  Mesh m = mesh("data=2,model=3");
  EXPECT_EQ(localSize(10, {0, 1}, m), 2);
  // 10 over data is 5 and 5; 5 over model is 2, 2 and 1.
  std::vector<Piece> expected = {{0, 2}, {2, 2}, {4, 1}, {5, 2}, {7, 2}, {9, 1}};
  for (int64_t d = 0; d < 6; ++d) EXPECT_EQ(pieceOf(10, {0, 1}, m, d), expected[d]);
  EXPECT_EQ(pieceOf(1, {1}, m, 2), (Piece{1, 0})) << "a piece may be empty";
  EXPECT_EQ(localShape({10, 7}, {{{0}, {1}}, {}}, m), (std::vector<int64_t>{5, 3}));
}

TEST(ShardingTest, PiecesCoverADimOnceOverEachGroup) {
  std::mt19937 rng(1);
  for (int round = 0; round < 200; ++round) {
    Mesh m{{{"a", 1 + int64_t(rng() % 4)}, {"b", 1 + int64_t(rng() % 4)}, {"c", 2}}};
    std::vector<int> axes = {0, 1};
    if (rng() % 2) std::swap(axes[0], axes[1]);
    axes.resize(rng() % 3);
    int64_t size = rng() % 12;
    for (const std::vector<int64_t> &group : m.groups(axes)) {
      int64_t next = 0;
      for (int64_t device : group) {
        Piece piece = pieceOf(size, axes, m, device);
        EXPECT_EQ(piece.offset, next);
        EXPECT_LE(piece.count, localSize(size, axes, m));
        next += piece.count;
      }
      EXPECT_EQ(next, size);
    }
  }
}

} // namespace
} // namespace weir::distributed
