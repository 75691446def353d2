// Each collective as phases.
#include "distributed/comm/schedule.h"

#include "distributed/comm/builder.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace weir::distributed {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;

namespace {

Party everybody(const CollectiveSpec &spec, int index) {
  Party party{std::vector<int>(spec.group.ranks.size()), index};
  std::iota(party.members.begin(), party.members.end(), 0);
  return party;
}

/// The collective as one rank sees it.
struct Scene {
  Scene(const CollectiveSpec &spec, int index)
      : spec(spec), all(everybody(spec, index)), me(index), isRoot(index == spec.root),
        input{Memory::Input, 0, spec.inputCount(index)},
        output{Memory::Output, 0, spec.outputCount(index)} {}

  int size() const { return all.size(); }
  Slices pieces(Slice whole) const { return cut(whole, evenCounts(whole.count, size())); }

  const CollectiveSpec &spec;
  Party all;
  int me;
  bool isRoot;
  Slice input, output;
};

// ---- What has one algorithm only. ----

void exchange(Builder &b, const Scene &s) {
  Slices to = cut(s.input, s.spec.counts), from = cut(s.output, s.spec.receiveCounts);
  for (int k = 1; k < s.size(); ++k) {
    int peer = (s.me + s.size() - k) % s.size();
    b.receive(peer, from[size_t(peer)]);
  }
  for (int k = 1; k < s.size(); ++k) {
    int peer = (s.me + k) % s.size();
    b.send(peer, to[size_t(peer)]);
  }
  b.copy(to[size_t(s.me)], from[size_t(s.me)]);
  b.awaitAll();
}

void permute(Builder &b, const Scene &s) {
  bool isTarget = false;
  for (auto [source, target] : s.spec.pairs) {
    isTarget |= target == s.me;
    if (source == s.me && target == s.me)
      b.copy(s.input, s.output);
    else if (target == s.me)
      b.receive(source, s.output);
    else if (source == s.me)
      b.send(target, s.input);
  }
  if (!isTarget) b.zero(s.output);
  b.awaitAll();
}

/// After round k everybody has heard, through others, of the 2^k members before.
void barrier(Builder &b, const Scene &s) {
  Slice token = b.scratch(2);
  b.zero(token);
  for (int k = 1; k < s.size(); k *= 2) {
    int begin = b.here();
    b.receive((s.me + s.size() - k) % s.size(), token.part(0, 1));
    b.send((s.me + k) % s.size(), token.part(1, 1));
    b.awaitSince(begin);
  }
}

// ---- Everybody straight to everybody. ----

/// Pieces between the root and each other member.
void rooted(Builder &b, const Scene &s, const Slices &pieces, Slice own, bool toRoot) {
  for (int peer = 0; s.isRoot && peer < s.size(); ++peer) {
    if (peer == s.me)
      b.copy(toRoot ? own : pieces[size_t(peer)], toRoot ? pieces[size_t(peer)] : own);
    else if (toRoot)
      b.receive(peer, pieces[size_t(peer)]);
    else
      b.send(peer, pieces[size_t(peer)]);
  }
  if (!s.isRoot && toRoot) b.send(s.spec.root, own);
  if (!s.isRoot && !toRoot) b.receive(s.spec.root, own);
  b.awaitAll();
}

/// Everybody's whole input at the root. It alone combines, so nobody waits for a segment: fewer
/// messages count more than overlapping them with sums.
void directReduce(Builder &b, const Scene &s) {
  Slices inputs(s.all.members.size(), Slice{Memory::Input, 0, 0});
  inputs[size_t(s.spec.root)] = s.input;
  directReduceScatter(b, s.all, inputs, s.isRoot ? s.output : Slice{Memory::Output, 0, 0}, 8);
}

void direct(Builder &b, const Scene &s) {
  switch (s.spec.kind) {
  case CollectiveKind::Broadcast: {
    Slice data = s.isRoot ? s.input : s.output;
    rooted(b, s, Slices(s.all.members.size(), data), s.output, false);
    return;
  }
  case CollectiveKind::Scatter:
    return rooted(b, s, cut(s.input, s.spec.counts), s.output, false);
  case CollectiveKind::Gather:
    return rooted(b, s, cut(s.output, s.spec.counts), s.input, true);
  case CollectiveKind::AllGather:
    return directAllGather(b, s.all, s.input, cut(s.output, s.spec.counts));
  case CollectiveKind::Reduce:
    return directReduce(b, s);
  case CollectiveKind::ReduceScatter:
    return directReduceScatter(b, s.all, cut(s.input, s.spec.counts), s.output);
  case CollectiveKind::AllReduce: {
    Slices pieces = s.pieces(s.output);
    directReduceScatter(b, s.all, s.pieces(s.input), pieces[size_t(s.me)]);
    std::vector<Slices> single;
    for (Slice piece : pieces) single.push_back({piece});
    return directAllGather(b, s.all, single);
  }
  case CollectiveKind::AllToAll:
    return exchange(b, s);
  case CollectiveKind::Permute:
    return permute(b, s);
  case CollectiveKind::Send:
    b.send(s.spec.root, s.input);
    return b.awaitAll();
  case CollectiveKind::Receive:
    b.receive(s.spec.root, s.output);
    return b.awaitAll();
  case CollectiveKind::Barrier:
    return barrier(b, s);
  }
}

// ---- Trees and rings. ----

void tree(Builder &b, const Scene &s) {
  switch (s.spec.kind) {
  case CollectiveKind::Broadcast:
    treeBroadcast(b, s.all, s.spec.root, s.isRoot ? s.input : s.output);
    return b.copy(s.isRoot ? s.input : s.output, s.output);
  case CollectiveKind::Scatter:
  case CollectiveKind::Gather: {
    bool scatter = s.spec.kind == CollectiveKind::Scatter;
    Slices pieces = cut(scatter ? s.input : s.output, s.spec.counts);
    return scatter ? treeScatter(b, s.all, s.spec.root, pieces, s.output)
                   : treeGather(b, s.all, s.spec.root, pieces, s.input);
  }
  case CollectiveKind::Reduce:
    return treeReduce(b, s.all, s.spec.root, s.input, s.output);
  case CollectiveKind::AllReduce:
    return treeAllReduce(b, s.all, s.input, s.output);
  default:
    return direct(b, s);
  }
}

void ring(Builder &b, const Scene &s) {
  switch (s.spec.kind) {
  case CollectiveKind::Broadcast:
    ringBroadcast(b, s.all, s.spec.root, s.isRoot ? s.input : s.output);
    return b.copy(s.isRoot ? s.input : s.output, s.output);
  case CollectiveKind::AllGather: {
    Slices pieces = cut(s.output, s.spec.counts);
    b.copy(s.input, pieces[size_t(s.me)]);
    return ringAllGather(b, s.all, pieces);
  }
  case CollectiveKind::ReduceScatter:
    return ringReduceScatter(b, s.all, cut(s.input, s.spec.counts), s.output);
  case CollectiveKind::Reduce: {
    Slices pieces = s.pieces(Slice{Memory::Output, 0, s.input.count});
    Slice own = pieces[size_t(s.me)];
    if (!s.isRoot) own = b.scratch(own.count);
    ringReduceScatter(b, s.all, s.pieces(s.input), own);
    return rooted(b, s, pieces, own, true);
  }
  case CollectiveKind::AllReduce: {
    Slices pieces = s.pieces(s.output);
    ringReduceScatter(b, s.all, s.pieces(s.input), pieces[size_t(s.me)]);
    return ringAllGather(b, s.all, pieces);
  }
  default:
    return direct(b, s);
  }
}

// ---- Two levels: inside nodes and between them. ----

/// Members by node, nodes in order of their first member.
std::vector<std::vector<int>> nodesOf(const Topology &topology) {
  std::vector<std::vector<int>> nodes;
  std::map<int, size_t> numbers;
  for (size_t i = 0; i < topology.node.size(); ++i) {
    auto [at, added] = numbers.try_emplace(topology.node[i], nodes.size());
    if (added) nodes.emplace_back();
    nodes[at->second].push_back(static_cast<int>(i));
  }
  return nodes;
}

bool equallyMany(const std::vector<std::vector<int>> &nodes) {
  return std::all_of(nodes.begin(), nodes.end(),
                     [&](const auto &node) { return node.size() == nodes.front().size(); });
}

struct TwoLevels {
  std::vector<std::vector<int>> nodes;
  Party local;
  int node = 0;

