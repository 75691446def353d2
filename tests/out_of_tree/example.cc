// All that an op is: its record (example.td) gives the shape rule and the verifier; here are its
// derivative, what the interpreter does, its scalar body for kernels, and its function. Nothing in
// the core knows of it.
#include "tests/out_of_tree/example.h"

#include "autodiff/models/models.h"
#include "codegen/cpu/math/math.h"
#include "codegen/lower/bodies.h"
#include "frontend/build/emit.h"
#include "ir/extensions/extensions.h"
#include "ir/reference/frame.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using weir::ir::Derivative; // records name its kinds without a namespace

#include "tests/out_of_tree/example_dialect.cc.inc"
#define GET_OP_CLASSES
#include "tests/out_of_tree/example.cc.inc"

using namespace mlir;

namespace example {

static void addRules(weir::autodiff::DerivativeRules &c) {
  using namespace weir::autodiff;
  pointwise<SwishOp>(c, [](auto x, Expr y) {
    Expr s = unary<weir::ir::LogisticOp>(x);
    return s * (x * (1.0 - s) + 1.0);
  });
  linear<BlendOp>(c, [](RuleBuilder &b, BlendOp, Value ct, unsigned operand) -> Value {
    return Expr(b, ct) * (operand == 0 ? 0.75 : 0.25);
  });
}

static void addEvaluators(weir::ir::reference::Evaluators &table) {
  using namespace weir::ir::reference;
  table.add<SwishOp>([](SwishOp op, Frame &frame) {
    return evaluateFloats(op, frame,
                          [](ArrayRef<double> x) { return x[0] / (1 + std::exp(-x[0])); });
  });
  table.add<BlendOp>([](BlendOp op, Frame &frame) {
    return evaluateFloats(op, frame, [](ArrayRef<double> x) { return 0.75 * x[0] + 0.25 * x[1]; });
  });
}

static void addBodies(weir::codegen::ElementwiseBodies &bodies) {
  using weir::codegen::TargetInfo;
  bodies.add<SwishOp>(
      [](ImplicitLocOpBuilder &b, Operation *, ValueRange x, const TargetInfo &target) -> Value {
        Value s = weir::codegen::emitElementwise(b, "logistic", x, target);
        return arith::MulFOp::create(b, x[0], s);
      });
  bodies.add<BlendOp>(
      [](ImplicitLocOpBuilder &b, Operation *, ValueRange x, const TargetInfo &) -> Value {
        auto scaled = [&](Value value, double factor) -> Value {
          Type element = getElementTypeOrSelf(value);
          TypedAttr number = b.getFloatAttr(element, factor);
          if (auto vector = dyn_cast<VectorType>(value.getType()))
            number = DenseElementsAttr::get(vector, number);
          return arith::MulFOp::create(b, value, arith::ConstantOp::create(b, number));
        };
        return arith::AddFOp::create(b, scaled(x[0], 0.75), scaled(x[1], 0.25));
      });
}

void ExampleDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "tests/out_of_tree/example.cc.inc"
      >();
  addRules(addInterface<weir::autodiff::DerivativeRules>());
  addEvaluators(addInterface<weir::ir::reference::DialectEvaluators>().table);
  addBodies(addInterface<weir::codegen::ElementwiseBodies>());
}

void registerOps() {
  weir::ir::registerExtension([](DialectRegistry &registry) { registry.insert<ExampleDialect>(); });
}

weir::Tensor swish(weir::Arg x) {
  return weir::build::emit("example.swish", {{weir::build::tensorOf("swish", x), "operand"}}, {},
                           x.at);
}

weir::Tensor blend(weir::Arg lhs, weir::Arg rhs) {
  return weir::build::emitBinary("example.blend", lhs, rhs);
}

} // namespace example
