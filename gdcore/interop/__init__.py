"""Ways out and in: C, ONNX, PyTorch and scikit-learn."""

from .c import to_c
from .onnx import register_skl2onnx, to_onnx
from .scikit import from_sklearn, to_sklearn
from .torch import from_torch, to_torch

__all__ = ["from_sklearn", "from_torch", "register_skl2onnx", "to_c", "to_onnx", "to_sklearn", "to_torch"]
