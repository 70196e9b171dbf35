"""Units that no longer learn: saturated or dead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..layers.activations import get_activation
from ..layers.dense import Dense
from .case import Case
from .finding import Finding
from .targets import badly_scaled_targets, outputs_out_of_reach

BEYOND = 0.99
"""An output is saturated beyond this share of the way from the middle of its range to an end."""
SATURATED_SHARE = 0.5
"""A layer is reported if more than this share of its outputs, over all units and rows, are saturated."""
DEAD_SHARE = 0.5
"""Dead units are a problem from this share of a layer on. Fewer are reported as a note: a healthy run may have them."""
NOTABLE_SHARE = 0.25
"""From this share of a layer on, the note of dead units says what to do; fewer are of no account."""
OFF_CENTRE = 1.0
"""Inputs with a column whose mean exceeds this many standard deviations push units to one side of 0."""
MIN_ROWS = 8
"""With fewer rows, a unit may be zero on all of them by chance, so none is reported."""


def saturated(case: Case) -> Finding | None:
    """Report tanh or sigmoid layers whose outputs mostly lie at the ends of their range, where the slope is nearly
    zero.

    Those of the last layer are where targets out of its reach have drawn them: that is another finding.
    """
    shares: dict[str, float] = {}
    layers = _layers(case)
    for name, layer, output in layers[:-1] if outputs_out_of_reach(case) else layers:
        if layer.activation in ("tanh", "sigmoid"):
            centred = output if layer.activation == "tanh" else 2 * output - 1
            shares[name] = float(np.mean(np.abs(centred) > BEYOND))
    worst = {name: share for name, share in shares.items() if share > SATURATED_SHARE}
    if not worst:
        return None
    summary = f"most outputs of {', '.join(worst)} lie beyond ±{BEYOND} of their range, where little gradient passes"
    remedy = (
        f"{case.words.lower} from new initial weights"
        if case.references.blown_up
        else "use smaller initial weights and inputs on one scale (mean 0, deviation 1), or relu"
    )
    if case.learned:
        summary, remedy = f"{summary}; what there was to learn is learned", ""
    return Finding("saturated units", summary, {"share_beyond": shares}, remedy, not case.learned)


def dead(case: Case) -> Finding | None:
    """Report units of relu layers that are zero for every row, so that no gradient reaches their weights."""
    if len(case.objective.data.X) < MIN_ROWS:
        return None
    found: dict[str, list[int]] = {}
    layers = _layers(case)
    for name, layer, output in layers:
        if get_activation(layer.activation).dies:
            units = _zero_everywhere(output)
            if units:
                found[name] = units
    if not found:
        return None
    n = sum(map(len, found.values()))
    widths = {name: layer.out_features for name, layer, _ in layers}
    share = {name: len(units) / widths[name] for name, units in found.items()}
    worst = max(share.values())
    problem = worst >= DEAD_SHARE
    summary = f"{n} relu unit{'s are' if n > 1 else ' is'} zero for every row and cannot learn any more"
    if worst >= NOTABLE_SHARE:
        summary += f", up to {worst:.0%} of a layer"
    evidence: dict[str, object] = {"units": found, "share_of_layer": share}
    born = 0
    if case.references.first_outputs is not None:
        first = dict(zip(case.objective.stack.dense_names, case.references.first_outputs, strict=True))
        born = sum(len(set(units) & set(_zero_everywhere(first[name]))) for name, units in found.items())
        summary += f"; {born} of them already so with the initial weights of the model's seed"
    off_scale = badly_scaled_targets(case) if problem else None
    remedy = "" if off_scale is None else off_scale.remedy
    if off_scale is None and worst >= NOTABLE_SHARE:
        remedy = _revive(case, 2 * born > n)
    return Finding("dead relu units", summary, evidence, remedy, problem)


def _revive(case: Case, were_born_so: bool) -> str:
    """Return what brings dead units to life."""
    if were_born_so:
        return "use other initial weights (weight_init='auto', biases of 0), inputs of mean 0, or leaky_relu"
    X = case.inputs
    if (np.abs(X.mean(axis=0)) > OFF_CENTRE * X.std(axis=0)).any():
        return "use inputs of mean 0 (Standardize) and new initial weights, or leaky_relu"
    return f"use {case.words.lower} from new initial weights, or leaky_relu"


def _layers(case: Case) -> list[tuple[str, Dense, NDArray[np.float64]]]:
    """Return each dense layer's name, record and outputs."""
    stack = case.objective.stack
    return list(zip(stack.dense_names, stack.dense, case.outputs, strict=True))


def _zero_everywhere(output: NDArray[np.float64]) -> list[int]:
    return [int(unit) for unit in np.flatnonzero((output <= 0).all(axis=0))]
