// Base classes of op records: derivative class, dtypes, and ops described by an IterationSpace.
#ifndef WEIR_OPS_BASE
#define WEIR_OPS_BASE

include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "ir/dialect/weir_dialect.td"
include "ir/interfaces/weir_interfaces.td"

// ---- Derivative classes; the operand lists name those in which the op is linear ----
class Derivative<string expression> { string cpp = expression; }
def Zero : Derivative<"Derivative{Derivative::Zero, {}}">;
def Pointwise : Derivative<"Derivative{Derivative::Pointwise, {}}">;
def ByHand : Derivative<"Derivative{Derivative::ByHand, {}}">;
class Linear<list<int> operands> : Derivative<
    "Derivative{Derivative::Linear, {" # !interleave(operands, ", ") # "}}">;
class Multilinear<list<int> operands> : Derivative<
    "Derivative{Derivative::Multilinear, {" # !interleave(operands, ", ") # "}}">;

// ---- Which element types operand 0 may have, or the result of an op without operands ----
class Dtypes<string name> { string cpp = "::weir::ir::DtypeClass::" # name; }
def Float : Dtypes<"Float">;          // f16, bf16, f32, f64
def Integer : Dtypes<"Integer">;      // i8 to i64, ui8 to ui64
def Numeric : Dtypes<"Numeric">;      // floats and integers
def Bitwise : Dtypes<"Bitwise">;      // integers and i1
def AnyDtype : Dtypes<"Any">;
def I32Only : Dtypes<"I32">;

class Weir_Op<string mnemonic, string family, Derivative derivative, list<Trait> traits = []>
    : Op<Weir_Dialect, mnemonic, !listconcat([DeclareOpInterfaceMethods<Weir_OpInterface>], traits)> {
  code weirDefinition = [{
    ::weir::ir::Family $cppClass::family() { return ::weir::ir::Family::}] # family # [{; }
    ::weir::ir::Derivative $cppClass::derivativeClass() { return ::weir::ir::}] # derivative.cpp # [{; }
  }];
  let extraClassDefinition = weirDefinition;
}

// An op whose result type, verifier, FLOPs and lowering derive from its IterationSpace. `element` is a C++
// expression for the result's element type over the adaptor `op`; `dtypes` restricts operand 0.
class Weir_SpaceOp<string mnemonic, string family, Derivative derivative, Dtypes dtypes, int flops,
                   string element, list<Trait> traits = []>
    : Weir_Op<mnemonic, family, derivative, !listconcat(
          [Pure, InferTypeOpAdaptor, DeclareOpInterfaceMethods<Weir_IterationSpaceInterface>], traits)> {
  code spaceDeclaration = [{
    static ::llvm::FailureOr<::weir::ir::IterationSpace> iterationSpace(Adaptor op, ::weir::ir::EmitError error);
    static ::llvm::FailureOr<::mlir::Type> elementType(Adaptor op, ::weir::ir::EmitError error);
  }];
  code spaceDefinition = [{
    int64_t $cppClass::flopsPerPoint() { return }] # flops # [{; }
    ::weir::ir::DtypeClass $cppClass::dtypes() { return }] # dtypes.cpp # [{; }
    ::llvm::FailureOr<::mlir::Type> $cppClass::elementType(Adaptor op, ::weir::ir::EmitError error) {
      if (failed(::weir::ir::checkDtypes(op.getOperands(), dtypes(), error))) return ::mlir::failure();
      return ::weir::ir::checkResultDtype(}] # element # [{,
          op.getOperands().empty() ? dtypes() : ::weir::ir::DtypeClass::Any, error);
    }
    ::llvm::FailureOr<::weir::ir::IterationSpace> $cppClass::iterationSpace() {
      return iterationSpace(Adaptor(*this), [&] { return emitError(); });
    }
    ::llvm::LogicalResult $cppClass::inferReturnTypes(::mlir::MLIRContext *context,
        std::optional<::mlir::Location> location, Adaptor op, ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return ::weir::ir::inferFromIterationSpace<$cppClass>(context, location, op, types);
    }
  }];
  let extraClassDeclaration = spaceDeclaration;
  let extraClassDefinition = weirDefinition # spaceDefinition;
  let results = (outs AnyRankedTensor:$result);
}

defvar operandElement = "::weir::ir::elementOf(op.getOperands()[0])";

#endif
