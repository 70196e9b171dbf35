"""`to_torch`: a model as a `torch.nn.Sequential`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.calls import explains_calls
from ...base.optional import optional
from ...models import Sequential
from .. import checks as interop_checks
from ..parts import AffinePart, DensePart, DropoutPart, LayerNormPart, Log1pPart, Part, TargetPart, parts_of
from .forms import module_of

INSTALL = "gdcore[torch]"


@explains_calls
def to_torch(model: Sequential) -> Any:
    """Return a model as a `torch.nn.Sequential` with copies of its parameters.

    Dense layers become Linear (whose weight is the transpose), activations and Dropout the modules of these names.
    PyTorch has no layers that scale, so these become modules of `gdcore.interop`, whose numbers are buffers.

    Parameters
    ----------
    model : Sequential

    Returns
    -------
    torch.nn.Sequential
        In evaluation mode, on the CPU, of the model's precision. Call its `train()` to go on training with dropout.

    Raises
    ------
    ImportError
        If PyTorch is not installed: the extra "torch".
    TypeError, ValueError
        For a layer that has no form there, or parameters that are not finite.

    Notes
    -----
    Outputs are raw, as those of `predict`: nn.CrossEntropyLoss and nn.BCEWithLogitsLoss take them as they are.

    Examples
    --------
    >>> import gdcore as gd
    >>> net = gd.MLP([2, 3, 1], activation="tanh", dropout=0.1, seed=0)
    >>> module = to_torch(net)  # doctest: +SKIP
    >>> module.state_dict().keys()  # doctest: +SKIP
    odict_keys(['0.weight', '0.bias', '3.weight', '3.bias'])
    """
    net = interop_checks.model(model)
    torch = optional("torch", "to_torch", INSTALL)
    modules: list[Any] = []
    for part in parts_of(net, net.dtype, "to_torch"):
        modules += BUILDERS[type(part)](torch, part)
    return torch.nn.Sequential(*modules).eval()


def _dense(torch: Any, part: DensePart) -> list[Any]:
    n_in, n_out = part.weight.shape
    dtype = getattr(torch, part.weight.dtype.name)
    linear = torch.nn.utils.skip_init(torch.nn.Linear, n_in, n_out, bias=part.bias is not None, dtype=dtype)
    with torch.no_grad():
        linear.weight.copy_(tensor(torch, part.weight.T))
        if part.bias is not None:
            linear.bias.copy_(tensor(torch, part.bias))
    activation = module_of(torch.nn, part.activation, part.option)
    return [linear] if activation is None else [linear, activation]


def _layer_norm(torch: Any, part: LayerNormPart) -> list[Any]:
    dtype = getattr(torch, part.gain.dtype.name)
    norm = torch.nn.LayerNorm(len(part.gain), eps=float(part.layer.eps), dtype=dtype)
    with torch.no_grad():
        norm.weight.copy_(tensor(torch, part.gain))
        norm.bias.copy_(tensor(torch, part.bias))
    return [norm]


def _dropout(torch: Any, part: DropoutPart) -> list[Any]:
    return [torch.nn.Dropout(float(part.layer.rate))]


def _log1p(torch: Any, part: Log1pPart) -> list[Any]:
    from .modules import Log1p

    return [Log1p(part.layer.in_features)]


def _affine(torch: Any, part: AffinePart) -> list[Any]:
    return [_scale(torch, part.shift, part.factor, np.full_like(part.shift, part.offset))]


def _target(torch: Any, part: TargetPart) -> list[Any]:
    return [_scale(torch, np.zeros_like(part.mean), part.std, part.mean)]


def _scale(torch: Any, shift: NDArray[Any], factor: NDArray[Any], offset: NDArray[Any]) -> Any:
    """Return a module that computes (x - shift) * factor + offset."""
    from .modules import Scale

    return Scale(*(tensor(torch, each) for each in (shift, factor, offset)))


BUILDERS: dict[type[Part], Callable[[Any, Any], list[Any]]] = {
    DensePart: _dense,
    LayerNormPart: _layer_norm,
    DropoutPart: _dropout,
    Log1pPart: _log1p,
    AffinePart: _affine,
    TargetPart: _target,
}
"""Kind of part -> what returns its modules."""


def tensor(torch: Any, array: NDArray[Any]) -> Any:
    """Return a copy of an array as a tensor."""
    return torch.from_numpy(np.array(array, order="C"))
