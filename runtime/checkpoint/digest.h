//===- digest.h - a checksum that has no order ------------------*- C++ -*-===//
// Finds damage, not malice. A sum with a term for each element, made of its bits and its place: who
// holds some of the elements sums theirs, so processes make the digest of a file together. Ours
// alone; its value is part of the checkpoint format.
//===----------------------------------------------------------------------===//
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir::runtime {

namespace digest {

inline constexpr uint64_t kOdd = 0x9e3779b97f4a7c15; // 2^64 / golden ratio

/// A bijection: other bits at a place always make another term.
inline uint64_t term(uint64_t bits, uint64_t place) {
  uint64_t mixed = (bits ^ place) * kOdd;
  mixed = (mixed ^ (mixed >> 32)) * kOdd;
  return mixed ^ (mixed >> 29);
}

template <typename Word>
uint64_t sumOf(const std::byte *data, int64_t count, uint64_t first, uint64_t tensor) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    Word word;
    std::memcpy(&word, data + static_cast<size_t>(i) * sizeof word, sizeof word);
    sum += term(word, tensor + (first + static_cast<uint64_t>(i)) * (kOdd ^ 0x5851f42d4c957f2e));
  }
  return sum;
}

} // namespace digest

/// Of `count` elements of 1, 2, 4 or 8 bytes, which are those from `first` on of the tensor with
/// that number. Digests of the parts of a file are added.
inline uint64_t digestOf(const void *elements, size_t elementBytes, int64_t count, int64_t first,
                         uint64_t tensor) {
  const auto *data = static_cast<const std::byte *>(elements);
  const auto place = static_cast<uint64_t>(first);
  const uint64_t number = (tensor + 1) << 48;
  switch (elementBytes) {
  case 1:
    return digest::sumOf<uint8_t>(data, count, place, number);
  case 2:
    return digest::sumOf<uint16_t>(data, count, place, number);
  case 4:
    return digest::sumOf<uint32_t>(data, count, place, number);
  default:
    return digest::sumOf<uint64_t>(data, count, place, number);
  }
}

/// Of the text before the tensors.
inline uint64_t digestOf(std::string_view text) {
  return digestOf(text.data(), 1, static_cast<int64_t>(text.size()), 0, ~uint64_t(0)) + text.size();
}

} // namespace weir::runtime