  TwoLevels(const Topology &topology, int index) : nodes(nodesOf(topology)) {
    for (size_t i = 0; i < nodes.size(); ++i)
      for (size_t j = 0; j < nodes[i].size(); ++j)
        if (nodes[i][j] == index) {
          local = {nodes[i], static_cast<int>(j)};
          node = static_cast<int>(i);
        }
  }
  /// One member of each node: the `place`-th.
  Party across(int place) const {
    Party party{{}, node};
    for (const auto &members : nodes) party.members.push_back(members[size_t(place)]);
    return party;
  }
  /// One member of each node: `root` for its own, else the first; and `root`'s node.
  std::pair<Party, int> leaders(int root) const {
    Party party = across(0);
    for (size_t i = 0; i < nodes.size(); ++i)
      if (std::find(nodes[i].begin(), nodes[i].end(), root) != nodes[i].end()) {
        party.members[i] = root;
        return {party, static_cast<int>(i)};
      }
    return {party, 0};
  }
  int localPlace(int member) const {
    auto at = std::find(local.members.begin(), local.members.end(), member);
    return static_cast<int>(at - local.members.begin());
  }
};

std::vector<Slices> singles(const Slices &pieces) {
  std::vector<Slices> result;
  for (Slice piece : pieces) result.push_back({piece});
  return result;
}

/// Combined over the party in place.
void allReduceInPlace(Builder &b, const Party &party, Slice data) {
  Slices pieces = cut(data, evenCounts(data.count, party.size()));
  directReduceScatter(b, party, pieces, pieces[size_t(party.me)]);
  directAllGather(b, party, singles(pieces));
}

void hierarchicalAllReduce(Builder &b, const Scene &s, const TwoLevels &two) {
  if (equallyMany(two.nodes)) {
    std::vector<int64_t> counts = evenCounts(s.input.count, two.local.size());
    Slices pieces = cut(s.output, counts);
    Slice own = pieces[size_t(two.local.me)];
    directReduceScatter(b, two.local, cut(s.input, counts), own);
    allReduceInPlace(b, two.across(two.local.me), own);
    return directAllGather(b, two.local, singles(pieces));
  }
  treeReduce(b, two.local, 0, s.input, s.output);
  if (two.local.me == 0) allReduceInPlace(b, two.across(0), s.output);
  treeBroadcast(b, two.local, 0, s.output);
}

void hierarchicalAllGather(Builder &b, const Scene &s, const TwoLevels &two) {
  Slices pieces = cut(s.output, s.spec.counts);
  b.copy(s.input, pieces[size_t(s.me)]);
  std::vector<Slices> columns; // of each local place: the pieces of that place on every node
  for (int place = 0; place < two.local.size(); ++place) {
    columns.emplace_back();
    for (int member : two.across(place).members) columns.back().push_back(pieces[size_t(member)]);
  }
  directAllGather(b, two.across(two.local.me), singles(columns[size_t(two.local.me)]));
  directAllGather(b, two.local, columns);
}

void hierarchicalReduceScatter(Builder &b, const Scene &s, const TwoLevels &two) {
  Slices pieces = cut(s.input, s.spec.counts), partial;
  for (const auto &members : two.nodes) { // inside this node, for the members of each node
    Slices wanted;
    for (int member : members) wanted.push_back(pieces[size_t(member)]);
    partial.push_back(b.scratch(wanted[size_t(two.local.me)].count));
    directReduceScatter(b, two.local, wanted, partial.back());
  }
  directReduceScatter(b, two.across(two.local.me), partial, s.output);
}

void hierarchical(Builder &b, const Scene &s, const Topology &topology) {
  TwoLevels two(topology, s.me);
  auto [leaders, rootNode] = two.leaders(s.spec.root);
  int leader = leaders.members[size_t(two.node)];
  switch (s.spec.kind) {
  case CollectiveKind::Broadcast: {
    Slice data = s.isRoot ? s.input : s.output;
    if (leader == s.me) treeBroadcast(b, leaders, rootNode, data);
    treeBroadcast(b, two.local, two.localPlace(leader), data);
    return b.copy(data, s.output);
  }
  case CollectiveKind::Reduce: {
    Slice partial = leader == s.me ? b.scratch(s.input.count) : s.output;
    treeReduce(b, two.local, two.localPlace(leader), s.input, partial);
    if (leader == s.me) treeReduce(b, leaders, rootNode, partial, s.output);
    return;
  }
  case CollectiveKind::AllReduce:
    return hierarchicalAllReduce(b, s, two);
  case CollectiveKind::AllGather:
    return hierarchicalAllGather(b, s, two);
  case CollectiveKind::ReduceScatter:
    return hierarchicalReduceScatter(b, s, two);
  default:
    return direct(b, s);
  }
}

} // namespace

