"""PyTorch: products of stacked weights by hand, and `torch.func` over parameters with an axis of models.

Weights are stored as (n_models, n_in, n_out); a rate for each model is a tensor that broadcasts.
"""

import os
from collections.abc import Callable
from typing import Any, final

import torch
from numpy.typing import NDArray

from .cases import Work
from .library import ManyLibrary


def batches_of(work: Work) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The batches, (batch, d) or (n_models, batch, d)."""
    X, y = torch.tensor(work.X), torch.tensor(work.y)
    size = work.problem.batch
    return [(X[..., i : i + size, :], y[..., i : i + size, :]) for i in range(0, work.problem.samples, size)]


def by_hand(params: list[torch.Tensor], X: torch.Tensor, y: torch.Tensor) -> Any:
    """The derivatives by `torch.baddbmm` for all models at once, one call of autograd."""
    outputs = X if X.ndim == 3 else X.expand(len(params[0]), *X.shape)
    for i in range(0, len(params), 2):
        outputs = torch.baddbmm(params[i + 1], outputs, params[i])
        outputs = torch.tanh(outputs) if i + 2 < len(params) else outputs
    loss = torch.mean((outputs - y) ** 2, dim=(1, 2)).sum()
    return torch.autograd.grad(loss, params)


def of_one(params: tuple[torch.Tensor, ...], X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The mean loss of one model."""
    outputs = X
    for i in range(0, len(params), 2):
        outputs = torch.addmm(params[i + 1], outputs, params[i])
        outputs = torch.tanh(outputs) if i + 2 < len(params) else outputs
    return torch.mean((outputs - y) ** 2)


def by_vmap(params: list[torch.Tensor], X: torch.Tensor, y: torch.Tensor) -> Any:
    """The derivatives by `torch.func.vmap` of `torch.func.grad` of one model's loss."""
    axis = 0 if X.ndim == 3 else None
    with torch.no_grad():
        return torch.func.vmap(torch.func.grad(of_one), in_dims=(0, axis, axis))(tuple(params), X, y)


@final
class Stacked(ManyLibrary):
    """Weights (n_models, n_in, n_out), biases (n_models, 1, n_out), and their derivatives in one of two ways."""

    most_models = 2000

    def __init__(self, gradient: Callable[[list[torch.Tensor], torch.Tensor, torch.Tensor], Any]) -> None:
        self.gradient = gradient
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def setup(self, work: Work) -> None:
        self.work, self.batches = work, batches_of(work)
        pairs = zip(work.weights, work.biases, strict=True)
        self.initial = [part for weight, bias in pairs for part in (torch.tensor(weight), torch.tensor(bias)[:, None])]
        self.rates = torch.tensor(work.rates)[:, None, None]

    def fit(self) -> None:
        params = [part.clone().requires_grad_() for part in self.initial]
        for _ in range(self.work.problem.epochs):
            for X, y in self.batches:
                grads = self.gradient(params, X, y)
                with torch.no_grad():
                    for param, grad in zip(params, grads, strict=True):
                        param.addcmul_(self.rates, grad, value=-1)
        self.params = params

    def wait(self) -> None:
        """Nothing is ever under way."""

    def parameters(self) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        found = [param.detach().numpy() for param in self.params]
        return found[0::2], [bias[:, 0] for bias in found[1::2]]


def bmm() -> Stacked:
    """The library with products of stacked weights."""
    return Stacked(by_hand)


def func() -> Stacked:
    """The library with `torch.func`."""
    return Stacked(by_vmap)
