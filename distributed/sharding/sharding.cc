// Arithmetic on meshes and shardings, and their text form.
#include "distributed/sharding/sharding.h"

#include "absl/status/status.h"

#include <algorithm>

namespace weir::distributed {
namespace {

constexpr std::string_view kCombiners[] = {"sum", "max", "min", "prod"};
constexpr int64_t kMaxDevices = int64_t{1} << 20;

absl::Status invalid(std::string message) {
  return absl::InvalidArgumentError(std::move(message));
}

/// Takes tokens off the front of a text; blanks between them do not matter.
struct Reader {
  std::string_view text;

  void skipBlanks() {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  bool take(std::string_view token) {
    skipBlanks();
    if (text.substr(0, token.size()) != token) return false;
    text.remove_prefix(token.size());
    return true;
  }
  /// Letters, digits and underscores; empty where there are none.
  std::string_view word() {
    skipBlanks();
    size_t n = 0;
    auto isWord = [](char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    while (n < text.size() && isWord(text[n])) ++n;
    std::string_view result = text.substr(0, n);
    text.remove_prefix(n);
    return result;
  }
  bool atEnd() {
    skipBlanks();
    return text.empty();
  }
};

std::string axesStr(const std::vector<int> &axes, const Mesh &mesh) {
  std::string result = "{";
  for (int axis : axes) {
    if (result.size() > 1) result += ",";
    result += mesh.axes[axis].name;
  }
  return result + "}";
}

/// Reads `{data,model}`; `used` says which axes were named before.
absl::StatusOr<std::vector<int>> readAxes(Reader &in, const Mesh &mesh, std::vector<bool> &used) {
  if (!in.take("{")) return invalid("a sharding lists axes in braces, as in [{data},{}]");
  std::vector<int> axes;
  if (in.take("}")) return axes;
  do {
    std::string name(in.word());
    if (name.empty()) return invalid("a name of a mesh axis is missing in a sharding");
    std::optional<int> axis = mesh.find(name);
    if (!axis) return invalid("the mesh " + mesh.str() + " has no axis " + name);
    if (used[*axis]) return invalid("axis " + name + " is named twice in a sharding");
    used[*axis] = true;
    axes.push_back(*axis);
  } while (in.take(","));
  if (!in.take("}")) return invalid("a list of axes does not end with }");
  return axes;
}

} // namespace

int64_t Mesh::devices() const {
  int64_t product = 1;
  for (const MeshAxis &axis : axes) product *= axis.size;
  return product;
}

std::optional<int> Mesh::find(std::string_view name) const {
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i].name == name) return static_cast<int>(i);
  return std::nullopt;
}

int64_t Mesh::size(const std::vector<int> &axisNumbers) const {
  int64_t product = 1;
  for (int axis : axisNumbers) product *= axes[axis].size;
  return product;
}

std::vector<int64_t> Mesh::coordinates(int64_t device) const {
  std::vector<int64_t> result(axes.size());
  for (size_t i = axes.size(); i-- > 0; device /= axes[i].size) result[i] = device % axes[i].size;
  return result;
}

int64_t Mesh::device(const std::vector<int64_t> &coordinates) const {
  int64_t result = 0;
  for (size_t i = 0; i < axes.size(); ++i) result = result * axes[i].size + coordinates[i];
  return result;
}

int64_t Mesh::position(int64_t device, const std::vector<int> &axisNumbers) const {
  std::vector<int64_t> at = coordinates(device);
  int64_t result = 0;
  for (int axis : axisNumbers) result = result * axes[axis].size + at[axis];
  return result;
}

std::vector<std::vector<int64_t>> Mesh::groups(const std::vector<int> &axisNumbers) const {
  std::vector<int> others;
  for (size_t i = 0; i < axes.size(); ++i)
    if (std::find(axisNumbers.begin(), axisNumbers.end(), static_cast<int>(i)) == axisNumbers.end())
      others.push_back(static_cast<int>(i));
  std::vector<std::vector<int64_t>> result(size(others), std::vector<int64_t>(size(axisNumbers)));
  for (int64_t device = 0, n = devices(); device < n; ++device)
    result[position(device, others)][position(device, axisNumbers)] = device;
  return result;
}

std::string Mesh::str() const {
  std::string result;
  for (const MeshAxis &axis : axes)
    result += (result.empty() ? "" : ",") + axis.name + "=" + std::to_string(axis.size);
  return result;
}

absl::StatusOr<Mesh> parseMesh(std::string_view text) {
  Mesh mesh;
  Reader in{text};
  if (in.atEnd()) return mesh;
  do {
    std::string name(in.word());
    if (name.empty() || isdigit(static_cast<unsigned char>(name[0])))
      return invalid("a mesh lists axes with their sizes, as in data=2,model=4");
    if (mesh.find(name)) return invalid("axis " + name + " is named twice in a mesh");
    std::string_view digits = in.take("=") ? in.word() : "";
    int64_t size = 0;
    bool number = !digits.empty() && digits.size() <= 7;
    for (char c : digits) {
      number &= isdigit(static_cast<unsigned char>(c)) != 0;
      size = number ? size * 10 + (c - '0') : 0;
    }
    if (!number || size < 1) return invalid("axis " + name + " of a mesh has no size");
    mesh.axes.push_back({std::move(name), size});
    if (mesh.devices() > kMaxDevices)
      return invalid("a mesh has more than " + std::to_string(kMaxDevices) + " devices");
  } while (in.take(","));
  if (!in.atEnd()) return invalid("a mesh ends with what is no axis: " + std::string(in.text));
  return mesh;
}

std::string_view combinerName(Combiner combiner) {
  return kCombiners[static_cast<int>(combiner)];
}

bool Sharding::isReplicated() const {
  return partial.empty() &&
         std::all_of(dims.begin(), dims.end(), [](const auto &axes) { return axes.empty(); });
}

bool Sharding::uses(int axis) const {
  auto in = [axis](const std::vector<int> &axes) {
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
  };
  return in(partial) || std::any_of(dims.begin(), dims.end(), in);
}

std::string Sharding::str(const Mesh &mesh) const {
  std::string result = "[";
  for (size_t i = 0; i < dims.size(); ++i) result += (i ? "," : "") + axesStr(dims[i], mesh);
  result += "]";
  if (!partial.empty())
    result += " partial(" + std::string(combinerName(combiner)) + ")" + axesStr(partial, mesh);
  return result;
}

absl::StatusOr<Sharding> parseSharding(std::string_view text, const Mesh &mesh) {
  Sharding result;
  Reader in{text};
  std::vector<bool> used(mesh.axes.size());
  if (!in.take("[")) return invalid("a sharding starts with [, as in [{data},{}]");
  if (!in.take("]")) {
    do {
      auto axes = readAxes(in, mesh, used);
      if (!axes.ok()) return axes.status();
      result.dims.push_back(*std::move(axes));
    } while (in.take(","));
    if (!in.take("]")) return invalid("the dims of a sharding do not end with ]");
  }
  if (in.take("partial")) {
    std::string name(in.take("(") ? in.word() : "");
    auto *found = std::find(std::begin(kCombiners), std::end(kCombiners), name);
    if (found == std::end(kCombiners) || !in.take(")"))
      return invalid(
          "partial says how values combine, as in partial(sum){model}; sum, max, min and "
          "prod are known");
    auto axes = readAxes(in, mesh, used);
    if (!axes.ok()) return axes.status();
    result.partial = *std::move(axes);
    std::sort(result.partial.begin(), result.partial.end());
    if (!result.partial.empty())
      result.combiner = static_cast<Combiner>(found - std::begin(kCombiners));
  }
  if (!in.atEnd())
    return invalid("a sharding ends with what is no part of it: " + std::string(in.text));
  return result;
}

int64_t localSize(int64_t size, const std::vector<int> &axes, const Mesh &mesh) {
  for (int axis : axes) size = (size + mesh.axes[axis].size - 1) / mesh.axes[axis].size;
  return size;
}

std::vector<int64_t> localShape(const std::vector<int64_t> &shape, const Sharding &sharding,
                                const Mesh &mesh) {
  std::vector<int64_t> result(shape);
  for (size_t i = 0; i < shape.size(); ++i) result[i] = localSize(shape[i], sharding.dims[i], mesh);
  return result;
}

Piece pieceOf(int64_t size, const std::vector<int> &axes, const Mesh &mesh, int64_t device) {
  std::vector<int64_t> at = mesh.coordinates(device);
  Piece piece{0, size};
  int64_t stored = size; // what every device stores of the split so far
  for (int axis : axes) {
    stored = (stored + mesh.axes[axis].size - 1) / mesh.axes[axis].size;
    int64_t start = std::min(at[axis] * stored, piece.count);
    piece = {piece.offset + start, std::min(stored, piece.count - start)};
  }
  return piece;
}

} // namespace weir::distributed
