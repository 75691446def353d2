// The dialect and its attributes.
#ifndef WEIR_DIALECT
#define WEIR_DIALECT

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Weir_Dialect : Dialect {
  let name = "weir";
  let cppNamespace = "::weir::ir";
  let summary = "static dataflow graph";
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

def Weir_CompareDirection : I32EnumAttr<"CompareDirection", "how two values are compared", [
    I32EnumAttrCase<"eq", 0>, I32EnumAttrCase<"ne", 1>, I32EnumAttrCase<"lt", 2>,
    I32EnumAttrCase<"le", 3>, I32EnumAttrCase<"gt", 4>, I32EnumAttrCase<"ge", 5>]> {
  let cppNamespace = "::weir::ir";
  let genSpecializedAttr = 0;
}
def Weir_CompareDirectionAttr : EnumAttr<Weir_Dialect, Weir_CompareDirection, "direction">;

def Weir_Space : I32EnumAttr<"Space", "where a buffer lies", [
    I32EnumAttrCase<"arena", 0>, I32EnumAttrCase<"constant", 1>, I32EnumAttrCase<"input", 2>,
    I32EnumAttrCase<"output", 3>, I32EnumAttrCase<"variable", 4>]> {
  let cppNamespace = "::weir::ir";
  let genSpecializedAttr = 0;
}

/// Storage that the memory plan gives to a value: bytes [offset, offset + bytes) of entry `index` of `space`. A slice
/// that scans move also lists [loop, stride, ...]: it advances by `stride` bytes for each slice of that `weir.loop`.
def Weir_BufferAttr : AttrDef<Weir_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let parameters = (ins EnumParameter<Weir_Space>:$space, "int64_t":$index, "int64_t":$offset, "int64_t":$bytes,
                        OptionalArrayRefParameter<"int64_t">:$strides);
  let assemblyFormat = "`<` $space `,` $index `,` $offset `,` $bytes (`,` `[` $strides^ `]`)? `>`";
}

#endif
