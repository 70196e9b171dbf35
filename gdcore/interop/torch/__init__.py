"""Models to and from PyTorch."""

from .into import from_torch
from .out import to_torch

__all__ = ["from_torch", "to_torch"]
