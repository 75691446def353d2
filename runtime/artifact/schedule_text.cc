//===- schedule_text.cc - an executable to read ---------------------------===//
// Lines of text for the instructions, indented by their nesting.
//===----------------------------------------------------------------------===//
#include "runtime/artifact/schedule_text.h"

#include <sstream>

namespace weir::runtime {

namespace {

class Printer {
public:
  explicit Printer(const Executable &executable) : executable(executable) {}

  std::string text() {
    header();
    list(executable.instructions, 0);
    return out.str();
  }

private:
  template <typename Port> void ports(const char *what, const std::vector<Port> &all) {
    for (const Port &port : all)
      out << what << ' ' << (port.name.empty() ? "(unnamed)" : port.name) << ": "
          << typeStr(port.dtype, port.dims) << '\n';
  }

  void header() {
    const MemoryStatement memory = memoryStatement(executable, 1);
    out << "executable " << executable.name << ": " << executable.kernels.size() << " kernels, "
        << maxLaunches(executable.instructions) << " launches\nmemory " << memory.peakBytes()
        << " bytes: arena " << memory.arenaBytes << ", scratch " << memory.scratchBytes
        << " a thread, variables " << memory.variableBytes << ", constants " << memory.constantBytes
        << ", code " << memory.imageBytes << ", inputs " << memory.inputBytes << ", outputs "
        << memory.outputBytes << '\n';
    for (const MeshAxis &axis : executable.mesh)
      out << "mesh axis " << axis.name << ": " << axis.size << " devices\n";
    ports("input", executable.inputs);
    ports("output", executable.outputs);
    ports("variable", executable.variables);
  }

  /// The name of a port, or its position where it has none.
  template <typename Port>
  static std::string nameOf(const std::vector<Port> &ports, const Buffer &buffer) {
    const std::string &name = ports[buffer.index].name;
    return name.empty() ? std::to_string(buffer.index) : name;
  }

  std::string place(const Buffer &buffer) const {
    switch (buffer.space) {
    case Space::Arena:
      return buffer.index ? "arena " + std::to_string(buffer.index) : "arena";
    case Space::Constant:
      return "constant";
    case Space::Input:
      return "input " + nameOf(executable.inputs, buffer);
    case Space::Output:
      return "output " + nameOf(executable.outputs, buffer);
    case Space::Variable:
      return "variable " + nameOf(executable.variables, buffer);
    }
    return "";
  }

  void print(int32_t index) {
    const Buffer &buffer = executable.buffers[index];
    out << place(buffer);
    const bool isRegion = buffer.space == Space::Arena || buffer.space == Space::Constant;
    if (isRegion || buffer.offset) out << '+' << buffer.offset;
    for (const LoopStride &stride : buffer.strides)
      out << "[loop" << stride.loop << '*' << stride.strideBytes << ']';
    out << ':' << typeStr(buffer.dtype, buffer.dims);
  }

  void printAll(const std::vector<int32_t> &buffers) {
    for (size_t i = 0; i < buffers.size(); ++i) {
      out << (i ? ", " : "");
      print(buffers[i]);
    }
  }

  void block(const std::vector<Instruction> &instructions, int depth) {
    out << " {\n";
    list(instructions, depth + 1);
    out << std::string(2 * depth, ' ') << '}';
  }

  void launch(const Instruction &instruction) {
    const Kernel &kernel = executable.kernels[instruction.kernel];
    out << "launch " << kernel.name << "(";
    printAll(instruction.buffers);
    out << ")  " << kernel.tasks << (kernel.tasks == 1 ? " task, " : " tasks, ") << kernel.flops
        << " FLOPs, " << kernel.bytesMoved << " bytes";
    if (kernel.product) out << (kernel.product->isTf32 ? ", cuBLASLt in TF32" : ", cuBLASLt");
    if (kernel.convolution) out << (kernel.convolution->isTf32 ? ", cuDNN in TF32" : ", cuDNN");
    for (size_t i = 0; i < instruction.locations.size(); ++i)
      out << (i ? " " : "  # ") << instruction.locations[i].file << ':'
          << instruction.locations[i].line;
    where(instruction);
  }

  /// The device, where there are several.
  void where(const Instruction &instruction) {
    if (!instruction.reason.empty()) out << "  # " << instruction.reason;
  }

  std::string axes(const Instruction &instruction) const {
    std::string text;
    for (int32_t axis : instruction.axes)
      text += (text.empty() ? "" : ",") + executable.mesh[size_t(axis)].name;
    return "{" + text + "}";
  }

  void collective(const Instruction &instruction) {
    out << collectiveName(instruction.collective);
    if (isReduction(instruction.collective)) out << " by " << reduceOpName(instruction.combiner);
    if (instruction.collective != CollectiveKind::Permute) out << " over " << axes(instruction);
    out << ' ';
    print(instruction.buffers[0]);
    out << " -> ";
    print(instruction.buffers[1]);
    if (!instruction.reason.empty()) out << "  # " << instruction.reason;
  }

  void one(const Instruction &instruction, int depth) {
    switch (instruction.kind) {
    case Instruction::Kind::Launch:
      return launch(instruction);
    case Instruction::Kind::Copy:
      out << "copy ";
      print(instruction.buffers[0]);
      out << " -> ";
      print(instruction.buffers[1]);
      return where(instruction);
    case Instruction::Kind::If:
      out << "if ";
      print(instruction.buffers[0]);
      block(instruction.body, depth);
      if (instruction.otherwise.empty()) return;
      out << " else";
      return block(instruction.otherwise, depth);
    case Instruction::Kind::Loop:
      out << "loop" << instruction.loop << (instruction.reverse ? " backwards " : " ")
          << instruction.trips << " times";
      return block(instruction.body, depth);
    case Instruction::Kind::While:
      out << "while ";
      print(instruction.buffers[0]);
      block(instruction.condition, depth);
      out << " do";
      return block(instruction.body, depth);
    case Instruction::Kind::Collective:
      return collective(instruction);
    case Instruction::Kind::AxisIndex:
      out << "axis_index over " << axes(instruction) << " -> ";
      return print(instruction.buffers[0]);
    }
  }

  void list(const std::vector<Instruction> &instructions, int depth) {
    for (const Instruction &instruction : instructions) {
      out << std::string(2 * depth, ' ');
      one(instruction, depth);
      out << '\n';
    }
  }

  const Executable &executable;
  std::ostringstream out;
};

} // namespace

std::string scheduleText(const Executable &executable) {
  return Printer(executable).text();
}

} // namespace weir::runtime
