// Tensor: a value of a graph. A cheap handle, copied freely; its contents exist only when a
// compiled graph runs. Arg: a tensor or a number together with the line where it was passed, so
// that operators know their caller.
#pragma once

#include "frontend/api/array.h"
#include "frontend/api/error.h"

#include <concepts>
#include <initializer_list>
#include <memory>
#include <type_traits>

namespace weir {

namespace build {
class GraphState;
}
class Graph;

/// A value that a graph will compute. Operators and free functions (ops.h) make new ones, with
/// NumPy's broadcasting. dtypes never widen silently: two tensors in one op have the same dtype; a
/// number takes the tensor's.
class Tensor {
public:
  /// Belongs to no graph; passing it to an op is an error.
  Tensor() = default;

  /// All of these throw Error for an empty tensor or one whose function body was given up.
  DType dtype(Location at = Location::current()) const { return type(at).dtype; }
  const Shape &shape(Location at = Location::current()) const { return type(at).shape; }
  int64_t rank(Location at = Location::current()) const;
  /// Size of dimension `dim`; negative counts from the end.
  int64_t dim(int64_t dim, Location at = Location::current()) const;
  /// Number of elements.
  int64_t size(Location at = Location::current()) const;
  const TensorType &type(Location at = Location::current()) const;
  /// The graph that it belongs to.
  Graph graph(Location at = Location::current()) const;
  bool empty() const { return !state; }

  /// A tensor has no value while the graph is built, so C++ cannot branch on it.
  __attribute__((
      unavailable("a tensor has no value while the graph is built; use weir::cond(pred, thenBody, "
                  "elseBody) or weir::select(pred, a, b)"))) explicit
  operator bool() const;

private:
  friend class build::GraphState;
  Tensor(std::shared_ptr<build::GraphState> state, uint32_t id) : state(std::move(state)), id(id) {}

  std::shared_ptr<build::GraphState> state;
  uint32_t id = 0;
};

/// For errors of your own functions: where `tensor` was made, and "LABEL is f32[2, 3]".
Note noteOn(const Tensor &tensor, const std::string &label);

/// The tensors that a function returns. Converts to Tensor when there is exactly one.
class Results {
public:
  Results(std::vector<Tensor> tensors, Location at) : tensors(std::move(tensors)), at(at) {}

  operator Tensor() const;
  const Tensor &operator[](size_t i) const;
  size_t size() const { return tensors.size(); }
  auto begin() const { return tensors.begin(); }
  auto end() const { return tensors.end(); }
  const std::vector<Tensor> &all() const { return tensors; }

private:
  std::vector<Tensor> tensors;
  Location at;
};

template <typename T>
concept Number = std::is_arithmetic_v<T>;

/// What ops take: a tensor or a number, and the caller's line.
struct Arg {
  Arg(const Tensor &tensor, Location at = Location::current()) : tensor(tensor), at(at) {}
  Arg(const Results &results, Location at = Location::current()) : tensor(results), at(at) {}
  template <Number N>
  Arg(N number, Location at = Location::current())
      : kind(std::is_same_v<N, bool> ? Bool
             : std::is_integral_v<N> ? Int
                                     : Float),
        integer(std::is_integral_v<N> ? static_cast<int64_t>(number) : 0),
        real(static_cast<double>(number)), at(at) {}

  enum Kind { IsTensor, Bool, Int, Float };
  Kind kind = IsTensor;
  Tensor tensor;
  int64_t integer = 0;
  double real = 0;
  Location at;
};

// Arithmetic, with NumPy's broadcasting. `%` has the dividend's sign, as in C.
Tensor operator+(Arg lhs, Arg rhs);
Tensor operator-(Arg lhs, Arg rhs);
Tensor operator*(Arg lhs, Arg rhs);
Tensor operator/(Arg lhs, Arg rhs);
Tensor operator%(Arg lhs, Arg rhs);
Tensor operator-(Arg x);
// Bits of integers, truth of i1. (C++ gives && || ! to values that are known now.)
Tensor operator&(Arg lhs, Arg rhs);
Tensor operator|(Arg lhs, Arg rhs);
Tensor operator^(Arg lhs, Arg rhs);
Tensor operator~(Arg x);
// Comparisons, elementwise, -> i1.
Tensor operator==(Arg lhs, Arg rhs);
Tensor operator!=(Arg lhs, Arg rhs);
Tensor operator<(Arg lhs, Arg rhs);
Tensor operator<=(Arg lhs, Arg rhs);
Tensor operator>(Arg lhs, Arg rhs);
Tensor operator>=(Arg lhs, Arg rhs);

} // namespace weir
