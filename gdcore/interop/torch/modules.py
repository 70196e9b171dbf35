"""The scaling layers as modules of PyTorch, which has none; imported where torch is installed."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import nn


@final
class Scale(nn.Module):  # type: ignore[misc]  # without torch its type is unknown
    """(x - shift) * factor + offset, with buffers of shape (n_features,): Standardize, MinMax or ScaledTarget.

    Parameters
    ----------
    shift, factor, offset : tensor, shape (n_features,)
    """

    shift: torch.Tensor
    factor: torch.Tensor
    offset: torch.Tensor

    def __init__(self, shift: torch.Tensor, factor: torch.Tensor, offset: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", shift)
        self.register_buffer("factor", factor)
        self.register_buffer("offset", offset)

    def forward(self, x: Any) -> Any:
        return (x - self.shift) * self.factor + self.offset

    def extra_repr(self) -> str:
        return f"{len(self.shift)}"


@final
class Log1p(nn.Module):  # type: ignore[misc]  # without torch its type is unknown
    """log(1 + x).

    Parameters
    ----------
    in_features : int
    """

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.in_features = in_features

    def forward(self, x: Any) -> Any:
        return torch.log1p(x)

    def extra_repr(self) -> str:
        return f"{self.in_features}"
