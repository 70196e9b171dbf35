"""Initial parameters of many models at once, from the seeds of all.

Design
------
- A model's parameters are what its stack draws from a generator of its seed. To make that generator takes longer than
  to draw a small model, so the kernels make the streams of all seeds, and NumPy draws a block of all models in one
  call: the distributions are its own, and so are the bits.
- A stream is what this version of NumPy makes of a seed. The first and the last model are drawn in both ways; where
  they differ, as they may in a version to come, each model is drawn by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from ..layers.initializers.base import Law
from ..layers.stack import Stack

FEW = 4
"""So many models are drawn one by one."""
DRAWN = 1 << 22
"""Numbers that are drawn at a time, in float64, unless one model has more."""


def draw_all(stack: Stack, params: NDArray[Any], seeds: Sequence[int]) -> None:
    """Write the initial parameters of models of one stack's layers into params (n_models, n_params)."""
    laws = [law for layer in stack.trained for law in layer.laws()]
    known = [law for law in laws if law is not None]
    if len(known) < len(laws) or len(seeds) <= FEW:
        _one_by_one(stack, params, seeds)
        return
    most = max(1, DRAWN // stack.n_params)
    for at in range(0, len(seeds), most):
        _draw(stack, known, params[at : at + most], np.array(seeds[at : at + most], np.uint64))
    for i in (0, len(seeds) - 1):
        own = np.empty_like(params[i])
        stack.draw(own, seeds[i])
        if not np.array_equal(own, params[i]):
            _one_by_one(stack, params, seeds)
            return


def _one_by_one(stack: Stack, params: NDArray[Any], seeds: Sequence[int]) -> None:
    """Draw models by themselves, each seed once."""
    drawn: dict[int, int] = {}
    for i, seed in enumerate(seeds):
        first = drawn.setdefault(seed, i)
        if first == i:
            stack.draw(params[i], seed)
        else:
            params[i] = params[first]


def _draw(stack: Stack, laws: Sequence[Law], params: NDArray[Any], seeds: NDArray[np.uint64]) -> None:
    """Draw block by block for all models, whose streams stay where the block before has left them."""
    streams, n = load(stack.dtype).Streams(seeds, Lock()), len(seeds)
    rng = np.random.Generator(streams)  # type: ignore[arg-type]
    for block, law in zip(stack.blocks, laws, strict=True):
        size = block.place.stop - block.place.start
        if law.kind == "uniform":  # each number takes one word
            streams.each(size)
            params[:, block.place] = law.draw((n, size), rng)
        elif law.kind == "normal" and law.first == 0:  # a number takes one word or more
            found = np.empty((n, size))
            for i in range(n):
                streams.only(i)
                rng.standard_normal(out=found[i])
            params[:, block.place] = found * law.second + 0.0  # which makes zeros positive, as a mean of 0 does
        elif law.kind == "normal":
            for i in range(n):
                streams.only(i)
                params[i, block.place] = law.draw(size, rng)
        else:
            params[:, block.place] = law.first
