"""`to_sklearn`: a model as a fitted estimator or pipeline.

Design
------
- An estimator is fitted to a few made-up rows by its own methods, which set all that scikit-learn keeps; then it
  is given the model's coefficients.
- Of two outputs for two classes only the difference matters. scikit-learn keeps that one alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...base.calls import explains_calls
from ...layers.layer import Layer
from ...layers.scaling import Log1p, MinMax, Standardize
from ...losses import CustomLoss, Loss, get_loss
from ...models import Sequential
from .. import checks as interop_checks
from ..parts import AffinePart, DensePart, DropoutPart, LayerNormPart, Log1pPart, Part, TargetPart, parts_of
from . import checks as scikit_checks
from .forms import ACTIVATIONS, NEAREST, sklearn


@explains_calls
def to_sklearn(model: Sequential, *, loss: str | Loss | None = None, classes: ArrayLike | None = None) -> Any:
    """Return a model as a fitted estimator of scikit-learn, or as a Pipeline if it scales its inputs.

    Parameters
    ----------
    model : Sequential
        Dense layers with one activation for all hidden ones, after any scaling layers. Dropout is left out.
    loss : str or Loss, optional
        By default that of the last fit; it decides between a classifier and a regressor. Without one, a regressor.
    classes : array_like, shape (n_classes,), optional
        Labels in the order of the model's classes; by default 0, 1, …

    Returns
    -------
    estimator
        LinearRegression, LogisticRegression, SGDClassifier, MLPRegressor or MLPClassifier, fitted. In a Pipeline after
        a StandardScaler, MinMaxScaler or FunctionTransformer for each scaling layer; in a TransformedTargetRegressor
        for a ScaledTarget. What a fit records, such as `loss_curve_`, is not the model's. SGDClassifier has the losses
        of margins, and several classes each compared with the rest if `from_sklearn` has made the model.

    Raises
    ------
    ImportError
        If scikit-learn is not installed: the extra "sklearn".
    TypeError, ValueError
        For a layer or a loss that these estimators do not have; the message names the nearest.

    Examples
    --------
    >>> import gdcore as gd
    >>> to_sklearn(gd.MLP([2, 8, 1], activation="tanh", seed=0))  # doctest: +SKIP
    MLPRegressor(activation='tanh', hidden_layer_sizes=(8,))
    """
    net = interop_checks.model(model)
    found = net.trained_loss if loss is None else get_loss(loss)
    sklearn("base", "to_sklearn")
    parts = [part for part in parts_of(net, net.dtype, "to_sklearn") if not isinstance(part, DropoutPart)]
    dense = [part for part in parts if isinstance(part, DensePart)]
    leading = [part for part in parts[: parts.index(dense[0])] if not isinstance(part, LayerNormPart)]
    scalers = [SCALERS[type(part.layer)](part.layer) for part in leading]
    for part in parts[len(scalers) :]:
        refused = BEHIND_SCALING[type(part)]
        if refused is not None:
            raise interop_checks.cannot_express("to_sklearn", part.index, part.layer, [refused.known], refused.remedy)
    activation = _activation(dense)
    weights = [part.weight for part in dense]
    biases = [np.zeros(part.weight.shape[1], net.dtype) if part.bias is None else part.bias for part in dense]
    labels, weights[-1], biases[-1] = _classes(found, classes, weights[-1], biases[-1])
    if labels is None:
        estimator = _regressor(found, weights, biases, activation)
    else:
        one_each = net.stack.numbered_classes and found == net.trained_loss
        estimator = _classifier(found, weights, biases, activation, labels, one_each)
    last = parts[-1]
    steps = [*scalers, _in_units(estimator, last) if isinstance(last, TargetPart) else estimator]
    if net.feature_names is not None:
        steps[0].feature_names_in_ = np.array(net.feature_names, object)
    return steps[0] if len(steps) == 1 else sklearn("pipeline", "to_sklearn").make_pipeline(*steps)


class Refused(NamedTuple):
    """Why a part is refused: what can be expressed there, and the remedy."""

    known: str
    remedy: str


FIRST = Refused("scaling layers before the first Dense", "put it first")
BEHIND_SCALING: dict[type[Part], Refused | None] = {
    DensePart: None,
    DropoutPart: None,
    TargetPart: None,
    AffinePart: FIRST,
    Log1pPart: FIRST,
    LayerNormPart: Refused("Dense, scaling layers and Dropout", "the nearest leaves it out"),
}
"""Kind of part -> None if scikit-learn's estimators have it behind the scaling of the inputs."""


def _standardize(layer: Standardize) -> Any:
    exact = layer.affine()
    return _standard_scaler(np.array(exact.shift), 1 / exact.factor)


def _min_max(layer: MinMax) -> Any:
    exact = layer.affine()
    scaler = sklearn("preprocessing", "to_sklearn").MinMaxScaler(feature_range=(layer.low, layer.high))
    scaler.fit(np.array([layer.minimum, layer.maximum]))
    scaler.scale_, scaler.min_ = exact.factor, layer.low - exact.shift * exact.factor
    return scaler


def _log1p(layer: Log1p) -> Any:
    preprocessing = sklearn("preprocessing", "to_sklearn")
    return preprocessing.FunctionTransformer(np.log1p, np.expm1).fit(np.zeros((1, layer.in_features)))


SCALERS: dict[type[Layer], Callable[[Any], Any]] = {Standardize: _standardize, MinMax: _min_max, Log1p: _log1p}
"""Kind of scaling layer -> what returns it as a fitted transformer."""


