#include "frontend/models/weights.h"

#include "runtime/base/safetensors.h"

namespace weir::models {
namespace {

/// The names that a variable may have in a file.
std::vector<std::string> candidates(const std::string &name) {
  std::vector<std::string> names = {name};
  for (const auto &[now, before] : {std::pair("LayerNorm.weight", "LayerNorm.gamma"),
                                    std::pair("LayerNorm.bias", "LayerNorm.beta")})
    if (name.ends_with(now))
      names.push_back(name.substr(0, name.size() - std::string(now).size()) + before);
  const size_t plain = names.size();
  for (const char *prefix : {"bert.", "transformer.", "model."})
    for (size_t i = 0; i < plain; ++i) names.push_back(prefix + names[i]);
  return names;
}

} // namespace

std::map<std::string, std::string> loadWeights(Graph &graph, const std::string &path, Location at) {
  CallScope scope(at);
  auto file = runtime::SafetensorsFile::open(path);
  if (!file.ok()) throw Error(std::string(file.status().message()), at);
  std::map<std::string, const runtime::SafetensorsHeader::Entry *> entries;
  for (const auto &entry : file->entries()) entries[entry.name] = &entry;
  for (const Gradient &parameter : graph.trainables()) {
    const runtime::SafetensorsHeader::Entry *found = nullptr;
    for (const std::string &name : candidates(parameter.name))
      if (auto entry = entries.find(name); !found && entry != entries.end()) found = entry->second;
    if (!found) throw Error(path + ": has no tensor '" + parameter.name + "'", at);
    const TensorType &type = parameter.variable.type();
    if (found->dims != type.shape || !runtime::isFloat(found->dtype))
      throw Error(path + ": tensor '" + found->name + "' is " +
                      TensorType{found->dtype, found->dims}.str() + ", but the model has " +
                      type.str(),
                  at, {noteOn(parameter.variable, "'" + parameter.name + "'")});
    const Array value = file->tensor(*found);
    graph.initialize(parameter.variable,
                     value.dtype() == type.dtype ? value : value.cast(type.dtype), at);
  }
  return file->metadata();
}

} // namespace weir::models
