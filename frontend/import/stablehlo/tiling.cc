// An order of devices is a list of digits: the number of a device is the sum of stride times index.
// Strides of all digits, and where tiles cut a digit in two, are the strides of the mesh's axes.
#include "frontend/import/stablehlo/tiling.h"

#include "frontend/import/stablehlo/reader.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace weir::stablehlo {

namespace {

using Digit = Tiling::Digit;

constexpr int64_t kMostDevices = 1 << 16;

[[noreturn]] void refuse(std::string_view text, const std::string &why) {
  throw std::invalid_argument("mhlo.sharding '" + std::string(text) + "': " + why);
}

/// Nothing where numbers are not positive or their product is too large.
int64_t productOf(const Dims64 &sizes) {
  int64_t product = 1;
  for (int64_t size : sizes) {
    if (size < 1 || product > kMostDevices / size) return 0;
    product *= size;
  }
  return product;
}

/// <=[2,4]T(1,0): the devices as an array of these sizes, transposed.
std::vector<Digit> readIota(Reader &in, std::string_view text) {
  const Dims64 sizes = in.dims();
  std::vector<Digit> digits(sizes.size());
  int64_t stride = productOf(sizes);
  if (!stride) refuse(text, "has too many devices");
  for (size_t i = 0; i < sizes.size(); ++i) digits[i] = {stride /= sizes[i], sizes[i]};
  if (!in.accept("T")) return digits;
  std::vector<Digit> transposed;
  std::set<int64_t> seen;
  in.expect("(");
  do {
    const int64_t from = in.integer();
    if (from < 0 || from >= static_cast<int64_t>(digits.size()) || !seen.insert(from).second)
      in.fail("a permutation of the dims");
    transposed.push_back(digits[static_cast<size_t>(from)]);
  } while (in.accept(","));
  in.expect(")");
  if (transposed.size() != digits.size()) in.fail("a permutation of the dims");
  return transposed;
}

/// The digits that count as a list of devices does.
std::vector<Digit> digitsOf(const Dims64 &devices, std::string_view text) {
  const size_t count = devices.size();
  if (std::ranges::any_of(devices, [&](int64_t device) {
        return device < 0 || device >= static_cast<int64_t>(count);
      }))
    refuse(text, "its devices are not 0, 1, ..., " + std::to_string(count - 1));
  std::vector<Digit> digits;
  for (size_t block = 1; block < count;) {
    const int64_t stride = devices[block];
    size_t size = 1;
    while (size * block < count && devices[size * block] == static_cast<int64_t>(size) * stride)
      ++size;
    if (size == 1) refuse(text, "its devices are in the order of no mesh");
    digits.insert(digits.begin(), {stride, static_cast<int64_t>(size)});
    block *= size;
  }
  std::vector<bool> seen(count);
  for (size_t i = 0; i < count; ++i) {
    int64_t device = 0;
    size_t rest = i;
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
      device += digit->stride * static_cast<int64_t>(rest % static_cast<size_t>(digit->size));
      rest /= static_cast<size_t>(digit->size);
    }
    if (rest || device != devices[i] || seen[static_cast<size_t>(device)])
      refuse(text, "its devices are in the order of no mesh");
    seen[static_cast<size_t>(device)] = true;
  }
  return digits;
}

/// The dims behind those of the tensor: copies.
size_t readCopies(Reader &in, std::string_view text) {
  if (in.accept("last_tile_dim_replicate")) return 1;
  if (!in.accept("last_tile_dims")) return 0;
  size_t copies = 0;
  in.expect("=");
  in.expect("{");
  do {
    if (const std::string word = in.word(); word != "replicated")
      refuse(text, "dims that are " + word + " are of a program as each device runs it");
    ++copies;
  } while (in.accept(","));
  in.expect("}");
  return copies;
}

