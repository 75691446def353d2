"""A .weir file with nothing but protobuf: y = tanh(x) + bias, and x once more as a second output."""
import struct
import sys

import weir_pb2 as weir

graph = weir.Graph(format="weir", version=1)
main = graph.functions.add(name="main")
vector = weir.Type(dtype=weir.F32, shape=[3])

x = main.body.arguments.add(id=0, type=vector)
x.attributes.add(name="weir.name").value.text = "x"
bias = main.body.ops.add(name="weir.constant", results=[weir.Value(id=1, type=vector)])
bias.attributes.add(name="value").value.tensor.CopyFrom(weir.Tensor(type=vector, raw=struct.pack("<3f", 1, 2, 3)))
main.body.ops.add(name="weir.tanh", operands=[0], results=[weir.Value(id=2, type=vector)])
main.body.ops.add(name="weir.add", operands=[2, 1], results=[weir.Value(id=3, type=vector)])
main.body.ops.add(name="func.return", operands=[3, 0])
for name in ("y", "x_again"):
    main.results.add(type=vector).attributes.add(name="weir.name").value.text = name

open(sys.argv[1], "wb").write(graph.SerializeToString())
