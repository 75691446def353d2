// The subcommands of `weir`. Each adds its flags and runs from its callback; it throws weir::Error
// on bad input.
#pragma once

#include "tools/flags/flags.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace weir::tools {

struct TrainOptions;

void addTrain(CLI::App &app);
void addTrainGpt(CLI::App &train);
void addTrainLstm(CLI::App &train);
void addTrainMlp(CLI::App &train);
void addTrainLeNet(CLI::App &train);
void addTrainFile(CLI::App &train);
void addCompile(CLI::App &app);
void addRun(CLI::App &app);
void addGenerate(CLI::App &app);
void addInspect(CLI::App &app);
void addExplain(CLI::App &app);
void addExplainSharding(CLI::App &explain);
void addCheckGrad(CLI::App &app);
void addBisect(CLI::App &app);
void addConvert(CLI::App &app);
void addView(CLI::App &app);
void addBench(CLI::App &app);
void addDevices(CLI::App &app);

/// --device, by name (runtime/device/open); one that cannot be used is an error that says why.
void addDevice(CLI::App &app, std::string &device);
/// Registers, shared memory and occupancy of the kernels of a planned module on a GPU, after their
/// PTX if that is asked for.
void printCudaKernels(mlir::ModuleOp module, bool withPtx);

/// Prints what compiling has to say, to standard error.
void printNotes(const std::vector<std::string> &notes);

/// --memory-budget, in bytes or with a unit.
void addMemoryBudget(CLI::App &app, int64_t &bytes);
/// Flags that all `weir train` models share.
void addCommonTrainOptions(CLI::App &app, TrainOptions &options);
/// Says how to go on, and ends the command with exit status 130.
[[noreturn]] void reportInterrupted(const TrainOptions &options);

/// Ends the command with this exit status, after its own message.
struct ExitStatus {
  int status;
};

} // namespace weir::tools
