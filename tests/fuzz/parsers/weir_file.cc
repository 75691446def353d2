// .weir graph files. A graph that is taken is written again, and read once more to the same bytes.
#include "frontend/proto/test_graphs.h"
#include "frontend/proto/weir.pb.h"
#include "tests/fuzz/parsers/mutation.h"

#include <cstdlib>

namespace weir::fuzz {

std::vector<std::string> seeds() {
  graph_file::Graph graph;
  return {graph_file::exportGraph(*graph.parse(graph_file::kGraph))};
}

bool accepts(std::string_view bytes) {
  // Attributes live as long as their context: a new one now and then bounds memory.
  static std::unique_ptr<graph_file::Graph> graph;
  static int uses = 0;
  if (uses++ % 500 == 0) graph = std::make_unique<graph_file::Graph>();
  try {
    auto module = graph_file::importGraph(bytes, graph->context, "fuzz.weir");
    const std::string once = graph_file::exportGraph(*module);
    auto again = graph_file::importGraph(once, graph->context, "again.weir");
    if (graph_file::exportGraph(*again) != once) std::abort();
    return true;
  } catch (const Error &) {
    return false;
  }
}

std::string mutate(const std::string &bytes, Random &random) {
  proto::Graph graph;
  if (!graph.ParseFromString(bytes)) return bytes;
  // Another op with the same operands.
  static const std::vector<std::string> names = {
      "weir.add",         "weir.dot",      "weir.scan",         "weir.while",   "weir.if",
      "weir.yield",       "weir.sweep",    "weir.call",         "weir.vjp",     "weir.sort",
      "weir.concatenate", "weir.gather",   "weir.pad",          "weir.reshape", "weir.unfold",
      "weir.iota",        "weir.constant", "func.return",       "func.func",    "weir.launch",
      "weir.convert",     "weir.fold",     "weir.dynamic_slice"};
  if (random() % 4)
    mutateMessage(graph, random);
  else
    renameField(graph, "name", names, random);
  return graph.SerializeAsString();
}

} // namespace weir::fuzz
