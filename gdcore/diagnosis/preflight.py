"""The pre-flight: what is worth five minutes before a training, in a second.

Design
------
- Only copies are trained, so the model does not change. At most `ROWS` rows are looked at.
- Two copies make the same few steps on every other row: one on the inputs, one on inputs that all are the mean. Their
  losses on the rows between tell what the inputs bring: targets learned by heart do not help there.
- Each check is a function of one case. Where the case has nothing to say, as with a custom loss, the check says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..data.samples import inputs_of
from ..data.sparse_checks import dense_only
from ..layers.dropout import Dropout
from ..losses import CustomLoss, Loss
from ..models.sequential import Sequential
from ..objective.build import wide_objective
from ..optimizers import Adam
from ..training.errors import DivergedError
from . import checks as diagnosis_checks
from .case import Case
from .check import gradient_wrong
from .samples import badly_scaled
from .targets import badly_scaled_targets
from .telling import not_looked_at, telling_columns

ROWS = 2000
"""A larger data set is represented by this many rows, evenly spaced."""
STEPS = 200
"""Each short training makes so many steps."""
BATCH = 32
"""Rows of the batch that must be overfitted, at most."""
RATES = (0.01, 0.001)
"""Rates that are tried for it, one after the other."""
PER_ROW = 4
"""A model has this many parameters for each number of the batch that it must overfit: a linear one gets few rows."""
HIGH_START = 30.0
"""An initial loss this many times above that of the best constant comes from weights or scales that are too large;
ordinary draws of relu networks reach 10 times it."""
FITTED = 0.5
"""A batch counts as overfitted if this share of what can be learned of it is left, or less."""
FEW = 10
"""With fewer rows to learn from, copies are judged on the same rows."""
SEEN = 0.05
"""Inputs say something if they bring the loss down by this share of what can be learned, beyond the best constant."""


SHOWN = 4
"""So many columns are named; the rest is counted."""


@final
@dataclass(frozen=True)
class PreflightCheck:
    """One line of a pre-flight.

    Attributes
    ----------
    name : str
    ok : bool
    summary : str
        The numbers, as a sentence.
    remedy : str
        What to do; "" where the check passed.
    """

    name: str
    ok: bool
    summary: str
    remedy: str = ""


@final
@dataclass(frozen=True, repr=False)
class Preflight:
    """What `preflight` found: `print` shows a line for each check.

    Attributes
    ----------
    checks : tuple of PreflightCheck

    Examples
    --------
    >>> import gdcore as gd
    >>> X, y = gd.datasets.friedman(200)
    >>> found = gd.preflight(gd.MLP([10, 8, 1], seed=0), X, y, "mse")
    >>> type(found.ok)
    <class 'bool'>
    """

    checks: tuple[PreflightCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return each check by its name, ready for JSON."""
        return {one.name: {"ok": one.ok, "summary": one.summary, "remedy": one.remedy} for one in self.checks}

    def __repr__(self) -> str:
        failed = sum(not check.ok for check in self.checks)
        lines = [f"pre-flight: {f'{failed} of {len(self.checks)} checks need a look' if failed else 'clear'}"]
        for check in self.checks:
            lines.append(
                fill(f"{'ok  ' if check.ok else 'LOOK'} {check.name}: {check.summary}", 88, subsequent_indent="     ")
            )
            if check.remedy:
                lines.append(fill(f"     remedy: {check.remedy}", 88, subsequent_indent="     "))
        return "\n".join(lines)


