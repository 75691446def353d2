// Names to shardings.
#include "frontend/models/parallel.h"

#include "distributed/sharding/sharding.h"

#include <algorithm>
#include <limits>

namespace weir::models {
namespace {

using Axes = std::vector<std::string>;

bool endsWithAny(const std::string &name, const std::vector<std::string> &ends) {
  return std::ranges::any_of(ends, [&](const std::string &end) { return name.ends_with(end); });
}

class Parallelizer {
public:
  Parallelizer(Graph &graph, const Mesh &mesh, const ParallelOptions &options, Location at)
      : graph(graph), mesh(*distributed::parseMesh(mesh.str())), options(options) {
    const std::vector<std::string> known = {"data", "sequence", "model", "expert"};
    for (const distributed::MeshAxis &axis : this->mesh.axes)
      if (std::ranges::find(known, axis.name) == known.end())
        throw Error("mesh " + mesh.str() + ": an axis is data, sequence, model or expert, not " +
                        axis.name,
                    at);
    if (options.zero < 0 || options.zero > 3)
      throw Error("zero is " + std::to_string(options.zero) + ", but must be 0, 1, 2 or 3", at);
    if (options.zero && !has("data"))
      throw Error("zero splits state over the axis data, which mesh " + mesh.str() + " lacks", at);
  }

  void run() {
    for (const std::string &name : graph.inputNames()) {
      Axes axes(rankOf(name));
      if (!axes.empty() && has("data")) axes[0] = "data";
      if (axes.size() > 1 && has("sequence")) axes[1] = "sequence";
      shard(graph, name, axes);
    }
    std::vector<std::string> parameters;
    for (const Gradient &parameter : graph.trainables()) parameters.push_back(parameter.name);
    for (const std::string &name : parameters) {
      Axes axes = ofParameter(name);
      shard(graph, name, options.zero == 3 ? withData(name, axes) : axes);
    }
    // State of the optimizer is named after the parameter, and lies like it.
    for (const std::string &name : graph.variableNames())
      for (const std::string &parameter : parameters)
        if (name.starts_with(parameter + ".") &&
            graph.tensor(name).shape() == graph.tensor(parameter).shape() &&
            std::ranges::find(parameters, name) == parameters.end()) {
          Axes axes = ofParameter(parameter);
          shard(graph, name, options.zero ? withData(name, axes) : axes);
        }
  }

private:
  bool has(const std::string &axis) const { return mesh.find(axis).has_value(); }
  int64_t size(const std::string &axis) const { return mesh.axes[size_t(*mesh.find(axis))].size; }
  size_t rankOf(const std::string &name) const {
    return static_cast<size_t>(graph.tensor(name).rank());
  }

  Axes ofParameter(const std::string &name) const {
    Axes axes(rankOf(name));
    if (name.find(".moe.") != std::string::npos) {
      if (has("expert") && !name.ends_with(".router") && !axes.empty()) axes[0] = "expert";
      return axes;
    }
    if (!has("model")) return axes;
    const bool isColumns =
        endsWithAny(name, {".up.weight", ".gate.weight", ".query.weight", ".key.weight",
                           ".value.weight", ".c_fc.weight", "head.weight"});
    const bool isRows = endsWithAny(
        name, {".down.weight", ".out.weight", ".c_proj.weight", "token.weight", "wte.weight"});
    const bool isBias = endsWithAny(
        name, {".up.bias", ".gate.bias", ".query.bias", ".key.bias", ".value.bias", ".c_fc.bias"});
    if (axes.size() == 2 && isColumns) axes[1] = "model";
    if (axes.size() == 2 && isRows) axes[0] = "model";
    if (axes.size() == 1 && isBias) axes[0] = "model";
    return axes;
  }

  /// Also split over the data axis, along the longest dim that nothing splits yet.
  Axes withData(const std::string &name, Axes axes) const {
    const Shape &shape = graph.tensor(name).shape();
    int best = -1;
    for (size_t d = 0; d < axes.size(); ++d)
      if (axes[d].empty() && shape[d] >= size("data") &&
          (best < 0 || shape[d] > shape[static_cast<size_t>(best)]))
        best = static_cast<int>(d);
    if (best >= 0) axes[static_cast<size_t>(best)] = "data";
    return axes;
  }

  Graph &graph;
  distributed::Mesh mesh;
  const ParallelOptions &options;
};

} // namespace

void parallelize(Graph &graph, const Mesh &mesh, const ParallelOptions &options, Location at) {
  CallScope scope(at);
  Parallelizer parallelizer(graph, mesh, options, at);
  useMesh(graph, mesh);
  if (options.bucketBytes || options.zero == 1)
    bucketReductions(
        graph, options.bucketBytes ? options.bucketBytes : std::numeric_limits<int64_t>::max(), at);
  parallelizer.run();
}

} // namespace weir::models
