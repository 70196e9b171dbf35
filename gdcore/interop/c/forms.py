"""Activations as expressions of C, and the functions that they call.

Design
------
- Texts are written for both precisions. A number with the suffix r, and REAL, EXP and TANH, become those of the one
  that is exported; `@sigmoid(z)` calls the function of that name in `FUNCTIONS`, and brings it into the header.
- Only exp and tanh, and sqrt for LayerNorm, come from the C library. Small machines have these if they have any, and
  what is made of them here keeps the digits that the kernels keep: exp(z) - 1 from tanh, the tails of the normal
  distribution from a continued fraction, log(1 + x) from a series.
- At a kink the slope is the kernels': that on the left, or that of the flat side.
- A comparison with NaN is false, and every choice of a value is written such that false returns the argument.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np


class Form(NamedTuple):
    """An activation in C.

    Attributes
    ----------
    value : str
        f(z), an expression of z; OPTION stands for the activation's parameter.
    slope : str
        f'(z), an expression of z and a = f(z).
    """

    value: str
    slope: str


FORMS: dict[str, Form] = {
    "identity": Form("z", "1.0r"),
    "relu": Form("z < 0.0r ? 0.0r : z", "a > 0.0r ? 1.0r : 0.0r"),
    "leaky_relu": Form("z < 0.0r ? OPTION * z : z", "z > 0.0r ? 1.0r : OPTION"),
    "elu": Form("z < 0.0r ? @expm1(z) : z", "a > 0.0r ? 1.0r : a + 1.0r"),
    "selu": Form(
        "1.0507009873554805r * (z < 0.0r ? 1.6732632423543772r * @expm1(z) : z)",
        "a > 0.0r ? 1.0507009873554805r : a + 1.7580993408473766r",
    ),
    "softplus": Form("@softplus(z)", "@sigmoid(z)"),
    "sigmoid": Form("@sigmoid(z)", "a * (1.0r - a)"),
    "tanh": Form("TANH(z)", "1.0r - a * a"),
    "gelu": Form("z * @normal_cdf(z)", "@normal_cdf(z) + z * @normal_density(z)"),
    "silu": Form("z * @sigmoid(z)", "@silu_slope(z)"),
    "relu6": Form("z < 0.0r ? 0.0r : z > 6.0r ? 6.0r : z", "a > 0.0r && a < 6.0r ? 1.0r : 0.0r"),
    "hardtanh": Form("z < -1.0r ? -1.0r : z > 1.0r ? 1.0r : z", "a > -1.0r && a < 1.0r ? 1.0r : 0.0r"),
    "hard_swish": Form(
        "z < -3.0r ? 0.0r : z > 3.0r ? z : z * (z + 3.0r) / 6.0r",
        "z > 3.0r ? 1.0r : z > -3.0r ? (2.0r * z + 3.0r) / 6.0r : 0.0r",
    ),
    "mish": Form("z * @tanh_softplus(z)", "@mish_slope(z)"),
}
"""The name of every activation -> its form."""

FUNCTIONS: dict[str, str] = {
    "sigmoid": """
/* 1 / (1 + exp(-z)), without overflow */
static inline REAL @sigmoid(REAL z)
{
    REAL e = EXP(z < 0.0r ? z : -z);
    return (z < 0.0r ? e : 1.0r) / (1.0r + e);
}
""",
    "silu_slope": """
static inline REAL @silu_slope(REAL z)
{
    REAL s = @sigmoid(z);
    return s * (1.0r + z * (1.0r - s));
}
""",
    "expm1": """
/* exp(z) - 1 for z <= 0, without cancellation */
static inline REAL @expm1(REAL z)
{
    REAL t = TANH(0.5r * z);
    return 2.0r * t / (1.0r - t);
}
""",
    "atanh_series": """
/* atanh(s) / s as a series of q = s * s, for |s| <= 1/3 */
static inline REAL @atanh_series(REAL q)
{
    return ATANH_SERIES;
}
""",
    "log1p": """
/* log(1 + x); NaN unless x > -1 */
static inline REAL @log1p(REAL x)
{
    REAL m = 1.0r + x, s;
    int k = 0;
    if (!(x > -1.0r))
        return (x - x) / (x - x);
    if (x > -0.5r && x < 0.5r) {
        s = x / (2.0r + x);
        return 2.0r * s * @atanh_series(s * s);
    }
    while (m > 1.5r && k < 1100) {
        m *= 0.5r;
        k++;
    }
    while (m < 0.75r) {
        m *= 2.0r;
        k--;
    }
    s = (m - 1.0r) / (m + 1.0r);
    return k == 1100 ? x : 0.69314718055994531r * (REAL)k + 2.0r * s * @atanh_series(s * s);
}
""",
    "softplus": """
/* log(1 + exp(z)) */
static inline REAL @softplus(REAL z)
{
    REAL e = EXP(z < 0.0r ? z : -z), s = e / (2.0r + e);
    return (z < 0.0r ? 0.0r : z) + 2.0r * s * @atanh_series(s * s);
}
""",
    "normal_density": """
/* density of the normal distribution */
static inline REAL @normal_density(REAL z)
{
    return 0.39894228040143268r * EXP(-0.5r * z * z);
}
""",
    "normal_cdf": """
