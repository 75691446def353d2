// Must not compile: C++ cannot branch on a value that only exists when the graph runs.
// features: G13
#include "frontend/api/graph.h"

weir::Tensor larger(weir::Tensor a, weir::Tensor b) {
  if (a > b) return a;
  return b;
}
