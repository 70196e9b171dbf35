"""Models as the source of a C function."""

from .header import to_c

__all__ = ["to_c"]