@explains_calls
def preflight(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    *,
    seed: int = 0,
    feature_names: Sequence[str] | None = None,
) -> Preflight:
    """Look for what would make a training fail, before it begins.

    Parameters
    ----------
    model : Sequential
        Usually untrained. It is not changed.
    X, y, loss
        As in `Sequential.loss`.
    seed : int, default 0
        Of the batches of the short trainings.
    feature_names : sequence of str, optional
        Names of X's columns; by default those of a data frame, else columns are numbered.

    Returns
    -------
    Preflight
        The checks: the loss at the start, beside that of the best constant (log K for K even classes, the targets'
        variance); what the inputs bring beyond a network that sees none; whether one batch can be overfitted; the
        gradient; the scales of inputs and targets; leaks: whether each row's outputs depend on that row alone, and
        whether a column tells the target on its own, as the target in other units does.

    Raises
    ------
    TypeError, ValueError
        For data that do not fit the model or the loss.

    References
    ----------
    Karpathy, A. (2019). A recipe for training neural networks. https://karpathy.github.io/2019/04/25/recipe/

    Examples
    --------
    >>> import gdcore as gd
    >>> X, y = gd.datasets.friedman(200)
    >>> found = gd.preflight(gd.MLP([10, 32, 1], seed=0), X, 1000 + y, "mse")
    >>> [check.name for check in found.checks if not check.ok]
    ['loss at the start', 'one batch', 'scales']
    """
    seed = checks.integer("seed", seed, 0)
    dense_only(X)
    inputs = inputs_of(checks.instance("model", model, Sequential, "gd.MLP([2, 8, 1])").stack, X)
    columns = getattr(X, "columns", None) if feature_names is None else feature_names
    names = () if columns is None else diagnosis_checks.column_names(columns, model.in_features)
    rows = _Rows(model.copy(), inputs, y, loss, seed, names)  # of whole steps, should another thread train the model
    return Preflight(tuple(look(rows) for look in CHECKS))


@final
class _Rows:
    """A model and the rows that it is tried on."""

    def __init__(
        self, model: Sequential, X: Any, y: ArrayLike, loss: Any, seed: int, names: tuple[str, ...] = ()
    ) -> None:
        n = X.shape[0]
        which = np.linspace(0, n - 1, min(n, ROWS)).astype(np.int64)
        self.model, self.loss, self.seed, self.names = model, loss, seed, names
        targets = np.asarray(y)
        if targets.shape[:1] != (n,):
            raise diagnosis_checks.other_rows(targets.shape, n)
        self.X, self.y = X[which], targets[which]
        self.case = self.case_of(self.X, self.y)

    def case_of(self, X: Any, y: Any) -> Case:
        """Return what the rules of a diagnosis look at, for some rows."""
        return Case(wide_objective(self.model, X, y, self.loss), self.model.dtype, self.names, None, None)

    def trained(self, X: Any, y: Any, rate: float, steps: int, X_judged: Any = None, y_judged: Any = None) -> float:
        """Return the loss of a copy without dropout after some steps, on these rows or others; infinity where it
        diverges.
        """
        layers = tuple(layer for layer in self.model.layers if not isinstance(layer, Dropout))
        copy = Sequential(*layers, seed=self.seed, dtype=self.model.dtype)
        copy.params = self.model.params
        batch = min(BATCH, len(y))
        try:
            copy.fit(X, y, self.loss, optimizer=Adam(rate), max_steps=steps, batch_size=batch, seed=self.seed)
        except DivergedError:
            return math.inf
        return copy.loss(X, y, self.loss) if X_judged is None else copy.loss(X_judged, y_judged, self.loss)


def _start(rows: _Rows) -> PreflightCheck:
    name, loss = "loss at the start", rows.case.data_loss
    learning = rows.case.learning
    if learning is None:
        return PreflightCheck(name, math.isfinite(loss), f"{loss:.4g}; a custom loss has no value to compare it with")
    constant, room = learning.constant_loss, learning.constant_loss - learning.ideal_loss
    ok = loss - learning.ideal_loss <= HIGH_START * room
    remedy = (
        "" if ok else "initial weights, inputs or targets are too large: weight_init='auto', Standardize, ScaledTarget"
    )
    return PreflightCheck(name, ok, f"{loss:.4g}; the best constant answer has {constant:.4g}", remedy)


