"""The table of activations, with what Python knows of each; the kernels compute them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from .._kernels import load
from ..base import checks


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

    Examples
    --------
    >>> get_activation("tanh").slope_range
    '(0, 1]'
    >>> get_activation("relu").limits
    (0.0, inf)
    >>> get_activation("relu6").kinks
    (0.0, 6.0)
    """

    name: str
    formula: str
    output_range: str
    slope_range: str
    init: str

    @property
    def kinks(self) -> tuple[float, ...]:
        """The z where the derivative jumps."""
        facts = self._facts()
        return () if facts["smooth"] else facts["kinks"]

    @property
    def cancels(self) -> bool:
        """Whether its value loses digits that z has, so that its roundoff is relative to z."""
        return bool(self._facts()["cancels"])

    def _facts(self) -> dict[str, Any]:
        """What the kernels' table says of it."""
        return load("float64").ACTIVATION_FACTS[self.name]

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of `output_range`."""
        low, high = self.output_range.strip("[]()").split(",")
        return float(low), float(high)


ACTIVATIONS: tuple[Activation, ...] = (
    Activation("identity", "z", "(-inf, inf)", "1", "glorot_uniform"),
    Activation("relu", "max(0, z)", "[0, inf)", "{0, 1}", "he_normal"),
    Activation("leaky_relu", "z if z > 0 else 0.01 z", "(-inf, inf)", "{0.01, 1}", "he_normal"),
    Activation("elu", "z if z > 0 else exp(z) - 1", "(-1, inf)", "(0, 1]", "he_normal"),
    Activation("selu", "1.0507 (z if z > 0 else 1.6733 (exp(z) - 1))", "(-1.758, inf)", "(0, 1.758)",
               "lecun_normal"),
    Activation("softplus", "log(1 + exp(z))", "(0, inf)", "(0, 1)", "he_normal"),
    Activation("sigmoid", "1 / (1 + exp(-z))", "(0, 1)", "(0, 0.25]", "glorot_uniform"),
    Activation("tanh", "tanh(z)", "(-1, 1)", "(0, 1]", "glorot_uniform"),
    Activation("gelu", "z Phi(z), exact", "[-0.170, inf)", "[-0.129, 1.129]", "he_normal"),
    Activation("silu", "z / (1 + exp(-z))", "[-0.278, inf)", "[-0.100, 1.100]", "he_normal"),
    Activation("relu6", "min(max(0, z), 6)", "[0, 6]", "{0, 1}", "he_normal"),
    Activation("hardtanh", "min(max(-1, z), 1)", "[-1, 1]", "{0, 1}", "glorot_uniform"),
    Activation("hard_swish", "z min(max(0, z + 3), 6) / 6", "[-0.375, inf)", "[-0.5, 1.5]", "he_normal"),
    Activation("mish", "z tanh(log(1 + exp(z)))", "[-0.309, inf)", "[-0.113, 1.089]", "he_normal"),
)


def get_activation(name: str) -> Activation:
    """Return the activation of that name.

    Raises
    ------
    ValueError
        If no activation has that name; the message lists the known ones and the nearest.
    """
    names = [row.name for row in ACTIVATIONS]
    return ACTIVATIONS[names.index(checks.known_name("activation", name, names))]