Tiling readDevices(Reader &in, std::string_view text, size_t rank) {
  Tiling tiling;
  in.expect("=");
  tiling.parts = in.dims();
  if (in.accept("<=")) {
    tiling.order = readIota(in, text);
  } else {
    Dims64 devices;
    do devices.push_back(in.integer());
    while (in.accept(","));
    tiling.order = digitsOf(devices, text);
  }
  const size_t copies = readCopies(in, text);
  if (tiling.parts.size() != rank + copies)
    refuse(text, "cuts " + std::to_string(tiling.parts.size() - copies) +
                     " dims of a tensor of rank " + std::to_string(rank));
  int64_t devices = 1;
  for (const Digit &digit : tiling.order) devices *= digit.size;
  if (productOf(tiling.parts) != devices)
    refuse(text, "has not as many tiles as its " + std::to_string(devices) + " devices");
  tiling.parts.resize(rank);
  return tiling;
}

} // namespace

Tiling parseTiling(std::string_view text, size_t rank) {
  Reader in(text);
  in.expect("{");
  if (in.accept("{")) refuse(text, "is of several tensors, and stands at one");
  const std::string kind = in.word();
  Tiling tiling;
  tiling.parts.assign(rank, 1);
  if (kind == "devices")
    tiling = readDevices(in, text, rank);
  else if (kind == "maximal")
    refuse(text, "puts a value on one device; on a mesh all devices have it, or a part of it");
  else if (kind == "manual")
    refuse(text, "is of a program as each device runs it; what can be imported is that of whole "
                 "values");
  else if (kind == "unknown")
    tiling.isOpen = true;
  else if (kind != "replicated")
    refuse(text, "is none that is known: devices=..., replicated, unknown");
  in.expect("}");
  in.expectEnd();
  return tiling;
}

void TilingMesh::cut(int64_t stride) {
  auto above = cuts.lower_bound(stride);
  const bool fits = (above == cuts.end() || *above % stride == 0) &&
                    (above == cuts.begin() || stride % *std::prev(above) == 0);
  if (!fits) throw std::invalid_argument("shardings are not over the axes of one mesh");
  cuts.insert(stride);
}

void TilingMesh::add(const Tiling &tiling) {
  int64_t devices = 1;
  for (const Digit &digit : tiling.order) devices *= digit.size;
  if (devices == 1) return;
  if (hasAxes() && *cuts.rbegin() != devices)
    throw std::invalid_argument("shardings are over " + std::to_string(*cuts.rbegin()) +
                                " devices and over " + std::to_string(devices));
  cut(1);
  cut(devices);
  for (const Digit &digit : tiling.order) {
    cut(digit.stride);
    cut(digit.stride * digit.size);
  }
  auto digit = tiling.order.begin();
  int64_t left = digit->size;
  for (int64_t part : tiling.parts)
    while (part > 1) {
      if (left == 1) left = (++digit)->size;
      const int64_t taken = std::gcd(part, left);
      if (taken != part && taken != left)
        throw std::invalid_argument("a dim is cut across the axes of the mesh");
      left /= taken;
      part /= taken;
      cut(digit->stride * left);
    }
}

std::vector<TilingMesh::Axis> TilingMesh::axes() const {
  std::vector<Axis> axes;
  for (auto end = cuts.rbegin(); end != cuts.rend() && std::next(end) != cuts.rend(); ++end)
    axes.push_back({"x" + std::to_string(axes.size()), *std::next(end), *end / *std::next(end)});
  return axes;
}

std::string TilingMesh::str() const {
  std::string text;
  for (const Axis &axis : axes())
    text += (text.empty() ? "" : ",") + axis.name + "=" + std::to_string(axis.size);
  return text;
}

std::vector<std::string> TilingMesh::axesOf(const Tiling &tiling) const {
  std::vector<Axis> ordered;
  for (const Digit &digit : tiling.order)
    for (const Axis &axis : axes())
      if (axis.stride >= digit.stride && axis.stride < digit.stride * digit.size)
        ordered.push_back(axis);
  std::vector<std::string> split;
  auto next = ordered.begin();
  for (int64_t part : tiling.parts) {
    split.emplace_back();
    for (; part > 1 && next != ordered.end(); part /= (next++)->size)
      split.back() += (split.back().empty() ? "" : ",") + next->name;
  }
  return split;
}

} // namespace weir::stablehlo
