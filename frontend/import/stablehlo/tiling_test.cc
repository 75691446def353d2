// XLA's shardings as text, and the mesh that they are over.
// features: P11
#include "frontend/import/stablehlo/tiling.h"

#include "frontend/import/stablehlo/attributes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>

namespace weir::stablehlo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string problemWith(const std::vector<std::string> &texts, size_t rank) {
  try {
    TilingMesh mesh;
    for (const std::string &text : texts) mesh.add(parseTiling(text, rank));
  } catch (const std::invalid_argument &error) {
    return error.what();
  } catch (const AttributeError &error) {
    return error.what();
  }
  return "none";
}

/// The mesh of tilings of matrices, then the axes of each: "x0=2: [x0|]".
std::string meshOf(const std::vector<std::string> &texts) {
  TilingMesh mesh;
  for (const std::string &text : texts) mesh.add(parseTiling(text, 2));
  std::string all = mesh.str() + ":";
  for (const std::string &text : texts) {
    const std::vector<std::string> axes = mesh.axesOf(parseTiling(text, 2));
    all += " [" + axes[0] + "|" + axes[1] + "]";
  }
  return all;
}

TEST(Tiling, TilesAreOverTheAxesOfAMesh) {
  EXPECT_EQ(meshOf({"{devices=[2,1]<=[2]}"}), "x0=2: [x0|]");
  EXPECT_EQ(meshOf({"{devices=[2,4]<=[8]}"}), "x0=2,x1=4: [x0|x1]");
  EXPECT_EQ(meshOf({"{devices=[2,1,4]<=[8] last_tile_dim_replicate}",
                    "{devices=[1,4,2]<=[2,4]T(1,0) last_tile_dim_replicate}", "{replicated}"}),
            "x0=2,x1=4: [x0|] [|x1] [|]");
  EXPECT_EQ(meshOf({"{devices=[8,1]<=[8]}", "{devices=[4,2]<=[2,2,2]T(2,0,1)}"}),
            "x0=2,x1=2,x2=2: [x0,x1,x2|] [x2,x0|x1]");
  EXPECT_EQ(meshOf({"{devices=[2,1,2]<=[4] last_tile_dims={replicated}}"}), "x0=2,x1=2: [x0|]");
}

TEST(Tiling, ListsOfDevicesAreTransposes) {
  EXPECT_EQ(meshOf({"{devices=[2,2]0,1,2,3}"}), "x0=2,x1=2: [x0|x1]");
  EXPECT_EQ(meshOf({"{devices=[2,2]0,2,1,3}"}), "x0=2,x1=2: [x1|x0]");
  EXPECT_EQ(meshOf({"{devices=[3,2]0,3,1,4,2,5}"}), "x0=2,x1=3: [x1|x0]");
  EXPECT_THAT(problemWith({"{devices=[2,2]0,1,3,2}"}, 2), HasSubstr("in the order of no mesh"));
  EXPECT_THAT(problemWith({"{devices=[2,2]0,1,1,2}"}, 2), HasSubstr("in the order of no mesh"));
  EXPECT_THAT(problemWith({"{devices=[2,2]1,0,2,3}"}, 2), HasSubstr("in the order of no mesh"));
  EXPECT_THAT(problemWith({"{devices=[2,1]0,9}"}, 2), HasSubstr("are not 0, 1, ..., 1"));
}

TEST(Tiling, WhatHasNoMeaningIsRefused) {
  EXPECT_THAT(problemWith({"{maximal device=0}"}, 2), HasSubstr("puts a value on one device"));
  EXPECT_THAT(problemWith({"{manual}"}, 2), HasSubstr("as each device runs it"));
  EXPECT_THAT(problemWith({"{devices=[1,1,2]<=[2] last_tile_dims={manual}}"}, 2),
              HasSubstr("dims that are manual"));
  EXPECT_THAT(problemWith({"{{replicated}, {replicated}}"}, 2), HasSubstr("of several tensors"));
  EXPECT_THAT(problemWith({"{devices=[2]<=[2]}"}, 2), HasSubstr("cuts 1 dims of a tensor of rank"));
  EXPECT_THAT(problemWith({"{devices=[2,1]<=[4]}"}, 2), HasSubstr("tiles as its 4 devices"));
  EXPECT_THAT(problemWith({"{devices=[2,1]<=[2]T(1)}"}, 2), HasSubstr("a permutation of the dims"));
  EXPECT_THAT(problemWith({"{devices=[0,1]<=[2]}"}, 2), HasSubstr("tiles as its 2 devices"));
  EXPECT_THAT(problemWith({"{devices=[2,1]<=[2]"}, 2), HasSubstr("expected '}'"));
  EXPECT_THAT(problemWith({"{scattered}"}, 2), HasSubstr("none that is known"));
  EXPECT_THAT(problemWith({"{devices=[2,1]<=[2]}", "{devices=[4,1]<=[4]}"}, 2),
              HasSubstr("over 2 devices and over 4"));
  EXPECT_THAT(problemWith({"{devices=[2,3]<=[6]}", "{devices=[3,2]<=[6]}"}, 2),
              HasSubstr("not over the axes of one mesh"));
  EXPECT_THAT(problemWith({"{devices=[2,3]<=[3,2]}"}, 2), HasSubstr("across the axes"));
  EXPECT_TRUE(parseTiling("{unknown}", 2).isOpen);
}

} // namespace
} // namespace weir::stablehlo
