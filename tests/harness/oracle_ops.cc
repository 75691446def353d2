// Each op is one call of the tape's function of the same meaning.
#include "tests/harness/oracle_ops.h"

namespace weir::testing {

using autodiff::Dual;
using tape::Shape, tape::Tensor;

static Shape list(llvm::ArrayRef<int64_t> values) {
  return values.vec();
}

namespace {

template <typename T> class Table {
public:
  using List = std::vector<Tensor<T>>;

  llvm::StringMap<OracleOp<T>> take() {
    addUnary();
    addBinary();
    addLayout();
    addReductions();
    addIndexing();
    addContractions();
    addOrder();
    return std::move(table);
  }

private:
  /// f(op, operands) -> the result.
  template <class OpT, class F> void add(F f) {
    table[OpT::getOperationName()] = [f](mlir::Operation *op, const List &x) {
      return List{f(mlir::cast<OpT>(op), x)};
    };
  }
  template <class OpT, class F> void unary(F f) {
    add<OpT>([f](OpT, const List &x) { return f(x[0]); });
  }
  template <class OpT, class F> void binary(F f) {
    add<OpT>([f](OpT, const List &x) { return f(x[0], x[1]); });
  }

  void addUnary() {
    unary<ir::AbsOp>([](auto &x) { return abs(x); });
    unary<ir::NegOp>([](auto &x) { return -x; });
    unary<ir::ExpOp>([](auto &x) { return exp(x); });
    unary<ir::Expm1Op>([](auto &x) { return expm1(x); });
    unary<ir::LogOp>([](auto &x) { return log(x); });
    unary<ir::Log1pOp>([](auto &x) { return log1p(x); });
    unary<ir::SqrtOp>([](auto &x) { return sqrt(x); });
    unary<ir::RsqrtOp>([](auto &x) { return rsqrt(x); });
    unary<ir::CbrtOp>([](auto &x) { return cbrt(x); });
    unary<ir::TanhOp>([](auto &x) { return tanh(x); });
    unary<ir::LogisticOp>([](auto &x) { return logistic(x); });
    unary<ir::SinOp>([](auto &x) { return sin(x); });
    unary<ir::CosOp>([](auto &x) { return cos(x); });
    unary<ir::TanOp>([](auto &x) { return tan(x); });
    unary<ir::ErfOp>([](auto &x) { return erf(x); });
    unary<ir::ErfcOp>([](auto &x) { return erfc(x); });
    unary<ir::ErfInvOp>([](auto &x) { return erfInv(x); });
    unary<ir::LgammaOp>([](auto &x) { return lgamma(x); });
    unary<ir::DigammaOp>([](auto &x) { return digamma(x); });
    unary<ir::ConvertOp>([](auto &x) { return x; });
  }

  void addBinary() {
    binary<ir::AddOp>([](auto &x, auto &y) { return x + y; });
    binary<ir::SubOp>([](auto &x, auto &y) { return x - y; });
    binary<ir::MulOp>([](auto &x, auto &y) { return x * y; });
    binary<ir::DivOp>([](auto &x, auto &y) { return x / y; });
    binary<ir::RemOp>([](auto &x, auto &y) { return rem(x, y); });
    binary<ir::PowOp>([](auto &x, auto &y) { return pow(x, y); });
    binary<ir::MaxOp>([](auto &x, auto &y) { return max(x, y); });
    binary<ir::MinOp>([](auto &x, auto &y) { return min(x, y); });
    binary<ir::Atan2Op>([](auto &x, auto &y) { return atan2(x, y); });
    binary<ir::ZetaOp>([](auto &x, auto &y) { return zeta(x, y); });
    add<ir::SelectOp>([](ir::SelectOp, auto &x) { return select(x[0], x[1], x[2]); });
  }

  void addLayout() {
    add<ir::BroadcastOp>(
        [](auto op, auto &x) { return broadcast(x[0], list(op.getShape()), list(op.getDims())); });
    add<ir::ReshapeOp>([](auto op, auto &x) { return reshape(x[0], list(op.getShape())); });
    add<ir::TransposeOp>(
        [](auto op, auto &x) { return transpose(x[0], list(op.getPermutation())); });
    add<ir::SliceOp>([](auto op, auto &x) {
      return slice(x[0], list(op.getStarts()), list(op.getLimits()), list(op.getStrides()));
    });
    add<ir::PadOp>([](auto op, auto &x) {
      return pad(x[0], x[1], list(op.getLow()), list(op.getHigh()), list(op.getInterior()));
    });
    add<ir::ConcatenateOp>([](auto op, auto &x) { return concatenate(x, op.getDim()); });
    add<ir::ReverseOp>([](auto op, auto &x) { return reverse(x[0], list(op.getDims())); });
    add<ir::UnfoldOp>([](auto op, auto &x) {
      return unfold(x[0], x[1],
                    {list(op.getDims()), list(op.getWindow()), list(op.getStrides()),
                     list(op.getDilations()), list(op.getLow()), list(op.getHigh())});
    });
    add<ir::FoldOp>([](auto op, auto &x) {
      return fold(x[0],
                  {list(op.getDims()),
                   {},
                   list(op.getStrides()),
                   list(op.getDilations()),
                   list(op.getLow()),
                   {}},
                  list(op.getSizes()));
    });
    table[ir::BarrierOp::getOperationName()] = [](mlir::Operation *, const List &x) { return x; };
  }

  void addReductions() {
    add<ir::ReduceSumOp>([](auto op, auto &x) { return reduceSum(x[0], list(op.getDims())); });
    add<ir::ReduceMaxOp>([](auto op, auto &x) { return reduceMax(x[0], list(op.getDims())); });
    add<ir::ReduceMinOp>([](auto op, auto &x) { return reduceMin(x[0], list(op.getDims())); });
    add<ir::ReduceProdOp>([](auto op, auto &x) { return reduceProd(x[0], list(op.getDims())); });
  }

  template <class OpT, class F> void scatter(F f) {
    add<OpT>([f](OpT op, auto &x) { return f(x[0], x[1], x[2], op.getDim(), op.getBatchDims()); });
  }
  static Shape starts(const List &x, size_t from) {
    Shape numbers;
    for (size_t i = from; i < x.size(); ++i)
      numbers.push_back(static_cast<int64_t>(std::clamp(x[i].at(0), -1e9, 1e9)));
    return numbers;
  }

  void addIndexing() {
    add<ir::GatherOp>(
        [](auto op, auto &x) { return gather(x[0], x[1], op.getDim(), op.getBatchDims()); });
    scatter<ir::ScatterAddOp>([](const auto &...x) { return scatterAdd(x...); });
    scatter<ir::ScatterMulOp>([](const auto &...x) { return scatterMul(x...); });
    scatter<ir::ScatterMaxOp>([](const auto &...x) { return scatterMax(x...); });
    scatter<ir::ScatterMinOp>([](const auto &...x) { return scatterMin(x...); });
    scatter<ir::ScatterSetOp>([](const auto &...x) { return scatterSet(x...); });
    add<ir::DynamicSliceOp>(
        [](auto op, auto &x) { return dynamicSlice(x[0], starts(x, 1), list(op.getSizes())); });
    add<ir::DynamicUpdateSliceOp>(
        [](auto, auto &x) { return dynamicUpdateSlice(x[0], x[1], starts(x, 2)); });
  }

  void addContractions() {
    add<ir::DotOp>([](auto op, auto &x) {
      return dot(x[0], x[1],
                 {list(op.getLhsBatch()), list(op.getRhsBatch()), list(op.getLhsContract()),
                  list(op.getRhsContract())});
    });
    add<ir::ConvolutionOp>([](auto op, auto &x) {
      return convolution(x[0], x[1],
                         {list(op.getStrides()), list(op.getLow()), list(op.getHigh()),
                          list(op.getLhsDilation()), list(op.getRhsDilation())});
    });
  }

  template <class OpT, class F> void running(F f) {
    add<OpT>([f](OpT op, auto &x) { return f(x[0], op.getDim(), op.getReverse()); });
  }

  void addOrder() {
    running<ir::CumulativeSumOp>([](auto... x) { return cumsum(x...); });
    running<ir::CumulativeProdOp>([](auto... x) { return cumprod(x...); });
    running<ir::CumulativeMaxOp>([](auto... x) { return cummax(x...); });
    running<ir::CumulativeMinOp>([](auto... x) { return cummin(x...); });
    running<ir::CumulativeLogsumexpOp>([](auto... x) { return cumlogsumexp(x...); });
    add<ir::LinearRecurrenceOp>([](auto op, auto &x) {
      return linearRecurrence(x[0], x[1], op.getDim(), op.getReverse());
    });
    table[ir::SortOp::getOperationName()] = [](mlir::Operation *op, const List &x) {
      return sorted(mlir::cast<ir::SortOp>(op), x);
    };
  }

  static List sorted(ir::SortOp op, const List &x) {
    auto below = [&](int64_t i, int64_t j) {
      for (uint64_t key = 0; key < op.getNumKeys(); ++key) {
        const double a = x[key].at(i), b = x[key].at(j);
        const bool aIsNan = a != a, bIsNan = b != b;
        if (a < b || (bIsNan && !aIsNan)) return true;
        if (b < a || (aIsNan && !bIsNan)) return false;
      }
      return false;
    };
    Tensor<T> order = tape::permutation<T>(x[0].shape(), op.getDim(), [&](int64_t i, int64_t j) {
      return op.getDescending() ? below(j, i) : below(i, j);
    });
    List results;
    for (const Tensor<T> &each : x) results.push_back(takeAlong(each, order, op.getDim()));
    return results;
  }

  llvm::StringMap<OracleOp<T>> table;
};

} // namespace

template <typename T> const llvm::StringMap<OracleOp<T>> &oracleOps() {
  static const llvm::StringMap<OracleOp<T>> table = Table<T>().take();
  return table;
}

template const llvm::StringMap<OracleOp<double>> &oracleOps<double>();
template const llvm::StringMap<OracleOp<Dual<double>>> &oracleOps<Dual<double>>();

} // namespace weir::testing
