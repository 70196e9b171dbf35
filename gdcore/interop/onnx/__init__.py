"""Models as ONNX graphs."""

from .out import to_onnx
from .pipeline import register_skl2onnx

__all__ = ["register_skl2onnx", "to_onnx"]
