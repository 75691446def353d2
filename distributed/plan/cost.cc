// Playing schedules through on a model of the cluster.
#include "distributed/plan/cost.h"

#include "absl/strings/str_format.h"

#include <algorithm>
#include <deque>
#include <map>
#include <queue>

namespace weir::distributed {

using runtime::CollectiveKind;
using runtime::CollectiveSpec;

namespace {

/// Above this many members Direct's schedules grow too long to be worth looking at.
constexpr int kMostDirect = 256;

struct Player {
  int rank = 0;
  const std::vector<int> *ranks = nullptr; ///< of its group
  Schedule schedule;
  size_t at = 0;
  double clock = 0;
  std::vector<double> ended; ///< of each message; negative: not yet known
  bool parked = false;       ///< waits for a message that was not sent yet
};

class Model {
public:
  Model(const Cluster &cluster, int64_t elementBytes)
      : cluster(cluster), elementBytes(elementBytes), nodes(cluster.nodeOfRank()),
        deviceOut(nodes.size()), deviceIn(nodes.size()), nodeOut(cluster.nodes.size()),
        nodeIn(cluster.nodes.size()), sentBy(nodes.size()) {}

  void add(Player player) {
    player.ended.assign(player.schedule.instructions.size(), -1);
    numberOf[player.rank] = players.size();
    players.push_back(std::move(player));
  }

  Cost play() {
    for (size_t i = 0; i < players.size(); ++i) ready.push({0, i});
    while (!ready.empty()) {
      size_t i = ready.top().second;
      ready.pop();
      step(i);
    }
    for (const Player &player : players) cost.seconds = std::max(cost.seconds, player.clock);
    cost.mostSent = *std::max_element(sentBy.begin(), sentBy.end());
    return cost;
  }

private:
  /// A player's next turn: a message waits for its way out, so that ways in are not taken by
  /// messages that leave later.
  void enqueue(size_t number) {
    const Player &player = players[number];
    double when = player.clock;
    if (player.at < player.schedule.instructions.size()) {
      const Instruction &next = player.schedule.instructions[player.at];
      if (next.kind == Instruction::Send) {
        int peer = (*player.ranks)[size_t(next.peer)];
        when = std::max(when, wayOut(player.rank, peer));
      }
    }
    ready.push({when, number});
  }

  double &wayOut(int rank, int peer) {
    int node = nodes[size_t(rank)];
    return node == nodes[size_t(peer)] ? deviceOut[size_t(rank)] : nodeOut[size_t(node)];
  }

  /// One instruction of a player, then back into the queue.
  void step(size_t number) {
    Player &player = players[number];
    if (player.at == player.schedule.instructions.size()) return;
    const Instruction &instruction = player.schedule.instructions[player.at];
    switch (instruction.kind) {
    case Instruction::Send:
      send(player, instruction);
      break;
    case Instruction::Receive:
      receive(player, instruction);
      break;
    case Instruction::Await: {
      for (int i = instruction.begin; i < instruction.end; ++i) {
        auto kind = player.schedule.instructions[size_t(i)].kind;
        if (kind != Instruction::Send && kind != Instruction::Receive) continue;
        if (player.ended[size_t(i)] < 0) {
          player.parked = true;
          return;
        }
        player.clock = std::max(player.clock, player.ended[size_t(i)]);
      }
      break;
    }
    default:
      if (cluster.combine > 0)
        player.clock += double(instruction.to.count * elementBytes) / cluster.combine;
    }
    ++player.at;
    enqueue(number);
  }

  void send(Player &player, const Instruction &instruction) {
    int peer = (*player.ranks)[size_t(instruction.peer)];
    int from = nodes[size_t(player.rank)], to = nodes[size_t(peer)];
    int64_t bytes = instruction.from.count * elementBytes;
    bool inside = from == to;
    double &out = wayOut(player.rank, peer);
    double &in = inside ? deviceIn[size_t(peer)] : nodeIn[size_t(to)];
    const Link &link = cluster.link(from, to);
    double end = std::max({player.clock, out, in}) + link.latency + double(bytes) / link.bandwidth;
    out = in = end;
    player.ended[player.at] = end;
    (inside ? cost.intraBytes : cost.interBytes) += bytes;
    sentBy[size_t(player.rank)] += bytes;

    auto &waiting = receives[{player.rank, peer}];
    if (waiting.empty()) {
      arrivals[{player.rank, peer}].push_back(end);
      return;
    }
    Player &receiver = players[numberOf[peer]];
    receiver.ended[waiting.front()] = end;
    waiting.pop_front();
    if (receiver.parked) {
      receiver.parked = false;
      enqueue(numberOf[peer]);
    }
  }

