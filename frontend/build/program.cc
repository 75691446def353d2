// Program and Fetched: names to positions, and the messages when they do not fit. No MLIR here.
#include "frontend/build/program_state.h"

namespace weir {

using namespace build;

namespace {

std::string listNames(const std::vector<Program::Port> &ports, bool withTypes) {
  std::string text;
  for (const Program::Port &port : ports)
    text += (text.empty() ? "" : ", ") + port.name + (withTypes ? " " + port.type.str() : "");
  return text.empty() ? "none" : text;
}

const Program::Port *find(const std::vector<Program::Port> &ports, const std::string &name) {
  for (const Program::Port &port : ports)
    if (port.name == name) return &port;
  return nullptr;
}

std::string typeOf(const Array &array) {
  return runtime::typeStr(array.dtype(), array.dims());
}

} // namespace

namespace build {

int32_t ProgramState::findOutput(const Name &name) const {
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].name == name.text) return static_cast<int32_t>(i);
  throw Error("run: there is no output '" + name.text + "'; the outputs are " +
                  listNames(outputs, false),
              name.at);
}

std::vector<Array> ProgramState::orderFeeds(const Feeds &feeds, Location at) const {
  for (const auto &[name, array] : feeds)
    if (!find(inputs, name))
      throw Error(
          "run: there is no input '" + name + "'; the inputs are " + listNames(inputs, true), at);
  std::vector<Array> ordered;
  for (const Program::Port &input : inputs) {
    auto feed = feeds.find(input.name);
    if (feed == feeds.end())
      throw Error("run: input '" + input.name + "', " + input.type.str() + ", is not fed", at);
    const Array &array = feed->second;
    if (!backend->takesBatches() &&
        (array.dtype() != input.type.dtype || array.dims() != input.type.shape))
      throw Error("run: input '" + input.name + "' is " + input.type.str() + ", but " +
                      typeOf(array) + " is fed",
                  at);
    ordered.push_back(array);
  }
  return ordered;
}

} // namespace build

const Array &Fetched::operator[](Name name) const {
  auto found = arrays.find(name.text);
  if (found != arrays.end()) return found->second;
  std::string list;
  for (const auto &[other, array] : arrays) list += (list.empty() ? "" : ", ") + other;
  throw Error("'" + name.text + "' was not fetched; " +
                  (list.empty() ? "nothing was" : "what was: " + list),
              name.at);
}

double Fetched::scalar(Name name) const {
  const Array &array = (*this)[name];
  if (array.size() == 1) return array.at(0);
  throw Error("'" + name.text + "' is " + typeOf(array) + ", not one number", name.at);
}

Fetched Program::run(const Feeds &feeds, const std::vector<std::string> &fetch, Location at) {
  std::vector<Array> ordered = shared->orderFeeds(feeds, at);
  std::vector<int32_t> positions;
  for (const std::string &name : fetch) positions.push_back(shared->findOutput(Name(name, at)));
  if (fetch.empty())
    for (size_t i = 0; i < shared->outputs.size(); ++i)
      positions.push_back(static_cast<int32_t>(i));
  std::vector<Array> values = shared->backend->run(ordered, positions, at);
  std::map<std::string, Array> named;
  for (size_t i = 0; i < positions.size(); ++i)
    named.emplace(shared->outputs[static_cast<size_t>(positions[i])].name, std::move(values[i]));
  return Fetched(std::move(named));
}

const std::vector<Program::Port> &Program::inputs() const {
  return shared->inputs;
}
const std::vector<Program::Port> &Program::outputs() const {
  return shared->outputs;
}
const std::vector<Program::Port> &Program::variables() const {
  return shared->variables;
}

static const Program::Port &requireVariable(const ProgramState &state, const Name &name) {
  if (const Program::Port *port = find(state.variables, name.text)) return *port;
  throw Error("there is no variable '" + name.text + "'; the variables are " +
                  listNames(state.variables, false),
              name.at);
}

Array Program::variable(Name name) const {
  requireVariable(*shared, name);
  return shared->backend->variable(name.text, name.at);
}

void Program::setVariable(Name name, const Array &value) {
  const Port &port = requireVariable(*shared, name);
  if (value.dtype() != port.type.dtype || value.dims() != port.type.shape)
    throw Error("variable '" + name.text + "' is " + port.type.str() + ", the value is " +
                    typeOf(value),
                name.at);
  shared->backend->setVariable(name.text, value, name.at);
}

void Program::copyVariables(const Program &other, Location at) {
  for (const Port &port : shared->variables)
    if (find(other.variables(), port.name))
      setVariable(Name(port.name, at), other.variable(Name(port.name, at)));
}

runtime::Session *Program::session() const {
  return shared->backend->runtimeSession();
}
runtime::DeviceSession *Program::deviceSession() const {
  return shared->backend->deviceSession();
}
distributed::MeshSession *Program::meshSession() const {
  return shared->backend->meshSession();
}
double Program::compileSeconds() const {
  return shared->compileSeconds;
}

} // namespace weir
