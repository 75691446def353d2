// From annotations (passes/memory/README.md) to records.
#include "codegen/artifact/instructions.h"

#include "codegen/artifact/elements.h"
#include "distributed/sharding/sharding.h"
#include "ir/collective/placement.h"
#include "ir/collective/spmd.h"
#include "ir/cost/cost.h"
#include "ir/dialect/weir.h"
#include "ir/locations/locations.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weir::codegen {

namespace {

/// An argument or result. On a mesh its attributes say of what it is a piece.
template <typename PortT> PortT portOf(StringAttr name, Type type, DictionaryAttr attributes) {
  auto tensor = cast<RankedTensorType>(type);
  PortT port{name ? name.str() : "", *ir::dtypeOf(tensor), tensor.getShape().vec()};
  if (!attributes) return port;
  auto shape = attributes.getAs<DenseI64ArrayAttr>(ir::spmd::kShapeAttr);
  auto sharding = attributes.getAs<StringAttr>(ir::spmd::kShardingAttr);
  if (shape && sharding) port.whole = {shape.asArrayRef().vec(), sharding.str()};
  return port;
}

std::vector<runtime::Location> locationsOf(Operation *op) {
  std::vector<runtime::Location> locations;
  for (FileLineColLoc frame : ir::framesOf(op->getLoc()))
    locations.push_back({frame.getFilename().str(), static_cast<int32_t>(frame.getLine())});
  return locations;
}

class Writer {
public:
  Writer(const llvm::StringMap<int32_t> &kernels, runtime::Executable &executable)
      : kernels(kernels), executable(executable) {}

  LogicalResult write(func::FuncOp main);

private:
  using Instructions = std::vector<runtime::Instruction>;
  using Kind = runtime::Instruction::Kind;

  LogicalResult writeMesh(func::FuncOp main);
  void writePorts(func::FuncOp main);
  LogicalResult writeBlock(Block &block, Instructions &out);
  LogicalResult writeOp(Operation *op, Instructions &out);
  LogicalResult writeLaunch(ir::LaunchOp launch, Instructions &out);
  LogicalResult writeScan(ir::ScanOp scan, Instructions &out);
  LogicalResult writeWhile(ir::WhileOp loop, Instructions &out);
  LogicalResult writeIf(ir::IfOp branch, Instructions &out);
  LogicalResult writeCollective(Operation *op, Instructions &out);
  void writeMove(ir::spmd::ShardOp move, int64_t device, Instructions &out);
  void writeConstant(ir::ConstantOp constant);
  void writeCopies(Operation *op, Instructions &out);

  LogicalResult bind(ValueRange values, ArrayAttr buffers, Operation *op);
  int32_t addBuffer(ir::BufferAttr buffer, Type type);

