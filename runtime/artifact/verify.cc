//===- verify.cc - refuses executables that would touch foreign memory ----===//
// Tables first (tensors, kernels), then the instruction tree, which tells each loop's trips, then
// the extent of every buffer over the loops that move it.
//===----------------------------------------------------------------------===//
#include "runtime/artifact/verify.h"

#include <absl/strings/str_cat.h>

#include <array>
#include <map>
#include <set>

namespace weir::runtime {

namespace {

constexpr int kMaxDepth = 64; // of nested instructions; deeper ones could exhaust the stack
constexpr int64_t kMaxDevices = 1 << 16;
constexpr size_t kMaxAxes = 9; // Group::id

class Verifier {
public:
  explicit Verifier(const Executable &executable) : executable(executable) {}

  absl::Status run() {
    if (executable.numLoops < 0 || executable.arenaBytes < 0)
      return bad("a negative number of loops or arena bytes");
    if (absl::Status s = mesh(); !s.ok()) return s;
    if (absl::Status s = tensors("input", executable.inputs); !s.ok()) return s;
    if (absl::Status s = tensors("output", executable.outputs); !s.ok()) return s;
    if (absl::Status s = tensors("variable", executable.variables); !s.ok()) return s;
    if (absl::Status s = modules(); !s.ok()) return s;
    if (absl::Status s = kernels(); !s.ok()) return s;
    if (absl::Status s = instructions(executable.instructions, 0); !s.ok()) return s;
    if (loops.size() != static_cast<size_t>(executable.numLoops))
      return bad(executable.numLoops, " loops are counted, but there are ", loops.size());
    for (size_t i = 0; i < executable.buffers.size(); ++i)
      if (absl::Status s = buffer(i); !s.ok()) return s;
    return absl::OkStatus();
  }

private:
  struct Loop {
    int64_t trips;
    bool active; // its instructions are being walked
  };

  template <typename... Parts> absl::Status bad(const Parts &...parts) const {
    return absl::InvalidArgumentError(
        absl::StrCat("executable '", executable.name, "' is malformed: ", parts...));
  }

  template <typename Entry>
  absl::Status tensors(const char *kind, const std::vector<Entry> &entries) const {
    std::set<std::string> names;
    for (const Entry &entry : entries) {
      if (!entry.name.empty() && !names.insert(entry.name).second)
        return bad("two ", kind, "s are named '", entry.name, "'");
      if (!byteCount(entry.dtype, entry.dims))
        return bad(kind, " '", entry.name, "' has the type ", typeStr(entry.dtype, entry.dims));
      if (!byteCount(entry.dtype, entry.whole.dims))
        return bad(kind, " '", entry.name, "' is a piece of ",
                   typeStr(entry.dtype, entry.whole.dims));
    }
    return absl::OkStatus();
  }

  absl::Status mesh() const {
    int64_t devices = 1;
    std::set<std::string> names;
    for (const MeshAxis &axis : executable.mesh) {
      if (!names.insert(axis.name).second) return bad("two mesh axes are named '", axis.name, "'");
      if (axis.size < 1 || axis.size > kMaxDevices || (devices *= axis.size) > kMaxDevices)
        return bad("mesh axis '", axis.name, "' has ", axis.size, " devices");
    }
    if (executable.mesh.size() <= kMaxAxes) return absl::OkStatus();
    return bad("the mesh has ", executable.mesh.size(), " axes");
  }

  static std::optional<int64_t> byteCount(DType dtype, const std::vector<int64_t> &dims) {
    int64_t bytes = 0;
    std::optional<int64_t> count = elementCount(dims);
    if (dtype > DType::F64 || !count ||
        __builtin_mul_overflow(*count, int64_t(dtypeBytes(dtype)), &bytes))
      return std::nullopt;
    return bytes;
  }

  absl::Status modules() const {
    std::set<std::string> forms;
    const auto size = static_cast<int64_t>(executable.image.size());
    for (const GpuModule &module : executable.modules) {
      if (module.form.empty() || !forms.insert(module.form).second)
        return bad("two modules, or one without a form, are '", module.form, "'");
      if (module.bytes <= 0 || module.bytes > size || module.offset < 0 ||
          module.offset > size - module.bytes)
        return bad("module '", module.form, "' is outside the image");
      // The driver reads text up to its end.
      if (module.form == kPtxForm && executable.image[module.offset + module.bytes - 1] != 0)
        return bad("the text of module '", module.form, "' has no end");
    }
    return absl::OkStatus();
  }