/* normal distribution: its series near 0, Laplace's continued fraction in the tails */
static inline REAL @normal_cdf(REAL z)
{
    REAL x = z < 0.0r ? -z : z, sum = x, before = 0.0r, term = z;
    int n;
    if (x < NORMAL_TAIL) {
        sum = z;
        for (n = 3; sum != before; n += 2) {
            before = sum;
            term *= z * z / (REAL)n;
            sum += term;
        }
        return 0.5r + sum * @normal_density(z);
    }
    for (n = NORMAL_DEPTH; n > 0; n--)
        sum = x + (REAL)n / sum;
    sum = @normal_density(z) / sum;
    return z < 0.0r ? sum : 1.0r - sum;
}
""",
    "tanh_softplus": """
/* tanh(log(1 + exp(z))) = n / (n + 2) with n = e (e + 2), e = exp(z) */
static inline REAL @tanh_softplus(REAL z)
{
    REAL e = EXP(z > 40.0r ? 40.0r : z), n = e * (e + 2.0r);
    return n / (n + 2.0r);
}
""",
    "layer_norm": """
/* unit = (x - mean) / sqrt(variance + eps), relative to the first number -> 1 / sqrt(variance + eps) */
static inline REAL @layer_norm(const REAL *x, REAL eps, REAL *unit, int n)
{
    REAL mean = 0.0r, variance = 0.0r, first = x[0], inverse;
    int j;
    for (j = 0; j < n; j++)
        mean += x[j] - first;
    mean /= (REAL)n;
    for (j = 0; j < n; j++) {
        unit[j] = x[j] - first - mean;
        variance += unit[j] * unit[j];
    }
    inverse = 1.0r / SQRT(variance / (REAL)n + eps);
    for (j = 0; j < n; j++)
        unit[j] *= inverse;
    return inverse;
}
""",
    "layer_norm_back": """
static inline void @layer_norm_back(REAL *d, const REAL *gain, const REAL *unit, REAL inverse, int n)
{
    REAL mean = 0.0r, along = 0.0r;
    int j;
    for (j = 0; j < n; j++) {
        d[j] *= gain[j];
        mean += d[j];
        along += d[j] * unit[j];
    }
    for (j = 0; j < n; j++)
        d[j] = (d[j] - mean / (REAL)n - unit[j] * along / (REAL)n) * inverse;
}
""",
    "mish_slope": """
static inline REAL @mish_slope(REAL z)
{
    REAL t = @tanh_softplus(z);
    return t + z * (1.0r - t) * (1.0r + t) * @sigmoid(z);
}
""",
}
"""Name -> definition, each after those that it calls."""

LIBRARY = {"EXP": "exp", "TANH": "tanh", "SQRT": "sqrt"}
"""What comes from the C library."""

TERMS = {"float32": 8, "float64": 17}
"""Terms of atanh's series: the next one is below the roundoff at s = 1/3."""
NORMAL = {"float32": ("2.5", 14), "float64": ("3.0", 60)}
"""Where the tails of the normal distribution begin, and the depth of the fraction there."""


def called(text: str) -> list[str]:
    """Return the names of the functions that a text needs, directly or not, in the order of `FUNCTIONS`."""
    found: set[str] = set()
    todo = [text]
    while todo:
        new = set(re.findall(r"@(\w+)", todo.pop())) & FUNCTIONS.keys() - found
        found |= new
        todo += [FUNCTIONS[name] for name in new]
    return [name for name in FUNCTIONS if name in found]


def library_functions(text: str, dtype: str) -> list[str]:
    """Return the names of the C library's functions that a text calls, directly or not."""
    whole = text + "".join(FUNCTIONS[name] for name in called(text))
    return [name + "f" * (dtype == "float32") for word, name in LIBRARY.items() if re.search(rf"\b{word}\(", whole)]


def number(value: float, dtype: str) -> str:
    """Return a number as C writes it, with the digits that its precision needs.

    Examples
    --------
    >>> number(1.0, "float32"), number(0.1, "float64"), number(-1e-30, "float32")
    ('1.0f', '0.1', '-1e-30f')
    """
    text = str(np.dtype(dtype).type(value))
    if not re.search(r"[.e]", text):
        text += ".0"
    return text + "f" * (dtype == "float32")


def specialized(text: str, name: str, dtype: str) -> str:
    """Return a text in one precision, the names of its functions with a prefix."""
    tail, depth = NORMAL[dtype]
    for word, meaning in (
        ("ATANH_SERIES", _atanh_series(TERMS[dtype])),
        ("NORMAL_TAIL", f"{tail}r"),
        ("NORMAL_DEPTH", str(depth)),
        ("REAL", "float" if dtype == "float32" else "double"),
        *((word, function + "f" * (dtype == "float32")) for word, function in LIBRARY.items()),
    ):
        text = re.sub(rf"\b{word}\b", meaning, text)
    text = re.sub(r"\b(\d+\.\d+)r\b", lambda match: number(float(match[1]), dtype), text)
    return text.replace("@", f"{name}_")


def _atanh_series(terms: int) -> str:
    """Return 1 + q/3 + q^2/5 + … as nested products."""
    text = f"{1 / (2 * terms + 1):.17f}r"
    for n in range(terms - 1, -1, -1):
        text = f"{1 / (2 * n + 1):.17f}r + q * ({text})" if n < terms - 1 else f"{1 / (2 * n + 1):.17f}r + q * {text}"
    return text
