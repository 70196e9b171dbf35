"""`diagnose`, which applies every rule to one case.

Design
------
A rule takes a `Case` and returns a `Finding` or None. `RULES` is the only list of rules; `always` says that a rule
makes sense even if parameters, loss or gradient are not finite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..data.class_weight import ClassWeight, class_weighted
from ..losses import CustomLoss, Loss, get_loss
from ..models.sequential import Sequential
from ..objective.build import wide_objective
from ..optimizers import Optimizer
from ..optimizers.full_batch import FullBatch, get_method
from ..training import History
from . import check, fading, nothing, optimum, overfit, rates, samples, signal, targets, units
from . import checks as diagnosis_checks
from .case import Case
from .finding import Diagnosis, Finding


@final
@dataclass(frozen=True)
class Rule:
    """One row of `RULES`.

    Parameters
    ----------
    kind : str
        Kind of the finding that it returns.
    look : callable
        Function from a case to the finding, or None.
    always : bool, default False
        Whether the rule applies even if parameters, loss or gradient are not finite.
    """

    kind: str
    look: Callable[[Case], Finding | None]
    always: bool = False


RULES: tuple[Rule, ...] = (
    Rule("converged", optimum.converged),
    Rule("stationary but not a minimum", optimum.saddle),
    Rule("still falling", optimum.still_falling),
    Rule("diverging", rates.diverging, always=True),
    Rule("oscillating", rates.oscillating),
    Rule("too slow", rates.too_slow),
    Rule("rate fell to nothing", fading.rate_fell),
    Rule("hardly better than a constant", nothing.hardly_better),
    Rule("underfitting", nothing.underfitting),
    Rule("vanishing", signal.vanishing),
    Rule("exploding", signal.exploding),
    Rule("saturated units", units.saturated),
    Rule("dead relu units", units.dead),
    Rule("badly scaled inputs", samples.badly_scaled, always=True),
    Rule("badly scaled targets", targets.badly_scaled_targets),
    Rule("outputs out of reach", targets.outputs_out_of_reach, always=True),
    Rule("dominated by outliers", samples.outliers),
    Rule("class imbalance", samples.imbalance, always=True),
    Rule("overfitting", overfit.overfitting, always=True),
    Rule("gradient wrong", check.gradient_wrong),
)


@explains_calls
def diagnose(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    history: History | None = None,
    *,
    optimizer: str | Optimizer | FullBatch | None = None,
    sample_weight: ArrayLike | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    feature_names: Sequence[str] | None = None,
    class_weight: ClassWeight | None = None,
) -> Diagnosis:
    """Explain a run: report whether training has converged, and what stands in its way.

    Parameters
    ----------
    model : Sequential
        The model, before or after training. It is not changed; everything is measured with a float64 copy, without
        dropout.
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`, and as in training.
    history : History, optional
        What `fit` returned. Overfitting, and a loss that was still falling, are found only with it. With it, the losses
        decide whether the rate was right.
    optimizer : str, Optimizer or FullBatch, optional
        The optimizer that trained or will train the model. The rate of `SGD` is compared with its bound.
    feature_names : sequence of str, optional
        Names of X's columns; by default those of a data frame, else columns are numbered.
    class_weight : "balanced" or dict, optional
        Pass what was given to `fit`; losses and class balance are computed with it.

    Returns
    -------
    Diagnosis
        `print(diagnosis)`, `diagnosis.findings`, `diagnosis.ok`.

    Raises
    ------
    TypeError, ValueError
        For invalid arguments.

    Notes
    -----
    The kinds of findings, and what each follows from. Those with a star are notes, or can be, rather than problems.

    ==================================  ================================================================================
    converged *                         gradient 0 relative to its scale, curvature positive
    stationary but not a minimum        gradient 0, and a direction that leads down
    still falling *                     the loss fell at a notable pace when training ended
    diverging                           losses that grew or are not finite, a rate beyond its bound
    oscillating                         losses that go up and down in turn, a rate at its bound
    too slow                            a rate far below its bound, epochs that gained less than one good step
    rate fell to nothing                a schedule's rate, a loss that stood still since, and something left to learn
    hardly better than a constant *     the loss beside that of the best constant outputs: the mean of y, its median or
                                        quantile, the classes' shares; a note where X tells nothing of y
    underfitting                        less explained than least squares or the nearest rows explain
    vanishing, exploding                what a unit error at the outputs becomes on its way to the first layer
    saturated or dead units *           outputs at the ends of their range; relu units that are zero for every row
    badly scaled inputs, targets        columns of X, or of y, far from 0 or from size 1
    outputs out of reach                targets beyond the output activation's range, or a loss that takes logits
    dominated by outliers               a few rows that make most of the gradient
    class imbalance                     a class with a small share of the weight
    overfitting                         a validation loss that rose while the training loss fell
    gradient wrong                      differences of the loss along random directions, on at most 4,096 rows, evenly
                                        spaced
    ==================================  ================================================================================

    Examples
    --------
    >>> import gdcore as gd
    >>> line = gd.LinearModel(1, bias=False, weight_init="ones", dtype="float64")
    >>> found = gd.diagnose(line, [[1], [100]], [2, 200], "mse", optimizer=gd.SGD(0.1))
    >>> found.kinds
    ('diverging', 'badly scaled inputs')
    >>> found.findings[0].evidence["largest_stable_rate"].__round__(9)
    0.00019998
    """
    if history is not None:
        checks.instance("history", history, History, "what fit returned")
    method = None if optimizer is None else get_method(optimizer)
    objective = wide_objective(model, X, y, loss, sample_weight, l1, l2)
    if class_weight is not None:
        data = class_weighted(objective.data, class_weight, get_loss(loss), model.out_features)
        objective = replace(objective, data=data)
    columns = getattr(X, "columns", None) if feature_names is None else feature_names
    names = () if columns is None else diagnosis_checks.column_names(columns, model.in_features)
    return diagnosis_of(Case(objective, model.dtype, names, history, method))


def diagnosis_of(case: Case) -> Diagnosis:
    """Return what the rules find in a case."""
    looked = (rule.look(case) for rule in RULES if case.finite or rule.always)
    return Diagnosis(tuple(finding for finding in looked if finding is not None))
