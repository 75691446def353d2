//===- crc32c.h - checksums -------------------------------------*- C++ -*-===//
// CRC-32C (Castagnoli), by the processor's instruction: three streams at a time, which hides its
// latency.
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::runtime {

uint32_t crc32c(std::span<const std::byte> bytes);

} // namespace weir::runtime
