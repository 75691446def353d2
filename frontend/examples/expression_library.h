// Differentiation by a library of elementary functions: each knows its value and its slope, and the
// type of an expression remembers how they were combined, so that the chain rule unrolls while the
// program is compiled. Nothing is recorded at run time.
#pragma once

#include <cmath>

namespace elementary {

/// Adds what reaches it to the derivative with respect to one variable.
struct Input {
  double value;
  double *derivative;
  void chain(double slope) const { *derivative += slope; }
};

template <typename E>
concept Expression = requires(const E &e) {
  e.value;
  e.chain(1.0);
};

/// F of an expression.
template <typename F, Expression X> struct Unary {
  X x;
  double value;
  explicit Unary(X x) : x(x), value(F::value(x.value)) {}
  void chain(double slope) const { x.chain(slope * F::slope(x.value, value)); }
};
template <typename F, Expression A, Expression B> struct Binary {
  A a;
  B b;
  double value;
  Binary(A a, B b) : a(a), b(b), value(F::value(a.value, b.value)) {}
  void chain(double slope) const {
    a.chain(slope * F::slopeA(a.value, b.value));
    b.chain(slope * F::slopeB(a.value, b.value));
  }
};

struct Log {
  static double value(double x) { return std::log(x); }
  static double slope(double x, double) { return 1 / x; }
};
struct Sin {
  static double value(double x) { return std::sin(x); }
  static double slope(double x, double) { return std::cos(x); }
};
struct Add {
  static double value(double a, double b) { return a + b; }
  static double slopeA(double, double) { return 1; }
  static double slopeB(double, double) { return 1; }
};
struct Subtract {
  static double value(double a, double b) { return a - b; }
  static double slopeA(double, double) { return 1; }
  static double slopeB(double, double) { return -1; }
};
struct Multiply {
  static double value(double a, double b) { return a * b; }
  static double slopeA(double, double b) { return b; }
  static double slopeB(double a, double) { return a; }
};

template <Expression X> auto log(X x) {
  return Unary<Log, X>(x);
}
template <Expression X> auto sin(X x) {
  return Unary<Sin, X>(x);
}
template <Expression A, Expression B> auto operator+(A a, B b) {
  return Binary<Add, A, B>(a, b);
}
template <Expression A, Expression B> auto operator-(A a, B b) {
  return Binary<Subtract, A, B>(a, b);
}
template <Expression A, Expression B> auto operator*(A a, B b) {
  return Binary<Multiply, A, B>(a, b);
}

} // namespace elementary
