"""Random networks, losses, data and options, all drawn from a seed.

Design
------
- Every pair of an activation and a loss comes in turn; everything else is drawn. Losses stand in the list with their
  defaults and, where they have an option, with another one too.
- Numbers are rounded to the case's precision when they are drawn: the float64 copy of a float32 case has the same ones.
- Losses of the registry have no scale. A case whose scale is not 1 is a custom loss, which multiplies theirs; its
  penalties are multiplied too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np

import gdcore as gd
from gdcore._kernels import load
from gdcore.gradcheck.model.kinks import NEAR, kinks_at, sign_reader
from gdcore.gradcheck.slopes.differences import spans
from gdcore.objective.build import objective_of
from gdcore.objective.objective import Objective

LOSSES = (*(kind() for kind in gd.LOSSES), gd.Huber(0.3), gd.Quantile(0.9), gd.CrossEntropy(label_smoothing=0.2))
_ALL = [(row.name, loss) for row in gd.ACTIVATIONS for loss in LOSSES]
PAIRS = tuple(_ALL[i] for i in np.random.default_rng(0).permutation(len(_ALL)))
"""Every activation with every loss, in a mixed order that is always the same."""
ROWS = (1, 2, 3, 8, 32, 128, 512)
SCALES = (1e-6, 1e-3, 1.0, 1.0, 1.0, 1e3, 1e6)
INPUTS = (0.01, 1.0, 1.0, 10.0, 100.0)
MAX_WIDTH, MAX_LAYERS = 8, 4
MAX_POISSON = 3.0
"""Inputs of Poisson's exp."""
DROPOUT_SEED = 0
"""That of the mask under which `check_gradients` works."""


