// Which instructions wait for which, by the bytes that they read and write.  features: G6
#include "codegen/artifact/dependences.h"

#include <gmock/gmock.h>

namespace weir::codegen {
namespace {

using runtime::Executable;
using runtime::Instruction;
using runtime::Space;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Kernel 0 reads all buffers of a launch but the last, which it writes.
struct Schedule {
  Executable e;
  Schedule() { e.kernels.resize(1); }

  int32_t buffer(Space space, int64_t offset, int64_t bytes, int32_t index = 0,
                 std::vector<runtime::LoopStride> strides = {}) {
    e.buffers.push_back(
        {space, index, offset, bytes, runtime::DType::I8, {bytes}, std::move(strides)});
    return static_cast<int32_t>(e.buffers.size() - 1);
  }
  static Instruction launch(std::vector<int32_t> buffers) {
    Instruction instruction;
    instruction.buffers = std::move(buffers);
    return instruction;
  }
  void add(Instruction instruction) { e.instructions.push_back(std::move(instruction)); }
  const std::vector<int32_t> &deps(size_t i) {
    addDependencesOnce();
    return e.instructions[i].deps;
  }

private:
  void addDependencesOnce() {
    if (!isDone) addDependences(e, {1});
    isDone = true;
  }
  bool isDone = false;
};

TEST(Dependences, ReadersWaitForTheWriterAndWritersForReaders) {
  Schedule s;
  const int32_t x = s.buffer(Space::Input, 0, 64), a = s.buffer(Space::Arena, 0, 64),
                b = s.buffer(Space::Arena, 64, 64), c = s.buffer(Space::Arena, 128, 64);
  s.add(Schedule::launch({x, a}));
  s.add(Schedule::launch({a, b}));
  s.add(Schedule::launch({a, c}));
  s.add(Schedule::launch({x, a})); // its bytes are used again
  s.add(Schedule::launch({b, c, a}));
  EXPECT_THAT(s.deps(0), IsEmpty());
  EXPECT_THAT(s.deps(1), ElementsAre(0));
  EXPECT_THAT(s.deps(2), ElementsAre(0));
  EXPECT_THAT(s.deps(3), ElementsAre(0, 1, 2));
  EXPECT_THAT(s.deps(4), ElementsAre(1, 2, 3)); // 0 comes before 3
}

TEST(Dependences, OverlapInPartIsOverlap) {
  Schedule s;
  const int32_t x = s.buffer(Space::Input, 0, 64), whole = s.buffer(Space::Arena, 0, 128),
                half = s.buffer(Space::Arena, 64, 64), next = s.buffer(Space::Arena, 128, 64);
  s.add(Schedule::launch({x, whole}));
  s.add(Schedule::launch({x, half}));
  s.add(Schedule::launch({x, next}));
  s.add(Schedule::launch({whole, next}));
  EXPECT_THAT(s.deps(1), ElementsAre(0));
  EXPECT_THAT(s.deps(2), IsEmpty());
  EXPECT_THAT(s.deps(3), ElementsAre(0, 1, 2));
}

TEST(Dependences, SpacesAndVariablesAreApartAndConstantsNobodys) {
  Schedule s;
  const int32_t v = s.buffer(Space::Variable, 0, 64, 0), w = s.buffer(Space::Variable, 0, 64, 1),
                k = s.buffer(Space::Constant, 0, 64), second = s.buffer(Space::Arena, 0, 64, 1);
  s.add(Schedule::launch({k, v}));
  s.add(Schedule::launch({k, w}));
  s.add(Schedule::launch({w, second}));
  s.add(Schedule::launch({k, s.buffer(Space::Arena, 0, 64, 0)})); // one arena, two devices
  EXPECT_THAT(s.deps(1), IsEmpty());
  EXPECT_THAT(s.deps(2), ElementsAre(1));
  EXPECT_THAT(s.deps(3), ElementsAre(2));
}

TEST(Dependences, ALoopTouchesAllItsSlices) {
  Schedule s;
  s.e.numLoops = 1;
  const int32_t x = s.buffer(Space::Input, 0, 64), stack = s.buffer(Space::Arena, 64, 192),
                slice = s.buffer(Space::Arena, 64, 64, 0, {{0, 64}}),
                carry = s.buffer(Space::Arena, 0, 64);
  Instruction loop;
  loop.kind = Instruction::Kind::Loop;
  loop.trips = 3;
  loop.body = {Schedule::launch({x, carry}), Schedule::launch({carry, slice})};
  s.add(Schedule::launch({x, s.buffer(Space::Arena, 192, 64)})); // the last slice
  s.add(std::move(loop));
  s.add(Schedule::launch({stack, s.buffer(Space::Output, 0, 64)}));
  EXPECT_THAT(s.deps(1), ElementsAre(0));
  EXPECT_THAT(s.deps(2), ElementsAre(1)); // which wrote over what 0 made
  EXPECT_THAT(s.e.instructions[1].body[1].deps, ElementsAre(0));
}

} // namespace
} // namespace weir::codegen
