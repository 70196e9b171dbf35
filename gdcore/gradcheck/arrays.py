"""Arrays of other libraries, and saved random state."""

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
    """Return the name of the package that an object's class comes from."""
    return type(value).__module__.partition(".")[0]


def plain(value: Any) -> Any:
    """Convert torch tensors, also in a list or dict, to host tensors without graph; leave what
    NumPy accepts as it is.
    """
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value.detach().cpu() if library(value) == "torch" else value


def converter(like: Any) -> Callable[[Array], Any]:
    """Return a function from a NumPy array to the kind of `like`: a torch tensor (requiring grad if it does), JAX's or
    NumPy's.
    """
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
    """Restore Python's and NumPy's global random state afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  # the caller's code may use it
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
