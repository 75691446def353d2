// Reading and writing cluster files.
#include "distributed/plan/cluster.h"

#include "absl/strings/str_cat.h"

#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

namespace weir::distributed {

namespace {

struct Unit {
  const char *name;
  double factor;
};
constexpr Unit kTimes[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};
constexpr Unit kRates[] = {{"GB/s", 1e9}, {"MB/s", 1e6},       {"KB/s", 1e3},
                           {"B/s", 1},    {"Gbit/s", 1e9 / 8}, {"Mbit/s", 1e6 / 8}};

class Reader {
public:
  Reader(const std::string &text, std::string file) : text(text), file(std::move(file)) {}

  absl::StatusOr<Cluster> read() {
    std::istringstream stream(text);
    for (std::string content; std::getline(stream, content);) {
      ++line;
      content = content.substr(0, content.find('#'));
      std::istringstream split(content);
      words.clear();
      for (std::string word; split >> word;) words.push_back(word);
      if (words.empty()) continue;
      if (absl::Status status = readLine(); !status.ok()) return status;
    }
    return finish();
  }

private:
  absl::Status error(const std::string &what) const {
    return absl::InvalidArgumentError(absl::StrCat(file, ":", line, ": error: ", what));
  }

  /// The line must be `form`, whose words in capitals stand for any.
  absl::Status expect(const std::vector<std::string> &form) const {
    bool fits = words.size() == form.size();
    for (size_t i = 0; fits && i < form.size(); ++i)
      fits = (form[i][0] >= 'A' && form[i][0] <= 'Z') || form[i] == words[i];
    if (fits) return absl::OkStatus();
    std::string wanted;
    for (const std::string &word : form) absl::StrAppend(&wanted, wanted.empty() ? "" : " ", word);
    return error("expected: " + wanted);
  }

  template <size_t n>
  absl::StatusOr<double> number(const std::string &word, const Unit (&units)[n]) const {
    double value = 0;
    auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    std::string rest(end, word.data() + word.size());
    for (const Unit &unit : units)
      if (code == std::errc() && rest == unit.name && std::isfinite(value) && value > 0)
        return value * unit.factor;
    std::string known;
    for (const Unit &unit : units) absl::StrAppend(&known, known.empty() ? "" : ", ", unit.name);
    return error(
        absl::StrCat("'", word, "' is not a positive number with one of the units ", known));
  }

  absl::StatusOr<size_t> find(const std::map<std::string, size_t> &names, const std::string &name,
                              const char *what) const {
    auto at = names.find(name);
    if (at == names.end())
      return error(absl::StrCat("no ", what, " '", name, "' before this line"));
    return at->second;
  }

  absl::Status readLine() {
    if (words[0] == "link") return readLink();
    if (words[0] == "node") return readNode();
    if (words[0] == "between") return readBetween();
    if (words[0] != "combine")
      return error("'" + words[0] + "', expected link, node, between or combine");
    if (absl::Status status = expect({"combine", "RATE"}); !status.ok()) return status;
    absl::StatusOr<double> rate = number(words[1], kRates);
    if (!rate.ok()) return rate.status();
    cluster.combine = *rate;
    return absl::OkStatus();
  }

  absl::Status readLink() {
    if (absl::Status status = expect({"link", "NAME", "latency", "TIME", "bandwidth", "RATE"});
        !status.ok())
      return status;
    absl::StatusOr<double> latency = number(words[3], kTimes), bandwidth = number(words[5], kRates);
    if (!latency.ok()) return latency.status();
    if (!bandwidth.ok()) return bandwidth.status();
    if (!linkNames.try_emplace(words[1], cluster.links.size()).second)
      return error("a second link '" + words[1] + "'");
    cluster.links.push_back({words[1], *latency, *bandwidth});
    return absl::OkStatus();
  }

