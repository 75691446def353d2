// Graph: where tensors are declared: inputs, variables, constants, outputs, updates. Building
// computes nothing. A cheap handle, like Tensor; one graph is built by one thread at a time.
#pragma once

#include "frontend/api/function.h"
#include "frontend/api/program.h"

namespace weir {

/// A trainable variable and the gradient of the loss with respect to it.
struct Gradient {
  std::string name;
  Tensor variable, gradient;
};
/// What an optimizer is: it assigns every variable its new value. nn/optimizer.h has the usual
/// ones.
using UpdateRule = std::function<void(Graph &, const std::vector<Gradient> &)>;

struct SaveOptions {
  /// A safetensors file beside the graph's, for the variables' values, under their names, and
  /// constants of 1 KiB and more; empty: everything is in one file.
  std::string weights;
  /// false: variables are declared, their values are left out.
  bool values = true;
  /// Where the values of variables come from, by name; null: the initial ones.
  const Program *program = nullptr;
};

class Graph {
public:
  /// `seed` decides the initial values that nn's layers draw.
  explicit Graph(uint64_t seed = 0, Location at = Location::current());

  /// A value that every run is fed, by name.
  Tensor input(const std::string &name, DType dtype, Shape shape,
               Location at = Location::current());
  /// A value kept between runs. `trainable` ones are what minimize works on.
  Tensor variable(const std::string &name, const Array &initial, bool trainable = true,
                  Location at = Location::current());
  /// One whose first value is made when a program first needs it; the function may be called again,
  /// from any thread, and gives the same then.
  template <std::invocable F>
  Tensor variable(const std::string &name, TensorType type, F &&initial, bool trainable = true,
                  Location at = Location::current()) {
    return declare(name, std::move(type), std::function<Array()>(std::forward<F>(initial)),
                   trainable, at);
  }
  /// Another first value for a variable; programs that are compiled later start with it.
  void initialize(const Tensor &variable, const Array &value, Location at = Location::current());
  /// A value known now.
  Tensor constant(const Array &value, Location at = Location::current());
  /// A constant scalar.
  Tensor scalar(double value, DType dtype = f32, Location at = Location::current());
  /// `value` everywhere.
  Tensor full(Shape shape, double value, DType dtype = f32, Location at = Location::current());
  Tensor zeros(Shape shape, DType dtype = f32, Location at = Location::current()) {
    return full(std::move(shape), 0, dtype, at);
  }
  /// 0, 1, 2, ... along `dim`.
  Tensor iota(DType dtype, Shape shape, int64_t dim = -1, Location at = Location::current());
  /// A value that is never read (its bits are unspecified).
  Tensor undef(DType dtype, Shape shape, Location at = Location::current());

  /// A value that a run returns, by name.
  void output(const std::string &name, Arg value);
  /// The variable's value after the run. Reading the variable gives the value before it, wherever
  /// that is written.
  void assign(const Tensor &variable, Arg value);

  /// A function of the graph, built now for these argument types. Calls do not copy it.
  template <typename F>
  Function function(const std::string &name, std::vector<TensorType> types, F &&f,
                    Location at = Location::current()) {
    return declare(Function(std::forward<F>(f), name), std::move(types), at);
  }

  /// d loss / d wrt, each with wrt's type (zeros where loss does not depend on it). loss is a float
  /// scalar.
  TensorList gradients(Arg loss, const TensorList &wrt);
  /// Computes the gradient of loss for every trainable variable it depends on (`only`: of these),
  /// and has `rule` assign their new values.
  void minimize(Arg loss, const UpdateRule &rule, const TensorList &only = {});

  /// The input or variable of that name, or else the output. Error: there is none; lists those that
  /// there are.
  Tensor tensor(const Name &name) const;
  /// Trainable variables in the order of their declaration.
  std::vector<Gradient> trainables() const;
  /// In the order of their declaration.
  std::vector<std::string> inputNames() const;
  std::vector<std::string> variableNames() const;
  uint64_t seed() const;
  /// A name nobody has yet: `wish`, or wish_1, wish_2, ...
  std::string uniqueName(const std::string &wish) const;

  /// Compiles what outputs and updates need. The graph can still grow and be compiled again.
  Program compile(CompileOptions options = {}, Location at = Location::current()) const;
  /// Writes a .weir file, whole or not at all; any language with protobuf can read it. Saving what
  /// was loaded gives the same bytes.
  void save(const std::string &path, const SaveOptions &options = {},
            Location at = Location::current()) const;
  /// The graph of a .weir file, to be compiled or to grow. Variables without a value there have
  /// none until Program::setVariable. Errors: not such a file, a newer version, damaged, a graph
  /// that does not verify.
  static Graph load(const std::string &path, Location at = Location::current());
  /// The graph in MLIR's text form, with the `weir` dialect.
  std::string toMlir(bool locations = false) const;

  /// Internal.
  const std::shared_ptr<build::GraphState> &state() const { return shared; }
  explicit Graph(std::shared_ptr<build::GraphState> state) : shared(std::move(state)) {}

private:
  Function declare(Function f, std::vector<TensorType> types, Location at);
  Tensor declare(const std::string &name, TensorType type, std::function<Array()> initial,
                 bool trainable, Location at);
  std::shared_ptr<build::GraphState> shared;
};

} // namespace weir
