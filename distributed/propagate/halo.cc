// What device i reads moves with i by `step`, what it holds by `held`: the first and the last
// device need the most from their neighbours.
#include "distributed/propagate/halo.h"

#include <algorithm>

namespace weir::distributed {

static int64_t floorDiv(int64_t x, int64_t by) {
  return x / by - (x % by < 0 ? 1 : 0);
}

std::optional<Halo::Local> Halo::local(const std::vector<int> &axes, const Mesh &mesh) const {
  const int64_t parts = mesh.size(axes);
  if (axes.size() > 1 && (size % parts || trips % parts)) return std::nullopt; // nested pieces
  Local here;
  here.trips = (trips + parts - 1) / parts;
  here.held = (size + parts - 1) / parts;
  if (here.trips * stride % divisor) return std::nullopt;
  here.step = here.trips * stride / divisor;
  here.first = -floorDiv(-(offset + low), divisor); // only whole ones are read
  here.width = floorDiv((here.trips - 1) * stride + offset + high, divisor) - here.first + 1;
  here.offset = offset - divisor * here.first;
  // Where reading starts, relative to what is held.
  const int64_t atFirst = here.first, atLast = (parts - 1) * (here.step - here.held) + here.first;
  here.left = std::max<int64_t>(0, -std::min(atFirst, atLast));
  here.right = std::max<int64_t>(0, std::max(atFirst, atLast) + here.width - here.held);
  if (here.left > here.held || here.right > here.held || here.width < 1) return std::nullopt;
  return here;
}

} // namespace weir::distributed