  absl::Status readNode() {
    if (absl::Status status = expect({"node", "NAME", "devices", "COUNT", "link", "NAME"});
        !status.ok())
      return status;
    int devices = 0;
    auto [end, code] = std::from_chars(words[3].data(), words[3].data() + words[3].size(), devices);
    if (code != std::errc() || *end || devices < 1 || devices > 4096)
      return error("'" + words[3] + "' is not a number of devices, 1 to 4096");
    absl::StatusOr<size_t> link = find(linkNames, words[5], "link");
    if (!link.ok()) return link.status();
    if (words[1] == "*" || !nodeNames.try_emplace(words[1], cluster.nodes.size()).second)
      return error("a second node '" + words[1] + "'");
    cluster.nodes.push_back({words[1], devices, *link});
    return absl::OkStatus();
  }

  absl::Status readBetween() {
    if (absl::Status status = expect({"between", "NODE", "NODE", "link", "NAME"}); !status.ok())
      return status;
    for (int i : {1, 2})
      if (words[size_t(i)] != "*")
        if (auto node = find(nodeNames, words[size_t(i)], "node"); !node.ok()) return node.status();
    absl::StatusOr<size_t> link = find(linkNames, words[4], "link");
    if (!link.ok()) return link.status();
    pairs.push_back({words[1], words[2], *link});
    return absl::OkStatus();
  }

  absl::StatusOr<Cluster> finish() {
    size_t n = cluster.nodes.size();
    if (n == 0) return error("no nodes");
    cluster.between.assign(n * n, Cluster::kNone);
    auto fits = [&](const std::string &name, size_t node) {
      return name == "*" || name == cluster.nodes[node].name;
    };
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) {
        for (const Pair &pair : pairs) // later lines are finer
          if (i != j &&
              ((fits(pair.a, i) && fits(pair.b, j)) || (fits(pair.a, j) && fits(pair.b, i))))
            cluster.between[i * n + j] = pair.link;
        if (i != j && cluster.between[i * n + j] == Cluster::kNone)
          return error(absl::StrCat("no link between ", cluster.nodes[i].name, " and ",
                                    cluster.nodes[j].name));
      }
    return cluster;
  }

  struct Pair {
    std::string a, b;
    size_t link;
  };
  const std::string &text;
  std::string file;
  int line = 0;
  std::vector<std::string> words;
  Cluster cluster;
  std::map<std::string, size_t> linkNames, nodeNames;
  std::vector<Pair> pairs;
};

} // namespace

int Cluster::devices() const {
  int sum = 0;
  for (const Node &node : nodes) sum += node.devices;
  return sum;
}

std::vector<int> Cluster::nodeOfRank() const {
  std::vector<int> result;
  for (size_t i = 0; i < nodes.size(); ++i)
    result.insert(result.end(), size_t(nodes[i].devices), static_cast<int>(i));
  return result;
}

const Link &Cluster::link(int fromNode, int toNode) const {
  if (fromNode == toNode) return links[nodes[size_t(fromNode)].link];
  return links[between[size_t(fromNode) * nodes.size() + size_t(toNode)]];
}

std::string Cluster::str() const {
  std::string text;
  for (const Link &link : links)
    absl::StrAppend(&text, "link ", link.name, " latency ", link.latency * 1e6, "us bandwidth ",
                    link.bandwidth / 1e9, "GB/s\n");
  for (const Node &node : nodes)
    absl::StrAppend(&text, "node ", node.name, " devices ", node.devices, " link ",
                    links[node.link].name, "\n");
  for (size_t i = 0; i < nodes.size(); ++i)
    for (size_t j = i + 1; j < nodes.size(); ++j)
      absl::StrAppend(&text, "between ", nodes[i].name, " ", nodes[j].name, " link ",
                      links[between[i * nodes.size() + j]].name, "\n");
  if (combine > 0) absl::StrAppend(&text, "combine ", combine / 1e9, "GB/s\n");
  return text;
}

absl::StatusOr<Cluster> parseCluster(const std::string &text, const std::string &file) {
  return Reader(text, file).read();
}

Cluster oneNode(int devices) {
  return {{{"shared", 2e-6, 5e9}}, {{"host", devices, 0}}, {Cluster::kNone}, 5e9};
}

} // namespace weir::distributed
