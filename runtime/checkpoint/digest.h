//===- digest.h - a fast 64-bit checksum ------------------------*- C++ -*-===//
// Finds damage, not malice: four independent multiply-xor lanes of 8 bytes, so it runs at the
// memory's speed. Ours alone; its value is part of the checkpoint format.
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace weir::runtime {

class Digest {
public:
  /// The length of each piece is part of the digest.
  void add(std::span<const std::byte> piece) {
    uint64_t lanes[4] = {state, state ^ kOdd, state + kOdd, ~state};
    size_t at = 0;
    for (; at + 32 <= piece.size(); at += 32)
      for (int lane = 0; lane < 4; ++lane) {
        uint64_t word;
        std::memcpy(&word, piece.data() + at + 8 * lane, 8);
        lanes[lane] = mix(lanes[lane], word);
      }
    for (; at < piece.size(); ++at) lanes[0] = mix(lanes[0], std::to_integer<uint64_t>(piece[at]));
    state = mix(state, piece.size());
    for (uint64_t lane : lanes) state = mix(state, lane);
  }
  uint64_t value() const { return state; }

private:
  static constexpr uint64_t kOdd = 0x9e3779b97f4a7c15; // 2^64 / golden ratio
  // A bijection in `word` for a fixed lane and in the lane for a fixed word: one changed bit always
  // changes the result.
  static uint64_t mix(uint64_t lane, uint64_t word) {
    lane = (lane ^ word) * kOdd;
    return lane ^ (lane >> 29);
  }

  uint64_t state = kOdd;
};

} // namespace weir::runtime
