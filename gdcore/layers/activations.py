"""The table of activations, with what Python knows of each; the kernels compute them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, ClassVar, NamedTuple, TypeAlias, final

import numpy as np

from .._kernels import load
from ..base import checks
from ..base.record import Record, Registry, field_names


class Interval(NamedTuple):
    """An interval of outputs; a round bracket marks an end that is not reached.

    Examples
    --------
    >>> str(Interval(-0.17, inf, "[)"))
    '[-0.170, inf)'
    """

    low: float
    high: float
    brackets: str = "()"

    def __str__(self) -> str:
        low, high = (f"{end:.3f}" if isfinite(end) and end % 1 else f"{end:g}" for end in (self.low, self.high))
        return f"{self.brackets[0]}{low}, {high}{self.brackets[1]}"


@final
@dataclass(frozen=True, repr=False)
class LeakyReLU(Record):
    """z where it is above 0, slope * z elsewhere: a record that stands wherever an activation's name does.

    Parameters
    ----------
    slope : float, default 0.01
        Any finite number; "leaky_relu" stands for the default. 0 is relu, 1 no activation.

    References
    ----------
    Maas, A. L., Hannun, A. Y. and Ng, A. Y. (2013). Rectifier nonlinearities improve neural network acoustic models.
    ICML.

    Examples
    --------
    >>> from gdcore import Dense
    >>> Dense(3, 4, LeakyReLU(0.2))
    Dense(3, 4, LeakyReLU(0.2))
    """

    name = "leaky_relu"
    positional = 1

    slope: float = 0.01  # the kernels' row of leaky_relu has this number too, and a test compares them

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", checks.finite("slope", self.slope))

    def row(self) -> Activation:
        """Return the row that `ACTIVATIONS` would have for this slope."""
        low, high = sorted((self.slope, 1.0))
        return Activation(
            self.name,
            f"z if z > 0 else {self.slope:g} z",
            Interval(-inf, inf) if self.slope > 0 else Interval(0.0, inf, "[)"),
            f"{{{low:g}, {high:g}}}" if low < high else "1",
            "he_normal",
            option=self.slope,
            kinked=self.slope != 1,
            dies=self.slope == 0,
        )


Parametric: TypeAlias = LeakyReLU
"""Records of activations with a parameter: their one field is the parameter, and `row` describes them."""

ActivationLike: TypeAlias = str | Parametric
"""A name in `ACTIVATIONS`, or a record where one with a parameter is meant."""


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
    output : Interval
        The interval of a.
    slope_range : str
        The interval of da/dz, as text.
    init : str
        The initializer that "auto" stands for in a layer with this activation.
    option : float or None, default None
        Its parameter, if it has one.
    kinked : bool, default True
        False if its parameter takes away the kinks that the kernels' table lists.
    dies : bool, default False
        Whether output and slope are 0 below the first kink and no output is negative: a unit that stays there learns no
        more.

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
    output: Interval
    slope_range: str
    init: str
    option: float | None = None
    kinked: bool = True
    dies: bool = False
    aliases: ClassVar[tuple[str, ...]] = ()

    @property
    def kinks(self) -> tuple[float, ...]:
        """The z where the derivative jumps."""
        facts = self._facts()
        return () if facts["smooth"] else self.all_kinks

    @property
    def all_kinks(self) -> tuple[float, ...]:
        """The z where the derivative jumps, or the second one."""
        return self._facts()["all_kinks"] if self.kinked else ()

    @property
    def cancels(self) -> bool:
        """Whether its value loses digits that z has, so that its roundoff is relative to z."""
        return bool(self._facts()["cancels"])

    def _facts(self) -> dict[str, Any]:
        """Return what the kernels' table says of it."""
        return load("float64").ACTIVATION_FACTS[self.name]

    @property
    def output_range(self) -> str:
        """The interval of a, as text."""
        return str(self.output)

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the interval of a."""
        return self.output.low, self.output.high


ACTIVATIONS: Registry[Activation] = Registry(
    "activation",
    (
        Activation("identity", "z", Interval(-inf, inf), "1", "glorot_uniform"),
        Activation("relu", "max(0, z)", Interval(0.0, inf, "[)"), "{0, 1}", "he_normal", dies=True),
        LeakyReLU().row(),
        Activation("elu", "z if z > 0 else exp(z) - 1", Interval(-1.0, inf), "(0, 1]", "he_normal"),
        Activation(
            "selu",
            "1.0507 (z if z > 0 else 1.6733 (exp(z) - 1))",
            Interval(-1.758, inf),
            "(0, 1.758)",
            "lecun_normal",
        ),
        Activation("softplus", "log(1 + exp(z))", Interval(0.0, inf), "(0, 1)", "he_normal"),
        Activation("sigmoid", "1 / (1 + exp(-z))", Interval(0.0, 1.0), "(0, 0.25]", "glorot_uniform"),
        Activation("tanh", "tanh(z)", Interval(-1.0, 1.0), "(0, 1]", "glorot_uniform"),
        Activation("gelu", "z Phi(z), exact", Interval(-0.170, inf, "[)"), "[-0.129, 1.129]", "he_normal"),
        Activation("silu", "z / (1 + exp(-z))", Interval(-0.278, inf, "[)"), "[-0.100, 1.100]", "he_normal"),
        Activation("relu6", "min(max(0, z), 6)", Interval(0.0, 6.0, "[]"), "{0, 1}", "he_normal", dies=True),
        Activation("hardtanh", "min(max(-1, z), 1)", Interval(-1.0, 1.0, "[]"), "{0, 1}", "glorot_uniform"),
        Activation(
            "hard_swish", "z min(max(0, z + 3), 6) / 6", Interval(-0.375, inf, "[)"), "[-0.5, 1.5]", "he_normal"
        ),
        Activation("mish", "z tanh(log(1 + exp(z)))", Interval(-0.309, inf, "[)"), "[-0.113, 1.089]", "he_normal"),
    ),
)

PARAMETRIC: Registry[type[Parametric]] = Registry("activation", (LeakyReLU,))
"""The records that stand in a layer where a name would not say the parameter."""


def get_activation(spec: ActivationLike) -> Activation:
    """Return the row that a name or a record stands for.

    Raises
    ------
    TypeError, ValueError
        If no activation has that name; the message lists the known ones and the nearest.

    Examples
    --------
    >>> get_activation(LeakyReLU(0.2)).formula
    'z if z > 0 else 0.2 z'
    """
    return spec.row() if isinstance(spec, Parametric) else ACTIVATIONS.find(spec)


def activation_spec(spec: ActivationLike) -> ActivationLike:
    """Return an activation as a layer keeps it: its name in lower case, or a record if the parameter is another.

    Examples
    --------
    >>> activation_spec("ReLU"), activation_spec(LeakyReLU()), activation_spec(LeakyReLU(0.2))
    ('relu', 'leaky_relu', LeakyReLU(0.2))
    """
    row = get_activation(spec)
    return row.name if isinstance(spec, str) or row.option == get_activation(row.name).option else spec


def kernel_activation(spec: ActivationLike, dtype: str) -> str | tuple[str, float]:
    """Return an activation as the kernels of a precision take it.

    Raises
    ------
    ValueError
        If this precision cannot hold the parameter.
    """
    if isinstance(spec, str):
        return spec
    row = spec.row()
    option = 0.0 if row.option is None else row.option
    if abs(option) > float(np.finfo(dtype).max):
        [parameter] = field_names(type(spec))
        raise ValueError(f"{spec!r} has a {parameter} that {dtype} cannot hold: use dtype='float64'")
    return row.name, option
