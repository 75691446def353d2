// The first bytes of a .weirx file, for who writes and who reads it.
#pragma once

#include "runtime/base/crc32c.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::runtime {

inline constexpr std::array<char, 8> kMagic = {'W', 'E', 'I', 'R', 'X', '\r', '\n', '\x1a'};
/// What this reads; a file says the oldest version that has all it needs. 2 has batch ranges, 3
/// programs for a mesh, 4 dots that a library does, 5 convolutions that one does.
inline constexpr uint32_t kVersion = 5;
inline constexpr uint32_t kVersionWithoutConvolutions = 4, kVersionWithoutLibraries = 3,
                          kVersionWithoutMesh = 2, kVersionWithoutRanges = 1;
inline constexpr const char *kCompiler = "weir 0.1";
inline constexpr int64_t kPage = 4096;

/// The first bytes of the file, little-endian as the processors that it is for.
struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t metadataCrc = 0;
  uint64_t fileBytes = 0;
  uint64_t metadataBytes = 0; // right after the header
  uint32_t unused[7] = {};
  uint32_t headerCrc = 0; // of all before
};
static_assert(sizeof(Header) == 64);

inline uint32_t headerSum(const Header &header) {
  return crc32c(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, headerCrc)));
}

using Piece = std::span<const std::byte>;

} // namespace weir::runtime
