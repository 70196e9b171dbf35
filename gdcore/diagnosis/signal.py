"""Does an error at the outputs reach the first layer? Finds vanishing and exploding gradients.

Design
------
At a minimum the loss's gradient is zero in every layer, and the gradient of a weight mixes the backward signal with the
forward one. A unit error at the outputs, passed backwards, avoids both. It is what vanishes or explodes: a product with
one more matrix and one more slope per layer.
"""

from __future__ import annotations

import math

from .case import Case
from .finding import Finding
from .targets import badly_scaled_targets

NOTHING = 1e-6
"""A loss of at most this share of that of zero outputs counts as none."""
MIN_LAYERS = 3
WHOLE = 1e-2
"""Gradients vanish if at most this share of the error reaches the first layer; they explode above its inverse."""
PER_LAYER = 0.5
"""They must also shrink to at most this share per layer, in the geometric mean; for exploding, grow by its inverse."""


def vanishes(case: Case) -> bool:
    """Return whether the error shrinks geometrically towards the input.

    A loss's own error may lie along the few directions that still pass: where the first layer's gradient is as large as
    the last one's, enough arrives.
    """
    whole, per_layer = _passed(case)
    norms = case.layer_gradients
    return 0 < whole <= WHOLE and per_layer <= PER_LAYER and not (norms[0] >= norms[-1] > 0)


def vanishing(case: Case) -> Finding | None:
    """Report gradients that shrink geometrically towards the input, or weights of zero that let nothing pass."""
    zero = _zero_layers(case)
    if zero:
        return Finding(
            "vanishing",
            f"the weights of {', '.join(zero)} are all zero: no weight has a gradient, and none will ever change",
            _evidence(case),
            "use weight_init='auto'",
        )
    if not vanishes(case):
        return None
    whole, per_layer = _passed(case)
    return Finding(
        "vanishing",
        f"of an error at the outputs, {whole:.2g} reaches the first layer: each layer passes on {per_layer:.2g} of it",
        _evidence(case),
        "use relu or its kin with weight_init='auto', fewer layers, or larger initial weights",
    )


def _zero_layers(case: Case) -> list[str]:
    """Return the layers whose weights are all zero, if only the last biases have a gradient and no direction leads
    down.

    None where there is hardly any error, and so nothing to learn.
    """
    if (
        not case.shut
        or case.local.curves_down
        or abs(case.local.loss) <= NOTHING * abs(case.references.loss_of_nothing)
    ):
        return []
    return [block.layer for block, view in case.objective.stack.views() if block.is_weight and not view.any()]


def exploding(case: Case) -> Finding | None:
    """Report gradients that grow geometrically towards the input.

    Weights that began right have grown for targets far off scale: that is what to mend then.
    """
    whole, per_layer = _passed(case)
    begun_right = all(layer.weight_init == "auto" for layer in case.objective.stack.dense)
    if not (whole >= 1 / WHOLE and per_layer >= 1 / PER_LAYER) or (begun_right and badly_scaled_targets(case)):
        return None
    remedy = "use smaller initial weights (weight_init='auto') and clip_norm=1"
    if begun_right:
        remedy = f"{case.words.lower} from new initial weights and clip_norm=1, or fewer layers"
    return Finding(
        "exploding",
        f"an error at the outputs reaches the first layer {whole:.2g} times as large: {per_layer:.2g} times per layer",
        _evidence(case),
        remedy,
    )


def _passed(case: Case) -> tuple[float, float]:
    errors = case.errors
    if len(errors) < MIN_LAYERS or errors[-1] == 0:
        return 1.0, 1.0
    whole = errors[0] / errors[-1]
    return whole, math.pow(whole, 1 / (len(errors) - 1))


def _evidence(case: Case) -> dict[str, list[float]]:
    return {"error_per_layer": case.errors, "gradient_norm_per_layer": case.layer_gradients}
