"""`check_gradients`, which checks the gradient of a model's loss.

Design
------
- Everything is computed in float64: a float32 model is checked through a float64 copy that sees the same rounded data.
  Its own float32 gradient is then compared with the copy's, within the roundoff that float32 may have (rounding.py).
- A user's float32 gradient may be off by float32's roundoff, whatever the model's precision is, so that is added to its
  bounds. A float64 gradient must be exact to float64's roundoff, for X, y and sample_weight as they were given, not as
  a float32 model rounds them, since a float64 pass has used these.
- The model itself is never written to, so nothing has to be restored.
- Dropout uses one fixed mask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..base.threads import MOST_THREADS, num_threads
from ..data.samples import Samples, take_samples
from ..layers.dropout import dropout_key
from ..layers.stack import stack_of
from ..losses import CustomLoss, Loss, get_loss
from ..models import Sequential
from . import checks as gradcheck_checks
from .arrays import kept_random_state, plain
from .examine import Claim, Effort, assemble, examine
from .model.backward import mistakes
from .model.kinks import Sides
from .model.model_evaluator import EPS
from .model.objective import Objective
from .model.parts import check_parts, check_single
from .model.rounding import gradient_roundoff
from .model.second import check_second
from .modes import settle
from .report.causes import explain
from .report.report import GradientReport, Part
from .slopes.entries import Block, blocks_of
from .slopes.evaluator import Vector
from .slopes.function import REPEATABLE

Gradient = ArrayLike | Sequence[ArrayLike] | Mapping[str, ArrayLike]
DROPOUT_SEED = 0
ROUNDED = "every number of grad is one of float32: where it was computed in float32, it should be passed as float32"


@explains_calls
def check_gradients(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | CustomLoss,
    *,
    sample_weight: ArrayLike | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    wrt: str = "params",
    order: int = 1,
    grad: Gradient | Callable[..., Gradient] | None = None,
    mode: str = "auto",
    samples_per_block: int = 32,
    directions: int = 4,
    seed: int = 0,
    threads: int | None = None,
) -> GradientReport:
    """Check the gradient of a model's loss.

    Parameters
    ----------
    model : Sequential
        A float32 model is checked through a float64 copy, and its float32 gradient against the copy's. The model is not
        changed.
    X, y, loss, sample_weight, l1, l2
        As in `Sequential.loss`. Dropout uses one fixed mask. Sample weights and penalties are checked together with the
        data loss, and separately.
    wrt : {"params", "inputs"}, default "params"
        What to differentiate with respect to. Penalties do not depend on inputs and are left out for them.
    order : {1, 2}, default 1
        2 checks every entry of `Sequential.hessian_vector`, for a random direction v and without dropout, against
        differences of the model's gradient.
    grad : array_like or callable, optional
        A gradient to check instead of the model's own, such as that of your own backward pass: an array or tensor of
        shape (n_params,), or of X's shape, a list of arrays in the order and shapes of `model.parameters()`, a dict
        with its names, or a callable () that returns one of these. In float32 it may be off by float32's roundoff. In
        float64 it is checked on the data as given, not on those rounded to float32 for a float32 model. With order=2 it
        is a callable v -> H v of float64 vectors (n_params,), and required if the loss is a Python function.
    mode : {"auto", "full", "sample", "directions"}, default "auto"
        "full" checks every entry, "sample" some of every block. "directions" checks derivatives along random directions
        in every block; a wrong one is bisected down to one entry. "auto" is "full" if that is affordable, else
        "directions".
    samples_per_block, directions : int, default 32 and 4
        Number of entries that "sample" checks in a block, and of directions that "directions" does.
    seed : int, default 0
        Seed of the drawn entries or directions.
    threads : int, optional
        As in `set_num_threads`, for this call only.

    Returns
    -------
    GradientReport
        `report.ok`, `print(report)`, `report.raise_if_failed()`.

    Raises
    ------
    TypeError, ValueError
        If the data do not fit the model, or the loss is not finite.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> net = gd.MLP([3, 4, 2], activation="tanh", seed=0)
    >>> gd.check_gradients(net, np.eye(3), [0, 1, 1], "cross_entropy").ok
    True
    >>> mine = 2 * net.loss_and_grad(np.eye(3), [0, 1, 1], "cross_entropy")[1]
    >>> gd.check_gradients(net, np.eye(3), [0, 1, 1], "cross_entropy", grad=mine).causes
    ('every block is too large by a factor 2',)
    """
    stack = stack_of(model)
    kind = get_loss(loss)
    samples = partial(take_samples, stack, X, y, sample_weight, kind)
    data, stack = samples(), stack.plain  # the loss is that of standardized targets
    l1, l2 = checks.nonnegative("l1", l1), checks.nonnegative("l2", l2)
    effort = Effort(samples_per_block, directions, seed)
    if threads is not None:
        checks.integer("threads", threads, 1, MOST_THREADS)
    checks.one_of("wrt", wrt, ("params", "inputs"))
    order = gradcheck_checks.order(order, wrt, grad)
    with kept_random_state(), nullcontext() if threads is None else num_threads(threads):
        claimed = plain(grad() if callable(grad) and order == 1 else grad)
        if wrt == "params":
            claimed = gradcheck_checks.joined("grad", claimed, {name: part.shape for name, part in stack.parameters()})
        else:
            gradcheck_checks.one_array("grad", claimed, data.X.shape)
        if grad is not None and (order == 2 or gradcheck_checks.claimed_precision(claimed) == "float64"):
            data = samples(dtype="float64")
        objective = Objective(stack.astype("float64"), widened(data), kind, l1, l2, dropout_key(DROPOUT_SEED))
        if not isinstance(kind, Loss):
            once, twice = objective.gradient(), objective.gradient()
            gradcheck_checks.repeatable_gradient("the gradient of loss", once, twice, REPEATABLE * EPS)
        if order == 2:
            product_with = grad if callable(grad) else objective.hessian_vector
            return check_second(replace(objective, key=0), product_with, blocks_of(stack.parameters()), effort.seed)
        if wrt == "inputs":
            gradcheck_checks.input_rows(len(data.X))
            objective = objective.of_inputs()
            blocks: tuple[Block, ...] = (Block("X", 0, data.X.shape),)
        else:
            blocks = blocks_of(stack.parameters())
        shape = data.X.shape if wrt == "inputs" else (stack.n_params,)
        own = grad is None
        gradient, dtype = (objective.gradient(), "float64") if own else given(claimed, objective, blocks, shape)
        size = sum(block.size for block in blocks)
        plan = settle(mode, size, 2.0 * len(data.X) * stack.n_params)
        evaluator = objective.evaluator()
        claim = Claim(gradient, gradient_roundoff(objective, dtype), blocks, float(np.finfo(dtype).eps))
        found = examine(evaluator, claim, plan.mode, effort, Sides(objective))
        notes = found.notes()
        failed = bool((found.entries["verdict"] == "fail").any())
        guesses = (*objective.guesses(), *mistakes(objective)) if failed else ()
        if failed and dtype == "float64" and rounded(gradient):
            notes += (ROUNDED,)
        subject = "every block" if wrt == "params" else "the gradient"
        causes = explain(found.entries, blocks, guesses, objective.factors(), subject)
        parts: tuple[Part, ...] = ()
        if wrt == "params" and own:
            parts = check_parts(objective, claim, found.entries, seed)
            if stack.dtype == "float32":
                parts += (check_single(objective, stack, data, blocks),)
        return assemble(evaluator, blocks, found, plan, causes, parts, notes)


def widened(data: Samples) -> Samples:
    """Return the same samples in float64."""
    target, weight = (None if array is None else array.astype(np.float64) for array in (data.target, data.weight))
    return data._replace(X=data.X.astype(np.float64), target=target, weight=weight)


def rounded(gradient: Vector) -> bool:
    """Return whether a finite, nonzero gradient holds only float32 numbers, which cannot be chance."""
    with np.errstate(over="ignore", invalid="ignore"):
        same = np.isfinite(gradient) & (gradient.astype(np.float32) == gradient)
    return bool(gradient.any() and same.all())


def given(claimed: Any, objective: Objective, blocks: tuple[Block, ...], shape: tuple[int, ...]) -> tuple[Vector, str]:
    """Return a user's gradient, padded to the length of the objective's parameters, and its precision."""
    flat = gradcheck_checks.gradient("grad", claimed, shape)
    whole = np.zeros(objective.stack.n_params)
    whole[blocks[0].start : blocks[0].start + len(flat)] = flat
    return whole, gradcheck_checks.claimed_precision(claimed)
