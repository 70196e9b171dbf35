"""A short check of the gradient: along a few random directions, on a few rows.

Design
------
`check_gradients` looks at every parameter; this asks whether there is reason to call it. A difference is believed only
where those at two steps agree, and a disagreement counts only where it is far larger than theirs, so that kinks and
roundoff raise no alarm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .case import Case
from .finding import Finding

EPS = float(np.finfo(np.float64).eps)
DIRECTIONS = 3
STEPS = (1e-3, 1e-4, 1e-5)
SURE = 10.0
"""Times the difference's own error that a disagreement must be."""
RELATIVE = 1e-5
"""Of the gradient's norm, that it must be as well."""


def gradient_wrong(case: Case) -> Finding | None:
    """The slope along random directions is not what the gradient says."""
    rng = np.random.default_rng(0)
    norm = float(np.linalg.norm(case.gradient))
    said, measured = [], []
    for _ in range(DIRECTIONS):
        direction = rng.normal(size=case.gradient.size) / np.sqrt(case.gradient.size)
        analytic = float(case.gradient @ direction)
        slope, error = min((_slope(case, direction, step) for step in STEPS), key=lambda found: found[1])
        if abs(slope - analytic) > SURE * error + RELATIVE * norm:
            said.append(analytic)
            measured.append(slope)
    if not said:
        return None
    return Finding(
        "gradient wrong",
        f"along {len(said)} of {DIRECTIONS} random directions the loss changes otherwise than its gradient says",
        {"slope_by_gradient": said, "slope_measured": measured},
        "check_gradients(model, X, y, loss) names the entry; a custom loss must return d value / d outputs",
    )


def _slope(case: Case, direction: NDArray[np.float64], step: float) -> tuple[float, float]:
    """The measured slope, and how wrong it may be."""
    point = case.point
    values = [point.value(point.x + share * step * direction) for share in (1, 0.5, -0.5, -1)]
    coarse, fine = (values[0] - values[3]) / (2 * step), (values[1] - values[2]) / step
    roundoff = 64 * EPS * max(map(abs, values)) / step
    return fine + (fine - coarse) / 3, abs(fine - coarse) + roundoff