  absl::Status gpuKernel(const Kernel &kernel) const {
    if (kernel.tasks == 0) return absl::OkStatus();
    constexpr int32_t warp = 32, mostThreads = 1024;
    int64_t scratch = 0;
    const int64_t warps = int64_t(kernel.blocks) * (kernel.threadsPerBlock / warp);
    if (kernel.entry.empty() != kernel.isOfLibrary() || kernel.blocks <= 0 ||
        kernel.threadsPerBlock <= 0 || kernel.threadsPerBlock > mostThreads ||
        kernel.threadsPerBlock % warp != 0 ||
        __builtin_mul_overflow(warps, kernel.scratchBytesPerThread, &scratch))
      return bad("kernel '", kernel.name, "' has no entry or no grid for a GPU");
    if (kernel.product && (warps != 1 || !bytesOf(*kernel.product)))
      return bad("kernel '", kernel.name, "' is a product of no matrices");
    if (kernel.convolution && (warps != 1 || !bytesOf(*kernel.convolution) || kernel.product))
      return bad("kernel '", kernel.name, "' is no convolution of a library");
    return absl::OkStatus();
  }

  absl::Status kernels() const {
    for (const Kernel &kernel : executable.kernels) {
      if (kernel.tasks < 0 || kernel.scratchBytesPerThread < 0)
        return bad("kernel '", kernel.name, "' has negative tasks or scratch");
      if (!executable.modules.empty()) {
        if (absl::Status s = gpuKernel(kernel); !s.ok()) return s;
        continue;
      }
      if (kernel.isOfLibrary()) return bad("kernel '", kernel.name, "' needs a library of a GPU");
      if (!kernel.function && (kernel.codeOffset < 0 ||
                               static_cast<size_t>(kernel.codeOffset) >= executable.image.size()))
        return bad("the entry of kernel '", kernel.name, "' is outside the image");
    }
    return absl::OkStatus();
  }

