"""Has it arrived, and at what? Converged, or stationary at what is not a minimum."""

from __future__ import annotations

import numpy as np

from .case import Case
from .finding import Finding
from .signal import vanishes

SADDLE = 1e-3
"""Downward curvature that makes a saddle, in units of the largest."""


def converged(case: Case) -> Finding | None:
    """The gradient is zero relative to its scale, and no direction curves downwards.

    A network through which no gradient passes stands still as well: that is not convergence.
    """
    if not case.is_stationary or _falls(case) or vanishes(case) or _dead_end(case):
        return None
    evidence = _evidence(case)
    summary = "the gradient is zero relative to its scale and the curvature is positive: a minimum"
    return Finding("converged", summary, evidence, problem=False)


def saddle(case: Case) -> Finding | None:
    """The gradient is zero, yet some direction leads down."""
    shut = _shut(case)
    if not (shut or case.is_stationary) or not _falls(case):
        return None
    return Finding(
        "stationary but not a minimum",
        f"the gradient {'of all but the last biases ' if shut else ''}is zero, but the loss curves downwards along "
        "some direction: a saddle or a maximum",
        _evidence(case),
        "start from other weights (weights that are all zero or all equal stay so), or add noise: smaller batches",
    )


def _falls(case: Case) -> bool:
    ritz = case.spectrum.ritz
    return bool(ritz[0] < -SADDLE * max(abs(ritz[-1]), abs(ritz[0])))


def _shut(case: Case) -> bool:
    """Whether nothing but the last layer's biases has a gradient, however the noise of batches moves those."""
    if not _dead_end(case):
        return False
    parts = case.point.model.parameters(case.gradient)
    last = f"dense{len(case.point.dense) - 1}.bias"
    return not any(view.any() for name, view in parts if name != last)


def _dead_end(case: Case) -> bool:
    return len(case.errors) > 1 and case.errors[0] == 0


def _evidence(case: Case) -> dict[str, float]:
    return {
        "gradient_norm": float(np.linalg.norm(case.descent)),
        "loss": case.loss,
        "possible_gain": case.gain,
        "smallest_curvature_found": float(case.spectrum.ritz[0]),
        "largest_curvature": float(case.spectrum.ritz[-1]),
    }
