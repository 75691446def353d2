// The state of one random graph under construction: the values in scope, with what is known about
// them, and helpers that every family of steps uses. A step adds one op, or the few that make it
// meaningful; it returns false if nothing in scope fits.
#pragma once

#include "tests/fuzz/generator.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace weir::testing {

/// A value in scope.
struct Known {
  mlir::Value value;
  double magnitude = 0; // floats: |x| is at most about this
  bool exact = false;   // the same bits on every backend: no rounding on the way

  mlir::RankedTensorType type() const {
    return mlir::cast<mlir::RankedTensorType>(value.getType());
  }
  llvm::ArrayRef<int64_t> shape() const { return type().getShape(); }
  int64_t rank() const { return type().getRank(); }
  int64_t size() const { return type().getNumElements(); }
  runtime::DType dtype() const { return dtypeOf(value.getType()); }
  bool isFloat() const { return runtime::isFloat(dtype()); }
  bool isInt() const { return !isFloat() && !isBool(); }
  bool isBool() const { return dtype() == runtime::DType::I1; }
};

/// An argument of a region.
struct Argument {
  mlir::RankedTensorType type;
  double magnitude;
  bool exact;
};

class RandomGraph;

/// A step and how often it is tried.
struct WeightedStep {
  double weight;
  bool (*step)(RandomGraph &);
};

class RandomGraph {
public:
  using Dims = llvm::SmallVector<int64_t>;
  using Filter = std::function<bool(const Known &)>;

  RandomGraph(mlir::MLIRContext *context, uint64_t seed, const GenerateOptions &options);
  mlir::OwningOpRef<mlir::ModuleOp> build();

  Rng rng;
  mlir::OpBuilder b;
  mlir::Location loc;

  /// Builds an op and counts it.
  template <class OpT, class... Args> OpT op(Args &&...args) {
    ++ops;
    return OpT::create(b, loc, std::forward<Args>(args)...);
  }
  /// Puts a value into scope, made small when `magnitude` is large. Returns what is in scope now.
  Known add(mlir::Value value, double magnitude = 0, bool exact = false);
  /// A value in scope that passes, recent ones first.
  std::optional<Known> pick(const Filter &filter);
  /// A value of `type`: one in scope, or one made out of those in scope, or a constant.
  Known valueOf(mlir::RankedTensorType type);
  /// A second operand for `x`.
  Known like(const Known &x) { return valueOf(x.type()); }
  /// `x` brought to |x| <= limit.
  Known tamed(const Known &x, double limit);
  /// |x| + offset.
  Known awayFromZero(const Known &x, double offset);
  /// A tensor of `type` with one value.
  mlir::Value splat(mlir::RankedTensorType type, double value);
  /// Random elements, small integers for an integer type: [low, high].
  Known constant(mlir::RankedTensorType type, double low = -2, double high = 2);
  mlir::RankedTensorType typeOf(llvm::ArrayRef<int64_t> shape, runtime::DType dtype);
  runtime::DType anyFloat();
  runtime::DType anyInt();
  Dims anyShape(int64_t maxRank);
  mlir::RankedTensorType anyFloatType(int64_t maxRank);

  /// Runs random steps until `count` ops have been added, at most.
  void grow(int count);
  /// Runs `fill` in a new block of `region` with arguments of `arguments`; what it puts into scope
  /// goes out of it after.
  void inRegion(mlir::Region &region, llvm::ArrayRef<Argument> arguments,
                const std::function<llvm::SmallVector<mlir::Value>()> &fill);
  /// Adds a private function whose body `fill` writes, with nothing but its arguments in scope.
  mlir::func::FuncOp
  newFunction(llvm::StringRef name, mlir::TypeRange arguments,
              const std::function<llvm::SmallVector<mlir::Value>(mlir::ValueRange)> &fill);
  /// Whether a custom_vjp may stand here: not where forward mode may be asked for.
  bool mayHaveReverseRules() const { return options.reverseRules && isMain; }
  /// A random function of the module that takes and gives values like those in scope, or null.
  mlir::func::FuncOp callee();

  int depth = 0; // of regions
  bool isDeep() const { return depth >= (options.nested ? 3 : 2); }
  const GenerateOptions options;

private:
  mlir::func::FuncOp function(llvm::StringRef name, int count);

  const std::vector<WeightedStep> steps;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Known> scope;
  std::vector<mlir::func::FuncOp> callees;
  int ops = 0, helpers = 0;
  bool isMain = false;
};

// The steps of each family.
std::vector<WeightedStep> elementwiseSteps();
std::vector<WeightedStep> layoutSteps();
std::vector<WeightedStep> contractionSteps(); // reductions and dot
std::vector<WeightedStep> indexingSteps();    // and random numbers
std::vector<WeightedStep> orderedSteps();
std::vector<WeightedStep> windowSteps();
std::vector<WeightedStep> controlSteps();
std::vector<WeightedStep> choiceSteps();   // of one among many regions
std::vector<WeightedStep> requestSteps();  // of derivatives
std::vector<WeightedStep> functionSteps(); // what is made of functions

/// No result of a step has more elements.
inline constexpr int64_t kMaxElements = 600;

} // namespace weir::testing
