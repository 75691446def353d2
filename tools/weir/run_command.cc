// `weir run`: one run of a graph, compiled or interpreted op by op, on values given on the command
// line.
#include "frontend/data/philox.h"
#include "frontend/weir.h"
#include "ir/dialect/weir.h"
#include "ir/reference/interpreter.h"
#include "passes/pipelines/pipelines.h"
#include "runtime/executor/session.h"
#include "tools/weir/commands.h"
#include "tools/weir/model_source.h"
#include "tools/weir/status.h"

#include <cstdio>
#include <map>
#include <sstream>

namespace weir::tools {

namespace {

struct RunOptions {
  std::string source;
  std::vector<std::string> values; ///< NAME=VALUE
  std::vector<std::string> printAfter;
  bool interpret = false;
  int64_t limit = 16;
};

/// An argument or result of @main.
struct Port {
  std::string name;
  DType dtype = f32;
  Shape shape;
};

Port portOf(mlir::Type type, mlir::StringAttr name, const std::string &fallback) {
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  return {name ? name.str() : fallback, *ir::dtypeOf(tensor), Shape(tensor.getShape())};
}

std::vector<Port> arguments(mlir::func::FuncOp main) {
  std::vector<Port> ports;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    auto name = main.getArgAttrOfType<mlir::StringAttr>(i, ir::kNameAttr);
    if (!name) name = main.getArgAttrOfType<mlir::StringAttr>(i, ir::kVariableAttr);
    ports.push_back(portOf(main.getArgumentTypes()[i], name, "arg" + std::to_string(i)));
  }
  return ports;
}

std::vector<Port> results(mlir::func::FuncOp main) {
  std::vector<Port> ports;
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    auto name = main.getResultAttrOfType<mlir::StringAttr>(i, ir::kNameAttr);
    auto updates = main.getResultAttrOfType<mlir::IntegerAttr>(i, ir::kUpdatesAttr);
    std::string fallback =
        updates ? arguments(main)[updates.getInt()].name : "result" + std::to_string(i);
    ports.push_back(portOf(main.getResultTypes()[i], name, fallback));
  }
  return ports;
}

/// "zeros", "ones", "random", "iota", or numbers separated by commas (one number fills the tensor).
Array parseValue(const Port &port, const std::string &text) {
  std::vector<double> values(runtime::elementCount(port.shape).value());
  if (text == "random") {
    data::Philox random(data::streamKey(0, port.name));
    for (double &v : values)
      v = runtime::isFloat(port.dtype) ? random.normal() : random.below(2);
  } else if (text == "iota") {
    for (size_t i = 0; i < values.size(); ++i) values[i] = i;
  } else if (text == "zeros" || text == "ones") {
    std::fill(values.begin(), values.end(), text == "ones");
  } else {
    std::vector<double> numbers;
    std::istringstream stream(text);
    for (std::string word; std::getline(stream, word, ',');) {
      size_t used = 0;
      try {
        numbers.push_back(std::stod(word, &used));
      } catch (const std::exception &) {
      }
      if (used == 0 || used != word.size())
        throw Error("value of " + port.name + ": '" + word +
                        "' is no number; zeros, ones, random and iota are words it may be",
                    Location::current());
    }
    if (numbers.size() != values.size() && numbers.size() != 1)
      throw Error("value of " + port.name + ": " + std::to_string(numbers.size()) +
                      " numbers for " + runtime::typeStr(port.dtype, port.shape),
                  Location::current());
    for (size_t i = 0; i < values.size(); ++i) values[i] = numbers[numbers.size() == 1 ? 0 : i];
  }
  return Array::from<double>(port.shape, values).cast(port.dtype);
}

/// Values of all arguments: those named, and random ones for the rest.
std::vector<Array> argumentValues(const std::vector<Port> &ports,
                                  const std::vector<std::string> &given) {
  std::map<std::string, std::string> texts;
  for (const std::string &word : given) {
    size_t equals = word.find('=');
    if (equals == std::string::npos)
      throw Error("--input " + word + ": NAME=VALUE is expected", Location::current());
    texts[word.substr(0, equals)] = word.substr(equals + 1);
  }
  std::vector<Array> values;
  for (const Port &port : ports) {
    auto text = texts.find(port.name);
    values.push_back(parseValue(port, text == texts.end() ? "random" : text->second));
    if (text != texts.end()) texts.erase(text);
  }
  if (!texts.empty()) {
    std::string names;
    for (const Port &port : ports) names += (names.empty() ? "" : ", ") + port.name;
    throw Error("no input is called " + texts.begin()->first + "; there are: " + names,
                Location::current());
  }
  return values;
}

