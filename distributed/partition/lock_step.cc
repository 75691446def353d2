// A thread for each device, of which only one runs at a time: it gives the turn away where it
// waits for the others. So nothing depends on timing, and the context needs no locks.
#include "distributed/partition/lock_step.h"

#include "distributed/partition/partition.h"
#include "distributed/sharding/pieces.h"
#include "ir/collective/spmd.h"
#include "ir/reference/interpreter.h"

#include <condition_variable>
#include <mutex>
#include <thread>

using namespace mlir;
using namespace weir::ir;
using weir::runtime::DType;
using weir::runtime::HostTensor;

namespace weir::distributed {
namespace {

using Shape = std::vector<int64_t>;

template <typename T> T combined(T a, T b, StringRef combiner) {
  if constexpr (std::is_same_v<T, runtime::Half> || std::is_same_v<T, runtime::BFloat16>) {
    return T(combined(static_cast<float>(a), static_cast<float>(b), combiner));
  } else {
    if (combiner == "max") return a != a ? a : (b != b || b > a ? b : a);
    if (combiner == "min") return a != a ? a : (b != b || b < a ? b : a);
    if constexpr (std::is_integral_v<T>) { // wraps
      uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
      return static_cast<T>(combiner == "sum" ? x + y : x * y);
    } else {
      return combiner == "sum" ? a + b : a * b;
    }
  }
}

void combineInto(HostTensor &into, const HostTensor &other, StringRef combiner) {
  runtime::visitDType(into.dtype(), [&](auto tag) {
    using T = decltype(tag);
    auto to = into.mutableData<T>();
    auto from = other.data<T>();
    for (size_t i = 0; i < to.size(); ++i) to[i] = combined<T>(to[i], from[i], combiner);
  });
}

/// The pieces of a group along `dim`, one after the other.
HostTensor concatenated(const std::vector<HostTensor> &parts, int64_t dim) {
  Shape shape = parts[0].dims(), start(shape.size(), 0), none(shape.size(), 0);
  shape[dim] *= parts.size();
  HostTensor result(parts[0].dtype(), shape);
  for (const HostTensor &part : parts) {
    copyBox(part, none, result, start, part.dims());
    start[dim] += part.dims()[dim];
  }
  return result;
}

/// Piece `index` of `count` equal ones.
HostTensor pieceAt(const HostTensor &whole, int64_t dim, int64_t index, int64_t count) {
  Shape shape = whole.dims(), start(shape.size(), 0), none(shape.size(), 0);
  shape[dim] /= count;
  start[dim] = index * shape[dim];
  HostTensor result(whole.dtype(), shape);
  copyBox(whole, start, result, none, shape);
  return result;
}

using Parts = std::vector<HostTensor>;

HostTensor reducedOf(const Parts &parts, StringRef combiner) {
  HostTensor sum = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) combineInto(sum, parts[i], combiner);
  return sum;
}

/// What each device of a group gets.
Parts resultsOf(Operation *op, const Parts &parts) {
  int64_t n = parts.size();
  Parts results;
  auto forEach = [&](auto make) {
    for (int64_t i = 0; i < n; ++i) results.push_back(make(i));
  };
  if (auto gather = dyn_cast<spmd::AllGatherOp>(op)) {
    HostTensor all = concatenated(parts, gather.getDim());
    forEach([&](int64_t) { return all; });
  } else if (auto reduce = dyn_cast<spmd::AllReduceOp>(op)) {
    HostTensor all = reducedOf(parts, reduce.getCombiner());
    forEach([&](int64_t) { return all; });
  } else if (auto scatter = dyn_cast<spmd::ReduceScatterOp>(op)) {
    HostTensor all = reducedOf(parts, scatter.getCombiner());
    forEach([&](int64_t i) { return pieceAt(all, scatter.getDim(), i, n); });
  } else if (auto exchange = dyn_cast<spmd::AllToAllOp>(op)) {
    forEach([&](int64_t i) {
      Parts mine;
      for (const HostTensor &part : parts)
        mine.push_back(pieceAt(part, exchange.getSplitDim(), i, n));
      return concatenated(mine, exchange.getConcatDim());
    });
  } else if (auto split = dyn_cast<spmd::SplitOp>(op)) {
    forEach([&](int64_t i) { return pieceAt(parts[i], split.getDim(), i, n); });
  } else {
    forEach([&](int64_t i) {
      return i == 0 ? parts[0] : HostTensor::zeros(parts[0].dtype(), parts[0].dims());
    });
  }
  return results;
}

class LockStep {
public:
  LockStep(const Mesh &mesh, Traffic *traffic)
      : mesh(mesh), traffic(traffic), operands(mesh.devices()), results(mesh.devices()) {}

  /// Runs `body(device)` for all devices; false when one of them failed.
  bool run(const std::function<LogicalResult(int64_t device)> &body) {
    std::vector<std::thread> threads;
    for (int64_t device = 0; device < mesh.devices(); ++device)
      threads.emplace_back([&, device] {
        std::unique_lock lock(turn);
        bool good = succeeded(body(device));
        ++finished;
        failed |= !good || arrived > 0; // who waits will not be met
        changed.notify_all();
      });
    for (std::thread &thread : threads) thread.join();
    return !failed;
  }

