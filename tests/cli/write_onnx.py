"""write_onnx.py FILE FEATURES HIDDEN CLASSES [softmax]: an MLP classifier with random weights; its batch is open."""
import random
import struct
import sys

import onnx_pb2 as onnx

path, features, hidden, classes = sys.argv[1], *map(int, sys.argv[2:5])
random.seed(7)
model = onnx.ModelProto(ir_version=8)
model.opset_import.add(domain="", version=17)
graph = model.graph
graph.name = "mlp"


def tensor(name, *dims):
    count = 1
    for dim in dims:
        count *= dim
    values = [random.gauss(0, 0.2 if len(dims) > 1 else 0) for _ in range(count)]
    graph.initializer.add(name=name, dims=dims, data_type=1, raw_data=struct.pack("<%df" % count, *values))


def port(ports, name, *dims):
    kind = ports.add(name=name).type.tensor_type
    kind.elem_type = 1
    for dim in dims:
        kind.shape.dim.add(**({"dim_param": dim} if isinstance(dim, str) else {"dim_value": dim}))


tensor("up.weight", features, hidden)
tensor("up.bias", hidden)
tensor("down.weight", hidden, classes)
tensor("down.bias", classes)
port(graph.input, "image", "batch", features)
graph.node.add(op_type="Gemm", name="/up/Gemm", input=["image", "up.weight", "up.bias"], output=["h"])
graph.node.add(op_type="Relu", name="/up/Relu", input=["h"], output=["r"])
graph.node.add(op_type="Gemm", name="/down/Gemm", input=["r", "down.weight", "down.bias"], output=["scores"])
if "softmax" in sys.argv:
    graph.node.add(op_type="Softmax", name="/Softmax", input=["scores"], output=["chances"])
port(graph.output, graph.node[-1].output[0], "batch", classes)
open(path, "wb").write(model.SerializeToString())
