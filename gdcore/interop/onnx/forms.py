"""Activations as operations of ONNX.

Design
------
- Attributes of ONNX are float32 whatever the graph computes in. So parameters are constant tensors of the graph's
  precision, and operations that have them as attributes are made of simpler ones.
- Operators of opset 18 alone, which onnxruntime computes in both precisions. Erf is the exception: onnxruntime has it
  in float32 only, and gelu.py does without it.
"""

from __future__ import annotations

from collections.abc import Callable

from .gelu import gelu
from .graph import Graph


def _plain(kind: str) -> Callable[[Graph, str, float], str]:
    """Return the form of an activation that is one operation."""
    return lambda graph, z, option: graph.node(kind, z)


def _clip(low: float, high: float) -> Callable[[Graph, str, float], str]:
    return lambda graph, z, option: graph.node("Clip", z, graph.constant(low), graph.constant(high))


def _leaky_relu(graph: Graph, z: str, option: float) -> str:
    below = graph.node("Less", z, graph.constant(0.0))
    return graph.node("Where", below, graph.node("Mul", z, graph.constant(option)), z)


def _selu(graph: Graph, z: str, option: float) -> str:
    below = graph.node("Less", z, graph.constant(0.0))
    negative = graph.node("Mul", graph.node("Elu", z), graph.constant(1.6732632423543772))
    return graph.node("Mul", graph.node("Where", below, negative, z), graph.constant(1.0507009873554805))


def _gelu(graph: Graph, z: str, option: float) -> str:
    if graph.dtype == "float64":
        return gelu(graph, z)
    error = graph.node("Erf", graph.node("Mul", z, graph.constant(0.7071067811865476)))
    return graph.node("Mul", graph.node("Mul", z, graph.constant(0.5)), graph.node("Add", error, graph.constant(1.0)))


def _silu(graph: Graph, z: str, option: float) -> str:
    return graph.node("Mul", z, graph.node("Sigmoid", z))


def _hard_swish(graph: Graph, z: str, option: float) -> str:
    inner = graph.node("Clip", graph.node("Add", z, graph.constant(3.0)), graph.constant(0.0), graph.constant(6.0))
    return graph.node("Div", graph.node("Mul", z, inner), graph.constant(6.0))


def _mish(graph: Graph, z: str, option: float) -> str:
    return graph.node("Mul", z, graph.node("Tanh", graph.node("Softplus", z)))


FORMS: dict[str, Callable[[Graph, str, float], str]] = {
    "identity": lambda graph, z, option: z,
    "relu": _plain("Relu"),
    "leaky_relu": _leaky_relu,
    "elu": _plain("Elu"),
    "selu": _selu,
    "softplus": _plain("Softplus"),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    "gelu": _gelu,
    "silu": _silu,
    "relu6": _clip(0.0, 6.0),
    "hardtanh": _clip(-1.0, 1.0),
    "hard_swish": _hard_swish,
    "mish": _mish,
}
"""The name of every activation -> what adds it to a graph: (graph, name of z, the activation's parameter) -> a."""


def log1p(graph: Graph, x: str) -> str:
    """Add log(1 + x), which ONNX lacks, and return its name.

    With u = 1 + x as it is rounded, log(u) x / (u - 1) is right to a few roundings (HP-15C Advanced Functions
    Handbook, 1982); where u is 1, log(1 + x) is x.
    """
    one = graph.constant(1.0)
    u = graph.node("Add", x, one)
    rest = graph.node("Sub", u, one)
    exact = graph.node("Equal", rest, graph.constant(0.0))
    ratio = graph.node("Div", x, graph.node("Where", exact, one, rest))
    return graph.node("Where", exact, x, graph.node("Mul", graph.node("Log", u), ratio))
