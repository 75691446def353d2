// The fixpoint over links, and what it starts from.
#include "distributed/propagate/propagate.h"

#include "distributed/propagate/links.h"
#include "ir/collective/spmd.h"
#include "ir/dialect/weir.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace weir::ir;

namespace weir::distributed {

FailureOr<Mesh> meshOf(Operation *inModule) {
  auto module =
      isa<ModuleOp>(inModule) ? cast<ModuleOp>(inModule) : inModule->getParentOfType<ModuleOp>();
  auto text = module ? module->getAttrOfType<StringAttr>(spmd::kMeshAttr) : StringAttr();
  if (!text) return Mesh{};
  auto mesh = parseMesh(std::string_view(text.getValue()));
  if (mesh.ok()) return *mesh;
  return module.emitError() << std::string(mesh.status().message()), failure();
}

FailureOr<Sharding> readSharding(StringRef text, const Mesh &mesh, int64_t rank, Location at) {
  auto sharding = parseSharding(std::string_view(text), mesh);
  if (!sharding.ok())
    return emitError(at) << "shard: " << std::string(sharding.status().message()), failure();
  if (static_cast<int64_t>(sharding->dims.size()) != rank)
    return emitError(at) << "shard: the sharding " << text << " has " << sharding->dims.size()
                         << " dims, the tensor " << rank,
           failure();
  return *std::move(sharding);
}

namespace {

using Axes = std::vector<int>;

bool isPrefix(const Axes &prefix, const Axes &axes) {
  return prefix.size() <= axes.size() && std::equal(prefix.begin(), prefix.end(), axes.begin());
}

class Propagator {
public:
  Propagator(func::FuncOp function, Propagation &out) : function(function), out(out) {}

  LogicalResult run() {
    if (failed(start())) return failure();
    std::vector<DimLink> links = linksOf(function);
    for (phase = DimLink::Same; phase <= DimLink::Reducing;
         phase = static_cast<DimLink::Phase>(phase + 1))
      spread(links);
    for (const DimLink &link : links)
      for (int factor = 0, n = link.factors.size(); factor < n; ++factor)
        noteConflict(link, factor);
    return success();
  }

private:
  LogicalResult fix(Value value, StringRef text, Location at) {
    auto rank = cast<RankedTensorType>(value.getType()).getRank();
    auto sharding = readSharding(text, out.mesh, rank, at);
    if (failed(sharding)) return failure();
    if (sharding->isPartial())
      return emitError(at) << "shard: which values are partial follows from the graph; say what is "
                              "to be split";
    out.shardings[value] = *std::move(sharding);
    out.fixed.insert(value);
    return success();
  }

  LogicalResult start() {
    auto open = [&](Value value) {
      out.shardings[value] =
          Sharding::replicated(cast<RankedTensorType>(value.getType()).getRank());
    };
    auto result = function.walk([&](Operation *op) {
      for (Region &region : op->getRegions())
        for (Block &block : region) llvm::for_each(block.getArguments(), open);
      llvm::for_each(op->getResults(), open);
      auto shard = dyn_cast<spmd::ShardOp>(op);
      return shard && failed(fix(shard.getResult(), shard.getSharding(), shard.getLoc()))
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    if (result.wasInterrupted()) return failure();
    for (BlockArgument argument : function.getArguments()) {
      auto text =
          function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), spmd::kShardingAttr);
      if (text && failed(fix(argument, text.getValue(), function.getLoc()))) return failure();
    }
    return success();
  }

  void spread(const std::vector<DimLink> &links) {
    bool changed = true;
    for (bool forward = true; changed; forward = !forward) {
      changed = false;
      for (size_t i = 0; i < links.size(); ++i) {
        const DimLink &link = links[forward ? i : links.size() - 1 - i];
        if (link.phase > phase) continue;
        for (int factor = 0, n = link.factors.size(); factor < n; ++factor)
          changed |= spreadFactor(link, factor);
      }
    }
  }

  bool isOpen(const DimLink &link, int factor) const {
    const Factor &f = link.factors[factor];
    return f.isSplittable && (f.kind == LoopKind::Parallel || phase == DimLink::Reducing);
  }

  /// The longest split of `factor` of which all others are the beginning; none where there is no
  /// such.
  std::optional<Axes> agreed(const DimLink &link, int factor) const {
    const Axes *longest = nullptr;
    forEachDim(link, factor, [&](Value, const Axes &axes) {
      if (!longest || axes.size() > longest->size()) longest = &axes;
    });
    if (!longest) return std::nullopt;
    bool agree = true;
    forEachDim(link, factor, [&](Value, const Axes &axes) { agree &= isPrefix(axes, *longest); });
    return agree ? std::optional(*longest) : std::nullopt;
  }

  template <typename F> void forEachDim(const DimLink &link, int factor, F visit) const {
    for (auto [value, dims] : llvm::zip(link.values, link.dims))
      for (auto [dim, f] : llvm::enumerate(dims))
        if (f == factor) visit(value, out.shardings.find(value)->second.dims[dim]);
  }

  /// Is the axis that of another factor of the link? Reducing ones give way until it is their turn.
  bool isTaken(const DimLink &link, int factor, int axis) const {
    for (auto [value, dims] : llvm::zip(link.values, link.dims)) {
      const Sharding &sharding = out.shardings.find(value)->second;
      for (auto [dim, f] : llvm::enumerate(dims))
        if (f != factor && (f < 0 || isOpen(link, f)) &&
            llvm::is_contained(sharding.dims[dim], axis))
          return true;
    }
    return false;
  }

  bool spreadFactor(const DimLink &link, int factor) {
    if (!isOpen(link, factor)) return false;
    std::optional<Axes> axes = agreed(link, factor);
    if (!axes || axes->empty()) return false;
    size_t usable = 0;
    while (usable < axes->size() && !isTaken(link, factor, (*axes)[usable])) ++usable;
    axes->resize(usable);
    if (!link.factors[factor].takes(*axes, out.mesh)) return false;
    bool changed = false;
    for (auto [value, dims] : llvm::zip(link.values, link.dims))
      for (auto [dim, other] : llvm::enumerate(dims))
        if (other == factor && !out.fixed.contains(value))
          changed |= extend(link, value, dim, *axes);
    return changed;
  }

  bool extend(const DimLink &link, Value value, int64_t dim, const Axes &axes) {
    Sharding &sharding = out.shardings.find(value)->second;
    Axes &current = sharding.dims[dim];
    if (axes.size() <= current.size() || !isPrefix(current, axes)) return false;
    for (size_t i = current.size(); i < axes.size(); ++i)
      if (sharding.uses(axes[i])) return false;
    current = axes;
    out.via[value] = link.op;
    return true;
  }

  void noteConflict(const DimLink &link, int factor) {
    if (!link.factors[factor].isSplittable || agreed(link, factor)) return;
    Value first, second;
    Axes axes;
    forEachDim(link, factor, [&](Value value, const Axes &current) {
      if (!first && !current.empty()) first = value, axes = current;
      if (!second && first && !isPrefix(current, axes) && !isPrefix(axes, current)) second = value;
    });
    if (second) out.conflicts.push_back({link.op, first, second});
  }

  func::FuncOp function;
  Propagation &out;
  DimLink::Phase phase = DimLink::Same;
};

} // namespace

FailureOr<Propagation> propagate(func::FuncOp function) {
  FailureOr<Mesh> mesh = meshOf(function);
  if (failed(mesh)) return failure();
  Propagation result;
  result.mesh = *std::move(mesh);
  if (failed(Propagator(function, result).run())) return failure();
  return result;
}

} // namespace weir::distributed
