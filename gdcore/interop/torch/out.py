"""`to_torch`: a model as a `torch.nn.Sequential`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.calls import explains_calls
from ...base.optional import optional
from ...models import Sequential
from .. import checks as interop_checks
from ..parts import AffinePart, DensePart, DropoutPart, LayerNormPart, Log1pPart, Part, parts_of
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
        modules += _modules(torch, part)
    return torch.nn.Sequential(*modules).eval()


def _modules(torch: Any, part: Part) -> list[Any]:
    """Return the modules of one part."""
    if isinstance(part, DensePart):
        n_in, n_out = part.weight.shape
        dtype = getattr(torch, part.weight.dtype.name)
        linear = torch.nn.utils.skip_init(torch.nn.Linear, n_in, n_out, bias=part.bias is not None, dtype=dtype)
        with torch.no_grad():
            linear.weight.copy_(tensor(torch, part.weight.T))
            if part.bias is not None:
                linear.bias.copy_(tensor(torch, part.bias))
        activation = module_of(torch.nn, part.activation, part.option)
        return [linear] if activation is None else [linear, activation]
    if isinstance(part, LayerNormPart):
        dtype = getattr(torch, part.gain.dtype.name)
        norm = torch.nn.LayerNorm(len(part.gain), eps=float(part.layer.eps), dtype=dtype)
        with torch.no_grad():
            norm.weight.copy_(tensor(torch, part.gain))
            norm.bias.copy_(tensor(torch, part.bias))
        return [norm]
    if isinstance(part, DropoutPart):
        return [torch.nn.Dropout(float(part.layer.rate))]
    from .modules import Log1p, Scale

    if isinstance(part, Log1pPart):
        return [Log1p(part.layer.in_features)]
    if isinstance(part, AffinePart):
        offset = np.full_like(part.shift, part.offset)
        return [Scale(*(tensor(torch, each) for each in (part.shift, part.factor, offset)))]
    return [Scale(*(tensor(torch, each) for each in (np.zeros_like(part.mean), part.std, part.mean)))]


def tensor(torch: Any, array: NDArray[Any]) -> Any:
    """Return a copy of an array as a tensor."""
    return torch.from_numpy(np.array(array, order="C"))
