// If, Loop and Scan. What is known while importing is decided then; else they are the graph's own
// control flow.
#include "frontend/import/onnx/node.h"

#include "frontend/api/control.h"

#include <limits>

namespace weir::onnx {

ValueList runBody(Node &node, const proto::GraphProto &body, const ValueList &inputs) {
  Frame frame;
  frame.outer = node.frame;
  frame.attributes = node.frame->attributes;
  frame.opsets = node.frame->opsets;
  return node.importer.importGraph(body, frame, inputs);
}

namespace {

TensorList tensorsOf(const ValueList &values) {
  TensorList list;
  for (const ValuePtr &value : values) {
    if (value->sequence)
      throw Error("a sequence is carried by control flow that a run decides", Location::current());
    list.push_back(value->tensor);
  }
  return list;
}

ValueList wrapped(Node &node, const TensorList &tensors) {
  ValueList values;
  for (const Tensor &tensor : tensors) values.push_back(node.importer.wrap(tensor));
  return values;
}

TensorList joinedLists(TensorList a, const TensorList &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Tries `build`; what it noted is forgotten where it fails.
template <typename Build> std::optional<ValueList> attempt(Node &node, Build build) {
  const std::vector<Note> before = node.importer.problems;
  try {
    ValueList values = build();
    if (node.importer.problems.size() == before.size()) return values;
  } catch (const Error &) {
  } catch (const MissingOperand &) {
  }
  node.importer.problems = before;
  return {};
}

// ---- If ----

ValueList ifRule(Node &node) {
  node.expectOperands(1, 1);
  const auto &thenBody = node.body("then_branch"), &elseBody = node.body("else_branch");
  const Tensor condition = reshape(node[0], {});
  if (node.value(0)->knowledge != Knowledge::Always) {
    const auto both = attempt(node, [&] {
      auto branch = [&](const proto::GraphProto &body) {
        return Function([&](const TensorList &) { return tensorsOf(runBody(node, body, {})); });
      };
      return wrapped(node, cond(condition, branch(thenBody), branch(elseBody)).all());
    });
    if (both) return *both;
  }
  const Array known = node.array(0, "the condition, with branches that cannot be one result,");
  if (known.size() != 1) node.fail("the condition must be one element");
  return runBody(node, known.at(0) != 0 ? thenBody : elseBody, {});
}

// ---- Loop ----

/// What a Loop is given: how often, whether to begin, and the values that it carries.
struct LoopParts {
  const proto::GraphProto &body;
  ValueList carried;
  size_t scans; ///< results that are stacked
};

LoopParts partsOf(Node &node) {
  const proto::GraphProto &body = node.body("body");
  LoopParts parts{body, {}, 0};
  for (size_t i = 2; i < node.size(); ++i) parts.carried.push_back(node.value(i));
  const auto outputs = static_cast<size_t>(body.output_size());
  if (outputs < 1 + parts.carried.size()) node.fail("the body gives too few results");
  parts.scans = outputs - 1 - parts.carried.size();
  return parts;
}

ValuePtr truth(Node &node, bool value) {
  return node.importer.constant(Array::scalar<bool>(value));
}

/// A loop that always runs `trips` times: a scan over the numbers of the steps.
ValueList countedLoop(Node &node, const LoopParts &parts, int64_t trips) {
  const size_t n = parts.carried.size();
  const Tensor steps = node.graph.iota(i64, {trips});
  auto body = [&](const TensorList &carries, const TensorList &xs) {
    ValueList inputs{node.importer.wrap(xs[0]), truth(node, true)};
    for (const Tensor &carry : carries) inputs.push_back(node.importer.wrap(carry));
    const ValueList results = runBody(node, parts.body, inputs);
    const auto again = node.importer.evaluate(results[0]);
    if (!again || again->size() != 1 || again->at(0) == 0)
      node.fail("the number of steps depends on what is computed");
    const TensorList all = tensorsOf(results);
    return Scanned{{all.begin() + 1, all.begin() + 1 + static_cast<std::ptrdiff_t>(n)},
                   {all.begin() + 1 + static_cast<std::ptrdiff_t>(n), all.end()}};
  };
  const Scanned done = scan(tensorsOf(parts.carried), {steps}, body);
  return wrapped(node, joinedLists(done.carries, done.ys));
}

/// A loop without stacked results, whose end a run finds.
ValueList openLoop(Node &node, const LoopParts &parts, const Tensor &trips, const Tensor &begin) {
  TensorList inits{node.graph.scalar(0, i64), begin};
  for (const ValuePtr &value : parts.carried) inits.push_back(value->tensor);
  auto goesOn = [&](const TensorList &c) { return logicalAnd(c[0] < trips, c[1]); };
  auto body = [&](const TensorList &c) {
    ValueList inputs = wrapped(node, c);
    const TensorList results = tensorsOf(runBody(node, parts.body, inputs));
    TensorList next{c[0] + 1, reshape(results[0], {})};
    next.insert(next.end(), results.begin() + 1, results.end());
    return next;
  };
  const TensorList done = whileLoop(inits, goesOn, body);
  return wrapped(node, {done.begin() + 2, done.end()});
}

/// Step by step while importing: for bodies whose shapes change or whose end is known.
ValueList unrolledLoop(Node &node, const LoopParts &parts, int64_t trips, bool begin) {
  ValueList carried = parts.carried;
  constexpr int64_t most = 2000;
  std::vector<TensorList> stacks(parts.scans);
  ValuePtr go = truth(node, begin);
  for (int64_t i = 0; i < trips; ++i) {
    const auto on = node.importer.evaluate(go);
    if (!on || on->size() != 1) node.fail("the number of steps depends on what is computed");
    if (on->at(0) == 0) break;
    if (++node.importer.unrolled > most)
      node.fail("loops of changing shape have more than " + std::to_string(most) + " steps");
    ValueList inputs{node.importer.constant(Array::scalar<int64_t>(i)), go};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    const ValueList results = runBody(node, parts.body, inputs);
    go = results[0];
    for (size_t c = 0; c < carried.size(); ++c) carried[c] = results[1 + c];
    for (size_t s = 0; s < parts.scans; ++s)
      stacks[s].push_back(expandDims(results[1 + carried.size() + s]->tensor, 0));
  }
  for (const TensorList &stack : stacks) {
    if (stack.empty()) node.fail("stacks the results of no steps");
    carried.push_back(node.importer.wrap(concatenate(stack, 0)));
  }
  return carried;
}

ValueList loopRule(Node &node) {
  const LoopParts parts = partsOf(node);
  const std::optional<Array> count = node.has(0) ? node.known(0) : std::nullopt;
  const std::optional<Array> given = node.has(1) ? node.known(1) : std::nullopt;
  const bool counted = !node.has(0) || count, begins = !node.has(1) || given;
  constexpr int64_t endless = std::numeric_limits<int64_t>::max();
  const int64_t trips = count ? integersOf(*count).at(0) : endless;
  const bool begin = given ? given->at(0) != 0 : true;
  if (count && begins) {
    const int64_t steps = begin ? std::max<int64_t>(trips, 0) : 0;
    if (auto done = attempt(node, [&] { return countedLoop(node, parts, steps); })) return *done;
  }
  if (parts.scans == 0) {
    const Tensor limit = node.has(0) ? reshape(convert(node[0], i64), {})
                                     : node.graph.constant(Array::scalar<int64_t>(endless));
    const Tensor first = node.has(1) ? reshape(node[1], {}) : node.graph.full({}, 1, i1);
    if (auto done = attempt(node, [&] { return openLoop(node, parts, limit, first); }))
      return *done;
  }
  if (!counted || !begins) node.fail("the number of steps is only known when the graph runs");
  return unrolledLoop(node, parts, trips, begin);
}

// ---- Scan ----

int64_t entry(const Shape &list, size_t i, int64_t otherwise) {
  return i < list.size() ? list[i] : otherwise;
}

/// Dim `from` of x as its first, or its first as dim `to`.
Tensor toFront(const Tensor &x, int64_t from) {
  Shape order = upTo(x.rank());
  order.erase(order.begin() + from);
  order.insert(order.begin(), from);
  return from == 0 ? x : transpose(x, order);
}

Tensor fromFront(const Tensor &x, int64_t to) {
  Shape order = part(upTo(x.rank()), 1);
  order.insert(order.begin() + to, 0);
  return to == 0 ? x : transpose(x, order);
}

/// Opset 8: all operands have a batch in front, and the steps are the dim behind it.
ValueList batchedScan(Node &node) {
  const proto::GraphProto &body = node.body("body");
  if (node.has(0)) node.fail("lengths of the sequences are not supported");
  const auto xsCount = static_cast<size_t>(node.integer("num_scan_inputs"));
  if (xsCount < 1 || xsCount >= node.size()) node.fail("num_scan_inputs is not possible");
  const size_t n = node.size() - 1 - xsCount;
  for (int64_t way : node.ints("directions"))
    if (way) node.fail("directions are not supported in opset 8");
  TensorList operands;
  for (size_t i = 1; i < node.size(); ++i) operands.push_back(node[i]);
  auto step = [&](const TensorList &carries, const TensorList &slices) {
    const TensorList all =
        tensorsOf(runBody(node, body, wrapped(node, joinedLists(carries, slices))));
    const auto split = all.begin() + static_cast<std::ptrdiff_t>(n);
    return Scanned{{all.begin(), split}, {split, all.end()}};
  };
  auto one = [&](const TensorList &, const TensorList &of) {
    const auto split = of.begin() + static_cast<std::ptrdiff_t>(n);
    const Scanned done = scan({of.begin(), split}, {split, of.end()}, step);
    return Scanned{{}, joinedLists(done.carries, done.ys)};
  };
  return wrapped(node, scan({}, operands, one).ys);
}

ValueList scanRule(Node &node) {
  if (node.version < 9) return batchedScan(node);
  const proto::GraphProto &body = node.body("body");
  const auto xsCount = static_cast<size_t>(node.integer("num_scan_inputs"));
  if (xsCount < 1 || xsCount > node.size()) node.fail("num_scan_inputs is not possible");
  const size_t n = node.size() - xsCount;
  if (static_cast<size_t>(body.output_size()) < n) node.fail("the body gives too few results");
  const Shape inAxes = node.ints("scan_input_axes"), outAxes = node.ints("scan_output_axes");
  const Shape inWays = node.ints("scan_input_directions");
  const Shape outWays = node.ints("scan_output_directions");
  TensorList inits, xs;
  for (size_t i = 0; i < n; ++i) inits.push_back(node[i]);
  for (size_t i = 0; i < xsCount; ++i) {
    const Tensor x = node[n + i];
    const Tensor front = toFront(x, node.dim(entry(inAxes, i, 0), x.rank()));
    xs.push_back(entry(inWays, i, 0) ? reverse(front, {0}) : front);
  }
  auto step = [&](const TensorList &carries, const TensorList &slices) {
    const ValueList inputs = wrapped(node, joinedLists(carries, slices));
    const TensorList all = tensorsOf(runBody(node, body, inputs));
    const auto split = all.begin() + static_cast<std::ptrdiff_t>(n);
    return Scanned{{all.begin(), split}, {split, all.end()}};
  };
  Scanned done = scan(inits, xs, step);
  for (size_t i = 0; i < done.ys.size(); ++i) {
    Tensor &y = done.ys[i];
    if (entry(outWays, i, 0)) y = reverse(y, {0});
    y = fromFront(y, node.dim(entry(outAxes, i, 0), y.rank()));
  }
  return wrapped(node, joinedLists(done.carries, done.ys));
}

} // namespace

void addControlRules(Rules &rules) {
  const Rules own = {{"If", ifRule}, {"Loop", loopRule}, {"Scan", scanRule}};
  rules.insert(own.begin(), own.end());
}

} // namespace weir::onnx
