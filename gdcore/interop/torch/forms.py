"""Activations as modules of PyTorch, in both directions.

Design
------
- One table serves both ways. A row names a class of `torch.nn` and the arguments with which it computes gdcore's
  formula. On the way in, a module's attributes are compared with these arguments: an ELU of another alpha is refused.
- Classes are found by exact type. A subclass may compute something else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...layers.activations import PARAMETRIC, ActivationLike
from .. import checks as interop_checks


class Form(NamedTuple):
    """An activation in PyTorch.

    Attributes
    ----------
    module : str
        Name of a class in `torch.nn`.
    arguments : dict
        What it is called with, and what its attributes must be.
    option : str or None
        Name of the argument, and of the attribute, that is the activation's parameter.
    """

    module: str
    arguments: dict[str, Any]
    option: str | None = None


FORMS: dict[str, Form | None] = {
    "identity": Form("Identity", {}),
    "relu": Form("ReLU", {}),
    "leaky_relu": Form("LeakyReLU", {}, option="negative_slope"),
    "elu": Form("ELU", {"alpha": 1.0}),
    "selu": Form("SELU", {}),
    "softplus": Form("Softplus", {"beta": 1.0, "threshold": 40.0}),
    "sigmoid": Form("Sigmoid", {}),
    "tanh": Form("Tanh", {}),
    "gelu": Form("GELU", {"approximate": "none"}),
    "silu": Form("SiLU", {}),
    "relu6": Form("ReLU6", {}),
    "hardtanh": Form("Hardtanh", {"min_val": -1.0, "max_val": 1.0}),
    "hard_swish": Form("Hardswish", {}),
    "mish": Form("Mish", {}),
}
"""The name of every activation -> its form; None if PyTorch has no module of it."""
FREE = ("threshold",)
"""Arguments of any value: above Softplus's threshold its formula and the identity agree to roundoff, or nearly."""

NEAREST = {
    "Softmax": "leave it out, since gdcore's losses take raw outputs: CrossEntropy applies the softmax",
    "LogSoftmax": "leave it out, since gdcore's losses take raw outputs: CrossEntropy applies the softmax",
    "LogSigmoid": "leave it out, since gdcore's losses take raw outputs: BinaryCrossEntropy applies the sigmoid",
    "PReLU": "the nearest is LeakyReLU(slope), whose slope is fixed",
    "RReLU": "the nearest is LeakyReLU(slope), whose slope is fixed",
    "CELU": "the nearest is ELU, which it equals at alpha=1",
    "Hardsigmoid": "the nearest is Sigmoid",
    "Softsign": "the nearest is Tanh",
    "Tanhshrink": "the nearest is Tanh",
    "Threshold": "the nearest is ReLU",
    "AlphaDropout": "the nearest is Dropout",
    "BatchNorm1d": "fold it into the Linear before it by torch.nn.utils.fuse_linear_bn_eval",
    "Conv1d": "gdcore has dense layers only",
    "Conv2d": "gdcore has dense layers only",
}
"""Modules that gdcore has nothing equal to -> what to do."""


def module_of(nn: Any, activation: str, option: float) -> Any:
    """Return the module of an activation; None for the identity."""
    form = FORMS[activation]
    if form is None:
        raise interop_checks.no_module(activation)
    if activation == "identity":
        return None
    own = {} if form.option is None else {form.option: option}
    return getattr(nn, form.module)(**form.arguments, **own)


def activation_of(nn: Any, index: str, module: Any) -> ActivationLike | None:
    """Return the activation that a module computes; None if it is a module of another kind.

    Raises
    ------
    ValueError
        If the module has options that gdcore's activation does not have.
    """
    for name, form in FORMS.items():
        if form is not None and type(module) is getattr(nn, form.module):
            if form.option is not None:
                return PARAMETRIC.find(name)(float(getattr(module, form.option)))
            for argument, value in form.arguments.items():
                found = getattr(module, argument)
                if argument not in FREE and found != value:
                    raise interop_checks.other_option(index, module, argument, found, value, name)
            return name
    return None