@final
@dataclass(frozen=True, eq=False)
class Case:
    """One objective: scale * (mean loss + penalties) of a network on some rows.

    Attributes
    ----------
    name : str
        Seed and number.
    net : Sequential
        Of the case's precision.
    X, y : ndarray
    loss : Loss
    scale : float
    weight : ndarray or None
        Of the samples.
    l1, l2 : float
    dropout_seed : int or None
    """

    name: str
    net: gd.Sequential
    X: np.ndarray
    y: np.ndarray
    loss: gd.losses.Loss
    scale: float = 1.0
    weight: np.ndarray | None = None
    l1: float = 0.0
    l2: float = 0.0
    dropout_seed: int | None = DROPOUT_SEED

    @property
    def dtype(self) -> str:
        return self.net.dtype

    @property
    def label(self) -> str:
        dense = [layer for layer in self.net.layers if isinstance(layer, gd.Dense)]
        widths = "-".join(str(width) for width in (dense[0].in_features, *(layer.out_features for layer in dense)))
        options = {"weights": self.weight is not None, "l1": self.l1, "l2": self.l2, "dropout": self.drops}
        parts = [self.name, widths, dense[0].activation, repr(self.loss), f"{len(self.X)} rows", self.dtype]
        return ", ".join([*parts, f"scale {self.scale:g}", *(name for name, given in options.items() if given)])

    @property
    def drops(self) -> bool:
        """Whether dropout is at work."""
        return self.dropout_seed is not None and any(isinstance(layer, gd.Dropout) for layer in self.net.layers)

    @property
    def options(self) -> dict[str, Any]:
        """Of `loss` and `loss_and_grad`."""
        return {"sample_weight": self.weight, "l1": self.l1, "l2": self.l2, "dropout_seed": self.dropout_seed}

    def value(self, params: np.ndarray) -> float:
        """The objective at other parameters (n_params,), computed in the case's precision."""
        self._scratch.params[:] = params
        return self.scale * self._scratch.loss(self.X, self.y, self.loss, **self.options)

    @cached_property
    def _scratch(self) -> gd.Sequential:
        return self.net.copy()

    def gradient(self) -> np.ndarray:
        """The right one, of gdcore's backward pass, (n_params,) in the case's precision."""
        return self.net.loss_and_grad(self.X, self.y, self.loss, **self.options)[1] * self.scale

    def but(self, **changes: Any) -> "Case":
        """The same case with other options."""
        return replace(self, **changes)

    def wide(self) -> "Case":
        """The same numbers in float64."""
        weight = None if self.weight is None else self.weight.astype(np.float64)
        y = self.y.astype(np.float64) if self.y.dtype.kind == "f" else self.y
        return replace(self, net=self.net.astype("float64"), X=self.X.astype(np.float64), y=y, weight=weight)

    def objective(self) -> Objective:
        """The mean loss in float64, without scale and penalties, for what is computed layer by layer."""
        wide = self.wide()
        objective = objective_of(wide.net.stack, wide.X, wide.y, self.loss, wide.weight)
        return objective.with_dropout(self.dropout_seed)

    def several_kinks(self) -> bool:
        """Whether a parameter stands on several kinks at once, where backward need not give a derivative."""
        objective = replace(self.objective(), l1=self.l1)
        params, signs = objective.x, sign_reader(objective)
        return any(kinks_at(signs, params, i, step) > 1 for i, step in enumerate(NEAR * spans(params)))

    def scaled_loss(self) -> Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]:
        """The loss times the scale, sample weights included, as a custom loss of `check_gradients`."""

        def loss(z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
            dtype, delta = z.dtype, np.empty_like(z)
            target, labels = (None, y) if y.ndim == 1 and y.dtype.kind == "i" else (y.astype(dtype), None)
            weight = None if self.weight is None else self.weight.astype(dtype)
            value = load(dtype.name).loss_rows(self.loss.name, self.loss.option(), z, target, labels, weight, delta)
            return self.scale * value, dtype.type(self.scale) * delta

        return loss


def draw_targets(loss: gd.losses.Loss, rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Targets that a loss can take: (n, k), or labels (n,)."""
    draw: dict[str, Callable[[], np.ndarray]] = {
        "real": lambda: rng.normal(size=(n, k)),
        "nonnegative": lambda: rng.poisson(2.0, (n, k)).astype(np.float64),
        "unit": lambda: rng.random((n, k)),
        "sign": lambda: rng.choice([-1.0, 1.0], (n, k)),
        "class": lambda: rng.integers(0, k, n) if rng.random() < 0.7 else rng.dirichlet(np.ones(k), n),
    }
    return draw[loss.target]()


def draw_widths(rng: np.random.Generator, least_outputs: int) -> list[int]:
    """Inputs, hidden layers, outputs; every other network has layers of one width, which are square."""
    layers = int(rng.integers(1, MAX_LAYERS + 1))
    hidden = rng.integers(2, MAX_WIDTH + 1, layers - 1)
    if rng.random() < 0.5:
        hidden[:] = rng.integers(2, MAX_WIDTH + 1)
    sizes = (rng.integers(1, MAX_WIDTH + 1), *hidden, rng.integers(least_outputs, 5))
    return [int(size) for size in sizes]


def draw_case(seed: int, number: int, count: int) -> Case:
    """Case `number` of `count` that a seed has."""
    rng = np.random.default_rng([seed, number])
    place = seed * count + number
    activation, loss = PAIRS[place % len(PAIRS)]
    dtype = ("float32", "float64")[int(rng.integers(2))]
    widths, rows = draw_widths(rng, 2 if loss.target == "class" else 1), int(rng.choice(ROWS))
    net = gd.MLP(widths, activation, dropout=float(rng.choice([0.0, 0.0, 0.3])), dtype=dtype, seed=seed)
    if rng.random() < 0.8:
        net.params += (0.1 * rng.normal(size=net.n_params)).astype(dtype)
    X = rng.normal(size=(rows, widths[0])) * rng.choice(INPUTS)
    if loss.name == "poisson":
        X *= min(1.0, MAX_POISSON / np.abs(X).max())
    l1, l2 = 0.01 * (rng.random() < 0.3), 0.1 * (rng.random() < 0.4)
    if l1:
        net.params *= rng.random(net.n_params) < 0.9  # an L1 penalty leaves weights that are 0
    weight = rng.random(rows) if rng.random() < 0.3 else None
    y = draw_targets(loss, rng, rows, widths[-1])
    return Case(
        f"{seed}.{number}",
        net,
        X.astype(dtype),
        y.astype(dtype) if y.dtype.kind == "f" else y,
        loss,
        float(rng.choice(SCALES)),
        None if weight is None else weight.astype(dtype),
        l1,
        l2,
    )
