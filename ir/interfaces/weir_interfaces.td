// The op interfaces that the rest of the house asks instead of naming ops.
#ifndef WEIR_INTERFACES
#define WEIR_INTERFACES

include "mlir/IR/OpBase.td"

def Weir_OpInterface : OpInterface<"WeirOp"> {
  let cppNamespace = "::weir::ir";
  let description = "What every op of the dialect declares: its family and its derivative class.";
  let methods = [
    StaticInterfaceMethod<"The family, which is also the file that defines the op.",
                          "::weir::ir::Family", "family">,
    StaticInterfaceMethod<"How the op is differentiated.",
                          "::weir::ir::Derivative", "derivativeClass">,
  ];
}

def Weir_IterationSpaceInterface : OpInterface<"IterationSpaceOp"> {
  let cppNamespace = "::weir::ir";
  let description = "Ops described by loops; shape rule, FLOPs, bytes, fusion and sharding derive from it.";
  let methods = [
    InterfaceMethod<"The loops, and how each dimension of each operand and result runs along them.",
                    "::llvm::FailureOr<::weir::ir::IterationSpace>", "iterationSpace">,
    StaticInterfaceMethod<"Floating point operations a point of the iteration space.",
                          "int64_t", "flopsPerPoint">,
    StaticInterfaceMethod<"The dtypes that operand 0 may have; the result's where there are no operands.",
                          "::weir::ir::DtypeClass", "dtypes">,
  ];
}

#endif