def _standard_scaler(mean: NDArray[Any], std: NDArray[Any]) -> Any:
    scaler = sklearn("preprocessing", "to_sklearn").StandardScaler().fit(np.zeros((1, len(mean))))
    scaler.mean_, scaler.scale_, scaler.var_ = mean, std, std**2
    return scaler


def _in_units(estimator: Any, part: TargetPart) -> Any:
    """Return a regressor whose predictions are in the units of the targets."""
    mean, std = np.array(part.layer.mean), np.array(part.layer.std)
    outer = sklearn("compose", "to_sklearn").TransformedTargetRegressor(
        estimator, transformer=sklearn("preprocessing", "to_sklearn").StandardScaler()
    )
    n_in = int(estimator.n_features_in_)
    targets = np.zeros((2, len(mean)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outer.fit(np.zeros((2, n_in)), targets[:, 0] if len(mean) == 1 else targets)
    outer.regressor_, outer.transformer_ = estimator, _standard_scaler(mean, std)
    return outer


def _activation(dense: Sequence[DensePart]) -> str:
    """Return scikit-learn's name of the one activation of the hidden layers."""
    for part in dense:
        wanted = "identity" if part is dense[-1] else dense[0].activation
        if part.activation != wanted or wanted not in ACTIVATIONS:
            nearest = NEAREST.get(part.activation, wanted)
            known = (
                ["an output layer without an activation"]
                if part is dense[-1]
                else [f"one activation for all hidden layers, of {', '.join(ACTIVATIONS)}"]
            )
            remedy = f"the nearest is {wanted if part is dense[-1] else nearest!r}"
            raise interop_checks.cannot_express("to_sklearn", part.index, part.layer, known, remedy)
    return ACTIVATIONS[dense[0].activation]


def _classes(
    loss: Loss | CustomLoss | None, classes: ArrayLike | None, weight: NDArray[Any], bias: NDArray[Any]
) -> tuple[NDArray[Any] | None, NDArray[Any], NDArray[Any]]:
    """Return the labels (None for numbers), and the last layer as scikit-learn has it."""
    kind = loss.target if isinstance(loss, Loss) else "real"
    if kind not in ("class", "unit", "sign"):
        if classes is not None:
            raise scikit_checks.classes_of_numbers()
        return None, weight, bias
    n_out = weight.shape[1]
    n = 2 if n_out == 1 else n_out
    labels = scikit_checks.class_labels(classes, n)
    if kind == "class" and n == 2:
        weight, bias = weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1]
    return labels, weight, bias


def _regressor(loss: Any, weights: list[NDArray[Any]], biases: list[NDArray[Any]], activation: str) -> Any:
    """Return a regressor of these coefficients."""
    if isinstance(loss, Loss) and loss.target == "nonnegative":
        raise scikit_checks.rates()
    n_in, n_out = weights[0].shape[0], weights[-1].shape[1]
    X, y = np.zeros((2, n_in), weights[0].dtype), np.zeros((2, n_out) if n_out > 1 else 2, weights[0].dtype)
    if len(weights) > 1:
        widths = tuple(weight.shape[1] for weight in weights[:-1])
        network = sklearn("neural_network", "to_sklearn").MLPRegressor(hidden_layer_sizes=widths, activation=activation)
        network.partial_fit(X, y)
        return _with_coefficients(network, weights, biases)
    linear = sklearn("linear_model", "to_sklearn").LinearRegression().fit(X, y)
    linear.coef_ = weights[0].T.copy() if n_out > 1 else weights[0][:, 0].copy()
    linear.intercept_ = biases[0].copy() if n_out > 1 else biases[0][0]
    return linear


def _classifier(
    loss: Any,
    weights: list[NDArray[Any]],
    biases: list[NDArray[Any]],
    activation: str,
    labels: NDArray[Any],
    one_each: bool,
) -> Any:
    """Return a classifier of these coefficients; with `one_each` each output is one class against the rest."""
    n_out = weights[-1].shape[1]
    several = n_out > 1 and loss.target != "class"
    rest = several and one_each
    X = np.zeros((len(labels), weights[0].shape[0]), weights[0].dtype)
    if len(weights) > 1 and loss.target != "sign" and not rest:
        widths = tuple(weight.shape[1] for weight in weights[:-1])
        network = sklearn("neural_network", "to_sklearn").MLPClassifier(
            hidden_layer_sizes=widths, activation=activation
        )
        y = np.eye(len(labels), dtype=np.int64) if several else labels
        network.partial_fit(X, y, classes=np.arange(len(labels)) if several else labels)
        return _with_coefficients(network, weights, biases)
    if len(weights) > 1:
        raise scikit_checks.hidden_layers(loss)
    if several and not one_each:
        raise scikit_checks.several_outputs(loss, n_out)
    models = sklearn("linear_model", "to_sklearn")
    name = loss.name if loss.target == "sign" else "log_loss"
    stochastic = rest or loss.target == "sign"
    linear = models.SGDClassifier(loss=name) if stochastic else models.LogisticRegression()
    linear.fit(X, labels)
    linear.coef_, linear.intercept_ = weights[0].T.copy(), biases[0].copy()
    return linear


def _with_coefficients(network: Any, weights: list[NDArray[Any]], biases: list[NDArray[Any]]) -> Any:
    network.coefs_ = [np.array(weight, order="C") for weight in weights]
    network.intercepts_ = [np.array(bias) for bias in biases]
    return network
