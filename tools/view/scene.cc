// Nodes and edges. A value's sources are the nodes that may have made it: reshapes outside of
// kernels, region arguments and region results are looked through.
#include "tools/view/scene.h"

#include "ir/collective/spmd.h"
#include "ir/cost/cost.h"
#include "ir/dialect/weir.h"
#include "tools/view/trace.h"

#include "llvm/Support/raw_ostream.h"

#include <set>

using namespace mlir;

namespace weir::tools {

namespace {

std::string textOf(Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute)) {
    stream << "[";
    llvm::interleaveComma(list.asArrayRef(), stream);
    stream << "]";
  } else if (auto number = dyn_cast<IntegerAttr>(attribute)) {
    if (number.getType().isInteger(1))
      stream << (number.getValue().isZero() ? "false" : "true");
    else
      stream << number.getValue();
  } else {
    attribute.print(stream, /*elideType=*/true);
  }
  if (text.size() > 160) text = text.substr(0, 157) + "...";
  return text;
}

std::string attributesOf(Operation *op) {
  std::string text;
  for (NamedAttribute attribute : op->getAttrs()) {
    StringRef name = attribute.getName();
    if (name.contains('.') || name == "operandSegmentSizes") continue;
    text += (text.empty() ? "" : "\n") + name.str() + " = " + textOf(attribute.getValue());
  }
  if (auto reason = op->getAttrOfType<StringAttr>(ir::spmd::kReasonAttr))
    text += (text.empty() ? "because " : "\nbecause ") + reason.str();
  return text;
}

std::string constantText(ir::ConstantOp constant) {
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!elements || !elements.isSplat()) return "constant";
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto real = dyn_cast<FloatType>(elements.getElementType())) {
    llvm::SmallString<24> digits;
    elements.getSplatValue<APFloat>().toString(digits, 6);
    stream << digits;
  } else {
    stream << elements.getSplatValue<APInt>();
  }
  return text;
}

class Builder {
public:
  Builder(func::FuncOp main, const Shardings &shardings, Scene &scene)
      : main(main), shardings(shardings), scene(scene) {}

  void build() {
    Block &body = main.getBody().front();
    for (BlockArgument argument : body.getArguments()) {
      auto variable = main.getArgAttrOfType<StringAttr>(argument.getArgNumber(), ir::kVariableAttr);
      if (variable) continue;
      auto name = main.getArgAttrOfType<StringAttr>(argument.getArgNumber(), ir::kNameAttr);
      inputs[argument.getArgNumber()] =
          add({.kind = Node::Input,
               .name = name ? name.str() : "arg" + std::to_string(argument.getArgNumber()),
               .location = argument.getLoc(),
               .types = {typeOf(argument)}});
    }
    addBlock(body, -1);
    connectResults(body.getTerminator());
  }

private:
  int add(Node node) {
    if (node.op) scene.nodeOf[node.op] = static_cast<int>(scene.nodes.size());
    scene.nodes.push_back(std::move(node));
    return static_cast<int>(scene.nodes.size()) - 1;
  }

  static bool isTransparent(Operation *op) {
    return isa<ir::ReshapeOp>(op) && op->getParentOfType<ModuleOp>() &&
           op->getParentOfType<func::FuncOp>()->hasAttr(ir::kArenaBytesAttr);
  }

  void addBlock(Block &block, int base) {
    for (Operation &op : block.without_terminator()) {
      if (isa<ir::ConstantOp, ir::UndefOp>(op) || isTransparent(&op)) continue;
      Node node{.kind = op.getNumRegions() ? Node::Region : Node::Op,
                .name = op.getName().stripDialect().str(),
                .op = &op,
                .location = op.getLoc(),
                .attributes = attributesOf(&op),
                .flops = ir::flopsOf(&op),
                .bytes = ir::bytesMoved(&op),
                .path = modulesOf(op.getLoc()),
                .base = base};
      if (auto launch = dyn_cast<ir::LaunchOp>(op)) node.name = launch.getCallee().str();
      for (Value result : op.getResults()) node.types.push_back(typeOf(result));
      const int self = add(std::move(node));
      for (Region &region : op.getRegions()) addRegion(op, region, self, base);
      if (op.getNumRegions() == 0)
        for (Value operand : op.getOperands()) connect(operand, self);
      else if (auto branch = dyn_cast<ir::IfOp>(op))
        connect(branch.getPred(), self);
    }
  }

  void addRegion(Operation &op, Region &region, int self, int base) {
    Group group{.name = scene.nodes[self].name, .kind = "loop", .parent = base, .region = self};
    if (auto scan = dyn_cast<ir::ScanOp>(op))
      group.name = "scan × " + std::to_string(scan.getTrips());
    if (op.getNumRegions() > 1) {
      const bool isFirst = region.getRegionNumber() == 0;
      const bool isIf = isa<ir::IfOp>(op);
      group.kind = "branch";
      group.name += isIf ? (isFirst ? ": then" : ": else") : (isFirst ? ": condition" : ": body");
    }
    scene.groups.push_back(group);
    const int inside = static_cast<int>(scene.groups.size()) - 1;
    addBlock(region.front(), inside);
    if (auto loop = dyn_cast<ir::WhileOp>(op); loop && region.getRegionNumber() == 0)
      connect(region.front().getTerminator()->getOperand(0), self);
    connectBack(op, region);
  }

