// XLA's shardings, which StableHLO carries as text in mhlo.sharding: how many parts each dim has,
// and which device has which part. They know no mesh; one is found over whose axes all of them are
// splits. No MLIR.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::stablehlo {

struct Tiling {
  /// The devices of a dim of the array of tiles are `stride` apart.
  struct Digit {
    int64_t stride, size;
    bool operator==(const Digit &) const = default;
  };
  bool isOpen = false;        ///< "{unknown}": nothing is said
  std::vector<int64_t> parts; ///< of each dim
  std::vector<Digit> order;   ///< of tiles, row-major; the last ones are copies
};

/// "{devices=[2,1]<=[2]}", "{devices=[2,1,2]<=[2,2]T(1,0) last_tile_dim_replicate}",
/// "{devices=[2,2]0,2,1,3}", "{replicated}" of a tensor of `rank`. Throws AttributeError, and
/// std::invalid_argument for what a graph of whole values on all devices cannot be: values on one
/// device, parts of a manual program, devices in the order of no mesh.
Tiling parseTiling(std::string_view text, size_t rank);

/// The mesh with the fewest axes, x0, x1, ..., over which all tilings that it was given are splits.
class TilingMesh {
public:
  /// Throws std::invalid_argument where there is no such mesh.
  void add(const Tiling &tiling);
  bool hasAxes() const { return cuts.size() > 1; }
  /// "x0=2,x1=4"
  std::string str() const;
  /// For each dim the axes that split it, major first, separated by commas. Of one that was added.
  std::vector<std::string> axesOf(const Tiling &tiling) const;

private:
  struct Axis {
    std::string name;
    int64_t stride, size;
  };
  void cut(int64_t stride);
  std::vector<Axis> axes() const;

  std::set<int64_t> cuts; ///< strides of the axes, and the number of devices
};

} // namespace weir::stablehlo
