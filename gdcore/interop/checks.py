"""Checks of what leaves the library or comes in; each error names the layer and the nearest thing that can."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base import checks
from ..layers.target import ScaledTarget
from ..losses import Loss
from ..models import Sequential

OUTPUTS = ("raw", "sigmoid", "softmax")
"""What is applied to the outputs of a model that leaves."""


MEANINGS = {"sign": "margins", "real": "numbers", "nonnegative": "logarithms of rates"}
"""Targets of losses without probabilities -> what the outputs are."""


def model(value: object) -> Sequential:
    """Check and return a model."""
    return checks.instance("model", value, Sequential, "gdcore.MLP([2, 8, 1])")


def precision(value: object, net: Sequential) -> str:
    """Check and return the precision of an export, by default the model's."""
    return net.dtype if value is None else checks.precision("dtype", value)


def output(value: object, net: Sequential) -> str:
    """Check and return what is applied to the outputs."""
    word = checks.known_name("output", value, OUTPUTS)
    if word != "raw" and net.target_scale is not None:
        raise ValueError(
            f"output={word!r} does not go with ScaledTarget, whose outputs are no logits: use output='raw'"
        )
    target = net.trained_loss.target if isinstance(net.trained_loss, Loss) else ""  # not trained: the user knows
    if word != "raw" and target in ("sign", "real", "nonnegative"):
        raise ValueError(
            f"output={word!r} makes probabilities of logits, but this model was trained with {net.trained_loss!r}, "
            f"whose outputs are {MEANINGS[target]}: use output='raw'"
        )
    if word == "softmax" and net.out_features == 1:
        raise ValueError("output='softmax' of one output is always 1: use output='sigmoid'")
    if word == "softmax" and target == "unit":
        raise ValueError(
            f"output='softmax' is for cross_entropy, but this model was trained with {net.trained_loss!r}, by which "
            "each output is a binary model of its own: use output='sigmoid', and where each row has one class divide "
            "the probabilities by their sum"
        )
    if word == "sigmoid" and target == "class":
        raise ValueError(
            f"output='sigmoid' is for binary_cross_entropy, but this model was trained with {net.trained_loss!r}: "
            "use output='softmax'"
        )
    return word


def for_estimator(dtype: object, output: object) -> str | None:
    """Check the options of the export of an estimator, and return its precision, if one is given."""
    if checks.known_name("output", output, OUTPUTS) != "raw":
        raise ValueError(f"output={output!r} is for a gdcore.Sequential: leave it out, an estimator has probabilities")
    return None if dtype is None else checks.precision("dtype", dtype)


def cannot_express(target: str, index: int, layer: object, known: Iterable[str], remedy: str) -> TypeError:
    """Return the error for a layer of the model that has no form at the target."""
    kinds = ", ".join(known)
    return TypeError(f"{target} cannot express layer {index}, {checks.short(layer)}; it can express {kinds}: {remedy}")


def rounded(name: str, values: NDArray[Any], dtype: str, *, nonzero: bool = False) -> NDArray[Any]:
    """Return numbers in the precision of an export.

    Raises
    ------
    ValueError
        If one of them is not finite there or, with `nonzero`, has become 0.
    """
    with np.errstate(over="ignore", under="ignore"):
        found: NDArray[Any] = np.asarray(values).astype(dtype)
    bad = ~np.isfinite(found)
    if nonzero:
        bad |= found == 0
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        value = float(np.asarray(values)[place])
        if not np.isfinite(value):
            raise ValueError(f"{name} has {value:g} at {list(place)}; expected finite numbers: train the model anew")
        raise ValueError(f"{name} has {value:g} at {list(place)}, which {dtype} cannot hold: use dtype='float64'")
    return found


