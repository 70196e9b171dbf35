"""Initial weights: each initializer is a frozen record that draws a matrix from a generator.

Design
------
A record holds hyper-parameters only; the generator is the caller's, so one seed fixes every layer.
Weights are drawn in float64 and rounded by the caller: a float32 and a float64 model of one seed
start from the same weights.

``shape`` is ``(in_features, out_features)``: fan_in is ``shape[0]`` and fan_out ``shape[1]``.

A name stands for its record in `INITIALIZERS`. Which initializer suits an activation is a fact about
the activation, whose record names it; `get_initializer` takes that name as `auto`.
"""

from ...base import checks as base_checks
from ...base.record import Registry
from .base import Initializer
from .fixed import Constant, Normal, Ones, Uniform, Zeros
from .scaled import GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, Orthogonal

__all__ = [
    "INITIALIZERS",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "Normal",
    "Ones",
    "Orthogonal",
    "Uniform",
    "Zeros",
    "get_initializer",
]

INITIALIZERS: Registry[Initializer] = Registry(
    "initializer",
    (
        Zeros(),
        Ones(),
        Constant(0.1),
        Normal(),
        Uniform(-0.05, 0.05),
        GlorotUniform(),
        GlorotNormal(),
        HeUniform(),
        HeNormal(),
        LecunNormal(),
        Orthogonal(),
    ),
)


def get_initializer(spec: str | Initializer, auto: str) -> Initializer:
    """Return the initializer that `spec` stands for.

    Parameters
    ----------
    spec : str or Initializer
        A record, which is returned as it is; the name or alias of one in `INITIALIZERS`; or
        ``"auto"``, which suits the activation.
    auto : str
        Name of the initializer that suits the activation, as the activation's record gives it:

        - ``"he_normal"`` where about half of the signal is cut off (relu, leaky_relu, elu, gelu,
          silu, softplus), after He et al. (2015);
        - ``"lecun_normal"`` for selu, whose fixed point of mean 0 and variance 1 requires sums
          of variance 1, after Klambauer et al. (2017);
        - ``"glorot_uniform"`` where the signal passes on both sides of zero (tanh, sigmoid,
          identity), after Glorot and Bengio (2010).

    Returns
    -------
    Initializer

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones and the nearest.
    TypeError
        If `spec` is neither a name nor a record.

    References
    ----------
    Glorot, X. and Bengio, Y. (2010). Understanding the difficulty of training deep feedforward
    neural networks. AISTATS.

    He, K., Zhang, X., Ren, S. and Sun, J. (2015). Delving deep into rectifiers. ICCV.

    Klambauer, G., Unterthiner, T., Mayr, A. and Hochreiter, S. (2017). Self-normalizing neural
    networks. NeurIPS.

    Examples
    --------
    >>> get_initializer("auto", "he_normal")
    HeNormal()
    >>> get_initializer("xavier_uniform", "he_normal")
    GlorotUniform()
    >>> get_initializer(Orthogonal(gain=2.0), "he_normal")
    Orthogonal(gain=2.0)
    """
    if isinstance(spec, Initializer):
        return spec
    name = base_checks.known_name("initializer", spec, ("auto", *INITIALIZERS.by_name))
    return INITIALIZERS.by_name[auto if name == "auto" else name]
