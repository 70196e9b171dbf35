"""The checkers, each by its documented defaults, on one function and one gradient.

Design
------
- gdcore takes part three times: with the model (`check_gradients(..., grad=)`), as its users do, along directions, and
  with a plain function (`check_gradient(fun, grad, x)`), as the others do, where it knows nothing of the network.
- The others get the same function, a call of the compiled network in the case's precision, and the same array as its
  gradient at the point: torch as a custom `autograd.Function`, JAX as a `pure_callback` with a `custom_jvp` rule,
  which serves both of its modes, autograd as a primitive with both of its rules (peers.py).
- What they call a tolerance or a step is left as it comes. JAX and autograd differentiate once: of a gradient at
  one point there is no second derivative. JAX runs with 64-bit numbers. torch asks for double precision and takes no
  part in float32.
- scipy's `check_grad` gives a number, the norm of the difference; its documentation's example shows one of 3e-8, its
  own tests ask for 7 decimals. More than 1e-6 is a rejection here. numdifftools gives a gradient; its documentation
  compares with `numpy.allclose`, and so does this.
- A checker that raises something else than its verdict has rejected: the exception is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

import gdcore as gd

from .cases import Case

SCIPY_MOST = 1e-6


class Answer(NamedTuple):
    """What a checker says of a gradient.

    Attributes
    ----------
    rejects : bool
    unclear : bool
        Whether it neither rejects nor approves.
    report : GradientReport or None
        Of gdcore.
    """

    rejects: bool
    unclear: bool = False
    report: gd.GradientReport | None = None


Check = Callable[[Case, np.ndarray], Answer]


@final
@dataclass(frozen=True)
class Checker:
    """A row of `CHECKERS`.

    Attributes
    ----------
    name : str
    needs : str
        The module without which it is left out.
    find : callable
        () -> its `Check`; imports the module.
    precisions : tuple of str
        In which it takes part.
    rule : str
        What is called, and what a rejection is.
    own : bool
        Whether None stands for the model's own gradient.
    """

    name: str
    needs: str
    find: Callable[[], Check]
    precisions: tuple[str, ...] = ("float64", "float32")
    rule: str = ""
    own: bool = False


def function_of(case: Case) -> Callable[[Any], Any]:
    """The objective as a function of parameters (n_params,), with a result of the case's precision."""
    kind = np.dtype(case.dtype).type
    return lambda params: kind(case.value(np.asarray(params)))


def answer(report: gd.GradientReport) -> Answer:
    """gdcore's verdict."""
    return Answer(report.verdict == "fail", report.verdict == "inconclusive", report)


def by_directions(case: Case, grad: np.ndarray) -> Answer:
    """gdcore's `check_gradients` in mode "directions"."""
    return by_model(case, grad, "directions")


def by_model(case: Case, grad: np.ndarray | None, mode: str = "auto") -> Answer:
    """gdcore's `check_gradients`; without a gradient, of the model's own."""
    if case.scale == 1:
        loss, options = case.loss, {"sample_weight": case.weight}
    else:
        loss, options = case.scaled_loss(), {}
    l1, l2 = case.scale * case.l1, case.scale * case.l2
    return answer(gd.check_gradients(case.net, case.X, case.y, loss, l1=l1, l2=l2, grad=grad, mode=mode, **options))


def by_function(case: Case, grad: np.ndarray) -> Answer:
    """gdcore's `check_gradient`."""
    return answer(gd.check_gradient(function_of(case), grad, case.net.params.copy()))


def scipy_check() -> Check:
    """`scipy.optimize.check_grad`."""
    from scipy.optimize import check_grad

    def check(case: Case, grad: np.ndarray) -> Answer:
        return Answer(not check_grad(function_of(case), lambda x: grad, case.net.params.copy()) <= SCIPY_MOST)

    return check


def numdifftools_check() -> Check:
    """`numdifftools.Gradient`."""
    from numdifftools import Gradient

    def check(case: Case, grad: np.ndarray) -> Answer:
        with np.errstate(all="ignore"):
            numeric = np.atleast_1d(Gradient(function_of(case))(case.net.params.copy()))
        return Answer(not np.allclose(grad, numeric))

    return check


def peer(name: str) -> Callable[[], Check]:
    """A checker of peers.py, which imports its library when it is made."""

    def find() -> Check:
        from . import peers

        return getattr(peers, name)()

    return find


CHECKERS = (
    Checker("gdcore", "gdcore", lambda: by_model, rule="`check_gradients(model, X, y, loss, grad=)`", own=True),
    Checker("gdcore-directions", "gdcore", lambda: by_directions, rule='the same with `mode="directions"`'),
    Checker("gdcore-function", "gdcore", lambda: by_function, rule="`check_gradient(fun, grad, x)`"),
    Checker("torch", "torch", peer("torch_slow"), ("float64",), "`torch.autograd.gradcheck`"),
    Checker("torch-fast", "torch", peer("torch_fast"), ("float64",), "the same with `fast_mode=True`"),
    Checker("jax", "jax", peer("jax_check"), rule="`jax.test_util.check_grads(f, (x,), order=1)`"),
    Checker("autograd", "autograd", peer("autograd_check"), rule="`autograd.test_util.check_grads(f, order=1)(x)`"),
    Checker("scipy", "scipy", scipy_check, rule=f"`scipy.optimize.check_grad(f, g, x) > {SCIPY_MOST:g}`"),
    Checker("numdifftools", "numdifftools", numdifftools_check, rule="`allclose(g, numdifftools.Gradient(f)(x))`"),
)
"""The bounds of the first one's report say which mistakes are too small to be seen: it always takes part."""
