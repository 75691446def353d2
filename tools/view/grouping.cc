// Folding. Ops lie where their modules' names say; an op without a name lies in the modules that
// the named ops before and after it share; where a phase has no names, call sites stand for them.
// Updates of variables are folded by variable.
#include "tools/view/scene.h"
#include "tools/view/trace.h"

#include "ir/dialect/weir.h"

#include <map>

namespace weir::tools {

namespace {

using Path = std::vector<std::string>;

Path common(const Path &a, const Path &b) {
  auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return {a.begin(), end};
}

/// Paths of the ops that update variables: what is common to all that they are for.
void pathsOfUpdates(Scene &scene) {
  std::vector<std::optional<Path>> wanted(scene.nodes.size());
  auto meet = [&](size_t i, const Path &path) {
    wanted[i] = wanted[i] ? common(*wanted[i], path) : path;
  };
  std::vector<std::vector<int>> sources(scene.nodes.size());
  for (const Edge &edge : scene.edges)
    if (!edge.isBack) sources[edge.to].push_back(edge.from);
  for (size_t i = scene.nodes.size(); i-- > 0;) {
    Node &node = scene.nodes[i];
    if (node.phase != Phase::Update) continue;
    for (const std::string &variable : node.writes) {
      llvm::SmallVector<llvm::StringRef> parts;
      llvm::StringRef(variable).split(parts, '.');
      Path path;
      for (llvm::StringRef part : parts) path.push_back(part.str());
      meet(i, path);
    }
    node.path = wanted[i].value_or(Path());
    for (int source : sources[i]) meet(source, node.path);
  }
}

/// Of the nodes in one place, in program order.
void fillPaths(std::vector<Node *> &nodes) {
  const bool hasNames = llvm::any_of(nodes, [](Node *node) { return !node->path.empty(); });
  if (!hasNames) {
    for (Node *node : nodes) node->path = callersOf(node->location);
    return;
  }
  std::vector<const Path *> next(nodes.size());
  const Path *after = nullptr;
  for (size_t i = nodes.size(); i-- > 0;) {
    next[i] = after;
    if (!nodes[i]->path.empty()) after = &nodes[i]->path;
  }
  Path before;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i]->path.empty())
      before = nodes[i]->path;
    else if (next[i])
      nodes[i]->path = common(before, *next[i]);
  }
}

class Grouping {
public:
  explicit Grouping(Scene &scene) : scene(scene) {}

  void run() {
    const bool hasPhases =
        llvm::any_of(scene.nodes, [](const Node &n) { return n.phase != Phase::Forward; });
    pathsOfUpdates(scene);
    std::map<std::pair<int, Phase>, std::vector<Node *>> places;
    for (Node &node : scene.nodes)
      if (node.op)
        places[{node.base, node.base < 0 ? node.phase : Phase::Forward}].push_back(&node);
    for (auto &[place, nodes] : places)
      if (place.second != Phase::Update) fillPaths(nodes);
    for (size_t i = 0; i < scene.nodes.size(); ++i) place(static_cast<int>(i), hasPhases);
    dissolve();
  }

private:
  int child(int parent, const std::string &name, const char *kind) {
    auto [known, isNew] = index.try_emplace({parent, name}, static_cast<int>(scene.groups.size()));
    if (isNew) scene.groups.push_back({.name = name, .kind = kind, .parent = parent});
    return known->second;
  }

  void place(int number, bool hasPhases) {
    Node &node = scene.nodes[number];
    if (!node.op) return;
    int group = node.base;
    Path path = node.path;
    if (group >= 0) {
      const Path &outer = scene.nodes[scene.groups[group].region].path;
      path.erase(path.begin(), path.begin() + static_cast<ptrdiff_t>(common(outer, path).size()));
    } else if (hasPhases) {
      static const char *const names[] = {"forward", "backward", "update"};
      group = child(-1, names[static_cast<int>(node.phase)], "phase");
    }
    for (const std::string &part : path) group = child(group, part, "module");
    node.group = group;
    for (Group &region : scene.groups)
      if (region.region == number) region.parent = group;
  }

  /// A group of one thing folds nothing: an op moves out, a group takes the name of both.
  void dissolve() {
    std::vector<int> members(scene.groups.size()), onlyGroup(scene.groups.size(), -1);
    for (const Node &node : scene.nodes)
      if (node.group >= 0) ++members[node.group];
    for (size_t g = 0; g < scene.groups.size(); ++g)
      if (int parent = scene.groups[g].parent; parent >= 0)
        ++members[parent], onlyGroup[parent] = static_cast<int>(g);
    std::vector<bool> gone(scene.groups.size());
    for (size_t g = 0; g < scene.groups.size(); ++g) {
      if (scene.groups[g].kind != "module" || members[g] != 1) continue;
      gone[g] = true;
      if (int inner = onlyGroup[g]; inner >= 0 && scene.groups[inner].kind == "module")
        scene.groups[inner].name = scene.groups[g].name + "." + scene.groups[inner].name;
    }
    auto standing = [&](int g) {
      while (g >= 0 && gone[g]) g = scene.groups[g].parent;
      return g;
    };
    for (Node &node : scene.nodes) node.group = standing(node.group);
    std::vector<int> number(scene.groups.size(), -1);
    std::vector<Group> kept;
    for (size_t g = 0; g < scene.groups.size(); ++g) {
      if (gone[g]) continue;
      number[g] = static_cast<int>(kept.size());
      kept.push_back(scene.groups[g]);
      kept.back().parent = standing(kept.back().parent);
    }
    for (Node &node : scene.nodes)
      if (node.group >= 0) node.group = number[node.group];
    for (Group &group : kept)
      if (group.parent >= 0) group.parent = number[group.parent];
    scene.groups = std::move(kept);
  }

  Scene &scene;
  std::map<std::pair<int, std::string>, int> index;
};

} // namespace

void findPhases(Scene &scene) {
  bool hasBackward = false;
  for (Node &node : scene.nodes)
    if (node.op && isDerivative(node.location)) node.phase = Phase::Backward, hasBackward = true;
  if (!hasBackward) return;
  // Edges go forward in the list of nodes but for those of loops.
  std::vector<std::vector<int>> readers(scene.nodes.size());
  for (const Edge &edge : scene.edges)
    if (!edge.isBack) readers[edge.from].push_back(edge.to);
  for (size_t i = 0; i < scene.nodes.size(); ++i)
    if (scene.nodes[i].phase != Phase::Forward)
      for (int reader : readers[i])
        if (scene.nodes[reader].phase == Phase::Forward && scene.nodes[reader].kind == Node::Op)
          scene.nodes[reader].phase = Phase::Update;
  // What only updates read is part of them: a moment times its decay.
  for (size_t i = scene.nodes.size(); i-- > 0;) {
    Node &node = scene.nodes[i];
    const bool isRead = !readers[i].empty() || !node.writes.empty();
    if (node.kind == Node::Op && node.phase == Phase::Forward && isRead &&
        llvm::all_of(readers[i],
                     [&](int reader) { return scene.nodes[reader].phase == Phase::Update; }))
      node.phase = Phase::Update;
  }
}

void groupScene(Scene &scene) {
  Grouping(scene).run();
}

} // namespace weir::tools
