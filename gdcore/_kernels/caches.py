"""The sizes of this machine's caches, to which the products are cut.

Design
------
- What is known: the environment variable GDCORE_CACHE, or else what Linux tells in sysfs, or else what the processor
  tells, or else a size that fits every processor of the last ten years.
- Only how products are cut follows the caches: panels, groups of columns, and what is packed. Every sum runs over its
  terms in one order wherever it is cut, so no bit depends on a cache. The blocks of a batch's rows, and what lies in
  the lanes, do change bits: they are the same on every machine (src/machine/tuning.h).
- The third-level cache is told by `gdcore info` and decides nothing: what would follow it are the blocks of rows.
"""

from __future__ import annotations

import os
import re

DEFAULT = (32 * 1024, 512 * 1024, 0)
SYSFS = "/sys/devices/system/cpu"
LEAST, MOST = 4 * 1024, 2**40
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def parsed(environ: str) -> tuple[int, int, int]:
    """Return the sizes that GDCORE_CACHE names, in bytes: of the first and second level, and of the third or 0."""
    parts = [re.fullmatch(r"([0-9]{1,12})([KMG]?)", part.strip().upper(), re.ASCII) for part in environ.split(",")]
    sizes = [int(part[1]) * _UNITS[part[2]] for part in parts if part]
    if len(sizes) != len(parts) or len(sizes) not in (2, 3) or not all(LEAST <= size <= MOST for size in sizes):
        raise ImportError(
            "GDCORE_CACHE must be the sizes of the caches of levels 1, 2 and, where there is one, 3, each from 4K to "
            f"1024G, got {environ!r}: write them as in GDCORE_CACHE=32K,512K,32M, or unset it to ask the machine"
        )
    return sizes[0], sizes[1], sizes[2] if len(sizes) == 3 else 0


def from_sysfs(root: str | os.PathLike[str], cpu: int) -> tuple[int, int, int]:
    """Return the sizes that Linux tells of the caches of a processor, 0 where it tells none."""
    found = [0, 0, 0]
    for index in range(8):
        folder = os.path.join(root, f"cpu{cpu}", "cache", f"index{index}")
        try:
            level, kind, size = (_text(folder, name) for name in ("level", "type", "size"))
        except OSError:
            break
        known = re.fullmatch(r"([0-9]{1,12})([KMG]?)", size, re.ASCII)
        if known and kind in ("Data", "Unified") and level in ("1", "2", "3"):
            found[int(level) - 1] = int(known[1]) * _UNITS[known[2]]
    return found[0], found[1], found[2]


def _text(folder: str, name: str) -> str:
    with open(os.path.join(folder, name)) as file:
        return file.read().strip()


def _some_cpu() -> int:
    try:
        return min(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return 0


def sizes(environ: str, root: str | os.PathLike[str], cpu: int, told: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the sizes of the three levels in bytes; `told` is what the processor itself tells."""
    if environ:
        return parsed(environ)
    for found in (from_sysfs(root, cpu), told):
        if LEAST <= found[0] <= found[1] <= MOST:
            return found
    return DEFAULT


def this_machine() -> tuple[int, int, int]:
    """Return the sizes to which the products are cut here."""
    from .cpu import caches

    return sizes(os.environ.get("GDCORE_CACHE", "").strip(), SYSFS, _some_cpu(), caches())


def shown(found: tuple[int, int, int]) -> str:
    """Return sizes as GDCORE_CACHE names them.

    Examples
    --------
    >>> shown((49152, 2097152, 0))
    '48K,2M'
    """
    return ",".join(_short(size) for size in found if size)


def _short(size: int) -> str:
    unit = next(unit for unit in ("G", "M", "K", "") if size % _UNITS[unit] == 0)
    return f"{size // _UNITS[unit]}{unit}"