def _blind(rows: _Rows) -> PreflightCheck:
    name, learning = "inputs", rows.case.learning
    blind_X = np.broadcast_to(np.asarray(rows.X.mean(axis=0), rows.X.dtype), rows.X.shape).copy()
    apart = len(rows.y) >= 2 * FEW
    learned, judged = (slice(0, None, 2), slice(1, None, 2)) if apart else (slice(None), slice(None))
    sees, blind = (
        min(
            rows.trained(X[learned], rows.y[learned], rate, steps, X[judged], rows.y[judged])
            for rate in RATES
            for steps in (STEPS // 4, STEPS)
        )
        for X in (rows.X, blind_X)
    )
    room = abs(blind) if learning is None else learning.constant_loss - learning.ideal_loss
    ok = sees < blind - SEEN * room
    where = " on rows left out" if apart else ""
    said = f"loss {sees:.4g}{where}, {blind:.4g} without inputs"
    remedy = "the inputs may say nothing of the targets: do rows of X and y belong together? or scale X and y"
    return PreflightCheck(name, ok, said, "" if ok else remedy)


def _one_batch(rows: _Rows) -> PreflightCheck:
    own = rows.model.n_params // (PER_ROW * rows.model.out_features)
    n = min(BATCH, len(rows.y), max(own, 2))
    which = np.linspace(0, len(rows.y) - 1, n).astype(np.int64)
    X, y = rows.X[which], rows.y[which]
    after = min(rows.trained(X, y, rate, 2 * STEPS) for rate in RATES)
    learning = rows.case_of(X, y).learning
    before = rows.model.loss(X, y, rows.loss)
    top, ideal = (before, 0.0) if learning is None else (learning.constant_loss, learning.ideal_loss)
    ok = after - ideal <= FITTED * (top - ideal)
    said = f"{n} rows: loss {before:.4g}, and {after:.4g} after {2 * STEPS} steps"
    remedy = (
        "" if ok else "a network should learn a few rows by heart: check targets, loss and scales, or widen the layers"
    )
    return PreflightCheck("one batch", ok, said, remedy)


def _gradient(rows: _Rows) -> PreflightCheck:
    found = gradient_wrong(rows.case) if rows.case.finite else None
    if not rows.case.finite:
        return PreflightCheck(
            "gradient", False, "the loss or its gradient is not finite", "scale the inputs: Standardize"
        )
    if found is None:
        return PreflightCheck("gradient", True, "agrees with differences of the loss")
    return PreflightCheck("gradient", False, found.summary, found.remedy)


def _scales(rows: _Rows) -> PreflightCheck:
    found = badly_scaled(rows.case) or badly_scaled_targets(rows.case)
    if found is None:
        seen = rows.case.inputs
        low, high = (round(float(mean), 6) + 0.0 for mean in (seen.mean(axis=0).min(), seen.mean(axis=0).max()))
        means = f"{low:.2g} … {high:.2g}"
        said = f"means {means}, deviations up to {seen.std(axis=0).max():.2g}"
        return PreflightCheck("scales", True, said)
    return PreflightCheck("scales", False, found.summary, found.remedy)


def _leaks(rows: _Rows) -> PreflightCheck:
    """Compare the outputs of rows alone with those among others, and look for equal rows with other targets."""
    X = rows.X[: min(len(rows.y), 64)]
    together = rows.model.predict(X)
    alone = np.concatenate([rows.model.predict(X[i : i + 1]) for i in range(X.shape[0])])
    tolerance = 100 * float(np.finfo(rows.model.dtype).eps) * float(np.abs(together).max(initial=1.0))
    worst = float(np.abs(together - alone).max())
    ok = worst <= tolerance
    how = f"differ by {worst:.2g}" if worst else "are the same"
    said = f"{X.shape[0]} rows, alone and together: outputs {how}"
    return PreflightCheck(
        "rows apart", ok, said, "" if ok else "the outputs of a row depend on other rows: report this"
    )


def _telling(rows: _Rows) -> PreflightCheck:
    """Look for columns that tell the target on their own."""
    name, X = "columns", np.asarray(rows.X)
    targets = rows.case.objective.data.targets
    reason = not_looked_at(X, targets)
    if reason:
        return PreflightCheck(name, True, f"not looked at: {reason}")
    found = telling_columns(X, targets)
    if not found:
        return PreflightCheck(name, True, f"none of {X.shape[1]} tells the target on its own")
    each = [f"{rows.names[j] if rows.names else f'column {j}'} (correlation {share:.4f})" for j, share in found]
    more = f" and {len(each) - SHOWN} more" if len(each) > SHOWN else ""
    return PreflightCheck(
        name,
        False,
        f"{', '.join(each[:SHOWN])}{more} {'tell' if len(each) > 1 else 'tells'} the target on "
        f"{'their' if len(each) > 1 else 'its'} own",
        f"if {'they are' if len(each) > 1 else 'it is'} not known before the target: leave the "
        f"{'columns' if len(each) > 1 else 'column'} out, or the scores promise too much",
    )


CHECKS: tuple[Callable[[_Rows], PreflightCheck], ...] = (
    _start,
    _blind,
    _one_batch,
    _gradient,
    _scales,
    _leaks,
    _telling,
)
"""The checks, in the order in which they are shown."""