  void receive(Player &player, const Instruction &instruction) {
    int peer = (*player.ranks)[size_t(instruction.peer)];
    auto &arrived = arrivals[{peer, player.rank}];
    if (arrived.empty()) {
      receives[{peer, player.rank}].push_back(player.at);
      return;
    }
    player.ended[player.at] = arrived.front();
    arrived.pop_front();
  }

  const Cluster &cluster;
  int64_t elementBytes;
  std::vector<int> nodes;
  std::vector<double> deviceOut, deviceIn, nodeOut, nodeIn; ///< free from then on
  std::vector<int64_t> sentBy;
  std::vector<Player> players;
  std::map<int, size_t> numberOf;
  using Turn = std::pair<double, size_t>;
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> ready;
  std::map<std::pair<int, int>, std::deque<double>> arrivals; ///< sent, not yet expected
  std::map<std::pair<int, int>, std::deque<size_t>> receives; ///< expected: instructions
  Cost cost;
};

Topology topologyOf(const std::vector<int> &ranks, const std::vector<int> &nodes) {
  Topology topology;
  for (int rank : ranks) topology.node.push_back(nodes[size_t(rank)]);
  return topology;
}

bool possible(Algorithm algorithm, const CollectiveSpec &spec,
              const std::vector<std::vector<int>> &groups, const Cluster &cluster) {
  std::vector<int> nodes = cluster.nodeOfRank();
  for (const std::vector<int> &ranks : groups) {
    if (!supports(algorithm, spec.kind, topologyOf(ranks, nodes))) return false;
    bool other =
        supports(Algorithm::Ring, spec.kind, {}) || supports(Algorithm::Tree, spec.kind, {});
    if (algorithm == Algorithm::Direct && other && ranks.size() > kMostDirect) return false;
  }
  return true;
}

} // namespace

Cost predict(Algorithm algorithm, const CollectiveSpec &spec,
             const std::vector<std::vector<int>> &groups, const Cluster &cluster) {
  Model model(cluster, static_cast<int64_t>(runtime::dtypeBytes(spec.dtype)));
  std::vector<int> nodes = cluster.nodeOfRank();
  for (const std::vector<int> &ranks : groups) {
    CollectiveSpec own = spec;
    own.group.ranks = ranks;
    Topology topology = topologyOf(ranks, nodes);
    for (size_t i = 0; i < ranks.size(); ++i)
      model.add({.rank = ranks[i],
                 .ranks = &ranks,
                 .schedule = buildSchedule(algorithm, own, static_cast<int>(i), topology)});
  }
  return model.play();
}

Choice choose(const CollectiveSpec &spec, const std::vector<std::vector<int>> &groups,
              const Cluster &cluster) {
  Choice best;
  bool found = false;
  for (int a = 0; a < kAlgorithms; ++a) {
    auto algorithm = static_cast<Algorithm>(a);
    if (!possible(algorithm, spec, groups, cluster)) continue;
    Cost cost = predict(algorithm, spec, groups, cluster);
    if (found && cost.seconds >= best.cost.seconds * (1 - 1e-9)) continue;
    best = {algorithm, cost};
    found = true;
  }
  return best;
}

std::function<Algorithm(const CollectiveSpec &, const Topology &)> chooser(const Cluster &cluster) {
  return [cluster](const CollectiveSpec &spec, const Topology &) {
    bool many =
        supports(Algorithm::Tree, spec.kind, {}) || supports(Algorithm::Ring, spec.kind, {});
    if (!many) return Algorithm::Direct;
    return choose(spec, {spec.group.ranks}, cluster).algorithm;
  };
}

std::string describeChoice(const CollectiveSpec &spec, const std::vector<std::vector<int>> &groups,
                           const Cluster &cluster) {
  Choice best = choose(spec, groups, cluster);
  std::string text;
  for (int a = 0; a < kAlgorithms; ++a) {
    auto algorithm = static_cast<Algorithm>(a);
    if (!possible(algorithm, spec, groups, cluster)) continue;
    Cost cost = predict(algorithm, spec, groups, cluster);
    absl::StrAppendFormat(&text, "%s %s %-12s %12.1f us, %d bytes inside nodes, %d between nodes\n",
                          algorithm == best.algorithm ? "*" : " ",
                          runtime::collectiveName(spec.kind), algorithmName(algorithm),
                          cost.seconds * 1e6, cost.intraBytes, cost.interBytes);
  }
  return text;
}

} // namespace weir::distributed
