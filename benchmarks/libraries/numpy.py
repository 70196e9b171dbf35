"""NumPy: the reference that ships with gdcore."""

from gdcore.bench.numpy_adapter import NumpyLibrary

__all__ = ["NumpyLibrary"]
