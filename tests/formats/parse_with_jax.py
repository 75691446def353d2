"""Parses and verifies StableHLO texts with JAX's own MLIR: parse_with_jax.py FILE..., in a Python that has jax."""
import sys

from jax._src.interpreters import mlir
from jaxlib.mlir import ir

failed = 0
for path in sys.argv[1:]:
    with mlir.make_ir_context():
        try:
            ir.Module.parse(open(path).read()).operation.verify()
        except ir.MLIRError as error:
            failed += 1
            print(f"{path}: {error}")
print(f"{len(sys.argv) - 1 - failed} passed, {failed} failed")
sys.exit(failed > 0)
