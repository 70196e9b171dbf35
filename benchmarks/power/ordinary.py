"""Cases of ordinary tables: zero rows and columns, one-hot, sparse, constant and repeated ones, units far apart.

Design
------
- Biases are 0 in every other case, as a fresh network's are: a row of zeros then stands on the kink of every unit.
- In `units` features are as large as 1e4 or as small as 1e-4, and the first layer's weights are in proportion: a
  function of parameters whose sizes are far apart, in float32 as well.
- Activations and losses with kinks come twice as often as the others.
"""

import numpy as np

import gdcore as gd

from .cases import LOSSES, MAX_POISSON, Case, draw_targets, draw_widths

KINDS = ("zero rows", "zero columns", "one-hot", "sparse", "constant columns", "repeated rows", "units")
ROWS = (2, 8, 32, 128)
_KINKED = [row.name for row in gd.ACTIVATIONS if row.kinks]
ACTIVATIONS = (*(row.name for row in gd.ACTIVATIONS), *_KINKED)
FIRST_SEED = 10_000
"""Of the generators: no case shares its numbers with those of cases.py."""


def draw_inputs(kind: str, rng: np.random.Generator, n: int, m: int) -> np.ndarray:
    """Inputs (n, m) of a kind."""
    X = rng.normal(size=(n, m))
    if kind == "zero rows":
        X[rng.random(n) < 0.3] = 0
        X[0] = 0
    elif kind == "zero columns":
        X[:, rng.random(m) < 0.5] = 0
    elif kind == "one-hot":
        level = rng.integers(0, m + 1, n)  # the last level is dropped: a row of zeros
        X = (level[:, None] == np.arange(m)).astype(np.float64)
    elif kind == "sparse":
        X = (rng.random((n, m)) < 0.15) * rng.integers(1, 5, (n, m)).astype(np.float64)
    elif kind == "constant columns":
        X[:, rng.random(m) < 0.5] = rng.choice([-1.0, 1.0, 100.0])
    elif kind == "repeated rows":
        X = X[rng.integers(0, max(1, n // 4), n)]
    return X


def draw_ordinary(seed: int, number: int, count: int) -> Case:
    """Case `number` of `count` that a seed has."""
    rng = np.random.default_rng([FIRST_SEED + seed, number])
    kind = KINDS[(seed * count + number) % len(KINDS)]
    activation, loss = ACTIVATIONS[rng.integers(len(ACTIVATIONS))], LOSSES[rng.integers(len(LOSSES))]
    dtype = ("float32", "float64")[int(rng.integers(2))]
    widths, rows = draw_widths(rng, 2 if loss.target == "class" else 1), int(rng.choice(ROWS))
    net = gd.MLP(widths, activation, dropout=float(rng.choice([0.0, 0.0, 0.3])), dtype=dtype, seed=seed)
    if rng.random() < 0.5:
        net.params += (0.1 * rng.normal(size=net.n_params)).astype(dtype)
    X = draw_inputs(kind, rng, rows, widths[0])
    if loss.name == "poisson":
        X *= min(1.0, MAX_POISSON / max(1.0, np.abs(X).max()))
    if kind == "units":
        units = 10.0 ** rng.integers(-4, 5, widths[0])
        X *= units
        dict(net.parameters())["dense0.weight"][...] /= units[:, None].astype(dtype)
    weight = rng.random(rows) if rng.random() < 0.2 else None
    l1, l2 = 0.01 * (rng.random() < 0.2), 0.1 * (rng.random() < 0.3)
    y = draw_targets(loss, rng, rows, widths[-1])
    return Case(
        f"{kind} {seed}.{number}",
        net,
        X.astype(dtype),
        y.astype(dtype) if y.dtype.kind == "f" else y,
        loss,
        1.0,
        None if weight is None else weight.astype(dtype),
        l1,
        l2,
    )
