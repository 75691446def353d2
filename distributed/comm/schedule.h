// What one rank does in one collective: a list of instructions that depends on shapes and ranks
// only. The algorithms are written once as builders of such lists; every backend runs them, the
// cost model reads them, so that bytes and order are the same everywhere and known beforehand.
//
// Sends and receives are started in order and never block; Await waits. Two ranks match their
// messages by order. Peers are places in the group, slices are in elements.
#pragma once

#include "runtime/device/collectives/communicator.h"

#include <cstdint>
#include <vector>

namespace weir::distributed {

enum class Algorithm : uint8_t { Direct, Tree, Ring, Hierarchical };
inline constexpr int kAlgorithms = 4;
const char *algorithmName(Algorithm algorithm);

enum class Memory : uint8_t { Input, Output, Scratch };

struct Slice {
  Memory memory = Memory::Input;
  int64_t offset = 0, count = 0;

  Slice part(int64_t begin, int64_t size) const { return {memory, offset + begin, size}; }
  bool operator==(const Slice &) const = default;
};

struct Instruction {
  enum Kind : uint8_t {
    Send,    ///< from -> peer
    Receive, ///< peer -> to
    Await,   ///< all messages of the instructions [begin, end)
    Copy,    ///< from -> to, which may be the same memory
    Combine, ///< to = from op other; `to` may be one of them
    Zero     ///< to = 0
  };
  Kind kind;
  int peer = 0;
  int begin = 0, end = 0;
  Slice to = {}, from = {}, other = {};
};

struct Schedule {
  std::vector<Instruction> instructions;
  int64_t scratch = 0; ///< elements
};

/// What builders need to know beyond the collective.
struct Topology {
  std::vector<int> node;    ///< of each member of the group; empty: all on one
  int64_t segmentBytes = 0; ///< messages are cut to this, so that combining overlaps; 0: not
  int64_t maxMessage = int64_t(1) << 30; ///< bytes that the transport can take at once
};

/// Can the algorithm do it? Direct does all; Hierarchical wants members on several nodes, and for
/// all_gather and reduce_scatter equally many on each.
bool supports(Algorithm algorithm, runtime::CollectiveKind kind, const Topology &topology);

/// The part of member `index`. The order of combining, and so the bits, depends on the algorithm
/// and the group's size alone:
///   Direct, Tree   a balanced tree over the members: of n, the first 2^k < n against the rest
///   Ring           chunk c in the order c+1, c+2, ..., c
///   Hierarchical   the tree inside each node, then the tree over the nodes: the bits of Direct
///                  where nodes hold the same power of two of consecutive members
Schedule buildSchedule(Algorithm algorithm, const runtime::CollectiveSpec &spec, int index,
                       const Topology &topology);

/// Element counts of `parts` nearly equal pieces of `count`, longer ones first.
std::vector<int64_t> evenCounts(int64_t count, int parts);

} // namespace weir::distributed
