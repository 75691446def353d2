// Module: what users see of the importer.
#include "frontend/import/stablehlo/importer.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace weir::stablehlo {
namespace {

/// Types of @main; Error that lists the ones that are not supported.
std::vector<TensorType> typesOf(mlir::TypeRange types, const char *what, const Source &source,
                                const ImportOptions &options, std::vector<Note> &problems) {
  std::vector<TensorType> list;
  for (auto [i, type] : llvm::enumerate(types)) {
    std::optional<TensorType> known = tensorTypeOf(type, options);
    list.push_back(known.value_or(TensorType{}));
    if (!known)
      problems.push_back({source.place(source.main), std::string(what) + " " + std::to_string(i) +
                                                         " of @main is " + textOf(type) +
                                                         ", which is not supported"});
  }
  return list;
}

} // namespace

Module Module::parse(std::string_view text, const std::string &file, ImportOptions options,
                     Location) {
  Module module;
  module.options = options;
  module.source = Source::parse(text, file);
  Source &source = *module.source;
  std::vector<Note> problems;
  mlir::FunctionType type = source.main.getFunctionType();
  module.argumentTypes = typesOf(type.getInputs(), "argument", source, options, problems);
  module.resultTypes = typesOf(type.getResults(), "result", source, options, problems);
  if (problems.empty()) return module;
  throw Error(problems[0].message, problems[0].at, {problems.begin() + 1, problems.end()}, "");
}

Module Module::read(const std::string &path, ImportOptions options, Location at) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw Error("cannot open " + path + ": " + std::strerror(errno), at);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  return parse(text, path, options, at);
}

Function Module::function(Graph &graph, Location at) const {
  // The body runs now, in this call; the function that it makes is never built again.
  auto body = [source = source, options = options, graph](const TensorList &args) {
    return Importer(source, options, graph).importMain(args);
  };
  return graph.function(graph.uniqueName("imported"), argumentTypes, body, at);
}

Graph Module::graph(std::vector<Check> *checks, Location at) const {
  Graph graph(0, at);
  TensorList args;
  CallScope scope(source->place(source->main));
  for (size_t i = 0; i < argumentTypes.size(); ++i)
    args.push_back(
        graph.input("arg" + std::to_string(i), argumentTypes[i].dtype, argumentTypes[i].shape));
  Importer importer(source, options, graph);
  importer.tilings = applyMesh(*source, graph);
  importer.wantChecks = checks != nullptr;
  TensorList results = importer.importMain(args);
  for (size_t i = 0; i < results.size() && importer.tilings; ++i)
    results[i] =
        tiled(*importer.tilings, source->main.getResultAttr(static_cast<unsigned>(i), kTilingAttr),
              {results[i]})[0];
  for (size_t i = 0; i < results.size(); ++i)
    graph.output("result" + std::to_string(i), results[i]);
  for (size_t i = 0; i < importer.checks.size(); ++i) {
    Check check = importer.checks[i];
    check.actual = "check" + std::to_string(i) + ".actual";
    check.expected = "check" + std::to_string(i) + ".expected";
    graph.output(check.actual, importer.checked[2 * i]);
    graph.output(check.expected, importer.checked[2 * i + 1]);
    checks->push_back(check);
  }
  return graph;
}

bool isStablehlo(std::string_view text) {
  for (const char *mark : {"\"stablehlo.", "\"chlo.", "#stablehlo", "\"check.expect"})
    if (text.find(mark) != std::string_view::npos) return true;
  return false;
}

} // namespace weir::stablehlo
