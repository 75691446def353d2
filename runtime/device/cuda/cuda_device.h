// An NVIDIA GPU as a device, through libcuda alone.
#pragma once

#include "runtime/device/cuda/blas.h"
#include "runtime/device/cuda/dnn.h"
#include "runtime/device/cuda/driver.h"
#include "runtime/device/device.h"

namespace weir::runtime::cuda {

/// GPU number `ordinal` of this machine. Errors: those of driver(); no such GPU, with how many
/// there are.
absl::StatusOr<std::unique_ptr<Device>> openDevice(int ordinal);

/// The same over any tables, for tests; they must outlive the device. `blas` or `dnn` null: this
/// process's, when the first product or convolution asks for it.
absl::StatusOr<std::unique_ptr<Device>> openDevice(const DriverTable &table, int ordinal,
                                                   const BlasTable *blas = nullptr,
                                                   const DnnTable *dnn = nullptr);

/// How many there are; 0 without a driver.
int deviceCount();

} // namespace weir::runtime::cuda
