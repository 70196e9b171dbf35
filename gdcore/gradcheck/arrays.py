"""Arrays of other libraries, and random state that is put back."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def library(value: object) -> str:
    """The package that an object's class comes from."""
    return type(value).__module__.partition(".")[0]


def plain(value: Any) -> Any:
    """Tensors of torch, in a list or a dict too, without their graph, on the host; what NumPy takes as it is."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value.detach().cpu() if library(value) == "torch" else value


def converter(like: Any) -> Callable[[Array], Any]:
    """Turns a NumPy array into what `like` is: a torch tensor, which requires grad where it does, JAX's or NumPy's."""
    if library(like) == "torch":
        torch = sys.modules["torch"]
        made_as = {"dtype": like.dtype, "device": like.device, "requires_grad": like.requires_grad}
        return lambda array: torch.tensor(array, **made_as)
    if library(like) in ("jax", "jaxlib"):
        jax = sys.modules["jax"]
        return lambda array: jax.numpy.asarray(array, dtype=like.dtype)
    return lambda array: array


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Python's and NumPy's global random numbers go on afterwards as if nothing had drawn from them."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  # the caller's code may use it
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
