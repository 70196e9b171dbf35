"""The checkers of differentiating libraries: a function and a gradient in their own terms.

What a library keeps for each function that it ever saw is kept once: the function and its gradient are arguments.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .cases import Case
from .checkers import Answer, Check, function_of


def torch_check(fast: bool) -> Check:
    """`torch.autograd.gradcheck` on a custom function whose backward pass is the gradient."""
    import torch

    torch.set_num_threads(1)

    class Objective(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, given: torch.Tensor, fun: Callable[[np.ndarray], Any]) -> torch.Tensor:
            ctx.save_for_backward(given)
            return torch.tensor(fun(x.detach().numpy()))

        @staticmethod
        def backward(ctx: Any, output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
            return output * ctx.saved_tensors[0], None, None

    def check(case: Case, grad: np.ndarray) -> Answer:
        fun, given = function_of(case), torch.tensor(grad)
        x = torch.tensor(case.net.params, requires_grad=True)
        passed = torch.autograd.gradcheck(
            lambda x: Objective.apply(x, given, fun), (x,), raise_exception=False, fast_mode=fast
        )
        return Answer(not passed)

    return check


def torch_slow() -> Check:
    """Every entry."""
    return torch_check(False)


def torch_fast() -> Check:
    """A random projection."""
    return torch_check(True)


def jax_check() -> Check:
    """`jax.test_util.check_grads`, forward and backward."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    jax.clear_caches()  # of the seed before: every number of parameters is compiled anew
    funs: list[Callable[[Any], Any]] = []

    @jax.custom_jvp
    def objective(x: jax.Array, given: jax.Array) -> jax.Array:
        return jax.pure_callback(lambda params: funs[-1](params), jax.ShapeDtypeStruct((), x.dtype), x)

    @objective.defjvp
    def rule(primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        return objective(*primals), jax.numpy.dot(primals[1], tangents[0])

    compiled = jax.jit(objective)

    def check(case: Case, grad: np.ndarray) -> Answer:
        funs[:], given = [function_of(case)], jax.numpy.asarray(grad)
        try:
            check_grads(lambda x: compiled(x, given), (jax.numpy.asarray(case.net.params),), order=1)
        except AssertionError:
            return Answer(True)
        return Answer(False)

    return check


def autograd_check() -> Check:
    """`autograd.test_util.check_grads`, forward and backward."""
    from autograd.extend import defjvp, defvjp, primitive
    from autograd.test_util import check_grads

    def check(case: Case, grad: np.ndarray) -> Answer:
        objective = primitive(function_of(case))
        defvjp(objective, lambda ans, x: lambda output: output * grad)
        defjvp(objective, lambda tangent, ans, x: np.dot(grad, tangent))
        try:
            check_grads(objective, order=1)(case.net.params.copy())
        except AssertionError:
            return Answer(True)
        return Answer(False)

    return check
