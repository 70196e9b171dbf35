"""gdcore: the adapter that ships with it."""

from gdcore.bench.gdcore_adapter import GdcoreLibrary

__all__ = ["GdcoreLibrary"]