  absl::Status instructions(const std::vector<Instruction> &list, int depth) {
    if (depth > kMaxDepth) return bad("instructions are nested deeper than ", kMaxDepth);
    for (size_t i = 0; i < list.size(); ++i) {
      for (int32_t dep : list[i].deps)
        if (dep < 0 || static_cast<size_t>(dep) >= i)
          return bad("an instruction depends on one that does not come before it");
      if (absl::Status s = instruction(list[i], depth); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status instruction(const Instruction &instruction, int depth) {
    for (int32_t index : instruction.buffers) {
      if (index < 0 || static_cast<size_t>(index) >= executable.buffers.size())
        return bad("an instruction names buffer ", index, " of ", executable.buffers.size());
      for (const LoopStride &stride : executable.buffers[index].strides)
        if (auto loop = loops.find(stride.loop); loop == loops.end() || !loop->second.active)
          return bad("buffer ", index, " is used outside loop ", stride.loop, " that moves it");
    }
    switch (instruction.kind) {
    case Instruction::Kind::Launch:
      if (instruction.kernel < 0 ||
          static_cast<size_t>(instruction.kernel) >= executable.kernels.size())
        return bad("a launch names kernel ", instruction.kernel, " of ", executable.kernels.size());
      return launch(instruction);
    case Instruction::Kind::Copy:
      return copy(instruction);
    case Instruction::Kind::If: {
      if (absl::Status s = predicate(instruction, "an if"); !s.ok()) return s;
      if (absl::Status s = instructions(instruction.body, depth + 1); !s.ok()) return s;
      return instructions(instruction.otherwise, depth + 1);
    }
    case Instruction::Kind::Loop:
      return loop(instruction, depth);
    case Instruction::Kind::While:
      if (absl::Status s = predicate(instruction, "a while"); !s.ok()) return s;
      if (absl::Status s = instructions(instruction.condition, depth + 1); !s.ok()) return s;
      return instructions(instruction.body, depth + 1);
    case Instruction::Kind::Collective:
      return collective(instruction);
    case Instruction::Kind::AxisIndex:
      if (absl::Status s = axes(instruction); !s.ok()) return s;
      if (instruction.buffers.size() != 1 || bufferOf(instruction, 0).dtype != DType::I32 ||
          bufferOf(instruction, 0).bytes != 4 || isReadOnly(bufferOf(instruction, 0)))
        return bad("an axis index is not one i32 that may be written");
      return absl::OkStatus();
    }
    return bad("an instruction has an unknown kind");
  }

  /// A library is told sizes alone, and trusts the buffers to have them.
  absl::Status launch(const Instruction &instruction) const {
    const Kernel &kernel = executable.kernels[size_t(instruction.kernel)];
    if (!kernel.isOfLibrary() || kernel.tasks == 0) return absl::OkStatus();
    const auto bytesOfAll = [](const auto &sizes) {
      return std::array<int64_t, 3>{sizes.lhs, sizes.rhs, sizes.result};
    };
    const std::array<int64_t, 3> wanted = kernel.product
                                              ? bytesOfAll(*bytesOf(*kernel.product))
                                              : bytesOfAll(*bytesOf(*kernel.convolution));
    const DType dtype = kernel.product ? kernel.product->dtype : kernel.convolution->dtype;
    bool isRight = instruction.buffers.size() == wanted.size();
    for (size_t i = 0; isRight && i < wanted.size(); ++i)
      isRight =
          bufferOf(instruction, i).bytes == wanted[i] && bufferOf(instruction, i).dtype == dtype;
    if (!isRight || isReadOnly(bufferOf(instruction, 2)))
      return bad("a launch of '", kernel.name, "' has other buffers than its library's");
    return absl::OkStatus();
  }

  const Buffer &bufferOf(const Instruction &instruction, size_t i) const {
    return executable.buffers[size_t(instruction.buffers[i])];
  }
  static bool isReadOnly(const Buffer &buffer) {
    return buffer.space == Space::Input || buffer.space == Space::Constant;
  }

  absl::Status axes(const Instruction &instruction) const {
    std::set<int32_t> seen;
    for (int32_t axis : instruction.axes)
      if (axis < 0 || static_cast<size_t>(axis) >= executable.mesh.size() ||
          !seen.insert(axis).second)
        return bad("an instruction names axis ", axis, " of ", executable.mesh.size(),
                   ", or names it twice");
    return absl::OkStatus();
  }

  absl::Status collective(const Instruction &instruction) const {
    if (absl::Status s = axes(instruction); !s.ok()) return s;
    if (instruction.buffers.size() != 2) return bad("a collective needs two buffers");
    const Buffer &from = bufferOf(instruction, 0), &to = bufferOf(instruction, 1);
    if (isReadOnly(to)) return bad("a collective writes to a feed or a constant");
    if (from.dtype != to.dtype || instruction.combiner > ReduceOp::Prod)
      return bad("a collective changes the type, or has an unknown combiner");
    __int128 members = 1;
    for (int32_t axis : instruction.axes) members *= executable.mesh[size_t(axis)].size;
    const __int128 in = from.bytes, out = to.bytes;
    switch (instruction.collective) {
    case CollectiveKind::AllGather:
      if (out == in * members) return absl::OkStatus();
      break;
    case CollectiveKind::ReduceScatter:
      if (in == out * members) return absl::OkStatus();
      break;
    case CollectiveKind::AllToAll:
      if (in == out && in % (members * dtypeBytes(from.dtype)) == 0) return absl::OkStatus();
      break;
    case CollectiveKind::AllReduce:
      if (in == out) return absl::OkStatus();
      break;
    case CollectiveKind::Permute:
      return in == out ? permutation(instruction) : bad("a permute changes the size");
    default:
      return bad("an instruction is an unknown collective");
    }
    return bad(collectiveName(instruction.collective), " over ", int64_t(members), " devices has ",
               from.bytes, " bytes on one side and ", to.bytes, " on the other");
  }

  absl::Status permutation(const Instruction &instruction) const {
    const std::set<int32_t> all(instruction.sources.begin(), instruction.sources.end());
    const auto devices = static_cast<size_t>(meshDevices(executable.mesh));
    if (instruction.sources.size() == devices && all.size() == devices && *all.begin() == 0 &&
        static_cast<size_t>(*all.rbegin()) == devices - 1)
      return absl::OkStatus();
    return bad("the sources of a permute are not the ", int64_t(devices), " devices of the mesh");
  }

  absl::Status predicate(const Instruction &instruction, const char *what) const {
    if (instruction.buffers.size() == 1 &&
        executable.buffers[instruction.buffers[0]].dtype == DType::I1 &&
        executable.buffers[instruction.buffers[0]].bytes == 1)
      return absl::OkStatus();
    return bad("the predicate of ", what, " is not one i1");
  }

  absl::Status copy(const Instruction &instruction) const {
    if (instruction.buffers.size() != 2) return bad("a copy needs two buffers");
    const Buffer &source = executable.buffers[instruction.buffers[0]];
    const Buffer &target = executable.buffers[instruction.buffers[1]];
    if (source.bytes != target.bytes)
      return bad("a copy has ", source.bytes, " bytes on one side and ", target.bytes,
                 " on the other");
    if (target.space == Space::Input || target.space == Space::Constant)
      return bad("a copy writes to a feed or a constant");
    return absl::OkStatus();
  }

  absl::Status loop(const Instruction &instruction, int depth) {
    if (instruction.loop < 0 || instruction.loop >= executable.numLoops)
      return bad("a loop has number ", instruction.loop, " of ", executable.numLoops);
    auto [entry, isNew] = loops.try_emplace(instruction.loop, Loop{instruction.trips, true});
    if (!isNew) return bad("two loops have number ", instruction.loop);
    if (instruction.trips < 0) return bad("loop ", instruction.loop, " has negative trips");
    absl::Status status = instructions(instruction.body, depth + 1);
    entry->second.active = false;
    return status;
  }

  /// Size of the memory that `buffer` lies in; nothing when its index is out of range.
  std::optional<int64_t> spaceBytes(const Buffer &buffer) const {
    auto sizeOf = [&](const auto &entries) -> std::optional<int64_t> {
      if (buffer.index < 0 || static_cast<size_t>(buffer.index) >= entries.size())
        return std::nullopt;
      return byteCount(entries[buffer.index].dtype, entries[buffer.index].dims);
    };
    switch (buffer.space) {
    case Space::Arena:
      return executable.arenaBytes;
    case Space::Constant:
      return static_cast<int64_t>(executable.constants.size());
    case Space::Input:
      return sizeOf(executable.inputs);
    case Space::Output:
      return sizeOf(executable.outputs);
    case Space::Variable:
      return sizeOf(executable.variables);
    }
    return std::nullopt;
  }

  absl::Status buffer(size_t index) const {
    const Buffer &buffer = executable.buffers[index];
    std::optional<int64_t> bytes = byteCount(buffer.dtype, buffer.dims);
    if (!bytes || *bytes != buffer.bytes)
      return bad("buffer ", index, " has ", buffer.bytes, " bytes but type ",
                 typeStr(buffer.dtype, buffer.dims));
    std::optional<int64_t> space = spaceBytes(buffer);
    if (!space)
      return bad("buffer ", index, " lies in entry ", buffer.index, ", which is not there");
    int64_t alignment = buffer.strides.empty() ? kBufferAlignment : dtypeBytes(buffer.dtype);
    if (buffer.offset % alignment != 0)
      return bad("buffer ", index, " is not aligned to ", alignment, " bytes");
    // Wide enough for any sum of products of the 64-bit fields that can be in range.
    __int128 lowest = buffer.offset, end = __int128(buffer.offset) + buffer.bytes;
    std::set<int32_t> moved;
    for (const LoopStride &stride : buffer.strides) {
      auto loop = loops.find(stride.loop);
      if (loop == loops.end() || !moved.insert(stride.loop).second)
        return bad("buffer ", index, " is moved by loop ", stride.loop, " that is not there");
      if (stride.strideBytes % int64_t(dtypeBytes(buffer.dtype)) != 0)
        return bad("buffer ", index, " moves by ", stride.strideBytes, " bytes");
      int64_t trips = loop->second.trips;
      if (trips <= 0) return absl::OkStatus(); // a slice of nothing, never touched
      __int128 reach = __int128(stride.strideBytes) * (trips - 1);
      (reach < 0 ? lowest : end) += reach;
    }
    if (lowest < 0 || end > *space)
      return bad("buffer ", index, " reaches outside its ", *space, " bytes");
    return absl::OkStatus();
  }

  const Executable &executable;
  std::map<int32_t, Loop> loops; ///< by number; as large as there are instructions for it
};

} // namespace

absl::Status verify(const Executable &executable) {
  return Verifier(executable).run();
}

} // namespace weir::runtime
