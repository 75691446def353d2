// Two ops of a dialect that is not the core's: records as in ir/ops, in another namespace.
#ifndef EXAMPLE
#define EXAMPLE

include "ir/ops/elementwise.td"

def Example_Dialect : Dialect {
  let name = "example";
  let cppNamespace = "::example";
}

let opDialect = Example_Dialect, cppNamespace = "::example" in {
def Example_SwishOp : Weir_UnaryOp<"swish", Pointwise, Float> {
  let summary = "x times the logistic function of x";
}
def Example_BlendOp : Weir_BinaryOp<"blend", Linear<[0, 1]>, Float> {
  let summary = "3/4 lhs + 1/4 rhs";
}
}

#endif
