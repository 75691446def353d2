// Field by field.
#include "runtime/artifact/file/encode.h"

namespace weir::runtime {

namespace {

constexpr int kMostNested = 64; // instructions in instructions

proto::Buffer encodeBuffer(const Buffer &buffer) {
  proto::Buffer out;
  out.set_space(static_cast<int32_t>(buffer.space));
  out.set_index(buffer.index);
  out.set_offset(buffer.offset);
  out.set_bytes(buffer.bytes);
  out.set_dtype(static_cast<int32_t>(buffer.dtype));
  for (int64_t dim : buffer.dims) out.add_dims(dim);
  for (const LoopStride &stride : buffer.strides) {
    out.add_strides()->set_loop(stride.loop);
    out.mutable_strides()->rbegin()->set_stride_bytes(stride.strideBytes);
  }
  return out;
}

proto::Instruction encodeInstruction(const Instruction &instruction) {
  proto::Instruction out;
  out.set_kind(static_cast<int32_t>(instruction.kind));
  out.set_kernel(instruction.kernel);
  for (int32_t buffer : instruction.buffers) out.add_buffers(buffer);
  out.set_loop(instruction.loop);
  out.set_trips(instruction.trips);
  out.set_reverse(instruction.reverse);
  for (const Instruction &inner : instruction.body) *out.add_body() = encodeInstruction(inner);
  for (const Instruction &inner : instruction.otherwise)
    *out.add_otherwise() = encodeInstruction(inner);
  for (const Instruction &inner : instruction.condition)
    *out.add_condition() = encodeInstruction(inner);
  for (int32_t dep : instruction.deps) out.add_deps(dep);
  using Kind = Instruction::Kind;
  if (instruction.kind == Kind::Collective || instruction.kind == Kind::AxisIndex) {
    out.set_collective(static_cast<int32_t>(instruction.collective));
    out.set_combiner(static_cast<int32_t>(instruction.combiner));
    out.mutable_axes()->Add(instruction.axes.begin(), instruction.axes.end());
    out.mutable_sources()->Add(instruction.sources.begin(), instruction.sources.end());
  }
  out.set_reason(instruction.reason);
  for (const Location &location : instruction.locations) {
    proto::Location *place = out.add_locations();
    place->set_file(location.file);
    place->set_line(location.line);
  }
  return out;
}

bool decodeDtype(int32_t number, DType &dtype) {
  dtype = static_cast<DType>(number);
  return number >= 0 && number <= static_cast<int32_t>(DType::F64);
}

bool decodeBuffer(const proto::Buffer &in, Buffer &buffer) {
  if (in.space() < 0 || in.space() > static_cast<int32_t>(Space::Variable)) return false;
  buffer.space = static_cast<Space>(in.space());
  buffer.index = in.index();
  buffer.offset = in.offset();
  buffer.bytes = in.bytes();
  buffer.dims.assign(in.dims().begin(), in.dims().end());
  for (const proto::LoopStride &stride : in.strides())
    buffer.strides.push_back({stride.loop(), stride.stride_bytes()});
  return decodeDtype(in.dtype(), buffer.dtype);
}

proto::MatrixProduct encodeProduct(const MatrixProduct &product) {
  proto::MatrixProduct out;
  out.set_dtype(static_cast<int32_t>(product.dtype));
  out.set_batch(product.batch);
  out.set_rows(product.rows);
  out.set_columns(product.columns);
  out.set_depth(product.depth);
  out.set_lhs_transposed(product.isLhsTransposed);
  out.set_rhs_transposed(product.isRhsTransposed);
  out.set_tf32(product.isTf32);
  return out;
}

bool decodeProduct(const proto::MatrixProduct &in, MatrixProduct &product) {
  product = {.batch = in.batch(),
             .rows = in.rows(),
             .columns = in.columns(),
             .depth = in.depth(),
             .isLhsTransposed = in.lhs_transposed(),
             .isRhsTransposed = in.rhs_transposed(),
             .isTf32 = in.tf32()};
  return decodeDtype(in.dtype(), product.dtype);
}

proto::Convolution encodeConvolution(const Convolution &convolution) {
  proto::Convolution out;
  out.set_kind(static_cast<int32_t>(convolution.kind));
  out.set_dtype(static_cast<int32_t>(convolution.dtype));
  out.set_batch(convolution.batch);
  out.set_groups(convolution.groups);
  out.set_channels(convolution.channels);
  out.set_outputs(convolution.outputs);
  for (const Convolution::Dim &dim : convolution.dims) {
    proto::ConvolutionDim *to = out.add_dims();
    to->set_input(dim.input);
    to->set_filter(dim.filter);
    to->set_output(dim.output);
    to->set_stride(dim.stride);
    to->set_dilation(dim.dilation);
    to->set_low(dim.low);
  }
  out.set_tf32(convolution.isTf32);
  return out;
}

bool decodeConvolution(const proto::Convolution &in, Convolution &convolution) {
  if (in.kind() < 0 || in.kind() > static_cast<int32_t>(Convolution::Kind::FilterGradient))
    return false;
  convolution = {.kind = static_cast<Convolution::Kind>(in.kind()),
                 .batch = in.batch(),
                 .groups = in.groups(),
                 .channels = in.channels(),
                 .outputs = in.outputs(),
                 .isTf32 = in.tf32()};
  for (const proto::ConvolutionDim &dim : in.dims())
    convolution.dims.push_back(
        {dim.input(), dim.filter(), dim.output(), dim.stride(), dim.dilation(), dim.low()});
  return decodeDtype(in.dtype(), convolution.dtype);
}

bool decodeKernel(const proto::Kernel &in, Kernel &kernel) {
  kernel = {.name = in.name(),
            .codeOffset = in.code_offset(),
            .tasks = in.tasks(),
            .scratchBytesPerThread = in.scratch_bytes_per_thread(),
            .flops = in.flops(),
            .bytesMoved = in.bytes_moved(),
            .entry = in.entry(),
            .blocks = in.blocks(),
            .threadsPerBlock = in.threads_per_block()};
  if (in.has_product() && !decodeProduct(in.product(), kernel.product.emplace())) return false;
  return !in.has_convolution() || decodeConvolution(in.convolution(), kernel.convolution.emplace());
}

using Instructions = google::protobuf::RepeatedPtrField<proto::Instruction>;

bool decodeInstructions(const Instructions &in, std::vector<Instruction> &out, int depth) {
  if (depth > kMostNested) return false;
  out.reserve(static_cast<size_t>(in.size()));
  for (const proto::Instruction &from : in) {
    if (from.kind() < 0 || from.kind() > static_cast<int32_t>(Instruction::Kind::AxisIndex) ||
        from.collective() < 0 || from.collective() >= kCollectiveKinds || from.combiner() < 0 ||
        from.combiner() > static_cast<int32_t>(ReduceOp::Prod))
      return false;
    Instruction &to = out.emplace_back();
    to.kind = static_cast<Instruction::Kind>(from.kind());
    to.kernel = from.kernel();
    to.buffers.assign(from.buffers().begin(), from.buffers().end());
    to.loop = from.loop();
    to.trips = from.trips();
    to.reverse = from.reverse();
    to.deps.assign(from.deps().begin(), from.deps().end());
    to.collective = static_cast<CollectiveKind>(from.collective());
    to.combiner = static_cast<ReduceOp>(from.combiner());
    to.axes.assign(from.axes().begin(), from.axes().end());
    to.sources.assign(from.sources().begin(), from.sources().end());
    to.reason = from.reason();
    for (const proto::Location &place : from.locations())
      to.locations.push_back({place.file(), place.line()});
    if (!decodeInstructions(from.body(), to.body, depth + 1) ||
        !decodeInstructions(from.otherwise(), to.otherwise, depth + 1) ||
        !decodeInstructions(from.condition(), to.condition, depth + 1))
      return false;
  }
  return true;
}

} // namespace

template <typename Entry> proto::Port encodePort(const Entry &entry, int64_t batch) {
  proto::Port port;
  port.set_name(entry.name);
  port.set_dtype(static_cast<int32_t>(entry.dtype));
  port.mutable_dims()->Add(entry.dims.begin(), entry.dims.end());
  port.set_batch(batch);
  port.mutable_whole_dims()->Add(entry.whole.dims.begin(), entry.whole.dims.end());
  port.set_sharding(entry.whole.sharding);
  return port;
}
template proto::Port encodePort(const Input &, int64_t);
template proto::Port encodePort(const Output &, int64_t);
template proto::Port encodePort(const Variable &, int64_t);

void encode(const Executable &executable, proto::Level &level) {
  for (const Kernel &kernel : executable.kernels) {
    proto::Kernel *out = level.add_kernels();
    out->set_name(kernel.name);
    out->set_code_offset(kernel.codeOffset);
    out->set_tasks(kernel.tasks);
    out->set_scratch_bytes_per_thread(kernel.scratchBytesPerThread);
    out->set_flops(kernel.flops);
    out->set_bytes_moved(kernel.bytesMoved);
    out->set_entry(kernel.entry);
    out->set_blocks(kernel.blocks);
    out->set_threads_per_block(kernel.threadsPerBlock);
    if (kernel.product) *out->mutable_product() = encodeProduct(*kernel.product);
    if (kernel.convolution) *out->mutable_convolution() = encodeConvolution(*kernel.convolution);
  }
  for (const GpuModule &module : executable.modules) {
    proto::GpuModule *out = level.add_modules();
    out->set_form(module.form);
    out->set_offset(module.offset);
    out->set_bytes(module.bytes);
  }
  for (const Buffer &buffer : executable.buffers) *level.add_buffers() = encodeBuffer(buffer);
  for (const Instruction &instruction : executable.instructions)
    *level.add_instructions() = encodeInstruction(instruction);
  level.set_num_loops(executable.numLoops);
  level.set_arena_bytes(executable.arenaBytes);
}

bool decode(const proto::Level &level, Executable &executable) {
  for (const proto::Kernel &in : level.kernels())
    if (!decodeKernel(in, executable.kernels.emplace_back())) return false;
  for (const proto::GpuModule &in : level.modules())
    executable.modules.push_back({in.form(), in.offset(), in.bytes()});
  for (const proto::Buffer &in : level.buffers())
    if (!decodeBuffer(in, executable.buffers.emplace_back())) return false;
  executable.numLoops = level.num_loops();
  executable.arenaBytes = level.arena_bytes();
  return decodeInstructions(level.instructions(), executable.instructions, 0);
}

template <typename Entry> bool decodePort(const proto::Port &port, Entry &entry) {
  entry.name = port.name();
  entry.dims.assign(port.dims().begin(), port.dims().end());
  entry.whole.dims.assign(port.whole_dims().begin(), port.whole_dims().end());
  entry.whole.sharding = port.sharding();
  return decodeDtype(port.dtype(), entry.dtype);
}
template bool decodePort(const proto::Port &, Input &);
template bool decodePort(const proto::Port &, Output &);
template bool decodePort(const proto::Port &, Variable &);

} // namespace weir::runtime