  FailureOr<HostTensor> meet(int64_t device, Operation *op, const HostTensor *operand) {
    if (auto index = dyn_cast<spmd::AxisIndexOp>(op))
      return HostTensor::scalar<int32_t>(mesh.position(device, axesOf(index.getAxes())));
    if (arrived > 0 && here != op) return fail(op, "devices meet in different collectives");
    if (finished > 0) return fail(op, "some devices ended before this collective");
    here = op;
    operands[device] = *operand;
    if (++arrived == mesh.devices()) {
      perform(op);
      arrived = 0;
      ++meetings;
      changed.notify_all();
    } else {
      // The lock is the one that run() holds on this thread.
      std::unique_lock lock(turn, std::adopt_lock);
      changed.wait(lock, [&, meeting = meetings] { return meetings != meeting || failed; });
      lock.release();
      if (failed) return failure();
    }
    return results[device];
  }

private:
  FailureOr<HostTensor> fail(Operation *op, const char *why) {
    failed = true;
    changed.notify_all();
    return op->emitError(why), failure();
  }

  std::vector<int> axesOf(ArrayAttr names) const {
    std::vector<int> axes;
    for (auto name : names.getAsRange<StringAttr>())
      axes.push_back(mesh.find(std::string_view(name.getValue())).value_or(0));
    return axes;
  }

  void perform(Operation *op) {
    if (auto permute = dyn_cast<spmd::PermuteOp>(op)) {
      for (auto [to, from] : llvm::enumerate(permute.getSources())) results[to] = operands[from];
      count(op);
      return;
    }
    for (const std::vector<int64_t> &group :
         mesh.groups(axesOf(op->getAttrOfType<ArrayAttr>("axes")))) {
      Parts parts;
      for (int64_t device : group) parts.push_back(operands[device]);
      Parts made = resultsOf(op, parts);
      for (auto [device, result] : llvm::zip(group, made)) results[device] = result;
    }
    count(op);
  }

  void count(Operation *op) {
    if (!traffic) return;
    ++traffic->collectives[op->getName().getStringRef().str()];
    double in = operands[0].bytes();
    if (isa<spmd::PermuteOp>(op)) {
      traffic->bytes += in;
      return;
    }
    double p = op->getAttrOfType<IntegerAttr>("parts").getInt();
    if (isa<spmd::AllGatherOp>(op)) traffic->bytes += in * (p - 1);
    if (isa<spmd::AllReduceOp>(op)) traffic->bytes += 2 * in * (p - 1) / p;
    if (isa<spmd::ReduceScatterOp, spmd::AllToAllOp>(op)) traffic->bytes += in * (p - 1) / p;
  }

  const Mesh &mesh;
  Traffic *traffic;
  std::mutex turn;
  std::condition_variable changed;
  Operation *here = nullptr;
  int64_t arrived = 0, meetings = 0, finished = 0;
  bool failed = false;
  Parts operands, results;
};

/// Sharding and global shape of an argument or result.
struct Port {
  Sharding sharding;
  Shape shape;
};

FailureOr<Port> readPort(func::FuncOp function, const Mesh &mesh, DictionaryAttr attributes) {
  auto text = attributes ? attributes.getAs<StringAttr>(spmd::kShardingAttr) : StringAttr();
  auto shape =
      attributes ? attributes.getAs<DenseI64ArrayAttr>(spmd::kShapeAttr) : DenseI64ArrayAttr();
  if (!text || !shape)
    return function.emitError("is not the program of one device of a mesh"), failure();
  auto sharding = readSharding(text.getValue(), mesh, shape.size(), function.getLoc());
  if (mlir::failed(sharding)) return failure();
  return Port{*std::move(sharding), shape.asArrayRef().vec()};
}

} // namespace

FailureOr<std::vector<HostTensor>> runLockStep(ModuleOp module, StringRef name,
                                               ArrayRef<HostTensor> inputs, bool widen,
                                               Traffic *traffic) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function) return module.emitError("no function named ") << name, failure();
  FailureOr<Mesh> mesh = meshOf(module);
  if (mlir::failed(mesh)) return failure();
  std::vector<std::vector<HostTensor>> taken(mesh->devices()), given(mesh->devices());
  for (auto [i, input] : llvm::enumerate(inputs)) {
    auto port = readPort(function, *mesh, function.getArgAttrDict(i));
    if (mlir::failed(port)) return failure();
    if (port->shape != input.dims())
      return function.emitError("argument ") << i << " is " << input.typeStr(), failure();
    for (auto [device, piece] : llvm::enumerate(cutTensor(input, port->sharding, *mesh)))
      taken[device].push_back(piece);
  }
  LockStep lockStep(*mesh, traffic);
  bool good = lockStep.run([&](int64_t device) -> LogicalResult {
    InterpretOptions options{.widen = widen};
    options.collective = [&, device](Operation *op, const HostTensor *operand) {
      return lockStep.meet(device, op, operand);
    };
    auto results = interpret(module, name, taken[device], options);
    if (mlir::failed(results)) return failure();
    given[device] = *std::move(results);
    return success();
  });
  if (!good) return failure();
  std::vector<HostTensor> joined;
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto port = readPort(function, *mesh, function.getResultAttrDict(i));
    if (mlir::failed(port)) return failure();
    std::vector<HostTensor> pieces;
    for (const auto &results : given) pieces.push_back(results[i]);
    auto whole = joinPieces(pieces, port->shape, port->sharding, *mesh);
    if (!whole)
      return function.emitError("devices that share result ") << i << " made different values",
             failure();
    joined.push_back(*std::move(whole));
  }
  return joined;
}

} // namespace weir::distributed
