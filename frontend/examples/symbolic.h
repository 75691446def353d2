// Differentiation of symbols: an expression tree that simplifies itself while it is built, gives
// its derivative as another tree, and prints as one would write it.
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <sstream>
#include <string>

namespace symbolic {

class Expression {
public:
  Expression(double number) : Expression(Number, number, "", {}) {}
  static Expression variable(const std::string &name) { return {Variable, 0, name, {}}; }

  friend Expression operator+(const Expression &a, const Expression &b) {
    if (a.is(0)) return b;
    if (b.is(0)) return a;
    if (a.isNumber() && b.isNumber()) return a.number() + b.number();
    if (b.kind() == Negate) return a - b.arg(0);
    return {Add, a, b};
  }
  friend Expression operator-(const Expression &a, const Expression &b) {
    if (b.is(0)) return a;
    if (a.is(0)) return -b;
    if (a.isNumber() && b.isNumber()) return a.number() - b.number();
    if (b.kind() == Negate) return a + b.arg(0);
    return {Subtract, a, b};
  }
  friend Expression operator-(const Expression &a) {
    if (a.isNumber()) return -a.number();
    if (a.kind() == Negate) return a.arg(0);
    return {Negate, a};
  }
  friend Expression operator*(const Expression &a, const Expression &b) {
    if (a.is(0) || b.is(0)) return 0;
    if (a.is(1)) return b;
    if (b.is(1)) return a;
    if (a.isNumber() && b.isNumber()) return a.number() * b.number();
    if (a.kind() == Negate) return -(a.arg(0) * b);
    if (b.kind() == Negate) return -(a * b.arg(0));
    if (a.kind() == Divide && a.arg(0).is(1)) return b / a.arg(1);
    return {Multiply, a, b};
  }
  friend Expression operator/(const Expression &a, const Expression &b) {
    if (a.is(0)) return 0;
    if (b.is(1)) return a;
    if (a.isNumber() && b.isNumber()) return a.number() / b.number();
    return {Divide, a, b};
  }
  friend Expression log(const Expression &a) { return {Log, a}; }
  friend Expression sin(const Expression &a) { return {Sin, a}; }
  friend Expression cos(const Expression &a) { return {Cos, a}; }

  /// d this / d the variable `name`.
  Expression derivative(const std::string &name) const {
    switch (kind()) {
    case Number:
      return 0;
    case Variable:
      return node->name == name ? 1 : 0;
    case Add:
      return arg(0).derivative(name) + arg(1).derivative(name);
    case Subtract:
      return arg(0).derivative(name) - arg(1).derivative(name);
    case Negate:
      return -arg(0).derivative(name);
    case Multiply:
      return arg(0).derivative(name) * arg(1) + arg(0) * arg(1).derivative(name);
    case Divide:
      return arg(0).derivative(name) / arg(1) - *this * arg(1).derivative(name) / arg(1);
    case Log:
      return 1 / arg(0) * arg(0).derivative(name);
    case Sin:
      return cos(arg(0)) * arg(0).derivative(name);
    case Cos:
      return -(sin(arg(0)) * arg(0).derivative(name));
    }
    return 0;
  }

  double at(const std::map<std::string, double> &values) const {
    auto a = [&](int i) { return arg(i).at(values); };
    switch (kind()) {
    case Number:
      return number();
    case Variable:
      return values.at(node->name);
    case Add:
      return a(0) + a(1);
    case Subtract:
      return a(0) - a(1);
    case Negate:
      return -a(0);
    case Multiply:
      return a(0) * a(1);
    case Divide:
      return a(0) / a(1);
    case Log:
      return std::log(a(0));
    case Sin:
      return std::sin(a(0));
    case Cos:
      return std::cos(a(0));
    }
    return 0;
  }

  std::string str() const { return str(0); }

private:
  enum Kind { Number, Variable, Add, Subtract, Negate, Multiply, Divide, Log, Sin, Cos };
  struct Node {
    Kind kind;
    double number;
    std::string name;
    std::shared_ptr<const Node> args[2];
  };

  Expression(Kind kind, double number, std::string name,
             std::pair<std::shared_ptr<const Node>, std::shared_ptr<const Node>> args)
      : node(std::make_shared<Node>(
            Node{kind, number, std::move(name), {std::move(args.first), std::move(args.second)}})) {
  }
  Expression(Kind kind, const Expression &a) : Expression(kind, 0, "", {a.node, nullptr}) {}
  Expression(Kind kind, const Expression &a, const Expression &b)
      : Expression(kind, 0, "", {a.node, b.node}) {}
  explicit Expression(std::shared_ptr<const Node> node) : node(std::move(node)) {}

  Kind kind() const { return node->kind; }
  bool isNumber() const { return kind() == Number; }
  bool is(double number) const { return isNumber() && node->number == number; }
  double number() const { return node->number; }
  Expression arg(int i) const { return Expression(node->args[i]); }

  /// In parentheses where it binds weaker than its surroundings.
  std::string str(int surroundings) const {
    auto binary = [&](const char *sign, int binds) {
      std::string text = arg(0).str(binds) + sign + arg(1).str(binds + 1);
      return binds < surroundings ? "(" + text + ")" : text;
    };
    auto function = [&](const char *name) { return name + ("(" + arg(0).str() + ")"); };
    switch (kind()) {
    case Number: {
      std::ostringstream text;
      text << number();
      return text.str();
    }
    case Variable:
      return node->name;
    case Add:
      return binary(" + ", 1);
    case Subtract:
      return binary(" - ", 1);
    case Negate:
      return "-" + arg(0).str(3);
    case Multiply:
      return binary(" * ", 2);
    case Divide:
      return binary(" / ", 2);
    case Log:
      return function("log");
    case Sin:
      return function("sin");
    case Cos:
      return function("cos");
    }
    return "";
  }

  std::shared_ptr<const Node> node;
};

} // namespace symbolic
