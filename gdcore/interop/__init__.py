"""Ways out and in: C, PyTorch, scikit-learn and ONNX."""

from .c import to_c

__all__ = ["to_c"]