  /// What the next trip of a loop reads.
  void connectBack(Operation &op, Region &region) {
    const bool isBody = isa<ir::ScanOp>(op) || (isa<ir::WhileOp>(op) && region.getRegionNumber());
    if (!isBody) return;
    Operation *yield = region.front().getTerminator();
    auto scan = dyn_cast<ir::ScanOp>(op);
    const size_t carries = scan ? scan.getInits().size() : op.getNumOperands();
    for (Region &reader : op.getRegions())
      for (size_t i = 0; i < carries; ++i)
        for (OpOperand &use : reader.front().getArgument(i).getUses())
          if (auto known = scene.nodeOf.find(use.getOwner()); known != scene.nodeOf.end())
            for (auto [from, result] : sourcesOf(yield->getOperand(i)))
              if (op.isAncestor(scene.nodes[from].op)) addEdge({from, result, known->second, true});
  }

  using Sources = std::set<std::pair<int, int>>;

  Sources sourcesOf(Value value) {
    Sources sources;
    std::set<void *> seen;
    addSources(value, sources, seen, nullptr);
    return sources;
  }

  /// `leaf` hears of variables and constants.
  void addSources(Value value, Sources &sources, std::set<void *> &seen,
                  llvm::function_ref<void(Value)> leaf) {
    if (!seen.insert(value.getAsOpaquePointer()).second) return;
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      Operation *parent = argument.getOwner()->getParentOp();
      if (parent != main) {
        if (argument.getArgNumber() < parent->getNumOperands())
          addSources(parent->getOperand(argument.getArgNumber()), sources, seen, leaf);
      } else if (auto input = inputs.find(argument.getArgNumber()); input != inputs.end()) {
        sources.insert({input->second, 0});
      } else if (leaf) {
        leaf(value);
      }
      return;
    }
    Operation *op = value.getDefiningOp();
    if (isa<ir::ConstantOp, ir::UndefOp>(op)) {
      if (leaf) leaf(value);
    } else if (isTransparent(op)) {
      addSources(op->getOperand(0), sources, seen, leaf);
    } else if (op->getNumRegions()) {
      const unsigned number = cast<OpResult>(value).getResultNumber();
      for (Region &region : op->getRegions())
        if (isa<ir::IfOp>(op) || region.getRegionNumber() + 1 == op->getNumRegions())
          addSources(region.front().getTerminator()->getOperand(number), sources, seen, leaf);
    } else {
      sources.insert({scene.nodeOf.lookup(op), int(cast<OpResult>(value).getResultNumber())});
    }
  }

  std::string typeOf(Value value) const {
    const std::string type = ir::typeString(value.getType());
    auto sharding = shardings.find(value);
    return sharding == shardings.end() ? type : type + " " + sharding->second;
  }

  void addEdge(Edge edge) {
    if (edges.insert({edge.from, edge.result, edge.to}).second) scene.edges.push_back(edge);
  }

  void connect(Value operand, int to) {
    Sources sources;
    std::set<void *> seen;
    addSources(operand, sources, seen, [&](Value value) {
      std::string text;
      if (auto constant = value.getDefiningOp<ir::ConstantOp>())
        text = constantText(constant);
      else if (auto argument = dyn_cast<BlockArgument>(value))
        text = main.getArgAttrOfType<StringAttr>(argument.getArgNumber(), ir::kVariableAttr).str();
      if (!text.empty()) scene.nodes[to].reads.push_back({text, typeOf(value)});
    });
    for (auto [from, result] : sources) addEdge({from, result, to, false});
  }

  void connectResults(Operation *terminator) {
    for (OpOperand &operand : terminator->getOpOperands()) {
      const unsigned i = operand.getOperandNumber();
      if (auto updates = main.getResultAttrOfType<IntegerAttr>(i, ir::kUpdatesAttr)) {
        auto name = main.getArgAttrOfType<StringAttr>(updates.getInt(), ir::kVariableAttr);
        for (auto [from, result] : sourcesOf(operand.get()))
          if (name) scene.nodes[from].writes.push_back(name.str());
        continue;
      }
      auto name = main.getResultAttrOfType<StringAttr>(i, ir::kNameAttr);
      const int output = add({.kind = Node::Output,
                              .name = name ? name.str() : "result" + std::to_string(i),
                              .location = operand.get().getLoc(),
                              .types = {typeOf(operand.get())}});
      connect(operand.get(), output);
    }
  }

  func::FuncOp main;
  const Shardings &shardings;
  Scene &scene;
  llvm::DenseMap<unsigned, int> inputs;
  std::set<std::tuple<int, int, int>> edges;
};

} // namespace

Scene buildScene(func::FuncOp main, const Shardings &shardings) {
  Scene scene;
  Builder(main, shardings, scene).build();
  return scene;
}

} // namespace weir::tools
