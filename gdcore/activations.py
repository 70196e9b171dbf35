"""Activations: what Python knows of each; the kernels know how to compute it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from . import checks


@final
@dataclass(frozen=True)
class Activation:
    """One row of `ACTIVATIONS`.

    Parameters
    ----------
    name : str
        As `Dense` takes it and the kernels call it.
    formula : str
        a as a function of z.
    output_range, slope_range : str
        Intervals of a and of da/dz.
    init : str
        The initializer that "auto" stands for in a layer with this activation.
    kinks : tuple of float, default ()
        The z where the derivative jumps.

    Examples
    --------
    >>> get_activation("tanh").slope_range
    '(0, 1]'
    """

    name: str
    formula: str
    output_range: str
    slope_range: str
    init: str
    kinks: tuple[float, ...] = ()


ACTIVATIONS: tuple[Activation, ...] = (
    Activation("identity", "z", "(-inf, inf)", "1", "glorot_uniform"),
    Activation("relu", "max(0, z)", "[0, inf)", "{0, 1}", "he_normal", (0.0,)),
    Activation("leaky_relu", "z if z > 0 else 0.01 z", "(-inf, inf)", "{0.01, 1}", "he_normal", (0.0,)),
    Activation("elu", "z if z > 0 else exp(z) - 1", "(-1, inf)", "(0, 1]", "he_normal"),
    Activation("selu", "1.0507 (z if z > 0 else 1.6733 (exp(z) - 1))", "(-1.758, inf)", "(0, 1.758)",
               "lecun_normal", (0.0,)),
    Activation("softplus", "log(1 + exp(z))", "(0, inf)", "(0, 1)", "he_normal"),
    Activation("sigmoid", "1 / (1 + exp(-z))", "(0, 1)", "(0, 0.25]", "glorot_uniform"),
    Activation("tanh", "tanh(z)", "(-1, 1)", "(0, 1]", "glorot_uniform"),
    Activation("gelu", "z Phi(z), exact", "[-0.170, inf)", "[-0.129, 1.129]", "he_normal"),
    Activation("silu", "z / (1 + exp(-z))", "[-0.278, inf)", "[-0.100, 1.100]", "he_normal"),
)


def get_activation(name: str) -> Activation:
    """The row of that name.

    Raises
    ------
    ValueError
        If no activation has that name; the message lists the known ones and the nearest.
    """
    names = [row.name for row in ACTIVATIONS]
    return ACTIVATIONS[names.index(checks.known_name("activation", name, names))]