  const llvm::StringMap<int32_t> &kernels;
  runtime::Executable &executable;
  llvm::DenseMap<Value, int32_t> bufferOf;
  llvm::DenseMap<std::pair<Attribute, Type>, int32_t> buffers;
  llvm::DenseMap<int64_t, int64_t> constantOffsets;
  std::vector<std::byte> constants;
};

int32_t Writer::addBuffer(ir::BufferAttr attr, Type type) {
  auto [known, isNew] = buffers.try_emplace({attr, type}, executable.buffers.size());
  if (!isNew) return known->second;
  runtime::Buffer buffer;
  buffer.space = static_cast<runtime::Space>(attr.getSpace());
  buffer.index = attr.getIndex();
  buffer.offset = attr.getOffset();
  if (attr.getSpace() == ir::Space::constant) {
    buffer.index = 0;
    buffer.offset += constantOffsets.lookup(attr.getIndex());
  }
  buffer.bytes = attr.getBytes();
  if (auto tensor = dyn_cast_or_null<RankedTensorType>(type)) {
    buffer.dtype = *ir::dtypeOf(tensor);
    buffer.dims = tensor.getShape().vec();
  } else {
    buffer.dtype = runtime::DType::I8;
    buffer.dims = {attr.getBytes()};
  }
  for (size_t i = 0; i + 1 < attr.getStrides().size(); i += 2)
    buffer.strides.push_back(
        {static_cast<int32_t>(attr.getStrides()[i]), attr.getStrides()[i + 1]});
  executable.buffers.push_back(std::move(buffer));
  return known->second;
}

LogicalResult Writer::bind(ValueRange values, ArrayAttr attrs, Operation *op) {
  if (!attrs || attrs.size() != values.size())
    return ir::opError(op->getLoc(), op->getName().getStringRef()) << "has no memory plan";
  for (auto [value, attr] : llvm::zip(values, attrs))
    bufferOf[value] = addBuffer(cast<ir::BufferAttr>(attr), value.getType());
  return success();
}

void Writer::writePorts(func::FuncOp main) {
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    Type type = main.getArgumentTypes()[i];
    DictionaryAttr attributes = main.getArgAttrDict(i);
    if (auto variable = main.getArgAttrOfType<StringAttr>(i, ir::kVariableAttr))
      executable.variables.push_back(portOf<runtime::Variable>(variable, type, attributes));
    else
      executable.inputs.push_back(portOf<runtime::Input>(
          main.getArgAttrOfType<StringAttr>(i, ir::kNameAttr), type, attributes));
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (!main.getResultAttr(i, ir::kUpdatesAttr))
      executable.outputs.push_back(
          portOf<runtime::Output>(main.getResultAttrOfType<StringAttr>(i, ir::kNameAttr),
                                  main.getResultTypes()[i], main.getResultAttrDict(i)));
}

/// Only where weir-shard made the program that of one device.
LogicalResult Writer::writeMesh(func::FuncOp main) {
  auto text = main->getParentOfType<ModuleOp>()->getAttrOfType<StringAttr>(ir::spmd::kMeshAttr);
  auto mesh = distributed::parseMesh(text ? std::string_view(text.getValue()) : "");
  if (!mesh.ok()) return main.emitError() << std::string(mesh.status().message());
  if (mesh->devices() == 1) return success();
  for (const distributed::MeshAxis &axis : mesh->axes)
    executable.mesh.push_back({axis.name, axis.size});
  return success();
}

LogicalResult Writer::write(func::FuncOp main) {
  if (failed(writeMesh(main))) return failure();
  writePorts(main);
  for (BlockArgument argument : main.getArguments()) {
    auto buffer = main.getArgAttrOfType<ir::BufferAttr>(argument.getArgNumber(), ir::kBufferAttr);
    if (!buffer)
      return main.emitError() << "argument " << argument.getArgNumber() << " has no memory plan";
    bufferOf[argument] = addBuffer(buffer, argument.getType());
  }
  if (auto bytes = main->getAttrOfType<IntegerAttr>(ir::kArenaBytesAttr))
    executable.arenaBytes = bytes.getInt();
  if (failed(writeBlock(main.getBody().front(), executable.instructions))) return failure();
  executable.constants = runtime::Bytes::copyOf(constants.data(), constants.size());
  return success();
}

LogicalResult Writer::writeBlock(Block &block, Instructions &out) {
  for (Operation &op : block) {
    writeCopies(&op, out);
    if (failed(writeOp(&op, out))) return failure();
  }
  return success();
}

void Writer::writeCopies(Operation *op, Instructions &out) {
  auto copies = op->getAttrOfType<ArrayAttr>(ir::kCopiesAttr);
  if (!copies) return;
  for (auto pair : copies.getAsRange<ArrayAttr>()) {
    runtime::Instruction copy;
    copy.kind = Kind::Copy;
    for (Attribute buffer : pair)
      copy.buffers.push_back(addBuffer(cast<ir::BufferAttr>(buffer), Type()));
    copy.locations = locationsOf(op);
    out.push_back(std::move(copy));
  }
}

LogicalResult Writer::writeOp(Operation *op, Instructions &out) {
  if (isa<func::ReturnOp, ir::YieldOp>(op)) return success();
  if (auto constant = dyn_cast<ir::ConstantOp>(op)) writeConstant(constant);
  if (failed(bind(op->getResults(), op->getAttrOfType<ArrayAttr>(ir::kBufferAttr), op)))
    return failure();
  if (auto launch = dyn_cast<ir::LaunchOp>(op)) return writeLaunch(launch, out);
  if (auto scan = dyn_cast<ir::ScanOp>(op)) return writeScan(scan, out);
  if (auto loop = dyn_cast<ir::WhileOp>(op)) return writeWhile(loop, out);
  if (auto branch = dyn_cast<ir::IfOp>(op)) return writeIf(branch, out);
  if (auto move = dyn_cast<ir::spmd::ShardOp>(op))
    if (auto device = ir::deviceNamed(move)) return writeMove(move, *device, out), success();
  if (isa<ir::spmd::SpmdDialect>(op->getDialect())) return writeCollective(op, out);
  if (isa<ir::ConstantOp, ir::ReshapeOp, ir::UndefOp>(op)) return success();
  return ir::opError(op->getLoc(), op->getName().getStringRef()) << "stands outside of a kernel";
}

static runtime::ReduceOp combinerOf(StringRef name) {
  return llvm::StringSwitch<runtime::ReduceOp>(name)
      .Case("max", runtime::ReduceOp::Max)
      .Case("min", runtime::ReduceOp::Min)
      .Case("prod", runtime::ReduceOp::Prod)
      .Default(runtime::ReduceOp::Sum);
}

/// Pieces that lie one after the other: flattenCollectives made them so.
static bool isContiguous(Value value, int64_t dim) {
  auto shape = cast<RankedTensorType>(value.getType()).getShape();
  return llvm::all_of(shape.take_front(dim), [](int64_t size) { return size == 1; });
}

/// False where it is not of one device, or pieces do not lie in a run.
static bool describeCollective(Operation *op, runtime::Instruction &out) {
  using runtime::CollectiveKind;
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](ir::spmd::AxisIndexOp) {
        out.kind = runtime::Instruction::Kind::AxisIndex;
        return true;
      })
      .Case([&](ir::spmd::AllReduceOp reduce) {
        out.combiner = combinerOf(reduce.getCombiner());
        return reduce.getLocal();
      })
      .Case([&](ir::spmd::AllGatherOp gather) {
        out.collective = CollectiveKind::AllGather;
        return gather.getLocal() && isContiguous(gather.getOperand(), gather.getDim());
      })
      .Case([&](ir::spmd::ReduceScatterOp scatter) {
        out.collective = CollectiveKind::ReduceScatter;
        out.combiner = combinerOf(scatter.getCombiner());
        return scatter.getLocal() && isContiguous(scatter.getOperand(), scatter.getDim());
      })
      .Case([&](ir::spmd::AllToAllOp exchange) {
        out.collective = CollectiveKind::AllToAll;
        return exchange.getLocal() && exchange.getSplitDim() == 0 && exchange.getConcatDim() == 1 &&
               isContiguous(exchange.getResult(), 1);
      })
      .Case([&](ir::spmd::PermuteOp permute) {
        out.collective = CollectiveKind::Permute;
        for (int64_t source : permute.getSources())
          out.sources.push_back(static_cast<int32_t>(source));
        return permute.getLocal();
      })
      .Default([](Operation *) { return false; });
}

