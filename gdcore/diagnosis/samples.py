"""Is it the data? Finds badly scaled inputs, outliers and class imbalance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..losses import Loss
from .case import Case
from .finding import Finding, shown

APART = 100.0
"""A column this many times larger than another, or than 1, is badly scaled."""
AWAY = 10.0
"""Among such columns, those larger or smaller than 1 by this factor are reported."""
OFFSET = 30.0
"""A column whose mean exceeds this many of its standard deviations is far from 0."""
FAR = 10.0
"""An outlier's residual or input is farther off than this many robust standard deviations."""
SPREADS = 3.0
"""An outlier's residual also exceeds this many robust standard deviations of the targets."""
MAX_OUTLIERS = 0.05
"""Outliers are at most this share of the rows; more are not outliers."""
DOMINANT = 0.5
"""Outliers dominate if they make more than this share of the gradient's square at the outputs."""
MIN_ROWS = 10
MIN_PER_CLASS = 10
"""If an equal share of the rows is below this, a class can be rare by chance and nothing is reported."""
RARE = 0.2
"""A class is rare if it has less than this share of an equal share."""
USUAL = 0.9
"""If at least this share of a column has one value, its other values are rare by nature, like a
rare level or a word."""
LARGEST = 1e150
"""The squares of larger numbers overflow."""
MAD = 1.4826
"""Converts the median absolute deviation of a normal distribution to its standard deviation."""


def badly_scaled(case: Case) -> Finding | None:
    """Report columns, as the first dense layer sees them, whose sizes differ much from each other or from 1, or that
    are far from 0.
    """
    X = case.inputs
    size, offset = _off_scale(X)
    wrong = size | offset
    if not wrong.any():
        return None
    behind = " of X" if X is case.objective.data.X else ", behind the scaling layers,"
    columns = [case.names[i] if case.names else int(i) for i in np.flatnonzero(wrong)]
    seen = X[:, wrong]
    evidence = {
        "columns": columns,
        "largest_absolute_value": np.abs(seen).max(axis=0).tolist(),
        "mean": seen.mean(axis=0).tolist(),
        "standard_deviation": _deviation(seen).tolist(),
    }
    rows = _far_rows(seen)
    if 0 < len(rows) <= max(MAX_OUTLIERS * len(X), 1) and not np.any(_off_scale(np.delete(X, rows, axis=0))):
        return Finding(
            "badly scaled inputs",
            f"{len(rows)} of {len(X)} rows{behind} {'are outliers' if len(rows) > 1 else 'is an outlier'} of the "
            "inputs; without, all columns are on one scale",
            {"rows": rows.tolist(), **evidence},
            "look at these rows: correct them, clip them or leave them out; or take logarithms (Log1p)",
        )
    return Finding(
        "badly scaled inputs",
        f"{len(columns)} of {X.shape[1]} columns{behind} {_reasons(size, offset)}",
        evidence,
        "bring every column to mean 0 and deviation 1 (Standardize), or take logarithms (Log1p)",
    )


def _reasons(size: NDArray[np.bool_], offset: NDArray[np.bool_]) -> str:
    one = np.count_nonzero(size | offset) == 1
    reasons = []
    if size.any():
        reasons.append(f"{'differs' if one else 'differ'} in size from the others or from 1 by orders of magnitude")
    if offset.any():
        reasons.append(f"{'lies' if one else 'lie'} far from 0 for how little {'it varies' if one else 'they vary'}")
    return " or ".join(reasons)


