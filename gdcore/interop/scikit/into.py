"""`from_sklearn`: a fitted estimator or pipeline as a model.

Design
------
- Estimators are recognised by the name of their class within scikit-learn, so that nothing is imported here.
- Scalers keep their numbers: they become layers, and are not folded into the weights, which would lose digits of inputs
  far from 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.calls import explains_calls
from ...base.not_arrays import library
from ...layers.dense import Dense
from ...layers.layer import Layer
from ...layers.scaling import Log1p, MinMax, Standardize
from ...layers.target import ScaledTarget
from ...losses import CustomLoss, Loss, get_loss
from ...models import Sequential
from ..several_labels import gives_several_labels
from . import checks as scikit_checks
from .forms import ACTIVATIONS, CLASSIFIERS, NETWORKS, REGRESSORS, SGD_LOSSES

KNOWN = (*NETWORKS, *REGRESSORS, *CLASSIFIERS)


@explains_calls
def from_sklearn(estimator: Any) -> Sequential:
    """Return a model that computes what a fitted estimator of scikit-learn computes.

    Parameters
    ----------
    estimator : estimator, Pipeline or TransformedTargetRegressor
        MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor, LinearRegression, LogisticRegression, Ridge, Lasso or
        ElasticNet; in a Pipeline after StandardScaler, MinMaxScaler or FunctionTransformer(numpy.log1p); in a
        TransformedTargetRegressor whose transformer is a StandardScaler. Of an estimator of `gdcore.sklearn` the model
        is a copy of its `net_`, whatever its layers and its loss.

    Returns
    -------
    Sequential
        With copies of the coefficients in their precision, the names of the features, and the loss, where gdcore has
        it. A regressor's numbers are those of `predict`, as (n, k); a classifier's `predict` returns what
        scikit-learn calls the decision function, and `predict_proba` the same probabilities, where the loss is one of
        cross-entropy. `classify` numbers the classes as the estimator's `classes_` does, under hinge losses too, and
        `score` takes such numbers; of several labels per sample both go by 0 and 1, (n, k). Once the model is trained
        again, the targets of its loss count.

    Raises
    ------
    TypeError, ValueError
        For other estimators and options, and for an estimator that is not fitted.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression  # doctest: +SKIP
    >>> from_sklearn(LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])).predict([[2.0]])  # doctest: +SKIP
    array([[5.]])
    """
    if library(estimator) not in ("sklearn", "gdcore") or isinstance(estimator, type) or not _fits(estimator):
        raise scikit_checks.no_estimator(estimator, KNOWN)
    layers: list[Layer] = []
    steps = _steps(estimator)
    last, target = steps[-1], None
    if _kind(last) == "TransformedTargetRegressor":
        last, target = _fitted(last, "regressor_"), last
        steps = [*steps[:-1], *_steps(last)]
        last = steps[-1]
    for step in steps[:-1]:
        layers += _scaling(step)
    names = getattr(steps[0], "feature_names_in_", getattr(estimator, "feature_names_in_", None))
    own = _own_network(last)
    if own is not None:
        layers += [*own.layers, *([] if target is None else [_target_scale(target, own.out_features)])]
        net = Sequential(*layers, dtype=own.dtype)
        net.params, net.stack.trained_loss = own.params, own.trained_loss
        net.stack.numbered_classes = _numbers_classes(last, own)
        return _named(net, names)
    weights, biases, hidden = _coefficients(last)
    dtype = "float32" if all(weight.dtype == np.float32 for weight in weights) else "float64"
    for i, weight in enumerate(weights):
        n_in, n_out = weight.shape
        layers.append(Dense(n_in, n_out, "identity" if i == len(weights) - 1 else hidden))
    if target is not None:
        layers.append(_target_scale(target, weights[-1].shape[1]))
    net = Sequential(*layers, dtype=dtype)
    net.params = np.concatenate([each.ravel() for pair in zip(weights, biases, strict=True) for each in pair])
    net.stack.trained_loss = get_loss(_loss(last, net.out_features))
    net.stack.numbered_classes = _numbers_classes(last, net)
    return _named(net, names)


def _named(net: Sequential, names: Any) -> Sequential:
    """Return a model with the names of the features, if there are some."""
    net.stack.feature_names = None if names is None else tuple(map(str, names))
    return net


def _fits(estimator: Any) -> bool:
    """Return whether something has the methods of an estimator; gdcore has classes that are none."""
    return callable(getattr(estimator, "get_params", None))


def _own_network(estimator: Any) -> Sequential | None:
    """Return the model of an estimator of gdcore; None for those of scikit-learn."""
    if library(estimator) != "gdcore":
        return None
    net: Sequential = _fitted(estimator, "net_")
    return net


def _kind(estimator: Any) -> str:
    return type(estimator).__name__


def _steps(estimator: Any) -> list[Any]:
    """Return the steps of a pipeline, of those within it too."""
    if _kind(estimator) != "Pipeline":
        return [estimator]
    steps = [step for _, step in estimator.steps if step is not None and not isinstance(step, str)]
    found = [each for step in steps for each in _steps(step)]
    if not found:
        raise scikit_checks.no_step()
    return found


def _fitted(estimator: Any, attribute: str) -> Any:
    """Return an attribute that fitting makes."""
    try:
        return getattr(estimator, attribute)
    except AttributeError:
        raise scikit_checks.not_fitted(estimator) from None


def _scaling(step: Any) -> list[Layer]:
    """Return the layer of a scaler."""
    kind = _kind(step)
    if kind == "StandardScaler":
        n = int(_fitted(step, "n_features_in_"))
        mean = step.mean_ if step.with_mean else np.zeros(n)
        std = step.scale_ if step.with_std else np.ones(n)
        return [Standardize(_floats(mean), _floats(std))]
    if kind == "MinMaxScaler":
        low, high = (float(end) for end in step.feature_range)
        minimum, scale = _fitted(step, "data_min_"), _fitted(step, "scale_")
        if step.clip:
            raise scikit_checks.clipping()
        return [MinMax(_floats(minimum), _floats(minimum + (high - low) / scale), low, high)]
    if kind == "FunctionTransformer" and step.func is np.log1p:
        return [Log1p(int(_fitted(step, "n_features_in_")))]
    raise scikit_checks.unknown_step(step)


def _target_scale(estimator: Any, n: int) -> ScaledTarget:
    """Return the last layer that does what a transformer of targets does backward."""
    scaler = _fitted(estimator, "transformer_")
    if _kind(scaler) != "StandardScaler":
        raise scikit_checks.unknown_transformer(scaler)
    mean = scaler.mean_ if scaler.with_mean else np.zeros(n)
    std = scaler.scale_ if scaler.with_std else np.ones(n)
    return ScaledTarget(_floats(mean), _floats(std))


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(np.asarray(values, np.float64).ravel().tolist())


def _coefficients(estimator: Any) -> tuple[list[NDArray[Any]], list[NDArray[Any]], str]:
    """Return weights (n_in, n_out), biases (n_out,), and the activation of the hidden layers."""
    kind = _kind(estimator)
    if kind in NETWORKS:
        weights = [np.asarray(weight) for weight in _fitted(estimator, "coefs_")]
        names = {theirs: ours for ours, theirs in ACTIVATIONS.items()}
        _refuse_exponential(estimator)
        return weights, [np.asarray(bias) for bias in estimator.intercepts_], names[estimator.activation]
    if kind not in KNOWN:
        raise scikit_checks.unknown_estimator(estimator, KNOWN)
    coef = _fitted(estimator, "coef_")
    coef = coef.toarray() if callable(getattr(coef, "toarray", None)) else coef
    weight = np.atleast_2d(np.asarray(coef)).T
    bias = np.broadcast_to(np.asarray(estimator.intercept_, weight.dtype).ravel(), (weight.shape[1],))
    return [weight], [bias], "identity"


def _refuse_exponential(estimator: Any) -> None:
    """Raise for a network whose outputs go through a function that no layer has."""
    if estimator.out_activation_ not in ("identity", "softmax", "logistic"):
        raise scikit_checks.exponential(estimator, estimator.out_activation_)


def _numbers_classes(estimator: Any, net: Sequential) -> bool:
    """Return whether outputs stand for classes of which each row has one, though the loss does not number them so."""
    if getattr(estimator, "classes_", None) is None:
        return False
    target = net.trained_loss.target if isinstance(net.trained_loss, Loss) else "sign"
    if target == "class" or (target == "unit" and net.out_features == 1):
        return False
    return not gives_several_labels(estimator, int(estimator.n_features_in_))


def _loss(estimator: Any, n_out: int) -> str | Loss | CustomLoss:
    """Return the loss that an estimator was trained with; of several outputs, each one against the rest."""
    kind = _kind(estimator)
    if kind == "MLPClassifier":
        return "cross_entropy" if estimator.out_activation_ == "softmax" else "bce"
    if kind in CLASSIFIERS and kind != "SGDClassifier":
        return "cross_entropy" if n_out > 1 else "bce"
    return SGD_LOSSES[estimator.loss](estimator.epsilon) if kind.startswith("SGD") else "mse"