LogicalResult Writer::writeCollective(Operation *op, Instructions &out) {
  runtime::Instruction instruction;
  instruction.kind = Kind::Collective;
  if (!describeCollective(op, instruction))
    return ir::opError(op->getLoc(), op->getName().getStringRef())
           << "is not a collective of one device over contiguous pieces";
  if (auto names = op->getAttrOfType<ArrayAttr>("axes"))
    for (auto name : names.getAsRange<StringAttr>())
      for (auto [i, axis] : llvm::enumerate(executable.mesh))
        if (axis.name == name.getValue()) instruction.axes.push_back(static_cast<int32_t>(i));
  if (auto reason = op->getAttrOfType<StringAttr>(ir::spmd::kReasonAttr))
    instruction.reason = reason.str();
  for (Value value : op->getOperands()) instruction.buffers.push_back(bufferOf.at(value));
  instruction.buffers.push_back(bufferOf.at(op->getResult(0)));
  instruction.locations = locationsOf(op);
  out.push_back(std::move(instruction));
  return success();
}

/// A copy between devices, which says so.
void Writer::writeMove(ir::spmd::ShardOp move, int64_t device, Instructions &out) {
  runtime::Instruction copy;
  copy.kind = Kind::Copy;
  copy.buffers = {bufferOf.at(move.getOperand()), bufferOf.at(move.getResult())};
  copy.reason = "to device " + std::to_string(device);
  copy.locations = locationsOf(move);
  out.push_back(std::move(copy));
}

