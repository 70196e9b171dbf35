"""Converters for skl2onnx, so that a Pipeline that ends in an estimator of gdcore exports as a whole.

Design
------
- An estimator is known by what it shows: `net_`, its model, `out_activation_` or the model's `trained_loss`, which tell
  probabilities from scores, and `classes_` if it is a classifier. So this room needs nothing of the estimators' own,
  which stands above it.
- skl2onnx knows a class by its registration alone, and has no hook for one that is imported later. So `to_onnx`
  registers the estimators of gdcore before it hands a pipeline on, and whoever calls skl2onnx calls
  `register_skl2onnx()` before.
- The nodes are those of `to_onnx`, renamed to names that are free in the pipeline's graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.later import later
from ...base.optional import optional
from ...models import Sequential
from .. import checks as interop_checks
from ..parts import parts_of
from ..several_labels import gives_several_labels
from .model import OPSET, model_to_onnx

INSTALL = "gdcore[onnx]"
OPTIONS = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}


def register_skl2onnx(*estimators: type) -> None:
    """Teach skl2onnx to export estimators of gdcore, alone or as a step of a Pipeline.

    `gdcore.interop.to_onnx` does so by itself; call this before `skl2onnx.to_onnx`. To call it twice changes nothing.

    Parameters
    ----------
    *estimators : classes
        By default the four of `gdcore.sklearn`.

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
    >>> register_skl2onnx()  # doctest: +SKIP
    >>> proto = skl2onnx.to_onnx(make_pipeline(StandardScaler(), MLPClassifier()).fit(X, y), X[:1])  # doctest: +SKIP
    """
    skl2onnx = optional("skl2onnx", "register_skl2onnx", INSTALL)
    shapes = optional("skl2onnx.common.shape_calculator", "register_skl2onnx", INSTALL)
    base = optional("sklearn.base", "register_skl2onnx", "gdcore[sklearn]")
    for kind in estimators or estimators_of_gdcore():
        classifies = issubclass(kind, base.ClassifierMixin)
        skl2onnx.update_registered_converter(
            kind,
            f"Gdcore{kind.__name__}",
            shapes.calculate_linear_classifier_output_shapes if classifies else _regressor_shape,
            _convert_classifier if classifies else _convert_regressor,
            options=OPTIONS if classifies else None,
        )


def estimators_of_gdcore() -> tuple[type, ...]:
    """Return the classes of `gdcore.sklearn`."""
    classes: Any = later("sklearn", "CLASSES")
    return tuple(classes.values())


def estimator_to_onnx(model: Any, dtype: str | None) -> Any:
    """Return an estimator of gdcore, or a Pipeline, as skl2onnx exports it; see `to_onnx`."""
    skl2onnx = optional("skl2onnx", "to_onnx of an estimator", INSTALL)
    types = optional("skl2onnx.common.data_types", "to_onnx of an estimator", INSTALL)
    optional("sklearn.utils.validation", "to_onnx of an estimator", "gdcore[sklearn]").check_is_fitted(model)
    register_skl2onnx()
    last = model[-1] if getattr(model, "steps", None) else model
    net = getattr(last, "net_", None)
    if dtype is None:
        dtype = "float32" if net is None else net.dtype
    kind = types.FloatTensorType if dtype == "float32" else types.DoubleTensorType
    options = {id(last): {"zipmap": False}} if getattr(last, "classes_", None) is not None else None
    width = getattr(model, "n_features_in_", None)
    if width is None:
        raise interop_checks.no_matrix(model)
    if net is not None:
        parts_of(net, dtype, "to_onnx")  # refuses what has no form, in words of its own
    given = [("X", kind([None, width]))]
    try:
        return skl2onnx.convert_sklearn(model, initial_types=given, options=options, target_opset=OPSET)
    except (RuntimeError, ValueError, LookupError, AttributeError) as error:
        if type(error).__name__.startswith("Missing"):
            raise interop_checks.no_converter(model, error) from error
        raise interop_checks.not_exported(model, error) from error


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
        graph = model_to_onnx(self.net, self.dtype, output).graph
        for tensor in graph.initializer:
            names[tensor.name] = self.constant(self.onnx.numpy_helper.to_array(tensor))
        for node in graph.node:
            options = {each.name: self.onnx.helper.get_attribute_value(each) for each in node.attribute}
            names[node.output[0]] = self.node(node.op_type, *(names[each] for each in node.input), **options)
        return names["y"]


LINKS = {"cross_entropy": "softmax", "binary_cross_entropy": "logistic", "poisson": "exp"}
"""Names of losses -> what turns outputs into predictions, as `out_activation_` says it."""


def _link(estimator: Any, net: Sequential) -> str:
    """Return what turns outputs into predictions: "identity", "logistic", "softmax" or "exp"."""
    own = getattr(estimator, "out_activation_", None)
    return str(own) if own is not None else LINKS.get(getattr(net.trained_loss, "name", ""), "identity")


def _regressor_shape(operator: Any) -> None:
    """Tell skl2onnx type and shape of a regressor's output; its own function knows one column, or `coef_`."""
    optional("skl2onnx.common.shape_calculator", "skl2onnx", INSTALL).calculate_linear_regressor_output_shapes(operator)
    output = operator.outputs[0]
    rows = operator.inputs[0].get_first_dimension()
    output.set_type(type(output.type)([rows, operator.raw_operator.net_.out_features]))


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Add a regressor's nodes to skl2onnx's graph."""
    graph = _Container(scope, operator, container)
    outputs = graph.outputs()
    exponential = _link(operator.raw_operator, graph.net) == "exp"
    graph.node("Exp" if exponential else "Identity", outputs, output=operator.outputs[0].full_name)


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add a classifier's nodes to skl2onnx's graph: labels, and probabilities or scores."""
    graph = _Container(scope, operator, container)
    estimator = operator.raw_operator
    classes, n_out = np.asarray(estimator.classes_), graph.net.out_features
    several = n_out > 1 and getattr(estimator, "out_activation_", "") == "logistic"
    link = _link(estimator, graph.net)
    if several or len(classes) != max(2, n_out):
        raise interop_checks.several_labels(estimator, graph.net.trained_loss)
    if link == "identity" and getattr(estimator, "predict_proba", None) is not None:
        raise interop_checks.other_probabilities(estimator, graph.net.trained_loss)
    if gives_several_labels(estimator, graph.net.in_features):  # those under hinge losses have no link
        raise interop_checks.several_labels(estimator, graph.net.trained_loss)
    outputs = graph.outputs()
    if n_out == 1:
        scores = graph.node("Concat", graph.node("Neg", outputs), outputs, axis=1)
        scores = graph.node("Sigmoid", scores) if link == "logistic" else scores
    elif link == "logistic":  # sigmoids that are divided by their sum; in float32 onnxruntime's have few digits near 0
        logs = graph.node("Neg", graph.node("Softplus", graph.node("Neg", outputs)))
        scores = graph.node("Softmax", logs, axis=1)
    else:
        scores = graph.node("Softmax", outputs, axis=1) if link == "softmax" else outputs
    best = graph.node("ArgMax", scores if n_out == 1 else outputs, axis=1, keepdims=0)
    labels = graph.constant(classes if classes.dtype.kind in "OU" else classes.astype(np.int64))
    graph.node("Gather", labels, best, output=operator.outputs[0].full_name, axis=0)
    graph.node("Identity", scores, output=operator.outputs[1].full_name)
