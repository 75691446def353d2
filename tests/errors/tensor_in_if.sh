#!/bin/sh
# A branch on a tensor is a compile error at the user's line, with advice. features: G13
cd "$(dirname "$0")/../.." || exit 1
compiler=/usr/lib/llvm-22/bin/clang++
[ -x "$compiler" ] || compiler=c++
message=$("$compiler" -std=c++20 -fsyntax-only -I. tests/errors/tensor_in_if.cc 2>&1) && {
  echo "tensor_in_if.cc compiles, but must not"
  exit 1
}
echo "$message"
echo "$message" | grep -q 'tensor_in_if.cc:6:.*error.*a tensor has no value while the graph is built' || exit 1
echo "$message" | grep -q 'weir::cond' || exit 1