def target_scale(value: ScaledTarget, dtype: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and std (k,) of the targets in the precision of an export."""
    mean = rounded("mean of ScaledTarget", np.array(value.mean), dtype)
    return mean, rounded("std of ScaledTarget", np.array(value.std), dtype, nonzero=True)


def other_option(place: str, module: object, argument: str, found: object, wanted: object, name: str) -> ValueError:
    """Return the error for an activation of another library with an option that gdcore's does not have."""
    return ValueError(
        f"module {place} is {checks.short(module)}, but gdcore's {name!r} has {argument}={wanted!r}, not {found!r}: "
        f"train with {argument}={wanted!r}, or take another activation"
    )


def one_axis(place: str, shape: Sequence[int]) -> int:
    """Check and return the width of a normalization."""
    if len(shape) != 1:
        raise ValueError(f"module {place} normalizes over axes of shape {tuple(shape)}; expected one axis: flatten it")
    return int(shape[0])


def without_gain(place: str) -> ValueError:
    """Return the error for a normalization without parameters."""
    return ValueError(
        f"module {place}, a LayerNorm, has no gain and bias: pass elementwise_affine=True, which trains them"
    )


def no_module(activation: str) -> TypeError:
    """Return the error for an activation that PyTorch has no module of."""
    return TypeError(
        f"to_torch cannot express the activation {activation!r}, which torch.nn does not have: export to ONNX, or "
        "train with another one"
    )


def foreign_module(place: str, module: object, nearest: str | None) -> TypeError:
    """Return the error for a module that gdcore has nothing equal to."""
    remedy = nearest or "pass the Sequential inside it, or its state_dict() with activation="
    kinds = "Sequential, Linear, LayerNorm, Dropout, Identity and the activations of gdcore.ACTIVATIONS"
    return TypeError(f"module {place} is a {type(module).__name__}; from_torch knows {kinds}: {remedy}")


def foreign_parameters(place: str, module: object, names: Sequence[str]) -> TypeError:
    """Return the error for a layer whose weight is computed from other parameters."""
    return TypeError(
        f"module {place}, a {type(module).__name__}, has parameters {', '.join(names)}; expected weight and bias: take "
        "the parametrization off, for example by torch.nn.utils.parametrize.remove_parametrizations"
    )


def activation_alone(place: str, module: object, before: object) -> TypeError:
    """Return the error for an activation that no dense layer stands before."""
    after = f"after {checks.short(before)}" if before is not None else "first"
    return TypeError(
        f"module {place}, a {type(module).__name__}, stands {after}; in gdcore an activation is part of the Linear "
        "before it: put it there, or a Linear of weight 1 between"
    )


def foreign_entry(name: str, shape: tuple[int, ...]) -> ValueError:
    """Return the error for an entry of a state dict that is no part of a dense layer."""
    return ValueError(
        f"the state dict has {name!r} of shape {shape}; expected weights (n_out, n_in), each followed by its bias "
        "(n_out,): pass only the dense layers' entries"
    )


def several_labels(estimator: object, loss: object) -> TypeError:
    """Return the error for a classifier of several labels per sample."""
    option = "" if isinstance(loss, Loss) and loss.target in MEANINGS else ", output='sigmoid'"
    return TypeError(
        f"skl2onnx's graphs hold one label per sample, but {checks.short(estimator)} has several: export its model by "
        f"to_onnx(estimator.net_{option})"
    )


OWN_TYPES = (
    "call gdcore.interop.register_skl2onnx(), then skl2onnx.to_onnx(model, initial_types=[...], target_opset=18) with "
    "the names and types of its inputs"
)
"""What exports a pipeline whose input is no matrix of floats."""


def no_matrix(model: object) -> TypeError:
    """Return the error for a pipeline whose first step takes something else than numbers in columns."""
    return TypeError(
        f"to_onnx takes pipelines whose input is a matrix of floats, but {type(_first(model)).__name__} does not say "
        f"its number of features (n_features_in_): {OWN_TYPES}"
    )


def not_exported(model: object, error: Exception) -> TypeError:
    """Return the error for what skl2onnx does not make of a matrix of floats."""
    return TypeError(
        f"skl2onnx cannot export this {type(model).__name__} with a matrix of floats as its input "
        f"({_sentence(error)}): {OWN_TYPES}"
    )


def no_converter(model: object, error: Exception) -> TypeError:
    """Return the error for a step that skl2onnx does not know."""
    return TypeError(
        f"skl2onnx has no converter for a part of this {type(model).__name__} ({_sentence(error)}): if scalers are "
        "all that stands around the estimator, to_onnx(gdcore.interop.from_sklearn(model)) exports it, targets' units "
        f"included; otherwise teach skl2onnx that part; for inputs that are no matrix of floats, {OWN_TYPES}"
    )


def _first(model: Any) -> Any:
    """Return the first step of a pipeline, or the estimator itself."""
    steps = getattr(model, "steps", None)
    return steps[0][1] if steps else model


def _sentence(error: Exception) -> str:
    """Return the first sentence of an error's message."""
    return " ".join(str(error).split()).split(". ")[0].split(" It usually")[0].rstrip(".")


def other_probabilities(estimator: object, loss: object) -> TypeError:
    """Return the error for a classifier whose probabilities are neither a softmax nor sigmoids."""
    return TypeError(
        f"{checks.short(estimator)} was trained with {checks.short(loss)}, whose probabilities have no form in ONNX: "
        "train with loss='log_loss', or export its raw outputs by to_onnx(estimator.net_)"
    )
