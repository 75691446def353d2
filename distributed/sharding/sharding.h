// A mesh of devices and the sharding of a value on it, as plain data: what the compiler writes into
// the graph, what redistribution is planned over, and what a person reads in dumps.
//
// A mesh has named axes; device numbers count through them, the last axis fastest. A sharding says
// for each dim which axes split it, major first, and which axes hold parts of a reduction that is
// not yet made; over every axis that it does not name the value is replicated. No MLIR in here.
//
// A dim of n elements split by an axis of p devices gives each ceil(n/p); further axes split those
// pieces in turn. Pieces at the end may be shorter, or empty: they are padded to the same size.
#pragma once

#include "absl/status/statusor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::distributed {

struct MeshAxis {
  std::string name;
  int64_t size;
  bool operator==(const MeshAxis &) const = default;
};

struct Mesh {
  std::vector<MeshAxis> axes;

  int64_t devices() const;
  /// Number of the axis called `name`.
  std::optional<int> find(std::string_view name) const;
  /// Product of the sizes of `axisNumbers`; 1 for none.
  int64_t size(const std::vector<int> &axisNumbers) const;
  /// Position of a device along every axis, and the inverse.
  std::vector<int64_t> coordinates(int64_t device) const;
  int64_t device(const std::vector<int64_t> &coordinates) const;
  /// Position of a device in its group over `axisNumbers`, major first.
  int64_t position(int64_t device, const std::vector<int> &axisNumbers) const;
  /// The devices that differ from each other along `axisNumbers` only, each group in order of
  /// position; groups in order of their first device.
  std::vector<std::vector<int64_t>> groups(const std::vector<int> &axisNumbers) const;
  /// "data=2,model=4"; empty for the mesh of one device.
  std::string str() const;
  bool operator==(const Mesh &) const = default;
};

/// Reads "data=2,model=4". Errors: no size, a size below 1, a name twice.
absl::StatusOr<Mesh> parseMesh(std::string_view text);

/// How partial values make the whole one.
enum class Combiner { Sum, Max, Min, Prod };
std::string_view combinerName(Combiner combiner);

struct Sharding {
  std::vector<std::vector<int>> dims; ///< axes that split each dim, major first
  std::vector<int> partial;           ///< axes that hold partial values, ascending
  Combiner combiner = Combiner::Sum;  ///< of `partial`; Sum where there are none

  static Sharding replicated(size_t rank) { return {std::vector<std::vector<int>>(rank), {}}; }

  bool isReplicated() const;
  bool isPartial() const { return !partial.empty(); }
  /// Is the axis named anywhere?
  bool uses(int axis) const;
  /// The same without partial axes.
  Sharding whole() const { return {dims, {}}; }
  /// "[{data},{}] partial(sum){model}".
  std::string str(const Mesh &mesh) const;
  bool operator==(const Sharding &) const = default;
};

/// Reads "[{data,model},{}] partial(sum){...}"; the second part may be missing. Errors: an axis
/// that the mesh lacks or that is named twice, an unknown combiner, anything left over.
absl::StatusOr<Sharding> parseSharding(std::string_view text, const Mesh &mesh);

/// Size that every device stores of a dim of `size` elements.
int64_t localSize(int64_t size, const std::vector<int> &axes, const Mesh &mesh);
/// Sizes that every device stores of a value.
std::vector<int64_t> localShape(const std::vector<int64_t> &shape, const Sharding &sharding,
                                const Mesh &mesh);

/// Elements [offset, offset + count) of a dim; the rest of the stored size is padding.
struct Piece {
  int64_t offset;
  int64_t count;
  bool operator==(const Piece &) const = default;
};
/// What `device` holds of a dim of `size` elements.
Piece pieceOf(int64_t size, const std::vector<int> &axes, const Mesh &mesh, int64_t device);

} // namespace weir::distributed
