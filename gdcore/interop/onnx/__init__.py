"""Models as ONNX graphs."""

from .out import to_onnx

__all__ = ["to_onnx"]
