//===- executable.h - a compiled graph as plain data ------------*- C++ -*-===//
// What the compiler hands to the runtime: machine code, constants, buffers at fixed places, and a
// list of instructions over them. Plain data without pointers into itself (except
// `Kernel::function`, which only tests fill in), so that a file format can follow. Everything is
// indexed by position. The executor trusts an Executable only after `verify` (verify.h).
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/bytes.h"
#include "runtime/base/dtype.h"
#include "runtime/device/collectives/communicator.h"
#include "runtime/device/convolution.h"
#include "runtime/device/matrix_product.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::runtime {

/// Entry of a kernel. `buffers`: arguments, then results, each dense and row-major. [begin, end) is
/// a range of the kernel's tasks; any split of [0, tasks) into ranges, run in any order or at once,
/// gives the same bits. `scratch`: the kernel's scratchBytesPerThread bytes, aligned to 64, owned
/// by the calling thread during the call.
using KernelFunction = void (*)(void **buffers, int64_t begin, int64_t end, void *scratch);

/// A place in the user's program: "train.cc", 42.
struct Location {
  std::string file;
  int32_t line = 0;
};

struct Kernel {
  std::string name;                  // unique; shown in traces and reports
  int64_t codeOffset = 0;            // of the entry, within Executable::image
  KernelFunction function = nullptr; // instead of codeOffset, for tests without machine code
  int64_t tasks = 1;                 // 0: nothing to do (empty tensors)
  int64_t scratchBytesPerThread = 0; // on a GPU: for each warp
  int64_t flops = 0;                 // of all tasks; what decides how many threads take part
  int64_t bytesMoved = 0;            // read and written by all tasks
  // On a GPU, in place of codeOffset: the function in every one of Executable::modules, which takes
  // the buffers and then the scratch of all warps, and how it is started.
  std::string entry = {};
  int32_t blocks = 0, threadsPerBlock = 0;
  /// On a GPU, in place of an entry: what a library does, with the scratch of its one warp.
  std::optional<MatrixProduct> product = {};
  std::optional<Convolution> convolution = {};

  bool isOfLibrary() const { return product || convolution; }
};

/// All kernels of an executable in one form that GPUs take: a piece of Executable::image.
struct GpuModule {
  std::string form; // "ptx" (text that ends with a 0), "sm_90" (a cubin), "llvm" (bitcode)
  int64_t offset = 0;
  int64_t bytes = 0;
};
constexpr const char *kPtxForm = "ptx", *kBitcodeForm = "llvm"; // the latter is for emulators

enum class Space : uint8_t {
  Arena,    // temporaries; index unused
  Constant, // Executable::constants; index unused, never written
  Input,    // a feed, `index` into Executable::inputs; never written
  Output,   // a fetch in the caller's memory, `index` into outputs
  Variable, // `index` into variables
};

/// How an address moves with a loop around it: + strideBytes * slice, where slice counts 0 ..
/// trips-1, downwards in a reverse loop.
struct LoopStride {
  int32_t loop = 0; // Instruction::loop of an enclosing Loop
  int64_t strideBytes = 0;
};

/// A typed piece of memory. Arena, constant and variable offsets are multiples of 64; addresses
/// that no loop moves are aligned to 64. `bytes` is the size of one slice, and dims are its dims.
struct Buffer {
  Space space = Space::Arena;
  int32_t index = 0;
  int64_t offset = 0; // bytes from the start of the space (or of input/output/variable `index`)
  int64_t bytes = 0;
  DType dtype = DType::F32;
  std::vector<int64_t> dims;
  std::vector<LoopStride> strides; // at most one for each enclosing loop
};

