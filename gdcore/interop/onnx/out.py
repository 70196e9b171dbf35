"""`to_onnx`: a model as an ONNX graph."""

from __future__ import annotations

from typing import Any

from ..._version import __version__
from ...base.calls import explains_calls
from ...base.optional import optional
from ...models import Sequential
from .. import checks as interop_checks
from ..parts import AffinePart, DensePart, DropoutPart, LayerNormPart, Log1pPart, Part, parts_of
from .forms import FORMS, log1p
from .graph import Graph

OPSET = 18
IR_VERSION = 8
"""The version of files that came with that opset, which older runtimes read."""
OUTPUTS = {"sigmoid": "Sigmoid", "softmax": "Softmax"}


@explains_calls
def to_onnx(model: Sequential, *, dtype: str | None = None, output: str = "raw") -> Any:
    """Return a model as an `onnx.ModelProto`, which onnxruntime and many other programs run.

    Its input is "X" of shape (n, in_features), its output "y" of shape (n, out_features), for any n. Scaling layers
    are included; dropout is left out, as in `predict`.

    Parameters
    ----------
    model : Sequential
    dtype : {"float32", "float64"}, optional
        Precision of inputs, outputs and parameters; by default the model's.
    output : {"raw", "sigmoid", "softmax"}, default "raw"
        What is applied to the outputs: those of a model trained with binary_cross_entropy become probabilities by the
        sigmoid, those of cross_entropy by the softmax.

    Returns
    -------
    onnx.ModelProto
        Of opset 18; save it by `onnx.save`. The names of the features, if the model has them, are in its metadata
        under "feature_names", one a line.

    Raises
    ------
    ImportError
        If onnx is not installed: the extra "onnx".
    TypeError, ValueError
        For a layer that has no form there, or parameters that are not finite.

    Notes
    -----
    onnxruntime computes gelu in float32 only: pass dtype="float32" for a model with it.

    Examples
    --------
    >>> import gdcore as gd
    >>> graph = to_onnx(gd.MLP([2, 3, 1], seed=0))  # doctest: +SKIP
    >>> onnx.save(graph, "model.onnx")  # doctest: +SKIP
    """
    net = interop_checks.model(model)
    dtype = interop_checks.precision(dtype, net)
    word = interop_checks.output(output, net)
    parts = parts_of(net, dtype, "to_onnx")
    onnx = optional("onnx", "to_onnx", "gdcore[onnx]")
    graph, here = Graph(onnx, dtype), "X"
    for part in parts:
        here = _add(graph, here, part)
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


def _add(graph: Graph, here: str, part: Part) -> str:
    """Add one part that reads `here`, and return the name of its result."""
    i = part.index
    if isinstance(part, DensePart):
        weight = graph.constant(part.weight, f"weight{i}")
        inputs = (here, weight) if part.bias is None else (here, weight, graph.constant(part.bias, f"bias{i}"))
        return FORMS[part.activation](graph, graph.node("Gemm", *inputs), part.option)
    if isinstance(part, DropoutPart):
        return here
    if isinstance(part, LayerNormPart):
        inputs = (here, graph.constant(part.gain, f"gain{i}"), graph.constant(part.bias, f"bias{i}"))
        return graph.node("LayerNormalization", *inputs, epsilon=float(part.layer.eps))
    if isinstance(part, Log1pPart):
        return log1p(graph, here)
    if isinstance(part, AffinePart):
        here = graph.node("Sub", here, graph.constant(part.shift, f"shift{i}"))
        here = graph.node("Mul", here, graph.constant(part.factor, f"factor{i}"))
        return graph.node("Add", here, graph.constant(part.offset)) if part.offset else here
    scaled = graph.node("Mul", here, graph.constant(part.std, f"std{i}"))
    return graph.node("Add", scaled, graph.constant(part.mean, f"mean{i}"))
