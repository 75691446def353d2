#include "tools/values/results.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace weir::tools {

Named namedOutputs(const runtime::Executable &executable, const std::vector<Array> &outputs) {
  Named named;
  for (size_t i = 0; i < outputs.size(); ++i)
    named.emplace_back(executable.outputs[i].name, outputs[i]);
  return named;
}

std::string meshText(const runtime::Executable &executable) {
  std::string text;
  for (const runtime::MeshAxis &axis : executable.mesh)
    text += (text.empty() ? "" : ",") + axis.name + "=" + std::to_string(axis.size);
  return text;
}

void printResults(const Named &results, int64_t limit) {
  for (const auto &[name, value] : results)
    std::printf("%s = %s\n", name.c_str(), value.str(limit).c_str());
}

void printResultsAsJson(const Named &results) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto &[name, value] : results)
    json[name] = {{"dtype", runtime::dtypeName(value.dtype())},
                  {"dims", value.dims()},
                  {"values", value.toDoubles()}};
  std::printf("%s\n", json.dump().c_str());
}

nlohmann::ordered_json describe(const runtime::BatchExecutable &batch) {
  using Json = nlohmann::ordered_json;
  Json inputs = Json::array(), outputs = Json::array(), variables = Json::array();
  const runtime::Executable &executable = batch.largest();
  for (size_t i = 0; i < executable.inputs.size(); ++i)
    inputs.push_back({{"name", executable.inputs[i].name}, {"type", batch.inputType(i)}});
  for (size_t i = 0; i < executable.outputs.size(); ++i)
    outputs.push_back({{"name", executable.outputs[i].name}, {"type", batch.outputType(i)}});
  for (const runtime::Variable &variable : executable.variables)
    variables.push_back(
        {{"name", variable.name}, {"type", runtime::typeStr(variable.dtype, wholeDims(variable))}});
  Json json = {{"inputs", inputs}, {"outputs", outputs}, {"variables", variables}};
  if (!executable.mesh.empty()) json["mesh"] = meshText(executable);
  if (batch.isRange()) json["batch"] = {{"most", batch.most()}, {"sizes", batch.sizes.size()}};
  return json;
}

} // namespace weir::tools