struct Instruction {
  enum class Kind : uint8_t {
    Launch, // kernel over `buffers` (arguments, then results)
    Copy,   // buffers[0] to buffers[1], of equal size; they may be the same place, never overlap
            // partly
    If,     // buffers[0] is an i1: `body` when it is not 0, else `otherwise`
    Loop,   // `body`, trips times; buffers with a LoopStride of this `loop` move
    While,  // `condition`, which leaves an i1 in buffers[0]; `body` and again if that is not 0
    Collective, // `collective` over `axes` of the mesh, from buffers[0] to buffers[1]; pieces of
                // equal size, one after the other; an all_reduce may be in place
    AxisIndex,  // buffers[0], an i32, becomes this device's position over `axes`, major first
  };
  Kind kind = Kind::Launch;
  int32_t kernel = 0;
  std::vector<int32_t> buffers;
  int32_t loop = 0; // unique among all Loop instructions, 0 .. Executable::numLoops-1
  int64_t trips = 0;
  bool reverse = false;
  std::vector<Instruction> body;
  std::vector<Instruction> otherwise;
  std::vector<Instruction> condition;
  CollectiveKind collective = CollectiveKind::AllReduce; // or AllGather, ReduceScatter, AllToAll,
                                                         // Permute
  ReduceOp combiner = ReduceOp::Sum;
  std::vector<int32_t> axes;    // into Executable::mesh, major first
  std::vector<int32_t> sources; // of a permute: device d of the mesh gets what sources[d] has
  std::string reason; // of a collective: who takes the value so; in a graph on several devices, of
                      // a Launch "device 1", of a Copy between them "to device 1"
  /// Positions, in the list that holds this instruction, of those that must be finished before it
  /// starts: data edges and one edge for each reuse of a buffer. The order of the list satisfies
  /// them.
  std::vector<int32_t> deps;
  /// The user's lines whose ops a Launch stands for, innermost user frame first.
  std::vector<Location> locations;
};

/// An axis of the mesh of devices that a program is for; the last axis is the fastest.
struct MeshAxis {
  std::string name;
  int64_t size = 1;
  bool operator==(const MeshAxis &) const = default;
};

/// The tensor of which a device of a mesh has a piece. Empty without a mesh.
struct Whole {
  std::vector<int64_t> dims;
  std::string sharding; // "[{data},{}]": how it is cut into pieces (distributed/sharding)
  bool operator==(const Whole &) const = default;
};

/// `dims` are those of one device's piece.
struct Input {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> dims;
  Whole whole = {};
};

struct Output {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> dims;
  Whole whole = {};
};

/// State that outlives a run, found by its name in the session's VariableStore. The instructions
/// themselves write new values: kernels in place where the memory plan found it safe, else a Copy
/// at the end.
struct Variable {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> dims;
  Whole whole = {};
};

/// One program; on a mesh, that of every device.
struct Executable {
  std::string name;
  /// Position-independent machine code and its constant pools: no external symbols, no relocations
  /// left. Mapped at a page boundary, read and execute.
  std::vector<uint8_t> image;
  /// Not empty: for GPUs. The image is these then, and no machine code.
  std::vector<GpuModule> modules;
  Bytes constants;
  std::vector<Buffer> buffers;
  std::vector<Kernel> kernels;
  std::vector<Instruction> instructions;
  int32_t numLoops = 0;
  int64_t arenaBytes = 0; // without per-thread scratch
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<Variable> variables;
  std::vector<MeshAxis> mesh; // empty: for one device, without communicator
};

/// Devices of the mesh: one without a mesh.
int64_t meshDevices(const std::vector<MeshAxis> &mesh);
/// The collective of an instruction, as `rank` takes part in it. The executable must have passed
/// `verify`.
CollectiveSpec collectiveSpec(const Executable &executable, const Instruction &instruction,
                              int rank);
/// Position of `rank` over `axes` of the mesh.
int32_t axisIndex(const Executable &executable, const std::vector<int32_t> &axes, int rank);

/// The lines of the memory that a run needs; nothing else is allocated while it runs.
struct MemoryStatement {
  int64_t arenaBytes = 0;
  int64_t scratchBytes = 0; // largest kernel's scratch, for each thread; on a GPU for its warps
  int64_t variableBytes = 0;
  int64_t constantBytes = 0;
  int64_t imageBytes = 0;
  int64_t inputBytes = 0;  // in the caller's memory
  int64_t outputBytes = 0; // in the caller's memory
  int64_t peakBytes() const {
    return arenaBytes + scratchBytes + variableBytes + constantBytes + imageBytes + inputBytes +
           outputBytes;
  }
};
MemoryStatement memoryStatement(const Executable &executable, int threads);

/// Launches of one run when every If takes its longer side and every While goes round once.
int64_t maxLaunches(const std::vector<Instruction> &instructions);

} // namespace weir::runtime
