"""The roundoff that a model's analytic gradient may have.

Design
------
- A gradient can be less exact than its differences: softmax minus target cancels once a sample is learned. So the
  possible float64 error is added to an entry's bound; the possible float32 error is the tolerance for a float32 model.
- The roundoff is propagated through the same passes as the numbers: forward, loss, backward. What a layer does to it
  stands in the file of its kind, in `kinds/`. Each product adds its own. Each activation passes on the error of its
  input, evaluated at both ends; so a kink within reach widens the error by its whole jump. Differences that see both
  sides of a kink do not need this, so jumps are kept separately.
- A sum of n terms is off by less than n eps of the sum of their sizes, and hardly ever by more than a few sqrt(n) eps;
  for large n the latter is used.

References
----------
Higham, N. J. (2002). Accuracy and Stability of Numerical Algorithms. SIAM.
Higham, N. J. and Mary, T. (2019). A new approach to probabilistic rounding error analysis. SIAM J. Sci. Comput. 41.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...objective.objective import Objective
from ..slopes.entries import Roundoff
from ..slopes.evaluator import Vector
from .kinds.kind import Given, Passed, Precision
from .kinds.table import kind_of, layers_of, views_of
from .loss_rounding import loss_errors


@np.errstate(over="ignore", invalid="ignore")
def gradient_roundoff(objective: Objective, dtype: str, nudge: float = 0.0) -> Roundoff:
    """Return how far each entry of the gradient may be off in a precision.

    Parameters
    ----------
    objective : Objective
    dtype : str
    nudge : float, default 0
        How far a parameter may be off besides: a small one lets each unit that stands on a kink, or next to it, take
        either side, by itself.
    """
    eps, (l1, l2) = float(np.finfo(dtype).eps), objective.penalties()
    last: Vector = eps * (4 * (l1 + l2 * np.abs(objective.x)) + np.abs(objective.gradient()))
    last += len(objective.data.X) * float(np.finfo(dtype).tiny)
    if objective.loss is None:
        return Roundoff(last, last)
    passed, z, z_error = forward_errors(objective, eps, nudge)
    delta, delta_error, jump = loss_errors(objective, z, z_error, eps)
    whole = last + backward_errors(objective, passed, delta, delta_error, eps)
    if not jump.any() and not any(step.jump.any() for step in passed):
        return Roundoff(whole, whole)
    steady = [step._replace(slope_error=step.slope_error - step.jump) for step in passed]
    return Roundoff(whole, last + backward_errors(objective, steady, delta, delta_error - jump, eps))


def forward_errors(objective: Objective, eps: float, nudge: float) -> tuple[list[Passed], Vector, Vector]:
    """Return what each layer keeps, the outputs (n, k) and their possible errors."""
    tiny = float(np.finfo(np.float32 if eps > np.finfo(np.float64).eps else np.float64).tiny)
    x, precision = objective.data.X, Precision(eps, tiny, nudge)
    error, passed = np.zeros_like(x), []
    for layer, views, out in layers_of(objective):
        kept, error = kind_of(layer).errors(layer, Given(x, error, views, out), precision)
        passed.append(kept)
        x = out
    return passed, x, error


def backward_errors(
    objective: Objective, passed: Sequence[Passed], delta: Vector, delta_error: Vector, eps: float
) -> Vector:
    """Return the possible errors of the gradient (n_params,), from |d loss / d outputs| (n, k) and its error."""
    bound = np.zeros(objective.stack.n_params)
    for step, into in reversed(list(zip(passed, views_of(objective, bound), strict=True))):
        delta_error = delta_error * (step.slope + step.slope_error) + delta * (step.slope_error + eps * step.slope)
        delta = delta * step.slope
        delta, delta_error = kind_of(step.layer).errors_back(step.layer, step, delta, delta_error, into, eps)
    return bound
