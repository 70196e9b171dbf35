"""Slopes from the differences of one round: values at x - h, x + h, x - h/2 and x + h/2.

Design
------
- The slope is Richardson's: s2 + (s2 - s1) / 3 of the central differences s1 over h and s2 over h/2. Its error is of
  order h^4, the bound takes |s2 - s1|, of order h^2: small steps are affordable in float64, a bound too small is not.
- One-sided slopes differ by h f'' and by what a kink at x adds, which does not shrink with h: twice their distance
  at h/2 less that at h. Half of it joins the bound, for any value between the one-sided slopes is a subgradient.
- Many kinks within the step leave a jump too, beside a truncation of its size, and neither tells how far the slope
  is off: it converges with h at best. There the bound is ROUGH times as large.
- Where patterns say that x stands on a kink, or f is finite on one side alone, the one-sided slopes are taken.

References
----------
Richardson, L. F. (1911). The approximate arithmetical solution by finite differences. Phil. Trans. A 210.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from .evaluator import Indices, Vector

ROUGH, GROWS = 4.0, 1.25
CONDITION = 16.0
"""A slope is known no better than its change when x moves by this many eps of itself."""


@final
@dataclass(frozen=True)
class Slopes:
    """Results along k lines; arrays of shape (k,).

    Attributes
    ----------
    numeric : ndarray
        The slope; at a kink the middle of the one-sided slopes. NaN where f was not finite around x.
    truncation, roundoff : ndarray
        Their sum bounds |f' - numeric|. `spread` is a part of `truncation`.
    spread : ndarray
        Half the distance of the one-sided slopes where they differ, 0 elsewhere.
    curvature : ndarray
        A lower bound of |f''|, 0 where roundoff hides it.
    step : ndarray
        The largest distance from x of the points in use.
    kink : ndarray of bool
        Whether one-sided slopes differ at x, as far as steps reach.
    """

    numeric: Vector
    truncation: Vector
    roundoff: Vector
    spread: Vector
    curvature: Vector
    step: Vector
    kink: NDArray[np.bool_]

    @property
    def bound(self) -> Vector:
        """Truncation plus roundoff."""
        return self.truncation + self.roundoff

    def take(self, rows: Indices | NDArray[np.bool_]) -> Self:
        """Return the slopes of some lines, by number or by mask."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def put(self, rows: Indices | NDArray[np.bool_], others: Slopes) -> None:
        """Replace the slopes of some lines, in place."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(others, field.name)


def unknown(k: int) -> Slopes:
    """Return the slopes of k lines of which nothing is known."""
    roundoff, spread, curvature, step = np.zeros((4, k))
    return Slopes(np.full(k, np.nan), np.full(k, np.inf), roundoff, spread, curvature, step, np.zeros(k, np.bool_))


def one_round(
    steps: Vector, values: Vector, noise: Vector, same: NDArray[np.bool_], rounding: Vector
) -> tuple[Slopes, NDArray[np.bool_]]:
    """Return slopes of m lines, and which of them met no kink and only finite values.

    Parameters
    ----------
    steps, values, noise : ndarray, shape (2, 2, m)
        Distances from x, differences and their roundoff, [outer or inner, left or right].
    same : ndarray of bool, shape (2, 2, m)
        Where the pattern is that of x.
    rounding : ndarray, shape (m,)
        eps of the parameters' scale.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        one_sided = values / steps * np.array([[-1.0], [1.0]])
        left, right = steps[:, 0], steps[:, 1]
        across = left + right
        central = (one_sided[:, 0] * right + one_sided[:, 1] * left) / across
        outer_noise, inner_noise = (noise[:, 0] + noise[:, 1]) / across
        gaps = one_sided[:, 1] - one_sided[:, 0]
        gap, reach = np.abs(gaps[1]), across[1] / 2
        truncation = np.abs(central[1] - central[0])
        jump = np.abs(2 * gaps[1] - gaps[0]) / 2
        curvature = np.maximum(0, gap - 2 * inner_noise - 2 * jump) / reach
        roundoff = (4 * inner_noise + outer_noise) / 3 + CONDITION * rounding * gap / reach
        numeric = central[1] + (central[1] - central[0]) / 3
        unsteady = np.maximum(*np.abs(one_sided[1] - one_sided[0]))
        kink = (jump > 4 * inner_noise + gap / 4) & (unsteady < jump / 8)
        rough = ~kink & (jump > 4 * inner_noise + truncation / 4)
        found = Slopes(
            numeric,
            np.where(rough, ROUGH, 1.0) * (truncation + jump),
            roundoff,
            np.where(kink, jump, 0.0),
            curvature,
            np.maximum(*steps[0]),
            kink,
        )
        smooth = np.logical_and.reduce((same & np.isfinite(values)).reshape(4, -1))
        apart = np.flatnonzero(~smooth)
        if len(apart):
            found.put(
                apart, sides(one_sided[:, :, apart], (noise / steps)[:, :, apart], same[:, :, apart], found.step[apart])
            )
    return found, smooth


def sides(one_sided: Vector, noise: Vector, same: NDArray[np.bool_], step: Vector) -> Slopes:
    """Return the middle of one-sided slopes (2, 2, m) at a kink, bounded by half their distance and their errors.

    A side of x's own pattern tells the slope alone, unless the kink is so near that the other side's line meets it at x
    as well as roundoff tells; so does a side where f is finite beside one where it is not.
    Such a side may be as rough as x^1.5 at 0, so the error is taken twice. At the end of a domain, one whose slope
    grows the nearer it gets to x, as that of log x near 0 or of its square root does, tells nothing.
    """
    slope = 2 * one_sided[1] - one_sided[0]
    error = 2 * np.abs(one_sided[1] - one_sided[0])
    finite, own = np.isfinite(slope), same.all(axis=0)
    grows = np.abs(one_sided[1]) > GROWS * np.abs(one_sided[0]) + noise.sum(axis=0)
    error = np.where(grows & ~finite.all(axis=0), np.inf, error)
    change = np.abs(one_sided[1] - one_sided[0])
    at_x = finite.all(axis=0) & (change <= noise.sum(axis=0) + 2 * np.where(own, change, 0.0).sum(axis=0)).all(axis=0)
    used = finite & (own | ~(own & finite).any(axis=0) | at_x)
    known = used.any(axis=0)
    high = np.where(used, slope, -np.inf).max(axis=0)
    low = np.where(used, slope, np.inf).min(axis=0)
    spread = np.where(known, (high - low) / 2, 0.0)
    error = np.where(known, np.where(used, error, 0.0).max(axis=0), np.inf)
    roundoff = np.where(used, 2 * noise[1] + noise[0], 0.0).max(axis=0)
    middle = np.where(known, (high + low) / 2, np.nan)
    return Slopes(middle, error + spread, roundoff, spread, np.zeros_like(step), step, np.ones_like(known))
