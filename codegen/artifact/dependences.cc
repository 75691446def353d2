// A walk over each list with the accesses that may still matter: a write makes those that it covers
// forget, so there are no more of them than there are pieces of memory in use.
#include "codegen/artifact/dependences.h"

#include <algorithm>
#include <map>

namespace weir::codegen {

using runtime::Instruction;
using Kind = Instruction::Kind;

namespace {

/// Bytes of a space that an instruction reads or writes.
struct Access {
  int64_t begin = 0, end = 0;
  bool isWrite = false;
  int32_t instruction = 0;
};

/// A space, and which input, output or variable. The arena is one, whatever its buffers' index.
using Region = std::pair<runtime::Space, int32_t>;

class Dependences {
public:
  Dependences(runtime::Executable &executable, const std::vector<int32_t> &results)
      : executable(executable), results(results), trips(size_t(executable.numLoops)) {
    findTrips(executable.instructions);
  }

  void fill(std::vector<Instruction> &list) {
    std::map<Region, std::vector<Access>> open;
    for (size_t i = 0; i < list.size(); ++i) {
      std::vector<std::pair<Region, Access>> mine;
      collect(list[i], mine);
      for (const auto &[region, access] : mine) depend(list[i], access, open[region]);
      std::sort(list[i].deps.begin(), list[i].deps.end());
      list[i].deps.erase(std::unique(list[i].deps.begin(), list[i].deps.end()), list[i].deps.end());
      for (auto &[region, access] : mine) {
        access.instruction = static_cast<int32_t>(i);
        add(access, open[region]);
      }
      for (std::vector<Instruction> *inner :
           {&list[i].body, &list[i].otherwise, &list[i].condition})
        fill(*inner);
    }
  }

private:
  void findTrips(const std::vector<Instruction> &list) {
    for (const Instruction &instruction : list) {
      if (instruction.kind == Kind::Loop) trips[size_t(instruction.loop)] = instruction.trips;
      for (const auto *inner : {&instruction.body, &instruction.otherwise, &instruction.condition})
        findTrips(*inner);
    }
  }

  /// How many of the last buffers of `instruction` itself are written.
  size_t writesOf(const Instruction &instruction) const {
    switch (instruction.kind) {
    case Kind::Launch:
      return size_t(results[size_t(instruction.kernel)]);
    case Kind::Copy:
    case Kind::Collective:
    case Kind::AxisIndex:
      return 1;
    default:
      return 0;
    }
  }

  /// All slices that loops move a buffer over are its bytes.
  void collect(const Instruction &instruction, std::vector<std::pair<Region, Access>> &out) const {
    const size_t count = instruction.buffers.size(), writes = writesOf(instruction);
    for (size_t i = 0; i < count; ++i) {
      const runtime::Buffer &buffer = executable.buffers[size_t(instruction.buffers[i])];
      if (buffer.space == runtime::Space::Constant) continue;
      int64_t bytes = buffer.bytes;
      for (const runtime::LoopStride &stride : buffer.strides)
        bytes += stride.strideBytes * std::max<int64_t>(0, trips[size_t(stride.loop)] - 1);
      const int32_t index = buffer.space == runtime::Space::Arena ? 0 : buffer.index;
      out.push_back(
          {{buffer.space, index}, {buffer.offset, buffer.offset + bytes, i + writes >= count, 0}});
    }
    for (const auto *inner : {&instruction.body, &instruction.otherwise, &instruction.condition})
      for (const Instruction &each : *inner) collect(each, out);
  }

  static void depend(Instruction &instruction, const Access &mine,
                     const std::vector<Access> &open) {
    for (const Access &other : open)
      if (mine.begin < other.end && other.begin < mine.end && (mine.isWrite || other.isWrite))
        instruction.deps.push_back(other.instruction);
  }

  /// Whoever comes after a write to all of an access comes after that access.
  static void add(const Access &mine, std::vector<Access> &open) {
    std::erase_if(open, [&](const Access &other) {
      const bool isCovered = mine.begin <= other.begin && other.end <= mine.end;
      return isCovered && mine.isWrite && other.instruction != mine.instruction;
    });
    open.push_back(mine);
  }

  runtime::Executable &executable;
  const std::vector<int32_t> &results;
  std::vector<int64_t> trips; // by loop
};

} // namespace

void addDependences(runtime::Executable &executable, const std::vector<int32_t> &results) {
  Dependences(executable, results).fill(executable.instructions);
}

} // namespace weir::codegen