const char *algorithmName(Algorithm algorithm) {
  static constexpr const char *names[kAlgorithms] = {"direct", "tree", "ring", "hierarchical"};
  return names[static_cast<size_t>(algorithm)];
}

bool supports(Algorithm algorithm, CollectiveKind kind, const Topology &topology) {
  bool gathers = kind == CollectiveKind::AllGather || kind == CollectiveKind::ReduceScatter;
  bool wide = kind == CollectiveKind::Broadcast || kind == CollectiveKind::Reduce ||
              kind == CollectiveKind::AllReduce;
  switch (algorithm) {
  case Algorithm::Direct:
    return true;
  case Algorithm::Tree:
    return wide || kind == CollectiveKind::Scatter || kind == CollectiveKind::Gather;
  case Algorithm::Ring:
    return wide || gathers;
  case Algorithm::Hierarchical: {
    auto nodes = nodesOf(topology);
    if (nodes.size() < 2 || nodes.size() == topology.node.size()) return false;
    return wide || (gathers && equallyMany(nodes));
  }
  }
  return false;
}

std::vector<int64_t> evenCounts(int64_t count, int parts) {
  std::vector<int64_t> counts(static_cast<size_t>(parts), count / parts);
  for (int64_t i = 0; i < count % parts; ++i) ++counts[size_t(i)];
  return counts;
}

Schedule buildSchedule(Algorithm algorithm, const CollectiveSpec &spec, int index,
                       const Topology &topology) {
  Builder b(static_cast<int64_t>(runtime::dtypeBytes(spec.dtype)), topology);
  Scene scene(spec, index);
  switch (algorithm) {
  case Algorithm::Direct:
    direct(b, scene);
    break;
  case Algorithm::Tree:
    tree(b, scene);
    break;
  case Algorithm::Ring:
    ring(b, scene);
    break;
  case Algorithm::Hierarchical:
    hierarchical(b, scene, topology);
    break;
  }
  return b.take();
}

} // namespace weir::distributed
