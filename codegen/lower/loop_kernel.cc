// Kernels of kind `loop`: every result at every point of one domain, as one nest whose innermost
// loop is vectors, or tiles where operands are read transposed.
#include "codegen/lower/kinds.h"
#include "codegen/lower/nest.h"
#include "codegen/lower/transposed_loads.h"

using namespace mlir;

namespace weir::codegen {

LogicalResult lowerLoopKernel(Frame &frame) {
  int64_t size = elementsOf(frame.returned()[0]);
  IndexSpace space({Loop{size, 0}});
  std::optional<PointGraph> graph;
  SmallVector<Node *> roots;
  Affine flat;
  do { // Until no op wants a loop split.
    graph.emplace(space);
    roots.clear();
    flat = Affine();
    for (unsigned i = 0; i < space.getLoops().size(); ++i)
      flat = flat * space.getLoops()[i].size + space.loop(i);
    for (Value result : frame.returned()) {
      if (elementsOf(result) != size)
        return frame.source.emitError("results of a loop kernel differ in size");
      roots.push_back(graph->at(result, flat));
      if (!roots.back()) return failure();
    }
  } while (space.takeSplit());
  graph->finish(&flat);
  if (space.getLoops().size() > 1) frame.isPadded = false; // behind a row stands the next

  unsigned vectorLoop = space.getLoops().size() - 1;
  SmallVector<Type> stored;
  for (Node *root : roots) stored.push_back(root->element);
  Emitter emitter(frame.k, *graph);
  frame.bindArguments(emitter);
  emitter.vectorize(vectorLoop, chooseLanes(frame, *graph, vectorLoop, stored));
  auto storeAll = [&] {
    // A result may lie over an argument that another one reads: all are computed before any is
    // stored.
    for (Node *root : roots) emitter.value(root);
    for (auto [i, root] : llvm::enumerate(roots))
      emitter.store(root, frame.results[i], flat, frame.exceedsCaches(i));
  };
  TransposedLoads transposed; // Registers of a warp's threads are no tile.
  if (!frame.target.warpLanes)
    transposed = findTransposedLoads(*graph, roots, vectorLoop, emitter.getLanes());
  if (!transposed.loads.empty()) {
    emitTransposed(frame, emitter, transposed, vectorLoop, roots, flat, storeAll);
    return success();
  }
  SmallVector<unsigned> outer = llvm::to_vector(llvm::seq<unsigned>(0, vectorLoop));
  TaskPlan plan = planTasks(frame.target, space, outer, vectorLoop, emitter.getLanes(),
                            /*splitVectorLoop=*/true);
  constexpr int cheap = 24;
  bool isCheap = bodyCost(*graph, vectorLoop) <= cheap;
  emitTasks(frame, emitter, plan, vectorLoop, [&](Value low, Value high) {
    emitVectors(frame, emitter, vectorLoop, low, high, space.getLoops()[vectorLoop].size, isCheap,
                storeAll);
  });
  return success();
}

} // namespace weir::codegen
