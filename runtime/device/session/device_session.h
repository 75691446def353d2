// An executable on any device: the CPU's memory plan and instructions, another device's kernels.
//
// Everything lies in one allocation, made before the first run: arena, constants, inputs, outputs,
// variables, scratch. Ifs and whiles are decided on the host; each stretch of instructions between
// them is one captured graph, so a run without any is one launch. In a graph the instructions'
// dependences are kept, by streams and events (lanes.h); elsewhere there is one stream.
#pragma once

#include "runtime/artifact/executable.h"
#include "runtime/base/host_tensor.h"
#include "runtime/device/device.h"
#include "runtime/device/session/device_kernels.h"
#include "runtime/device/session/lanes.h"
#include "runtime/device/session/stretches.h"

#include <map>
#include <optional>

namespace weir::runtime {

class DeviceSession {
public:
  /// A program for a mesh needs a communicator of as many ranks, which takes memory of the device.
  /// Errors: a malformed executable, kernels that the device does not take, no memory (the message
  /// has the lines of what is needed), no communicator where one is needed.
  static absl::StatusOr<std::unique_ptr<DeviceSession>>
  create(std::shared_ptr<const Executable> executable, std::shared_ptr<Device> device,
         std::shared_ptr<Communicator> communicator = nullptr);
  ~DeviceSession();

  /// Feeds in the order of Executable::inputs; returns all outputs. A run that fails leaves the
  /// variables without values. Errors: feeds of another number or type, a variable without a value,
  /// what the device says.
  absl::StatusOr<std::vector<HostTensor>> run(const std::vector<HostTensor> &feeds);
  /// The outputs at positions `fetches`, in that order; only these are copied from the device.
  absl::StatusOr<std::vector<HostTensor>> run(const std::vector<HostTensor> &feeds,
                                              const std::vector<int32_t> &fetches);

  absl::Status setVariable(const std::string &name, const HostTensor &value);
  absl::StatusOr<HostTensor> getVariable(const std::string &name);

  struct Counters {
    int64_t runs = 0, launches = 0; // kernels given one by one, captured ones included
    int64_t graphLaunches = 0;
  };
  const Counters &counters() const { return totals; }
  int64_t deviceBytes() const { return totalBytes; }
  const Executable &executable() const { return *compiled; }

private:
  DeviceSession(std::shared_ptr<const Executable> executable, std::shared_ptr<Device> device)
      : compiled(std::move(executable)), device(std::move(device)) {}
  absl::Status load();
  absl::Status chooseKernels();
  absl::Status loadKernels();
  absl::Status reserve();
  absl::Status checkFeeds(const std::vector<HostTensor> &feeds) const;
  absl::Status runOnDevice(const std::vector<int32_t> &fetches);
  absl::Status execute(std::vector<Stretch> &stretches);
  absl::Status decide(Stretch &stretch);
  absl::Status prepareCollectives(const std::vector<Instruction> &list);
  absl::Status communicate(const Instruction &instruction);
  absl::Status writeAxisIndex(const Instruction &instruction);
  absl::Status runGraph(Stretch &stretch);
  absl::Status give(std::span<const Instruction> list, StreamId on);
  absl::Status give(const Instruction &instruction, StreamId on);
  absl::Status giveInLanes(const Stretch &stretch, const std::vector<Lane> &list);
  absl::Status reserveLanes(const std::vector<Lane> &lanes);
  bool usesScratch(const Instruction &instruction) const;
  absl::Status launch(const Instruction &instruction, StreamId on);
  absl::Status copy(const Instruction &instruction, StreamId on);
  /// Calls `body` with slices[instruction.loop] as each trip has it.
  template <class Body> absl::Status repeat(const Instruction &instruction, Body body);
  absl::StatusOr<bool> readFlag(int32_t buffer);
  std::byte *addressOf(int32_t buffer) const;
  absl::StatusOr<size_t> findVariable(const std::string &name) const;

  std::shared_ptr<const Executable> compiled;
  std::shared_ptr<Device> device;
  std::shared_ptr<Communicator> communicator; // null: one device
  std::map<const Instruction *, Communicator::Prepared> prepared;
  StreamId stream{};
  std::vector<StreamId> lanes; // [0] is `stream`; the others are made when a graph needs them
  std::vector<EventId> events; // of the capture at hand
  std::byte *memory = nullptr, *staging = nullptr; // On the device; on the host, for copies.
  int64_t totalBytes = 0;
  std::byte *arena = nullptr, *constants = nullptr, *scratch = nullptr;
  std::vector<std::byte *> inputs, outputs, variables;
  std::vector<std::byte *> stagedInputs, stagedOutputs;
  std::vector<bool> hasValue; // By variable.
  std::vector<DeviceKernel> codes;
  std::vector<KernelId> loaded;
  int64_t scratchBytes = 0;           // Of the kernel that needs most, for all of its warps.
  std::vector<int64_t> slices;        // By loop.
  std::vector<std::byte *> addresses; // Of the launch at hand.
  std::vector<Stretch> stretches;     // Of the whole program.
  Counters totals;
};

} // namespace weir::runtime
