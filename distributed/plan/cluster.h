// The machine that collectives run on: nodes, their devices, and links with latency and bandwidth.
// A text file that a person writes:
//
//   # two hosts of four devices
//   link shared latency 0.5us bandwidth 8GB/s
//   link wire   latency 30us  bandwidth 1.25GB/s
//   node a devices 4 link shared
//   node b devices 4 link shared
//   between a b link wire          or: between * * link wire
//   combine 6GB/s                  how fast a device adds; may be missing
//
// Devices are numbered in the order of the nodes, and so are ranks.
#pragma once

#include "absl/status/statusor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weir::distributed {

struct Link {
  std::string name;
  double latency = 0;   ///< seconds
  double bandwidth = 0; ///< bytes a second
  bool operator==(const Link &) const = default;
};

struct Cluster {
  struct Node {
    std::string name;
    int devices;
    size_t link; ///< between its devices
    bool operator==(const Node &) const = default;
  };
  std::vector<Link> links;
  std::vector<Node> nodes;
  std::vector<size_t>
      between;        ///< link of each pair of nodes, row by row; kNone where there is none
  double combine = 0; ///< bytes of result a second; 0: no time

  static constexpr size_t kNone = static_cast<size_t>(-1);

  int devices() const;
  /// Node of each device.
  std::vector<int> nodeOfRank() const;
  /// Link between two nodes, or within one.
  const Link &link(int fromNode, int toNode) const;
  /// The file that reads back as this.
  std::string str() const;
  bool operator==(const Cluster &) const = default;
};

/// Errors name the line, as "FILE:3: error: ...": an unknown word, link or node, a name twice, a
/// number that is none, nodes without a link between them.
absl::StatusOr<Cluster> parseCluster(const std::string &text, const std::string &file);

/// One node with memory shared between its devices: what is assumed where no file is given.
Cluster oneNode(int devices);

} // namespace weir::distributed