void Writer::writeConstant(ir::ConstantOp constant) {
  auto buffer = cast<ir::BufferAttr>(constant->getAttrOfType<ArrayAttr>(ir::kBufferAttr)[0]);
  auto [known, isNew] =
      constantOffsets.try_emplace(buffer.getIndex(), llvm::alignTo(constants.size(), 64));
  if (!isNew) return;
  constants.resize(known->second + buffer.getBytes());
  writeElements(constant.getValue(), constants.data() + known->second);
}

LogicalResult Writer::writeLaunch(ir::LaunchOp launch, Instructions &out) {
  runtime::Instruction instruction;
  auto kernel = kernels.find(launch.getCallee());
  if (kernel == kernels.end()) return launch.emitOpError() << "names no kernel";
  instruction.kernel = kernel->second;
  for (Value value : launch.getInputs()) instruction.buffers.push_back(bufferOf.at(value));
  // A matrix by itself or by its transpose: one argument of the kernel, two operands of a library.
  if (executable.kernels[size_t(kernel->second)].product && launch.getInputs().size() == 1)
    instruction.buffers.push_back(instruction.buffers.front());
  for (Value value : launch.getOutputs()) instruction.buffers.push_back(bufferOf.at(value));
  instruction.locations = locationsOf(launch);
  if (auto device = launch->getAttrOfType<IntegerAttr>(ir::kDeviceAttr))
    instruction.reason = "device " + std::to_string(device.getInt());
  out.push_back(std::move(instruction));
  return success();
}

LogicalResult Writer::writeScan(ir::ScanOp scan, Instructions &out) {
  runtime::Instruction instruction;
  instruction.kind = Kind::Loop;
  auto loop = scan->getAttrOfType<IntegerAttr>(ir::kLoopAttr);
  if (!loop || failed(bind(scan.getBody().getArguments(),
                           scan->getAttrOfType<ArrayAttr>(ir::kBodyBuffersAttr), scan)))
    return scan.emitOpError() << "has no memory plan";
  instruction.loop = loop.getInt();
  instruction.trips = scan.getTrips();
  instruction.reverse = scan.getReverse();
  executable.numLoops = std::max(executable.numLoops, instruction.loop + 1);
  instruction.locations = locationsOf(scan);
  if (failed(writeBlock(scan.getBody().front(), instruction.body))) return failure();
  out.push_back(std::move(instruction));
  return success();
}

LogicalResult Writer::writeWhile(ir::WhileOp loop, Instructions &out) {
  runtime::Instruction instruction;
  instruction.kind = Kind::While;
  auto buffers = loop->getAttrOfType<ArrayAttr>(ir::kBodyBuffersAttr);
  Block &condition = loop.getCondition().front();
  for (Region *region : {&loop.getCondition(), &loop.getBody()})
    if (failed(bind(region->getArguments(), buffers, loop)))
      return loop.emitOpError() << "has no memory plan";
  instruction.locations = locationsOf(loop);
  if (failed(writeBlock(condition, instruction.condition)) ||
      failed(writeBlock(loop.getBody().front(), instruction.body)))
    return failure();
  instruction.buffers = {bufferOf.at(condition.getTerminator()->getOperand(0))};
  out.push_back(std::move(instruction));
  return success();
}

LogicalResult Writer::writeIf(ir::IfOp branch, Instructions &out) {
  runtime::Instruction instruction;
  instruction.kind = Kind::If;
  instruction.buffers = {bufferOf.at(branch.getPred())};
  instruction.locations = locationsOf(branch);
  if (failed(writeBlock(branch.getThenRegion().front(), instruction.body)) ||
      failed(writeBlock(branch.getElseRegion().front(), instruction.otherwise)))
    return failure();
  out.push_back(std::move(instruction));
  return success();
}

} // namespace

LogicalResult writeInstructions(func::FuncOp main, const llvm::StringMap<int32_t> &kernels,
                                runtime::Executable &executable) {
  return Writer(kernels, executable).write(main);
}

} // namespace weir::codegen
