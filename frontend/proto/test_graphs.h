// A graph with every kind of attribute, region and location that a file can hold, for the tests.
#pragma once

#include "frontend/proto/graph_file.h"

#include "ir/dialect/weir.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <string>

namespace weir::graph_file {

inline constexpr const char *kGraph = R"(
#a = loc("model.py":3:7)
#b = loc("train.py":9:1)
#call = loc(callsite(#a at #b))
module attributes {weir.title = "all kinds"} {
  func.func @main(%x: tensor<2x3xf32> {weir.name = "x"} loc("model.py":1:1),
                  %w: tensor<3x3xf32> {weir.variable = "w"} loc(unknown))
      -> (tensor<2x3xf32> {weir.name = "y"}, tensor<3x3xf32> {weir.updates = 1 : i64}) {
    %c = weir.constant dense<[[1.0, 2.0, 3.0], [4.0, 0x7FC00001, -0.0]]> : tensor<2x3xf32> loc(#call)
    %t = weir.constant dense<[true, false, true]> : tensor<3xi1>
    %s = weir.constant dense<0.5> : tensor<2x3xf32> loc("tangent"(#call))
    %e = weir.constant dense<> : tensor<0x4xui8>
    %k = weir.constant dense<[-1, 2]> : tensor<2xi64> loc(fused<"note">[#a, "cotangent"(#b)])
    %d = weir.dot %x, %w batch = [] x [] contract = [1] x [0] : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32> loc(#call)
    %p = weir.compare lt %d, %c : tensor<2x3xf32> loc("model.py":4:1 to 5:2)
    %q = weir.select %p, %d, %s : (tensor<2x3xi1>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
    %r = weir.scan inits(%q) xs() trips = 3 reverse : (tensor<2x3xf32>) -> tensor<2x3xf32> {
    ^bb0(%a: tensor<2x3xf32> loc(#a)):
      %n = weir.add %a, %c : tensor<2x3xf32> loc(#a)
      weir.yield %n : tensor<2x3xf32>
    } loc(#b)
    %i = weir.convert %r to f64 : (tensor<2x3xf32>) -> tensor<2x3xf64>
    %z = weir.call @helper(%r) {weir.extra = [1 : i32, 2.5 : f16, unit, {k = true, l = ui8}, array<i32: 1, -2>, tensor<2xi1>, @helper, 200 : ui8]} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    return %z, %w : tensor<2x3xf32>, tensor<3x3xf32>
  } loc(#a)
  func.func private @helper(%x: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {weir.note = "h"} {
    %0 = weir.tanh %x : tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
})";

struct Graph {
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  Graph() { context.loadDialect<ir::WeirDialect, mlir::func::FuncDialect>(); }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text) {
    return mlir::parseSourceString<mlir::ModuleOp>(text, &context, "test.mlir");
  }
  static std::string print(mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module->print(stream, mlir::OpPrintingFlags().enableDebugInfo());
    return text;
  }
};

} // namespace weir::graph_file
