// The walk itself: functions, blocks, placeholders, the report.
#include "frontend/import/stablehlo/importer.h"

#include "frontend/import/stablehlo/op.h"

#include <algorithm>

using namespace mlir;

namespace weir::stablehlo {

namespace {

/// Counts one more while it lives.
struct Deeper {
  explicit Deeper(int &depth) : depth(++depth) {}
  ~Deeper() { --depth; }
  int &depth;
};

/// Holds a name in a set while it lives.
struct Entered {
  Entered(std::set<std::string> &names, const std::string &name)
      : names(names), place(names.insert(name).first) {}
  ~Entered() { names.erase(place); }
  std::set<std::string> &names;
  std::set<std::string>::iterator place;
};

} // namespace

TensorList Importer::importMain(const TensorList &args) {
  TensorList results;
  try {
    results =
        importBlock(Source::onlyBlock(source->main.getBody(), source->place(source->main)), args);
  } catch (const MissingOperand &) {
  }
  throwReport();
  return results;
}

TensorList Importer::callFunction(const std::string &symbol, const TensorList &args) {
  auto callee = source->function(symbol);
  if (!callee || callee.isDeclaration())
    throw Error("there is no function @" + symbol + " with a body", Location::current());
  if (active.count(symbol))
    throw Error("@" + symbol + " calls itself, which is not supported", Location::current());
  auto body = [this, callee, symbol](const TensorList &inner) mutable {
    Entered entered(active, symbol);
    return importBlock(Source::onlyBlock(callee.getBody(), source->place(callee)), inner);
  };
  if (callee.getNumResults() == 0 || lifted > 0) return body(args);
  auto found = functions.find(symbol);
  if (found == functions.end()) {
    std::vector<TensorType> types;
    for (const Tensor &arg : args) types.push_back(arg.type());
    found = functions.emplace(symbol, graph.function(symbol, types, body)).first;
  }
  return weir::call(found->second, args).all();
}

TensorList Importer::importBlock(Block &block, const TensorList &args) {
  if (block.getNumArguments() != args.size())
    throw Error("a region takes " + std::to_string(block.getNumArguments()) + " values, " +
                    std::to_string(args.size()) + " are given",
                Location::current());
  for (auto [argument, tensor] : llvm::zip(block.getArguments(), args)) bind(argument, tensor);
  if (block.empty()) throw Error("a region is empty", Location::current());
  importOps(block, [](Operation *) { return true; });
  TensorList results;
  for (Value value : block.back().getOperands()) results.push_back(lookup(value));
  return results;
}

void Importer::importOps(Block &block, const std::function<bool(Operation *)> &wanted) {
  Deeper deeper(depth);
  for (Operation &op : llvm::drop_end(block))
    if (wanted(&op)) importOp(&op);
}

TensorList Importer::lift(Region &region, const TensorList &args, const Shape &shape) {
  Deeper deeper(lifted);
  TensorList results =
      importBlock(Source::onlyBlock(region, source->place(region.getParentOp())), args);
  for (Tensor &result : results)
    if (result.shape() != shape) result = broadcastTo(result, shape);
  return results;
}

Tensor Importer::lookup(Value value) const {
  auto found = values.find(value);
  if (found == values.end()) throw MissingOperand();
  return found->second;
}

// ---- One op ----

void Importer::importOp(Operation *op) {
  CallScope scope(source->place(op));
  try {
    TensorList results = applyRule(op);
    checkResults(op, results);
    if (tilings && lifted == 0) results = tiled(*tilings, op->getAttr(kTilingAttr), results);
    for (auto [value, tensor] : llvm::zip(op->getResults(), results)) bind(value, tensor);
    return;
  } catch (const MissingOperand &) {
    // Its reason is noted already; without a value, neither have those that depend on this op.
    return;
  } catch (const Error &error) {
    note(op, error.message());
  } catch (const AttributeError &error) {
    note(op, error.what());
  } catch (const std::invalid_argument &error) {
    note(op, error.what());
  }
  bindPlaceholders(op);
}

TensorList Importer::applyRule(Operation *op) {
  const Rule *rule = findRule(op->getName().getStringRef());
  if (!rule) throw Error("this op is not supported", Location::current());
  if (lifted > 0 && !rule->elementwise)
    throw Error("only elementwise ops can combine the elements of whole tensors",
                Location::current());
  Op view(*this, op);
  return rule->apply(view);
}

void Importer::checkResults(Operation *op, const TensorList &results) const {
  if (results.size() != op->getNumResults())
    throw Error("gives " + std::to_string(results.size()) + " results, the text says " +
                    std::to_string(op->getNumResults()),
                Location::current());
  for (size_t i = 0; i < results.size(); ++i) {
    const Type declared = op->getResult(static_cast<unsigned>(i)).getType();
    std::optional<TensorType> type = tensorTypeOf(declared, options);
    if (type && results[i].dtype() == type->dtype &&
        (lifted > 0 || results[i].shape() == type->shape))
      continue;
    throw Error("gives " + results[i].type().str() + ", the text says " +
                    (type ? type->str() : textOf(declared)),
                Location::current());
  }
}

void Importer::bindPlaceholders(Operation *op) {
  for (Value value : op->getResults()) {
    std::optional<TensorType> type = tensorTypeOf(value.getType(), options);
    if (!type) continue;
    try {
      bind(value, graph.undef(type->dtype, type->shape));
    } catch (const Error &) {
      // Left without a value, as are those that depend on it.
    }
  }
}

// ---- The report ----

void Importer::note(Operation *op, const std::string &message) {
  const std::string text = op->getName().getStringRef().str() + ": " + message;
  const Place place = source->place(op);
  auto same = [&](const Note &other) {
    return other.message == text && other.at.line == place.line;
  };
  if (std::none_of(problems.begin(), problems.end(), same)) problems.push_back({place, text});
}

void Importer::throwReport() const {
  if (problems.empty()) return;
  if (problems.size() == 1) throw Error(problems[0].message, problems[0].at, {}, "");
  throw Error(std::to_string(problems.size()) + " ops cannot be imported", problems[0].at, problems,
              "");
}

} // namespace weir::stablehlo
