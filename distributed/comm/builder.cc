// Instructions of a schedule, cut to what a message may hold.
#include "distributed/comm/builder.h"

#include <algorithm>

namespace weir::distributed {

Builder::Builder(int64_t elementBytes, const Topology &topology)
    : maxElements(std::max<int64_t>(1, topology.maxMessage / elementBytes)),
      segmentElements(topology.segmentBytes > 0
                          ? std::max<int64_t>(1, topology.segmentBytes / elementBytes)
                          : 0) {}

void Builder::send(int peer, Slice from) {
  for (int64_t begin = 0; begin < from.count; begin += maxElements)
    schedule.instructions.push_back(
        {.kind = Instruction::Send,
         .peer = peer,
         .from = from.part(begin, std::min(maxElements, from.count - begin))});
}

void Builder::receive(int peer, Slice to) {
  for (int64_t begin = 0; begin < to.count; begin += maxElements)
    schedule.instructions.push_back(
        {.kind = Instruction::Receive,
         .peer = peer,
         .to = to.part(begin, std::min(maxElements, to.count - begin))});
}

void Builder::copy(Slice from, Slice to) {
  if (from.count > 0 && from != to)
    schedule.instructions.push_back({.kind = Instruction::Copy, .to = to, .from = from});
}

void Builder::combine(Slice left, Slice right, Slice to) {
  if (to.count > 0)
    schedule.instructions.push_back(
        {.kind = Instruction::Combine, .to = to, .from = left, .other = right});
}

void Builder::zero(Slice to) {
  if (to.count > 0) schedule.instructions.push_back({.kind = Instruction::Zero, .to = to});
}

void Builder::awaitSince(int begin) {
  awaitRange(begin, here());
}

void Builder::awaitRange(int begin, int end) {
  if (begin < end)
    schedule.instructions.push_back({.kind = Instruction::Await, .begin = begin, .end = end});
}

Slice Builder::scratch(int64_t count) {
  Slice slice{Memory::Scratch, schedule.scratch, count};
  schedule.scratch += count;
  return slice;
}

Slices Builder::segments(Slice slice, int64_t coarser) const {
  const int64_t length = segmentElements * coarser;
  if (length == 0 || slice.count <= length) return {slice};
  Slices segments;
  for (int64_t begin = 0; begin < slice.count; begin += length)
    segments.push_back(slice.part(begin, std::min(length, slice.count - begin)));
  return segments;
}

Slices cut(Slice whole, const std::vector<int64_t> &counts) {
  Slices pieces;
  int64_t begin = 0;
  for (int64_t count : counts) {
    pieces.push_back(whole.part(begin, count));
    begin += count;
  }
  return pieces;
}

} // namespace weir::distributed
