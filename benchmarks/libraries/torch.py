"""PyTorch, eager and compiled.

Design
------
- Eager: functional layers and `torch.autograd.grad`; then for plain gradient descent one in-place addition per
  parameter, faster here than `torch.optim.SGD`, fused, foreach or neither; for Adam `torch.optim.Adam(fused=True)`.
- Compiled: the whole step, `torch.func.grad_and_value` and the update included, is one graph: twice as fast on small
  networks as a compiled loss beside a compiled optimizer. Compiling is part of the warm-up.
- Predictions run under `inference_mode`. Weights are stored as PyTorch stores them, (n_out, n_in).
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from gdcore.bench.library import Library
from gdcore.bench.problems import Problem, Workload

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}
LOSSES = {
    "mean_squared_error": F.mse_loss,
    "cross_entropy": F.cross_entropy,
    "binary_cross_entropy": F.binary_cross_entropy_with_logits,
}
BETAS, EPS = (0.9, 0.999), 1e-8

Params = Sequence[torch.Tensor]
"""weight, bias, weight, bias, …"""
Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def forward(params: Params, X: torch.Tensor, activation: str) -> torch.Tensor:
    """Raw outputs (n, k) of X (n, n_in)."""
    for i in range(0, len(params), 2):
        X = F.linear(X, params[i], params[i + 1])
        if i + 2 < len(params):
            X = ACTIVATIONS[activation](X)
    return X


def value(params: Params, X: torch.Tensor, y: torch.Tensor, problem: Problem) -> torch.Tensor:
    """The mean loss."""
    return LOSSES[problem.loss](forward(params, X, problem.activation), y)


def eager_step(params: Params, problem: Problem) -> Step:
    """One update in place, operation by operation."""
    rate = problem.learning_rate
    optimizer = torch.optim.Adam(params, lr=rate, betas=BETAS, eps=EPS, fused=True)

    def sgd(xb: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
        loss = value(params, xb, yb, problem)
        grads = torch.autograd.grad(loss, params)
        with torch.no_grad():
            for param, grad in zip(params, grads, strict=True):
                param.add_(grad, alpha=-rate)
        return loss

    def adam(xb: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = value(params, xb, yb, problem)
        loss.backward()
        optimizer.step()
        return loss

    return {"sgd": sgd, "adam": adam}[problem.optimizer]


def compiled_step(params: Params, problem: Problem) -> Step:
    """One update in place, as one graph."""
    rate, (beta1, beta2) = problem.learning_rate, BETAS
    value_and_grads = torch.func.grad_and_value(value)
    first, second = [[torch.zeros_like(param) for param in params] for _ in range(2)]
    count = torch.zeros((), dtype=params[0].dtype)

    def sgd(xb: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
        grads, loss = value_and_grads(params, xb, yb, problem)
        for param, grad in zip(params, grads, strict=True):
            param.sub_(rate * grad)
        return loss

    def adam(xb: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
        grads, loss = value_and_grads(params, xb, yb, problem)
        count.add_(1)
        for param, grad, m, v in zip(params, grads, first, second, strict=True):
            m.mul_(beta1).add_(grad, alpha=1 - beta1)
            v.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
            param.sub_(rate * (m / (1 - beta1**count)) / ((v / (1 - beta2**count)).sqrt() + EPS))
        return loss

    return torch.compile({"sgd": sgd, "adam": adam}[problem.optimizer], dynamic=False, fullgraph=True)


@final
class TorchLibrary(Library):
    """A network as a flat list of parameters."""

    def __init__(self, compiles: bool = False) -> None:
        self.compiles = compiles
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__, "mode": "compiled" if self.compiles else "eager"}

    def refuses(self, task: str, problem: Problem) -> str:
        if task.endswith(":gradcheck") and self.compiles:
            return "gradcheck evaluates eager functions"
        return f"its adapter has no {problem.options}" if problem.options else ""

    def setup(self, work: Workload) -> None:
        problem = work.problem
        self.work, self.problem = work, problem
        self.params = self._params(problem.dtype)
        self.X, self.y = self.array(work.X), self.array(work.y)
        firsts = range(0, problem.samples, problem.batch)
        self.batches = [(self.X[i : i + problem.batch], self.y[i : i + problem.batch]) for i in firsts]
        torch._dynamo.reset()
        self.forward = torch.compile(forward, dynamic=False) if self.compiles else forward
        self.update = (compiled_step if self.compiles else eager_step)(self.params, problem)

    def _params(self, dtype: str) -> list[torch.Tensor]:
        pairs = zip(self.work.weights, self.work.biases, strict=True)
        parts = [np.ascontiguousarray(part, dtype) for weight, bias in pairs for part in (weight.T, bias)]
        return [torch.tensor(part, requires_grad=not self.compiles) for part in parts]

    def array(self, values: NDArray[Any]) -> torch.Tensor:
        return torch.tensor(values)

    def step(self, xb: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
        return self.update(xb, yb)

    def epoch(self) -> torch.Tensor:
        for xb, yb in self.batches:
            loss = self.update(xb, yb)
        return loss

    def loss(self) -> float:
        with torch.inference_mode():
            return float(LOSSES[self.problem.loss](self.forward(self.params, self.X, self.problem.activation), self.y))

    def predict(self, X: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return self.forward(self.params, X, self.problem.activation)

    def check_gradients(self) -> NDArray[np.float64]:
        problem, rows = self.problem, slice(0, self.problem.batch)
        params = self._params("float64")
        X = torch.tensor(self.work.X[rows], dtype=torch.float64)
        y = self.y[rows] if problem.loss == "cross_entropy" else self.y[rows].double()
        torch.autograd.gradcheck(lambda *those: value(those, X, y, problem), params)
        grads = torch.autograd.grad(value(params, X, y, problem), params)
        return np.concatenate([(grad.mT if grad.ndim > 1 else grad).numpy().ravel() for grad in grads])

    def wait(self) -> None:
        """Nothing is ever under way."""


def compiled() -> TorchLibrary:
    """The library with its steps and predictions compiled."""
    return TorchLibrary(compiles=True)
