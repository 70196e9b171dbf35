"""The number of threads that the kernels use.

Design
------
- The default is what this process may use: its CPU affinity, and the quota of its control group (a container's
  limit), whichever is less. GDCORE_NUM_THREADS overrides.
- Small batches stay on one thread by themselves, and results do not depend on the number: bits are equal for any.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

from .._kernels import load
from . import checks

PRECISIONS = ("float32", "float64")
MOST_THREADS = load(PRECISIONS[0]).MAX_THREADS


def _text(root: str | os.PathLike[str], name: str) -> str:
    with open(os.path.join(root, name)) as file:
        return file.read()


def _quota(root: str | os.PathLike[str]) -> float:
    """Return the number of CPUs that the control group grants, infinity without a limit."""
    try:
        quota, period = _text(root, "cpu.max").split()
    except (OSError, ValueError):
        try:
            quota = _text(root, "cpu/cpu.cfs_quota_us")
            period = _text(root, "cpu/cpu.cfs_period_us")
        except OSError:
            return math.inf
    try:
        share = int(quota) / int(period)
    except ValueError:  # "max"
        return math.inf
    return share if share > 0 else math.inf


def default_threads(environ: str, affinity: int, quota: float) -> int:
    """Return the number of threads from GDCORE_NUM_THREADS, or else as many as the process may use."""
    if environ:
        if not environ.isascii() or not environ.isdigit() or not 1 <= int(environ) <= MOST_THREADS:
            raise ImportError(f"GDCORE_NUM_THREADS must be an integer from 1 to {MOST_THREADS}, got {environ!r}")
        return int(environ)
    return max(1, min(affinity, math.ceil(quota) if quota < math.inf else affinity, MOST_THREADS))


def _affinity() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def get_num_threads() -> int:
    """Return the number of threads that one call may use.

    Examples
    --------
    >>> import gdcore as gd
    >>> gd.get_num_threads() >= 1
    True
    """
    return load(PRECISIONS[0]).get_num_threads()


def set_num_threads(n: int) -> None:
    """Set how many threads one call may use, from now on and for all models.

    Parameters
    ----------
    n : int
        From 1 to 64. Results do not depend on it.

    Raises
    ------
    TypeError, ValueError
        For anything else.

    Examples
    --------
    >>> import gdcore as gd
    >>> gd.set_num_threads(1)
    """
    n = checks.integer("n", n, 1, MOST_THREADS)
    for dtype in PRECISIONS:
        load(dtype).set_num_threads(n)


@contextmanager
def num_threads(n: int) -> Iterator[None]:
    """Use this many threads inside a `with` block.

    Parameters
    ----------
    n : int
        As in `set_num_threads`.

    Examples
    --------
    >>> import gdcore as gd
    >>> with gd.num_threads(1):
    ...     gd.get_num_threads()
    1
    """
    before = get_num_threads()
    set_num_threads(n)
    try:
        yield
    finally:
        set_num_threads(before)


set_num_threads(
    default_threads(os.environ.get("GDCORE_NUM_THREADS", "").strip(), _affinity(), _quota("/sys/fs/cgroup"))
)