def _off_scale(X: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return whether each column's size is far from the others or from 1, and whether its mean is far from 0.

    A column of what occurs seldom counts with its deviation once it is standardized: the few rows where it occurs are
    far from 0 then, as they must be.
    """
    size, deviation, mean = np.abs(X).max(axis=0), _deviation(X), X.mean(axis=0)
    rare = (np.abs(mean) < 0.1) & (deviation > 0.5) & (deviation < 2)
    rare[rare] = [_usual(column) >= USUAL for column in X[:, rare].T]
    size = np.where(rare, deviation, size)
    live = size > 0
    wrong = size >= APART
    if live.any() and size[live].max() >= APART * size[live].min():
        wrong |= live & ((size > AWAY) | (size < 1 / AWAY))
    varies = deviation > 1e-6 * size
    return wrong, varies & (np.abs(mean) > OFFSET * deviation)


def _deviation(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each column; squares of large numbers do not overflow."""
    large = np.maximum(np.abs(X).max(axis=0), 1.0)
    scale = np.where(large > LARGEST, large, 1.0)
    return np.asarray((X / scale).std(axis=0) * scale)


def _usual(column: NDArray[np.float64]) -> float:
    """Return the share of the most common value."""
    return float(np.unique(column, return_counts=True)[1].max() / len(column))


def _far_rows(X: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows with an entry far from its column's median, in robust deviations; none if there are few rows."""
    if len(X) < MIN_ROWS:
        return np.zeros(0, np.intp)
    off = np.abs(X - np.median(X, axis=0))
    return np.flatnonzero((off > FAR * MAD * np.median(off, axis=0)).any(axis=1))


def outliers(case: Case) -> Finding | None:
    """Report a few rows, far off, that make most of the gradient."""
    data, kind = case.objective.data, case.objective.loss
    if not isinstance(kind, Loss) or kind.target not in ("real", "nonnegative") or data.target is None:
        return None
    n = len(data.X)
    if n < MIN_ROWS:
        return None
    residual = np.exp(case.outputs[-1]) if kind.name == "poisson" else case.outputs[-1]
    off = np.abs(residual - data.target - np.median(residual - data.target, axis=0))
    spread = np.abs(data.target - np.median(data.target, axis=0))
    far = (off > FAR * MAD * np.median(off, axis=0)) & (off > SPREADS * MAD * np.median(spread, axis=0))
    rows = np.flatnonzero(far.any(axis=1))
    squares = (case.residual**2).sum(axis=1)
    share = float(squares[rows].sum() / squares.sum()) if squares.any() else 0.0
    if not 0 < len(rows) <= max(MAX_OUTLIERS * n, 1) or share <= DOMINANT:
        return None
    return Finding(
        "dominated by outliers",
        f"{len(rows)} of {n} rows make {share:.0%} of the squared gradient at the outputs",
        {"rows": [int(row) for row in rows], "share": share, "residual": [float(off[row].max()) for row in rows]},
        "look at these rows; use Huber or mean_absolute_error, which bound what a row can pull",
    )


def imbalance(case: Case) -> Finding | None:
    """Report a class that hardly occurs, by sample weight."""
    data, kind = case.objective.data, case.objective.loss
    if not isinstance(kind, Loss):
        return None
    counts = _class_weights(case, kind.target)
    return None if counts is None else imbalance_among(counts, len(data.X), range(len(counts)))


def imbalance_among(counts: NDArray[np.float64], n: int, names: Sequence[object]) -> Finding | None:
    """Report a class that hardly occurs, from the weight of each class (k,) in n rows, and the names of the classes."""
    total, k = float(counts.sum()), len(counts)
    if min(total, n) < MIN_PER_CLASS * k or counts.min() >= RARE * total / k:
        return None
    rarest = int(np.argmin(counts))
    if counts[rarest] == 0:
        missing = [names[int(i)] for i in np.flatnonzero(counts == 0)]
        return Finding(
            "class imbalance",
            f"class{'es' * (len(missing) > 1)} {shown(missing)} {'do' if len(missing) > 1 else 'does'} not occur",
            {"weight_per_class": [float(count) for count in counts]},
            "collect samples of it, or leave its output out: no weights can make up for samples that are not there",
        )
    return Finding(
        "class imbalance",
        f"class {names[rarest]} has {counts[rarest] / total:.2%} of the weight of all samples, {1 / k:.0%} would be "
        "its share",
        {"weight_per_class": [float(count) for count in counts]},
        "pass class_weight='balanced' to fit, and to diagnose where fit had it; collect more of it, and look at more "
        "than accuracy",
    )


def _class_weights(case: Case, target: str) -> NDArray[np.float64] | None:
    """Return the weight of each class in units of samples; for several binary outputs, that of no
    and yes of the worst.
    """
    data = case.objective.data
    n = len(data.X)
    weight = np.ones(n) if data.weight is None else data.weight * (n / data.weight.sum())
    if data.labels is not None:
        return np.bincount(data.labels, weight, case.objective.stack.out_features).astype(np.float64)
    if data.target is None or target not in ("class", "unit", "sign"):
        return None
    if target == "class":
        return np.asarray(weight @ data.target)
    yes = weight @ (data.target if target == "unit" else (data.target + 1) / 2)
    worst = float(yes[np.argmin(np.minimum(yes, n - yes))])
    return np.array([n - worst, worst])
