"""Chooses the compiled modules that this machine runs best.

Design
------
The kernels are compiled once per (instruction set, precision); `cpu` tells what the machine supports. The
best one built is chosen at import; the environment variable GDCORE_ISA overrides. What lies in the lanes of vectors,
the rows of a batch or the columns of a layer, is chosen for every batch; GDCORE_LANES=rows or columns overrides that.
Products are cut to the machine's caches (caches.py); GDCORE_CACHE=32K,512K,32M overrides their sizes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast

from .caches import parsed, this_machine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from . import base_float64
    from .records import RuleState

ISAS = ("base", "v3", "v4")
LANE_ORDERS = ("", "rows", "columns")


class Kernels(Protocol):
    """A compiled module as this package uses it; `base_float64.pyi` describes it whole."""

    ACTIVATION_FACTS: dict[str, dict[str, Any]]
    COMPILER: str
    COMPILER_FLAGS: str
    LOSS_FACTS: dict[str, dict[str, Any]]
    MAX_THREADS: int
    N_SCALARS: int
    ModelData: type[base_float64.ModelData]
    Models: type[base_float64.Models]
    Network: type[base_float64.Network]
    ParameterLock: type[base_float64.ParameterLock]
    PipelineStage: type[base_float64.PipelineStage]
    Probe: type[base_float64.Probe]
    Streams: type[base_float64.Streams]
    Training: type[base_float64.Training]

    def all_finite(self, x: NDArray[Any]) -> bool: ...
    def activation(
        self, name: str, z: NDArray[Any], a: NDArray[Any], slope: NDArray[Any], option: float | None = None
    ) -> None: ...
    def get_num_threads(self) -> int: ...
    def loss_all_kinks(self, name: str, option: float, z: NDArray[Any], target: NDArray[Any]) -> NDArray[Any]: ...
    def loss_rows(
        self,
        name: str,
        option: float,
        z: NDArray[Any],
        target: NDArray[Any] | None = None,
        labels: NDArray[np.int64] | None = None,
        weight: NDArray[Any] | None = None,
        delta: NDArray[Any] | None = None,
    ) -> float: ...
    def many_losses(
        self,
        network: base_float64.Network,
        loss: tuple[str, float],
        params: NDArray[Any],
        data: base_float64.ModelData,
        out: NDArray[np.float64],
    ) -> None: ...
    def many_outputs(
        self, network: base_float64.Network, params: NDArray[Any], data: base_float64.ModelData, out: list[NDArray[Any]]
    ) -> int: ...
    def set_caches(self, first: int, second: int) -> None: ...
    def set_lanes(self, order: str) -> None: ...
    def set_num_threads(self, n: int) -> None: ...
    def shuffled(self, seed: int, epoch: int, order: NDArray[np.int64]) -> None: ...
    def step_part(
        self,
        run: base_float64.Training,
        data: tuple[Any, NDArray[Any] | None, NDArray[np.int64] | None, NDArray[Any] | None],
        order: NDArray[np.int64] | None,
        place: int,
        factor: float,
        grads: NDArray[Any],
    ) -> float: ...
    def turned_columns(self, columns: list[NDArray[Any]], X: NDArray[Any]) -> bool: ...
    def update(
        self,
        rule: RuleState,
        learning_rate: float,
        step: int,
        params: NDArray[Any],
        grads: NDArray[Any],
    ) -> None: ...
    def whole_epoch(
        self, run: base_float64.Training, X: object, target: object, labels: object, batch_size: int, shuffles: bool
    ) -> float: ...


BUILT = tuple(isa for isa in ISAS if find_spec(f"{__name__}.{isa}_float32"))


def _in_a_source_tree() -> str:
    """Return what a message says of the folder if it is the source tree, which hides an installed package."""
    tree = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if not os.path.isfile(os.path.join(tree, "setup.py")) or not os.path.isdir(os.path.join(tree, "src")):
        return ""
    return f" in {tree}: this is the source tree, which hides an installed gdcore (if it is, change to another folder)"


def _supported() -> tuple[str, ...]:
    try:
        from .cpu import supported
    except ImportError as error:
        raise ImportError(
            f"gdcore's kernels are not built{_in_a_source_tree()}: run `pip install .` in the source tree and import "
            'from elsewhere, or `pip install -e ".[test]"` to work on it in place'
        ) from error
    return tuple(isa for isa in supported() if isa in BUILT)


def choose(supported: tuple[str, ...], wanted: str) -> str:
    """Return the instruction set to use: the wanted one, or the best if none is wanted."""
    if not wanted:
        return supported[-1]
    if wanted not in ISAS:
        import difflib  # for the message alone

        close = difflib.get_close_matches(wanted, ISAS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ": unset it to choose the best"
        raise ImportError(f"GDCORE_ISA must be one of {', '.join(ISAS)}, got {wanted!r}{hint}")
    if wanted not in supported:
        raise ImportError(
            f"GDCORE_ISA={wanted} is not available here: this build and machine have {', '.join(supported)}"
        )
    return wanted


def checked_lanes(wanted: str) -> str:
    """Return what is to lie in the lanes of vectors, or "" if every batch takes what is faster."""
    if wanted not in LANE_ORDERS:
        raise ImportError(f"GDCORE_LANES must be rows or columns, got {wanted!r}: unset it to take what is faster")
    return wanted


SUPPORTED = _supported()
CHOSEN = choose(SUPPORTED, os.environ.get("GDCORE_ISA", "").strip().lower())


_in_use = CHOSEN
_lanes = checked_lanes(os.environ.get("GDCORE_LANES", "").strip().lower())
_cache_sizes = this_machine()


@cache
def _module(isa: str, dtype: str) -> Kernels:
    module = cast("Kernels", import_module(f"{__name__}.{isa}_{dtype}"))
    module.set_caches(*_cache_sizes[:2])
    module.set_lanes(_lanes)
    return module


def load(dtype: str, isa: str | None = None) -> Kernels:
    """Return the compiled module of a precision, by default of the instruction set in use."""
    return _module(_in_use if isa is None else isa, dtype)


@contextmanager
def using(isa: str) -> Iterator[None]:
    """Let everything that is bound anew within the block take another instruction set: for tests and comparisons."""
    global _in_use
    before = _in_use
    _in_use = choose(SUPPORTED, isa)
    try:
        yield
    finally:
        _in_use = before


def cache_sizes() -> tuple[int, int, int]:
    """Return the bytes of the caches to which products are cut, of levels 1 to 3; 0 where there is none."""
    return _cache_sizes


def _set_caches(found: tuple[int, int, int]) -> None:
    global _cache_sizes
    _cache_sizes = found
    for isa in SUPPORTED:
        for dtype in ("float32", "float64"):
            _module(isa, dtype).set_caches(*found[:2])


@contextmanager
def cut_to(named: str) -> Iterator[None]:
    """Within the block products are cut to caches of other sizes, such as "32K,512K,32M": for tests and comparisons."""
    before = _cache_sizes
    _set_caches(parsed(named))
    try:
        yield
    finally:
        _set_caches(before)


def lane_order() -> str:
    """Return what lies in the lanes of vectors, "rows" or "columns", or "" if every batch takes what is faster."""
    return _lanes


def _set_lanes(order: str) -> None:
    global _lanes
    _lanes = checked_lanes(order)
    for isa in SUPPORTED:
        for dtype in ("float32", "float64"):
            _module(isa, dtype).set_lanes(_lanes)


@contextmanager
def lanes(order: str) -> Iterator[None]:
    """Within the block rows or columns lie in the lanes wherever they can: for tests and comparisons."""
    before = _lanes
    _set_lanes(order)
    try:
        yield
    finally:
        _set_lanes(before)
