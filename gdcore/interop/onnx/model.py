"""A model as an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._version import __version__
from ...base.optional import optional
from ...models import Sequential
from .. import checks as interop_checks
from ..parts import AffinePart, DensePart, DropoutPart, LayerNormPart, Log1pPart, Part, TargetPart, parts_of
from .forms import FORMS, log1p
from .graph import Graph

OPSET = 18
IR_VERSION = 8
"""The version of files that came with that opset, which older runtimes read."""
OUTPUTS = {"sigmoid": "Sigmoid", "softmax": "Softmax"}


def model_to_onnx(model: Sequential, dtype: str | None, output: str) -> Any:
    """Return a model as an `onnx.ModelProto`; see `to_onnx`."""
    net = interop_checks.model(model)
    dtype = interop_checks.precision(dtype, net)
    word = interop_checks.output(output, net)
    parts = parts_of(net, dtype, "to_onnx")
    onnx = optional("onnx", "to_onnx", "gdcore[onnx]")
    graph, here = Graph(onnx, dtype), "X"
    for part in parts:
        here = ADDERS[type(part)](graph, here, part)
    if word == "raw":
        graph.node("Identity", here, output="y")
    else:
        options = {"axis": 1} if word == "softmax" else {}
        graph.node(OUTPUTS[word], here, output="y", **options)
    kind = onnx.TensorProto.FLOAT if dtype == "float32" else onnx.TensorProto.DOUBLE
    info = onnx.helper.make_tensor_value_info
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "gdcore",
            [info("X", kind, ["n", net.in_features])],
            [info("y", kind, ["n", net.out_features])],
            graph.initializers,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="gdcore",
        producer_version=__version__,
    )
    if net.feature_names is not None:
        onnx.helper.set_model_props(proto, {"feature_names": "\n".join(net.feature_names)})
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _dense(graph: Graph, here: str, part: DensePart) -> str:
    weight = graph.constant(part.weight, f"weight{part.index}")
    inputs = (here, weight) if part.bias is None else (here, weight, graph.constant(part.bias, f"bias{part.index}"))
    return FORMS[part.activation](graph, graph.node("Gemm", *inputs), part.option)


def _layer_norm(graph: Graph, here: str, part: LayerNormPart) -> str:
    i = part.index
    inputs = (here, graph.constant(part.gain, f"gain{i}"), graph.constant(part.bias, f"bias{i}"))
    return graph.node("LayerNormalization", *inputs, epsilon=float(part.layer.eps))


def _affine(graph: Graph, here: str, part: AffinePart) -> str:
    here = graph.node("Sub", here, graph.constant(part.shift, f"shift{part.index}"))
    here = graph.node("Mul", here, graph.constant(part.factor, f"factor{part.index}"))
    return graph.node("Add", here, graph.constant(part.offset)) if part.offset else here


def _target(graph: Graph, here: str, part: TargetPart) -> str:
    scaled = graph.node("Mul", here, graph.constant(part.std, f"std{part.index}"))
    return graph.node("Add", scaled, graph.constant(part.mean, f"mean{part.index}"))


ADDERS: dict[type[Part], Callable[[Graph, str, Any], str]] = {
    DensePart: _dense,
    DropoutPart: lambda graph, here, part: here,
    LayerNormPart: _layer_norm,
    Log1pPart: lambda graph, here, part: log1p(graph, here),
    AffinePart: _affine,
    TargetPart: _target,
}
"""Kind of part -> what adds it to a graph: (graph, name of its inputs, part) -> name of its result."""
