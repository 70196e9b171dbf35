"""Samples and class weights; sources of data larger than memory."""

from importlib import import_module
from typing import TYPE_CHECKING

from .samples import Source

if TYPE_CHECKING:
    from .arrow import Arrow
    from .npy import Npy
    from .reading import Reading
    from .rows import Rows
    from .shards import Shards, write_shards
    from .text import Csv

__all__ = ["Arrow", "Csv", "Npy", "Reading", "Rows", "Shards", "Source", "write_shards"]

LATER = {
    "Arrow": "arrow",
    "Csv": "text",
    "Npy": "npy",
    "Reading": "reading",
    "Rows": "rows",
    "Shards": "shards",
    "write_shards": "shards",
}
"""Sources, and the modules that are imported when they are first asked for."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import and return what `LATER` names."""
        if name not in LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{LATER[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
