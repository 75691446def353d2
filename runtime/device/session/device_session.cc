// Laying out memory, then walking the instructions.
#include "runtime/device/session/device_session.h"

#include "runtime/artifact/verify.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstring>

namespace weir::runtime {

#define WEIR_RETURN_IF_ERROR(expression)                                                           \
  if (absl::Status status = (expression); !status.ok()) return status

namespace {

constexpr int64_t kAlignment = 256, kFlagBytes = 64;
constexpr int32_t kStreams = 4; // that a graph is captured from

int64_t aligned(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

template <class Port> int64_t bytesOf(const Port &port) {
  return *elementCount(port.dims) * int64_t(dtypeBytes(port.dtype));
}

template <class Port> int64_t bytesOf(const std::vector<Port> &ports) {
  int64_t bytes = 0;
  for (const Port &port : ports) bytes += aligned(bytesOf(port));
  return bytes;
}

/// Kernels of a GPU and libraries take scratch as their last buffer.
bool takesScratch(const KernelCode &code) {
  return code.module || code.product || code.convolution;
}

} // namespace

absl::StatusOr<std::unique_ptr<DeviceSession>>
DeviceSession::create(std::shared_ptr<const Executable> executable, std::shared_ptr<Device> device,
                      std::shared_ptr<Communicator> communicator) {
  WEIR_RETURN_IF_ERROR(verify(*executable));
  const int64_t ranks = meshDevices(executable->mesh);
  if (!executable->mesh.empty() && (!communicator || communicator->size() != ranks))
    return absl::FailedPreconditionError(
        absl::StrCat(executable->name, " is a program for ", ranks, " devices, but there ",
                     communicator ? absl::StrCat("are ", communicator->size(), " ranks")
                                  : "is one device without a communicator"));
  std::unique_ptr<DeviceSession> session(
      new DeviceSession(std::move(executable), std::move(device)));
  session->communicator = std::move(communicator);
  WEIR_RETURN_IF_ERROR(session->load());
  return session;
}

DeviceSession::~DeviceSession() {
  if (!memory) return;
  device->synchronize(stream).IgnoreError();
  device->release(memory).IgnoreError();
  if (staging) device->releaseHost(staging).IgnoreError();
}

/// Scratch is that of the kernel that needs most: one runs at a time.
absl::Status DeviceSession::chooseKernels() {
  auto kernels = deviceKernels(compiled, device->info());
  if (!kernels.ok()) return kernels.status();
  codes = *std::move(kernels);
  for (const DeviceKernel &kernel : codes) {
    constexpr int64_t warpThreads = 32;
    int64_t warps = int64_t(kernel.grid.blocks) * kernel.grid.threadsPerBlock / warpThreads;
    if (takesScratch(kernel.code))
      scratchBytes = std::max(scratchBytes, warps * kernel.code.scratchBytes);
  }
  return absl::OkStatus();
}

absl::Status DeviceSession::loadKernels() {
  for (const DeviceKernel &kernel : codes) {
    if (kernel.code.tasks == 0) {
      loaded.emplace_back();
      continue;
    }
    auto id = device->load(kernel.code);
    if (!id.ok()) return id.status();
    loaded.push_back(*id);
  }
  return absl::OkStatus();
}

absl::Status DeviceSession::load() {
  WEIR_RETURN_IF_ERROR(chooseKernels());
  auto made = device->createStream();
  if (!made.ok()) return made.status();
  stream = *made;
  lanes = {stream};
  WEIR_RETURN_IF_ERROR(reserve()); // Too little memory is told before a driver compiles anything.
  WEIR_RETURN_IF_ERROR(loadKernels());
  slices.assign(size_t(compiled->numLoops), 0);
  hasValue.assign(compiled->variables.size(), false);
  stretches = stretchesOf(compiled->instructions, compiled->buffers);
  WEIR_RETURN_IF_ERROR(prepareCollectives(compiled->instructions));

  int64_t bytes = int64_t(compiled->constants.size());
  if (bytes == 0) return absl::OkStatus();
  auto host = device->allocateHost(bytes);
  if (!host.ok()) return host.status();
  std::memcpy(*host, compiled->constants.data(), size_t(bytes));
  WEIR_RETURN_IF_ERROR(device->copyToDevice(constants, *host, bytes, stream));
  WEIR_RETURN_IF_ERROR(device->synchronize(stream));
  return device->releaseHost(*host);
}

absl::Status DeviceSession::prepareCollectives(const std::vector<Instruction> &list) {
  for (const Instruction &instruction : list) {
    const bool isCollective = instruction.kind == Instruction::Kind::Collective;
    if (!communicator && (isCollective || instruction.kind == Instruction::Kind::AxisIndex))
      return absl::InvalidArgumentError(
          absl::StrCat(compiled->name, " has collectives, but no mesh"));
    if (isCollective) {
      auto ready =
          communicator->prepare(collectiveSpec(*compiled, instruction, communicator->rank()));
      if (!ready.ok()) return ready.status();
      prepared.emplace(&instruction, *ready);
    }
    for (const auto *inner : {&instruction.body, &instruction.otherwise, &instruction.condition})
      WEIR_RETURN_IF_ERROR(prepareCollectives(*inner));
  }
  return absl::OkStatus();
}

absl::Status DeviceSession::reserve() {
  const Executable &e = *compiled;
  int64_t inputBytes = bytesOf(e.inputs), outputBytes = bytesOf(e.outputs),
          variableBytes = bytesOf(e.variables), constantBytes = int64_t(e.constants.size());
  totalBytes = aligned(e.arenaBytes) + aligned(constantBytes) + inputBytes + outputBytes +
               variableBytes + aligned(scratchBytes);
  auto made = device->allocate(totalBytes);
  if (!made.ok())
    return absl::Status(made.status().code(),
                        absl::StrCat(e.name, " needs ", totalBytes, " bytes (arena ", e.arenaBytes,
                                     ", variables ", variableBytes, ", constants ", constantBytes,
                                     ", inputs ", inputBytes, ", outputs ", outputBytes,
                                     ", scratch ", scratchBytes, "): ", made.status().message()));
  memory = *made;
  std::byte *next = memory;
  auto take = [&](int64_t bytes) { return std::exchange(next, next + aligned(bytes)); };
  arena = take(e.arenaBytes);
  constants = take(constantBytes);
  for (const Input &input : e.inputs) inputs.push_back(take(bytesOf(input)));
  for (const Output &output : e.outputs) outputs.push_back(take(bytesOf(output)));
  for (const Variable &variable : e.variables) variables.push_back(take(bytesOf(variable)));
  scratch = take(scratchBytes);

  auto host = device->allocateHost(kFlagBytes + inputBytes + outputBytes);
  if (!host.ok()) return host.status();
  staging = *host;
  next = staging + kFlagBytes;
  for (const Input &input : e.inputs) stagedInputs.push_back(take(bytesOf(input)));
  for (const Output &output : e.outputs) stagedOutputs.push_back(take(bytesOf(output)));
  return absl::OkStatus();
}

absl::Status DeviceSession::checkFeeds(const std::vector<HostTensor> &feeds) const {
  if (feeds.size() != compiled->inputs.size())
    return absl::InvalidArgumentError(absl::StrCat(
        compiled->name, " takes ", compiled->inputs.size(), " feeds, not ", feeds.size()));
  for (size_t i = 0; i < feeds.size(); ++i) {
    const Input &input = compiled->inputs[i];
    if (feeds[i].dtype() != input.dtype || feeds[i].dims() != input.dims)
      return absl::InvalidArgumentError(absl::StrCat("feed '", input.name, "' is ",
                                                     typeStr(input.dtype, input.dims), ", not ",
                                                     feeds[i].typeStr()));
  }
  for (size_t i = 0; i < hasValue.size(); ++i)
    if (!hasValue[i])
      return absl::FailedPreconditionError(
          absl::StrCat("variable '", compiled->variables[i].name, "' has no value"));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<HostTensor>> DeviceSession::run(const std::vector<HostTensor> &feeds) {
  std::vector<int32_t> all(outputs.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = int32_t(i);
  return run(feeds, all);
}

absl::StatusOr<std::vector<HostTensor>> DeviceSession::run(const std::vector<HostTensor> &feeds,
                                                           const std::vector<int32_t> &fetches) {
  WEIR_RETURN_IF_ERROR(checkFeeds(feeds));
  for (int32_t fetch : fetches)
    if (fetch < 0 || size_t(fetch) >= outputs.size())
      return absl::InvalidArgumentError(
          absl::StrCat("output ", fetch, " of ", outputs.size(), " is asked for"));
  for (size_t i = 0; i < feeds.size(); ++i)
    std::memcpy(stagedInputs[i], feeds[i].raw(), feeds[i].bytes());
  if (absl::Status ran = runOnDevice(fetches); !ran.ok()) {
    hasValue.assign(hasValue.size(), false);
    if (communicator) communicator->abort(ran); // so that no other device waits for this one
    return ran;
  }
  ++totals.runs;
  std::vector<HostTensor> results;
  for (int32_t fetch : fetches) {
    const Output &output = compiled->outputs[size_t(fetch)];
    HostTensor &result = results.emplace_back(output.dtype, output.dims);
    std::memcpy(result.mutableRaw(), stagedOutputs[size_t(fetch)], result.bytes());
  }
  return results;
}

absl::Status DeviceSession::runOnDevice(const std::vector<int32_t> &fetches) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (int64_t bytes = bytesOf(compiled->inputs[i]))
      WEIR_RETURN_IF_ERROR(device->copyToDevice(inputs[i], stagedInputs[i], bytes, stream));
  WEIR_RETURN_IF_ERROR(execute(stretches));
  for (int32_t fetch : fetches)
    if (int64_t bytes = bytesOf(compiled->outputs[size_t(fetch)]))
      WEIR_RETURN_IF_ERROR(
          device->copyToHost(stagedOutputs[size_t(fetch)], outputs[size_t(fetch)], bytes, stream));
  return device->synchronize(stream);
}

std::byte *DeviceSession::addressOf(int32_t index) const {
  const Buffer &buffer = compiled->buffers[size_t(index)];
  std::byte *base = buffer.space == Space::Arena      ? arena
                    : buffer.space == Space::Constant ? constants
                    : buffer.space == Space::Input    ? inputs[size_t(buffer.index)]
                    : buffer.space == Space::Output   ? outputs[size_t(buffer.index)]
                                                      : variables[size_t(buffer.index)];
  int64_t offset = buffer.offset;
  for (const LoopStride &stride : buffer.strides)
    offset += stride.strideBytes * slices[size_t(stride.loop)];
  return base + offset;
}

absl::Status DeviceSession::launch(const Instruction &instruction, StreamId on) {
  if (compiled->kernels[size_t(instruction.kernel)].tasks == 0) return absl::OkStatus();
  const DeviceKernel &kernel = codes[size_t(instruction.kernel)];
  addresses.clear();
  for (int32_t buffer : instruction.buffers) addresses.push_back(addressOf(buffer));
  if (takesScratch(kernel.code)) addresses.push_back(scratch);
  ++totals.launches;
  return device->launch(loaded[size_t(instruction.kernel)], kernel.grid, addresses, on);
}

/// An i1 that the device has computed.
absl::StatusOr<bool> DeviceSession::readFlag(int32_t buffer) {
  WEIR_RETURN_IF_ERROR(device->copyToHost(staging, addressOf(buffer), 1, stream));
  WEIR_RETURN_IF_ERROR(device->synchronize(stream));
  return staging[0] != std::byte(0);
}

absl::Status DeviceSession::copy(const Instruction &instruction, StreamId on) {
  std::byte *from = addressOf(instruction.buffers[0]), *to = addressOf(instruction.buffers[1]);
  int64_t bytes = compiled->buffers[size_t(instruction.buffers[0])].bytes;
  return from == to || bytes == 0 ? absl::OkStatus() : device->copyWithin(to, from, bytes, on);
}

template <class Body>
absl::Status DeviceSession::repeat(const Instruction &instruction, Body body) {
  for (int64_t trip = 0; trip < instruction.trips; ++trip) {
    slices[size_t(instruction.loop)] = instruction.reverse ? instruction.trips - 1 - trip : trip;
    WEIR_RETURN_IF_ERROR(body());
  }
  slices[size_t(instruction.loop)] = 0;
  return absl::OkStatus();
}

absl::Status DeviceSession::give(const Instruction &instruction, StreamId on) {
  using Kind = Instruction::Kind;
  auto body = [&] { return give(instruction.body, on); };
  return instruction.kind == Kind::Launch ? launch(instruction, on)
         : instruction.kind == Kind::Copy ? copy(instruction, on)
                                          : repeat(instruction, body);
}

absl::Status DeviceSession::give(std::span<const Instruction> list, StreamId on) {
  for (const Instruction &instruction : list) WEIR_RETURN_IF_ERROR(give(instruction, on));
  return absl::OkStatus();
}

/// Kernels with scratch have the same one, so they run one after the other.
bool DeviceSession::usesScratch(const Instruction &instruction) const {
  if (instruction.kind == Instruction::Kind::Launch) {
    const KernelCode &code = codes[size_t(instruction.kernel)].code;
    return takesScratch(code) && code.scratchBytes > 0;
  }
  return std::any_of(instruction.body.begin(), instruction.body.end(),
                     [&](const Instruction &inner) { return usesScratch(inner); });
}

/// Streams and events for these: one event for each instruction that is awaited, one to begin with
/// and one for the end of each stream.
absl::Status DeviceSession::reserveLanes(const std::vector<Lane> &list) {
  size_t streams = 1, awaited = 0;
  for (const Lane &lane : list) {
    streams = std::max(streams, size_t(lane.stream) + 1);
    awaited += lane.isAwaited;
  }
  while (lanes.size() < streams) {
    auto made = device->createStream();
    if (!made.ok()) return made.status();
    lanes.push_back(*made);
  }
  while (streams > 1 && events.size() < awaited + streams) {
    auto made = device->createEvent();
    if (!made.ok()) return made.status();
    events.push_back(*made);
  }
  return absl::OkStatus();
}

/// Other streams begin after the main one and end before it goes on.
absl::Status DeviceSession::giveInLanes(const Stretch &stretch, const std::vector<Lane> &list) {
  size_t used = 0;
  std::vector<EventId> ends(list.size());
  std::vector<bool> hasBegun(lanes.size());
  hasBegun[0] = true;
  EventId begin{};
  if (lanes.size() > 1 && !events.empty()) {
    begin = events[used++];
    WEIR_RETURN_IF_ERROR(device->record(begin, stream));
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const StreamId on = lanes[size_t(list[i].stream)];
    if (!hasBegun[size_t(list[i].stream)]) WEIR_RETURN_IF_ERROR(device->wait(on, begin));
    hasBegun[size_t(list[i].stream)] = true;
    for (int32_t before : list[i].waits)
      WEIR_RETURN_IF_ERROR(device->wait(on, ends[size_t(before)]));
    WEIR_RETURN_IF_ERROR(give(stretch.straight[i], on));
    if (!list[i].isAwaited) continue;
    ends[i] = events[used++];
    WEIR_RETURN_IF_ERROR(device->record(ends[i], on));
  }
  for (size_t lane = 1; lane < lanes.size(); ++lane) {
    if (!hasBegun[lane]) continue;
    const EventId end = events[used++];
    WEIR_RETURN_IF_ERROR(device->record(end, lanes[lane]));
    WEIR_RETURN_IF_ERROR(device->wait(stream, end));
  }
  return absl::OkStatus();
}

/// Captured when it is reached first.
absl::Status DeviceSession::runGraph(Stretch &stretch) {
  if (!stretch.graph) {
    const std::vector<Lane> list =
        lanesOf(stretch.straight, stretch.first, kStreams,
                [this](const Instruction &instruction) { return usesScratch(instruction); });
    WEIR_RETURN_IF_ERROR(reserveLanes(list));
    WEIR_RETURN_IF_ERROR(device->beginCapture(stream));
    absl::Status given = giveInLanes(stretch, list);
    auto made = device->endCapture(stream); // Also after an error: the stream must be free again.
    WEIR_RETURN_IF_ERROR(given);
    if (!made.ok()) return made.status();
    stretch.graph = *made;
  }
  ++totals.graphLaunches;
  return device->launchGraph(*stretch.graph, stream);
}

/// The communicator has a stream of its own, or none: what it reads is there before it starts, and
/// what it writes before anything goes on.
absl::Status DeviceSession::communicate(const Instruction &instruction) {
  WEIR_RETURN_IF_ERROR(device->synchronize(stream));
  auto started = communicator->start(prepared.at(&instruction), addressOf(instruction.buffers[0]),
                                     addressOf(instruction.buffers[1]));
  if (!started.ok()) return started.status();
  return communicator->wait(*started);
}

absl::Status DeviceSession::writeAxisIndex(const Instruction &instruction) {
  const int32_t value = axisIndex(*compiled, instruction.axes, communicator->rank());
  WEIR_RETURN_IF_ERROR(device->synchronize(stream)); // the staged word is free again
  std::memcpy(staging, &value, sizeof value);
  return device->copyToDevice(addressOf(instruction.buffers[0]), staging, sizeof value, stream);
}

absl::Status DeviceSession::decide(Stretch &stretch) {
  const Instruction &instruction = *stretch.control;
  if (instruction.kind == Instruction::Kind::Collective) return communicate(instruction);
  if (instruction.kind == Instruction::Kind::AxisIndex) return writeAxisIndex(instruction);
  if (instruction.kind == Instruction::Kind::Loop)
    return repeat(instruction, [&] { return execute(stretch.body); });
  if (instruction.kind == Instruction::Kind::If) {
    auto flag = readFlag(instruction.buffers[0]);
    if (!flag.ok()) return flag.status();
    return execute(*flag ? stretch.body : stretch.otherwise);
  }
  while (true) {
    WEIR_RETURN_IF_ERROR(execute(stretch.condition));
    auto flag = readFlag(instruction.buffers[0]);
    if (!flag.ok()) return flag.status();
    if (!*flag) return absl::OkStatus();
    WEIR_RETURN_IF_ERROR(execute(stretch.body));
  }
}

absl::Status DeviceSession::execute(std::vector<Stretch> &list) {
  for (Stretch &stretch : list)
    WEIR_RETURN_IF_ERROR(stretch.control   ? decide(stretch)
                         : stretch.isGraph ? runGraph(stretch)
                                           : give(stretch.straight, stream));
  return absl::OkStatus();
}

absl::StatusOr<size_t> DeviceSession::findVariable(const std::string &name) const {
  for (size_t i = 0; i < compiled->variables.size(); ++i)
    if (compiled->variables[i].name == name) return i;
  return absl::NotFoundError(absl::StrCat("no variable '", name, "'"));
}

absl::Status DeviceSession::setVariable(const std::string &name, const HostTensor &value) {
  auto found = findVariable(name);
  if (!found.ok()) return found.status();
  const Variable &variable = compiled->variables[*found];
  if (value.dtype() != variable.dtype || value.dims() != variable.dims)
    return absl::InvalidArgumentError(absl::StrCat("variable '", name, "' is ",
                                                   typeStr(variable.dtype, variable.dims), ", not ",
                                                   value.typeStr()));
  auto *bytes = reinterpret_cast<const std::byte *>(value.raw());
  WEIR_RETURN_IF_ERROR(
      device->copyToDevice(variables[*found], bytes, int64_t(value.bytes()), stream));
  WEIR_RETURN_IF_ERROR(device->synchronize(stream));
  hasValue[*found] = true;
  return absl::OkStatus();
}

absl::StatusOr<HostTensor> DeviceSession::getVariable(const std::string &name) {
  auto found = findVariable(name);
  if (!found.ok()) return found.status();
  const Variable &variable = compiled->variables[*found];
  if (!hasValue[*found])
    return absl::FailedPreconditionError(absl::StrCat("variable '", name, "' has no value"));
  HostTensor value(variable.dtype, variable.dims);
  auto *bytes = reinterpret_cast<std::byte *>(value.mutableRaw());
  WEIR_RETURN_IF_ERROR(
      device->copyToHost(bytes, variables[*found], int64_t(value.bytes()), stream));
  WEIR_RETURN_IF_ERROR(device->synchronize(stream));
  return value;
}

} // namespace weir::runtime
