"""Settings of the whole library, and how it was built."""

from __future__ import annotations

import platform
import sys

import numpy as np

from .._kernels import BUILT, CHOSEN, SUPPORTED, cache_sizes, lane_order, load
from .._kernels.caches import shown
from .._version import __version__
from .text_table import columns
from .threads import get_num_threads


class Config(dict[str, str]):
    """The result of `show_config`: a dict that prints as a table."""

    def __repr__(self) -> str:
        return "\n".join(columns(list(self.items())))


def instruction_sets() -> str:
    """Return which instruction sets were built, and which of them this machine runs.

    Examples
    --------
    >>> instruction_sets()  # doctest: +ELLIPSIS
    'built: base...; this machine runs: base...'
    """
    return f"built: {', '.join(BUILT)}; this machine runs: {', '.join(SUPPORTED)}"


def show_config() -> Config:
    """Return version, instruction sets, caches, threads and compiler flags.

    Returns
    -------
    Config
        A dict of strings; `print` shows it as a table.

    Examples
    --------
    >>> import gdcore as gd
    >>> list(gd.show_config())[:3]
    ['gdcore', 'instruction set', 'instruction sets']
    """
    kernels = load("float32")
    return Config(
        {
            "gdcore": __version__,
            "instruction set": f"{CHOSEN} (GDCORE_ISA overrides)",
            "instruction sets": instruction_sets(),
            "lanes": f"{lane_order() or 'rows or columns, batch by batch'} (GDCORE_LANES overrides)",
            "caches": f"{shown(cache_sizes())} (GDCORE_CACHE overrides)",
            "threads": f"{get_num_threads()} (GDCORE_NUM_THREADS and set_num_threads override)",
            "compiler": kernels.COMPILER,
            "compiler flags": kernels.COMPILER_FLAGS,
            "NumPy": np.__version__,
            "Python": f"{platform.python_version()} ({sys.platform}, {platform.machine()})",
        }
    )
