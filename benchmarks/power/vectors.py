"""Mistakes that show in the gradient's vector alone: entries, blocks, factors, roundings."""

from collections.abc import Callable

import numpy as np

from .cases import Case

Change = Callable[[Case, np.ndarray, np.random.Generator], np.ndarray | None]
"""(case, right gradient (n_params,) in float64, rng) -> a wrong one, or None where the mistake cannot be made."""


def one_entry(factor: float) -> Change:
    """An entry that is not 0, times a factor."""

    def change(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        candidates = np.flatnonzero(right)
        if not len(candidates):
            return None
        wrong = right.copy()
        wrong[rng.choice(candidates)] *= factor
        return wrong

    return change


def everything(factor: float) -> Change:
    """Every entry times a factor."""
    return lambda case, right, rng: right * factor


def times(factor: Callable[[Case], float]) -> Change:
    """Every entry times what depends on the case."""
    return lambda case, right, rng: right * factor(case)


def one_block(ending: str, edit: Callable[[np.ndarray, np.random.Generator], None]) -> Change:
    """One of the blocks whose name ends so, edited in place."""

    def change(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        wrong = right.copy()
        views = [view for name, view in case.net.parameters(wrong) if name.endswith(ending) and view.any()]
        if not views:
            return None
        edit(views[rng.integers(len(views))], rng)
        return wrong

    return change


def scaled(factor: float) -> Callable[[np.ndarray, np.random.Generator], None]:
    """A whole view times a factor."""

    def edit(view: np.ndarray, rng: np.random.Generator) -> None:
        view *= factor

    return edit


def zero_entry(view: np.ndarray, rng: np.random.Generator) -> None:
    """One entry that is not 0 becomes 0."""
    view[rng.choice(np.flatnonzero(view))] = 0


def shifted(view: np.ndarray, rng: np.random.Generator) -> None:
    """Every entry in the place of the one before it."""
    view[...] = np.roll(view, 1)


def transposed(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A square weight's gradient, rows and columns exchanged."""
    wrong = right.copy()
    views = [view for name, view in case.net.parameters(wrong) if view.ndim == 2 and 1 < len(view) == view.shape[1]]
    if not views:
        return None
    view = views[rng.integers(len(views))]
    view[...] = view.T.copy()
    return wrong


def misread(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A weight's gradient that is not square, in the order of its transpose."""
    wrong = right.copy()
    weights = (view for name, view in case.net.parameters(wrong) if view.ndim == 2)
    views = [view for view in weights if 1 < min(view.shape) < max(view.shape)]
    if not views:
        return None
    view = views[rng.integers(len(views))]
    view[...] = view.T.copy().reshape(view.shape)
    return wrong


def entries_swapped(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Two entries in each other's place."""
    if len(right) < 2:
        return None
    i, j = rng.choice(len(right), 2, replace=False)
    wrong = right.copy()
    wrong[[i, j]] = right[[j, i]]
    return wrong


def units_swapped(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Two columns of a weight in each other's place."""
    wrong = right.copy()
    views = [view for name, view in case.net.parameters(wrong) if view.ndim == 2 and view.shape[1] > 1]
    if not views:
        return None
    view = views[rng.integers(len(views))]
    i, j = rng.choice(view.shape[1], 2, replace=False)
    view[:, [i, j]] = view[:, [j, i]]
    return wrong


def biases_swapped(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """The biases of two layers of one width in each other's place."""
    wrong = right.copy()
    views = [view for name, view in case.net.parameters(wrong) if view.ndim == 1]
    pairs = [(a, b) for i, a in enumerate(views) for b in views[i + 1 :] if len(a) == len(b)]
    if not pairs:
        return None
    a, b = pairs[rng.integers(len(pairs))]
    a[...], b[...] = b.copy(), a.copy()
    return wrong


def clipped(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """The largest entries cut to half the largest size."""
    most = np.abs(right).max() / 2
    return np.clip(right, -most, most)


def half_precision(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Rounded to 11 bits of mantissa, as float16 would; the exponent keeps its range."""
    mantissa, exponent = np.frexp(right)
    return np.ldexp(np.round(mantissa * 2.0**11) / 2.0**11, exponent)


def not_a_number(case: Case, right: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """One entry is NaN."""
    wrong = right.copy()
    wrong[rng.integers(len(right))] = np.nan
    return wrong
