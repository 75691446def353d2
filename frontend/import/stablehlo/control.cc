// Calls, branches and loops. A loop whose counter is known becomes a scan: rows that it reads are
// the scan's xs, rows that it writes its ys, the rest are carries. Any other loop stays a while.
#include "frontend/api/control.h"
#include "frontend/import/stablehlo/counted_loop.h"
#include "frontend/import/stablehlo/op.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace weir::stablehlo {
namespace {

TensorList callRule(Op &op) {
  return op.importer.callFunction(op.symbol("callee"), op.operands());
}

TensorList compositeRule(Op &op) {
  return op.importer.callFunction(op.symbol("decomposition"), op.operands());
}

// ---- Branches ----

Function branch(Op &op, size_t i) {
  Region &region = op.region(i);
  return Function([&op, &region](const TensorList &) {
    Block &block = Source::onlyBlock(region, op.importer.source->place(op.operation()));
    return op.importer.importBlock(block, {});
  });
}

TensorList caseRule(Op &op) {
  op.expectOperands(1);
  const size_t count = op.operation()->getNumRegions();
  if (count == 0) op.fail("has no branches");
  if (count == 1)
    return op.importer.importBlock(
        Source::onlyBlock(op.region(0), op.importer.source->place(op.operation())), {});
  // An index out of range, below 0 as well, takes the last branch.
  const Tensor index = op.operand(0);
  if (count == 2) return cond(index == 0, branch(op, 0), branch(op, 1)).all();
  std::vector<Function> branches;
  for (size_t i = 0; i < count; ++i) branches.push_back(branch(op, i));
  return switchCase(select(index < 0, static_cast<int64_t>(count - 1), index), branches).all();
}

TensorList ifRule(Op &op) {
  op.expectOperands(1);
  return cond(op.operand(0), branch(op, 0), branch(op, 1)).all();
}

// ---- Loops ----

/// One while and the scan that it becomes.
class LoopImport {
public:
  LoopImport(Op &op, CountedLoop loop)
      : op(op), loop(std::move(loop)), body(op.operation()->getRegion(1).front()),
        inits(op.operands()) {
    // The direction that most rows are read and written in is the scan's.
    int64_t forward = 0;
    for (const RowRead &read : this->loop.reads) forward += read.rows.step;
    for (const RowWrite &write : this->loop.writes) forward += write.rows.step;
    reverse = forward < 0;
    for (const RowWrite &write : this->loop.writes) written.insert(write.carry);
    for (unsigned k = 0; k < body.getNumArguments(); ++k)
      if (!this->loop.invariant[k] && !written.count(k)) carried.push_back(k);
  }

  TensorList run() {
    TensorList starts, xs;
    for (unsigned k : carried) starts.push_back(inits[k]);
    for (const RowRead &read : loop.reads) xs.push_back(rowsRead(read));
    const ScanBody step = [&](const TensorList &carries, const TensorList &slices) {
      return importStep(carries, slices);
    };
    return results(scan(starts, xs, step, {.trips = loop.trips, .reverse = reverse}));
  }

private:
  Tensor inScanOrder(const Tensor &rows, const RowSequence &sequence) const {
    return (sequence.step < 0) == reverse ? rows : weir::reverse(rows, {0});
  }

  Tensor rowsRead(const RowRead &read) const {
    const Tensor from = op.importer.lookup(read.from);
    const int64_t low = read.rows.lowest(loop.trips);
    return inScanOrder(loop.trips == from.dim(0) ? from : sliceDim(from, 0, low, low + loop.trips),
                       read.rows);
  }

  Scanned importStep(const TensorList &carries, const TensorList &slices) {
    DenseSet<Operation *> done;
    for (unsigned k = 0; k < body.getNumArguments(); ++k)
      if (loop.invariant[k]) op.importer.bind(body.getArgument(k), inits[k]);
    for (size_t i = 0; i < carried.size(); ++i)
      op.importer.bind(body.getArgument(carried[i]), carries[i]);
    for (size_t i = 0; i < slices.size(); ++i) {
      op.importer.bind(loop.reads[i].slice->getResult(0), expandDims(slices[i], 0));
      done.insert(loop.reads[i].slice);
    }
    for (const RowWrite &write : loop.writes) done.insert(write.update);
    op.importer.importOps(body, [&](Operation *inner) { return !done.contains(inner); });
    Scanned step;
    for (unsigned k : carried)
      step.carries.push_back(op.importer.lookup(body.back().getOperand(k)));
    for (const RowWrite &write : loop.writes)
      step.ys.push_back(squeeze(op.importer.lookup(write.update->getOperand(1)), 0));
    return step;
  }

  TensorList results(const Scanned &scanned) const {
    TensorList all = inits;
    for (size_t i = 0; i < carried.size(); ++i) all[carried[i]] = scanned.carries[i];
    for (size_t i = 0; i < loop.writes.size(); ++i) {
      const RowWrite &write = loop.writes[i];
      Tensor &whole = all[write.carry];
      const Tensor rows = inScanOrder(scanned.ys[i], write.rows);
      if (rows.dim(0) == whole.dim(0)) {
        whole = rows;
        continue;
      }
      std::vector<Arg> starts(whole.shape().size(), Arg(0));
      starts[0] = Arg(write.rows.lowest(loop.trips));
      whole = dynamicUpdateSlice(whole, rows, starts);
    }
    return all;
  }

  Op &op;
  CountedLoop loop;
  Block &body;
  TensorList inits;
  bool reverse = false;
  std::set<unsigned> written;
  std::vector<unsigned> carried;
};

/// A loop that runs as long as its condition says. What it does not change is no carry.
TensorList importWhile(Op &op) {
  const TensorList inits = op.operands();
  Block &condition = op.operation()->getRegion(0).front(),
        &body = op.operation()->getRegion(1).front();
  TensorList starts;
  std::vector<unsigned> carried;
  for (unsigned k = 0; k < body.getNumArguments(); ++k)
    if (body.back().getOperand(k) != body.getArgument(k)) {
      carried.push_back(k);
      starts.push_back(inits[k]);
    }
  auto importWith = [&](Block &block, const TensorList &carries) {
    TensorList all = inits;
    for (size_t i = 0; i < carried.size(); ++i) all[carried[i]] = carries[i];
    return op.importer.importBlock(block, all);
  };
  auto goesOn = [&](const TensorList &carries) { return importWith(condition, carries)[0]; };
  auto step = [&](const TensorList &carries) {
    const TensorList all = importWith(body, carries);
    TensorList next;
    for (unsigned k : carried) next.push_back(all[k]);
    return next;
  };
  if (carried.empty()) op.fail("never changes what its condition depends on");
  const TensorList last = whileLoop(starts, goesOn, step);
  TensorList results = inits;
  for (size_t i = 0; i < carried.size(); ++i) results[carried[i]] = last[i];
  return results;
}

TensorList whileRule(Op &op) {
  if (!isWellFormedLoop(op.operation()))
    op.fail("operands, results and regions do not fit together");
  std::optional<CountedLoop> loop = countLoop(op.operation());
  if (!loop) return importWhile(op);
  if (loop->trips == 0) return op.operands();
  return LoopImport(op, std::move(*loop)).run();
}

} // namespace

void addControlRules(Rules &rules) {
  const Rules own = {
      {"func.call", {callRule, true}},  {"stablehlo.composite", {compositeRule, true}},
      {"stablehlo.case", {caseRule}},   {"stablehlo.if", {ifRule}},
      {"stablehlo.while", {whileRule}},
  };
  rules.insert(own.begin(), own.end());
}

} // namespace weir::stablehlo
