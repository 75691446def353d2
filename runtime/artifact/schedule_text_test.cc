//===- schedule_text_test.cc - an executable to read ----------------------===//
// The whole text of the small example.
// features: F5
//===----------------------------------------------------------------------===//
#include "runtime/artifact/schedule_text.h"
#include "runtime/artifact/test_executable.h"

#include <gtest/gtest.h>

namespace weir::runtime {
namespace {

TEST(ScheduleText, SaysWhatRunsOnWhichMemory) {
  EXPECT_EQ(scheduleText(testExecutable()), R"(executable example: 1 kernels, 4 launches
memory 804 bytes: arena 256, scratch 64 a thread, variables 64, constants 128, code 100, inputs 128, outputs 64
input x: f32[4, 2]
input p: i1[]
output y: f32[2]
variable w: f32[2]
if input p:i1[] {
  loop0 4 times {
    launch k(input x[loop0*8]:f32[2], arena+64:f32[2], constant+64:f32[2])  4 tasks, 7 FLOPs, 9 bytes  # model.cc:42
  }
}
copy arena+64:f32[2] -> output y:f32[2]
)");
}

TEST(ScheduleText, ShowsWhatMovesOnAMesh) {
  const std::string text = scheduleText(testExecutableOnMesh());
  for (const char *line :
       {"mesh axis model: 3 devices\n",
        "all_gather over {model} arena+64:f32[2] -> arena+0:f32[3, 2]  # dot takes [{},{}]\n",
        "permute constant+64:f32[2] -> arena+64:f32[2]\n",
        "axis_index over {model,data} -> arena+128:i32[]\n"})
    EXPECT_NE(text.find(line), std::string::npos) << text;
}

TEST(ScheduleText, ShowsEveryKindOfControlFlow) {
  Executable e = testExecutable();
  Instruction loop;
  loop.kind = Instruction::Kind::While;
  loop.buffers = {1};
  loop.condition = {e.instructions[1]};
  loop.body = e.instructions[0].body;
  loop.body[0].reverse = true;
  loop.body[0].body.clear();
  e.instructions[0].otherwise = {loop};
  e.inputs[1].name.clear();
  const std::string text = scheduleText(e);
  EXPECT_NE(text.find("input (unnamed): i1[]\n"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(} else {
  while input 1:i1[] {
    copy arena+64:f32[2] -> output y:f32[2]
  } do {
    loop0 backwards 4 times {
    }
  }
})"),
            std::string::npos)
      << text;
}

} // namespace
} // namespace weir::runtime
