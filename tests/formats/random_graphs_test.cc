// Random graphs that use every op come back from a .weir file exactly, and again as the same bytes.
// features: G16
#include "frontend/proto/graph_file.h"
#include "tests/fuzz/generator.h"

#include <gtest/gtest.h>

namespace weir::testing {
namespace {

constexpr int kSeeds = 120;

TEST(RandomGraphFiles, RoundTripsAreExact) {
  TestContext context;
  size_t bytes = 0, textBytes = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto module = randomModule(context.get(), seed);
    const std::string file = graph_file::exportGraph(*module);
    auto again = graph_file::importGraph(file, *context.get(), "random.weir");
    EXPECT_EQ(print(*again), print(*module));
    EXPECT_EQ(graph_file::exportGraph(*again), file);
    bytes += file.size();
    textBytes += print(*module).size();
  }
  RecordProperty("bytes", static_cast<int>(bytes));
  RecordProperty("bytes of text", static_cast<int>(textBytes));
}

} // namespace
} // namespace weir::testing
