"""Converters for skl2onnx, so that a Pipeline that ends in an estimator of gdcore exports as a whole.

Design
------
- An estimator is known by what it shows: `net_`, its model, whose `trained_loss` tells probabilities from scores, and
  `classes_` if it is a classifier. So this room needs nothing of the estimators' own, which stands above it.
- The nodes are those of `to_onnx`, renamed to names that are free in the pipeline's graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.optional import optional
from ...models import Sequential
from .. import checks as interop_checks
from .out import to_onnx

INSTALL = "gdcore[onnx]"
OPTIONS = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}


def register_skl2onnx(*estimators: type) -> None:
    """Teach skl2onnx to export estimators of gdcore, alone or as the last step of a Pipeline.

    Parameters
    ----------
    *estimators : classes
        Those of `gdcore.sklearn`.

    Raises
    ------
    ImportError
        If skl2onnx is not installed: the extra "onnx".

    Notes
    -----
    A classifier's outputs are the labels and, as from scikit-learn's own, the probabilities of all classes; under hinge
    losses the scores. Estimators of several labels per sample are refused when they are exported.

    Examples
    --------
    >>> from gdcore.sklearn import MLPClassifier  # doctest: +SKIP
    >>> register_skl2onnx(MLPClassifier)  # doctest: +SKIP
    >>> proto = skl2onnx.to_onnx(make_pipeline(StandardScaler(), MLPClassifier()).fit(X, y), X[:1])  # doctest: +SKIP
    """
    skl2onnx = optional("skl2onnx", "register_skl2onnx", INSTALL)
    shapes = optional("skl2onnx.common.shape_calculator", "register_skl2onnx", INSTALL)
    base = optional("sklearn.base", "register_skl2onnx", "gdcore[sklearn]")
    for kind in estimators:
        classifies = issubclass(kind, base.ClassifierMixin)
        skl2onnx.update_registered_converter(
            kind,
            f"Gdcore{kind.__name__}",
            getattr(shapes, f"calculate_linear_{'classifier' if classifies else 'regressor'}_output_shapes"),
            _convert_classifier if classifies else _convert_regressor,
            options=OPTIONS if classifies else None,
        )


class _Container:
    """What skl2onnx hands to a converter: where nodes and constants go, and names that are free."""

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        self.scope, self.operator, self.container = scope, operator, container
        self.onnx = optional("onnx", "skl2onnx", INSTALL)
        double = "Double" in type(operator.inputs[0].type).__name__
        self.dtype = "float64" if double else "float32"
        self.net: Sequential = operator.raw_operator.net_

    def name(self, wanted: str) -> str:
        return str(self.scope.get_unique_variable_name(f"gdcore_{wanted}"))

    def constant(self, values: NDArray[Any]) -> str:
        """Add a constant tensor, and return its name."""
        name = self.name("constant")
        if values.dtype.kind in "OU":
            tensor = self.onnx.helper.make_tensor(
                name, self.onnx.TensorProto.STRING, values.shape, [str(each).encode() for each in values.ravel()]
            )
        else:
            tensor = self.onnx.numpy_helper.from_array(values, name)
        self.container.initializers.append(tensor)
        return name

    def node(self, kind: str, *inputs: str, output: str | None = None, **options: Any) -> str:
        """Add an operation, and return the name of its result."""
        output = self.name(kind.lower()) if output is None else output
        self.container.add_node(kind, list(inputs), [output], op_version=18, name=self.name("node"), **options)
        return output

    def number(self, value: float) -> str:
        """Add a number in the precision of the graph, and return its name."""
        return self.constant(np.asarray(value, self.dtype))

    def outputs(self, output: str = "raw") -> str:
        """Add the nodes of the model, and return the name of its outputs."""
        kind = self.onnx.TensorProto.FLOAT if self.dtype == "float32" else self.onnx.TensorProto.DOUBLE
        names = {"X": self.node("Cast", self.operator.inputs[0].full_name, to=kind)}
        graph = to_onnx(self.net, dtype=self.dtype, output=output).graph
        for tensor in graph.initializer:
            names[tensor.name] = self.constant(self.onnx.numpy_helper.to_array(tensor))
        for node in graph.node:
            options = {each.name: self.onnx.helper.get_attribute_value(each) for each in node.attribute}
            names[node.output[0]] = self.node(node.op_type, *(names[each] for each in node.input), **options)
        return names["y"]


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Add a regressor's nodes to skl2onnx's graph."""
    graph = _Container(scope, operator, container)
    outputs = graph.outputs()
    exponential = getattr(operator.raw_operator, "out_activation_", "") == "exp"
    graph.node("Exp" if exponential else "Identity", outputs, output=operator.outputs[0].full_name)


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add a classifier's nodes to skl2onnx's graph: labels, and probabilities or scores."""
    graph = _Container(scope, operator, container)
    estimator = operator.raw_operator
    classes, n_out = np.asarray(estimator.classes_), graph.net.out_features
    several = n_out > 1 and getattr(estimator, "out_activation_", "") == "logistic"
    if several or len(classes) != max(2, n_out):
        raise interop_checks.several_labels(estimator)
    loss = graph.net.trained_loss
    kind = getattr(loss, "name", "")
    if kind not in ("cross_entropy", "binary_cross_entropy") and getattr(estimator, "predict_proba", None) is not None:
        raise interop_checks.other_probabilities(estimator, loss)
    outputs = graph.outputs()
    if kind == "cross_entropy":
        scores = graph.node("Softmax", outputs, axis=1)
    elif kind == "binary_cross_entropy":
        scores = graph.node("Sigmoid", outputs)
    else:
        scores = outputs
    if n_out == 1:
        other = graph.node("Neg", outputs)
        other = graph.node("Sigmoid", other) if kind == "binary_cross_entropy" else other
        scores = graph.node("Concat", other, scores, axis=1)
    elif kind == "binary_cross_entropy":
        axis = graph.constant(np.array([1], np.int64))
        scores = graph.node("Div", scores, graph.node("ReduceSum", scores, axis, keepdims=1))
    best = graph.node("ArgMax", scores if n_out == 1 else outputs, axis=1, keepdims=0)
    labels = graph.constant(classes if classes.dtype.kind in "OU" else classes.astype(np.int64))
    graph.node("Gather", labels, best, output=operator.outputs[0].full_name, axis=0)
    graph.node("Identity", scores, output=operator.outputs[1].full_name)
