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

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..base.threads import MOST_THREADS, num_threads
from ..data.sparse_checks import dense_only
from ..layers.stack import stack_of
from ..losses import CustomLoss, Loss
from ..models import Sequential
from ..objective.build import objective_of
from . import checks as gradcheck_checks
from .arrays import kept_random_state, plain
from .examine import Sampling
from .model.second import check_second, own_product
from .model.variants import of_inputs
from .objective_check import check_given, check_own, checkable, given_gradient, plan_of
from .report.report import GradientReport
from .slopes.entries import Block, blocks_of
from .slopes.evaluator import Vector

Gradient = ArrayLike | Sequence[ArrayLike] | Mapping[str, ArrayLike]


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
    RuntimeError
        If the model's parameters change in the meantime, as when another thread trains it.

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
    dense_only(X)
    taken = partial(objective_of, stack_of(model), X, y, loss, sample_weight, l1, l2)
    own = taken()
    sampling = Sampling(samples_per_block, directions, seed)
    if threads is not None:
        checks.integer("threads", threads, 1, MOST_THREADS)
    checks.one_of("wrt", wrt, ("params", "inputs"))
    order = gradcheck_checks.order(order, wrt, grad)
    shape = own.data.X.shape if wrt == "inputs" else (own.stack.n_params,)
    with unchanged(model), kept_random_state(), nullcontext() if threads is None else num_threads(threads):
        claimed = plain(grad() if callable(grad) and order == 1 else grad)
        if wrt == "params":
            shapes = {block.name: block.shape for block in own.stack.blocks}
            claimed = gradcheck_checks.joined("grad", claimed, shapes)
        else:
            gradcheck_checks.one_array("grad", claimed, shape)
        if grad is None and order == 1 and wrt == "params":
            return check_own(own, mode, sampling)
        if grad is not None and (order == 2 or gradcheck_checks.claimed_precision(claimed) == "float64"):
            own = taken(dtype="float64")
        objective = checkable(own)
        blocks = blocks_of(objective.stack.parameters())
        if order == 2:
            product_with = grad if callable(grad) else own_product(objective)
            return check_second(replace(objective, key=0), product_with, blocks, sampling.seed)
        plan = plan_of(objective, mode, prod(shape))
        subject = "every block"
        if wrt == "inputs":
            gradcheck_checks.input_rows(len(objective.data.X))
            objective, blocks, subject = of_inputs(objective), (Block("X", 0, shape),), "the gradient"
        if grad is None:
            given = given_gradient(objective, blocks)
        else:
            gradient = padded(gradcheck_checks.gradient("grad", claimed, shape), objective.stack.n_params)
            given = given_gradient(objective, blocks, gradient, gradcheck_checks.claimed_precision(claimed))
        return check_given(objective, given, plan, sampling, subject=subject)


@contextmanager
def unchanged(model: Sequential) -> Iterator[None]:
    """Refuse the results of a block in which another thread has changed the model's parameters."""
    stack = stack_of(model)
    before = stack.own_params(writes=False).tobytes()
    yield
    if stack.own_params(writes=False).tobytes() != before:
        raise RuntimeError(
            "the model's parameters changed during check_gradients, so it has no result: is another thread training "
            "the model? Check a copy of it, model.copy()"
        )


def padded(gradient: Vector, n: int) -> Vector:
    """Return a gradient of the first parameters with zeros for the others, shape (n,)."""
    return np.append(gradient, np.zeros(n - len(gradient)))