/// Whether `op` is asked for: by name ("dot"), or by file:line of any frame of its location.
bool isAskedFor(mlir::Operation *op, const std::vector<std::string> &asked) {
  for (const std::string &what : asked) {
    if (op->getName().stripDialect() == what || op->getName().getStringRef() == what) return true;
    bool found = false;
    op->getLoc()->walk([&](mlir::Location loc) {
      if (auto at = mlir::dyn_cast<mlir::FileLineColLoc>(loc)) {
        std::string place = at.getFilename().str() + ":" + std::to_string(at.getLine());
        found |= place == what || llvm::StringRef(place).ends_with("/" + what);
      }
      return mlir::WalkResult::advance();
    });
    if (found) return true;
  }
  return false;
}

std::vector<Array> interpretMain(Model &model, const std::vector<Array> &values,
                                 const RunOptions &options) {
  if (failed(passes::lower(*model.module, passes::Level::Source, passes::Level::Resolved)))
    throw Error("cannot differentiate " + options.source, Location::current());
  ir::InterpretOptions interpretOptions;
  if (!options.printAfter.empty())
    interpretOptions.observe = [&](mlir::Operation *op, llvm::ArrayRef<Array> opResults) {
      if (!isAskedFor(op, options.printAfter)) return;
      for (const Array &value : opResults)
        std::printf("%s = %s\n", op->getName().getStringRef().str().c_str(),
                    value.str(options.limit).c_str());
    };
  auto outputs = ir::interpret(*model.module, "main", values, interpretOptions);
  if (failed(outputs))
    throw Error("interpreting " + options.source + " failed", Location::current());
  return *outputs;
}

/// Outputs, then new values of variables, in the order of `ports`.
std::vector<Array> runCompiled(Model &model, const std::vector<Port> &resultPorts,
                               const std::vector<Array> &values, const RunOptions &options) {
  mlir::func::FuncOp main = model.main();
  std::vector<Port> argumentPorts = arguments(main);
  std::vector<bool> isVariable, isUpdate;
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    isVariable.push_back(bool(main.getArgAttr(i, ir::kVariableAttr)));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    isUpdate.push_back(bool(main.getResultAttr(i, ir::kUpdatesAttr)));
  auto executable = passes::compileModule(*model.module);
  if (failed(executable))
    throw Error("compiling " + options.source + " failed", Location::current());
  auto session = check(runtime::Session::create(
      std::make_shared<const runtime::Executable>(std::move(*executable))));
  std::vector<Array> feeds;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!isVariable[i]) {
      feeds.push_back(values[i]);
    } else if (absl::Status status = session->setVariable(argumentPorts[i].name, values[i]);
               !status.ok()) {
      throw Error(std::string(status.message()), Location::current());
    }
  }
  std::vector<Array> fetched = check(session->run(feeds)), all;
  size_t next = 0;
  for (size_t i = 0; i < resultPorts.size(); ++i)
    all.push_back(isUpdate[i] ? check(session->getVariable(resultPorts[i].name)) : fetched[next++]);
  return all;
}

void run(const RunOptions &options) {
  if (!options.printAfter.empty() && !options.interpret)
    throw Error("--print-after needs --interpret: compiled kernels have no ops left",
                Location::current());
  Model model = loadModel(options.source);
  std::vector<Array> values = argumentValues(arguments(model.main()), options.values);
  std::vector<Port> ports = results(model.main());
  std::vector<Array> outputs = options.interpret ? interpretMain(model, values, options)
                                                 : runCompiled(model, ports, values, options);
  for (size_t i = 0; i < ports.size(); ++i)
    std::printf("%s = %s\n", ports[i].name.c_str(), outputs[i].str(options.limit).c_str());
}

} // namespace

void addRun(CLI::App &app) {
  auto *command = app.add_subcommand("run", "run a graph once and print what it returns");
  auto options = std::make_shared<RunOptions>();
  command->add_option("model", options->source, modelSourceHelp())->required();
  command->add_option("--input", options->values,
                      "NAME=VALUE for an input or variable: zeros, ones, random, iota, or numbers "
                      "separated by commas; what is not given is random");
  command->add_flag("--interpret", options->interpret,
                    "op by op with the reference interpreter, no compilation");
  command->add_option("--print-after", options->printAfter,
                      "with --interpret: values of ops by name (dot) or place (model.cc:42)");
  command->add_option("--limit", options->limit, "elements printed of each value")
      ->capture_default_str();
  command->callback([=] { run(*options); });
}

} // namespace weir::tools
