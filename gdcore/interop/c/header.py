"""`to_c`: a model as one header of C99."""

from __future__ import annotations

import re
import textwrap
from typing import NamedTuple

import numpy as np

from ..._version import __version__
from ...base import checks
from ...base.calls import explains_calls
from ...layers.dense import Dense
from ...layers.layer import Layer
from ...models import Sequential
from .. import checks as interop_checks
from ..parts import DensePart, parts_of
from .forms import FUNCTIONS, called, library_functions, specialized
from .names import comment, identifier
from .source import Source, other, source_of

DENSE = """
static inline void @dense(const REAL *x, const REAL *w, const REAL *b, REAL *z, int n_in, int n_out)
{
    int i, j;
    for (j = 0; j < n_out; j++)
        z[j] = b ? b[j] : 0.0r;
    for (i = 0; i < n_in; i++, w += n_out)
        for (j = 0; j < n_out; j++)
            z[j] += x[i] * w[j];
}
"""
DENSE_BACK = """
static inline void @dense_back(const REAL *w, const REAL *d, REAL *x, int n_in, int n_out)
{
    int i, j;
    for (i = 0; i < n_in; i++, w += n_out) {
        REAL sum = 0.0r;
        for (j = 0; j < n_out; j++)
            sum += w[j] * d[j];
        x[i] = sum;
    }
}
"""
C_TYPE = {"float32": "float", "float64": "double"}
WORDS = {
    "raw": "as predict returns them",
    "sigmoid": "the sigmoid of what predict returns",
    "softmax": "the softmax of what predict returns",
}
MAX_NAMES = 100
"""The comment shows at most this many names of features."""


class Sizes(NamedTuple):
    """Widths of a model: of its inputs, of its outputs, and the largest of all."""

    n_in: int
    n_out: int
    widest: int


@explains_calls
def to_c(
    model: Sequential,
    name: str = "model",
    *,
    dtype: str | None = None,
    output: str = "raw",
    gradient: bool = False,
) -> str:
    """Return a model as the text of a C header, which needs neither gdcore nor any other library.

    The header defines `void name(const float x[n_in], float y[n_out])`, the prediction for one row. All numbers are
    constant arrays, nothing is allocated, and nothing is kept between calls. It is C99, and C++ as well; of the C
    library it calls exp and tanh, if the activations need them. Its first comment says how much memory it takes.

    Parameters
    ----------
    model : Sequential
        Dropout is left out, as in `predict`.
    name : str, default "model"
        Name of the function, and the beginning of all other names in the header.
    dtype : {"float32", "float64"}, optional
        Whether it computes in float or in double; by default the model's precision.
    output : {"raw", "sigmoid", "softmax"}, default "raw"
        What is applied to the outputs: those of a model trained with binary_cross_entropy become probabilities by the
        sigmoid, those of cross_entropy by the softmax; what does not fit the loss of the last fit is refused.
    gradient : bool, default False
        Whether to define `void name_with_gradient(x, y, gradient)` too, where `gradient[k][i]` becomes the derivative
        of output k by input i, an array of (n_out, n_in).

    Returns
    -------
    str
        The header; write it to a file, such as "model.h".

    Raises
    ------
    TypeError, ValueError
        If the name is no identifier of C, a layer has no form there, or a number is not finite in that precision.

    Notes
    -----
    Outputs differ from `predict` by roundoff, since the sums have another order. x is not checked: NaN gives NaN, and
    so does a number that `Log1p` cannot take. Compiled with `-ffreestanding`, the header includes nothing, and declares
    the functions that it calls. To choose between several models at run time, give each header a name of its own.

    Examples
    --------
    >>> import gdcore as gd
    >>> header = to_c(gd.MLP([2, 3, 1], activation="tanh", seed=0), "price")
    >>> [line for line in header.splitlines() if line.startswith("static inline void price(")]
    ['static inline void price(const float x[2], float y[1])']
    """
    net, prefix = interop_checks.model(model), identifier(name)
    dtype = interop_checks.precision(dtype, net)
    word = interop_checks.output(output, net)
    checks.boolean("gradient", gradient)
    parts = parts_of(net, dtype, "to_c")
    source = source_of(parts, word, dtype)
    widths = [width for part in parts if isinstance(part, DensePart) for width in part.weight.shape]
    sizes = Sizes(net.in_features, net.out_features, max(widths))
    functions = [_predict(source, prefix, sizes, word)]
    if gradient:
        functions.append(_with_gradient(source, prefix, sizes, word))
    body = "\n".join(functions)
    library = library_functions(body, dtype)
    code = [
        *([_includes(library, dtype)] if library else []),
        f"enum {{ @n_in = {sizes.n_in}, @n_out = {sizes.n_out} }};\n",
        *source.arrays,
        DENSE + (DENSE_BACK if gradient else "") + "".join(FUNCTIONS[each] for each in called(body)),
        body,
    ]
    guard = f"GDCORE_{prefix}_H"
    about = _about(net, prefix, word, dtype) + _cost(source, sizes, library, dtype, gradient)
    return "\n".join(
        [
            "/* " + "\n".join(f" * {line}".rstrip() for line in about)[3:] + "\n */",
            f"#ifndef {guard}\n#define {guard}\n",
            specialized("\n".join(code), prefix, dtype),
            "#endif\n",
        ]
    )


def _predict(source: Source, name: str, sizes: Sizes, output: str) -> str:
    """Return the function that predicts one row."""
    head = f"{name}(const REAL x[{sizes.n_in}], REAL y[{sizes.n_out}])"
    return _function(head, [*_locals(source.forward, sizes, output), *source.forward])


def _with_gradient(source: Source, name: str, sizes: Sizes, output: str) -> str:
    """Return the function that predicts one row, and differentiates every output by every input."""
    n_in, n_out, here = sizes.n_in, sizes.n_out, source.here
    seed = "y[k] * ((j == k ? 1.0r : 0.0r) - y[j])" if output == "softmax" else "j == k ? 1.0r : 0.0r"
    lines = [f"for (j = 0; j < {n_out}; j++)", f"    {here}[j] = {seed};"]
    for back in reversed(source.backward):
        lines += [line.replace("HERE", here).replace("NEXT", other(here)) for line in back.lines]
        here = other(here) if back.moves else here
    lines += [f"for (j = 0; j < {n_in}; j++)", f"    gradient[k][j] = {here}[j];"]
    loop = [f"for (k = 0; k < {n_out}; k++) {{", *(f"    {line}" for line in lines), "}"]
    statements = [*source.kept_forward, "/* backward, once per output */", *loop]
    slopes = [f"REAL {each};" for each in source.slopes]
    head = f"{name}_with_gradient(const REAL x[{n_in}], REAL y[{n_out}], REAL gradient[{n_out}][{n_in}])"
    return _function(head, [*_locals(statements, sizes, output), *slopes, "int k;", *statements])


def _locals(statements: list[str], sizes: Sizes, output: str) -> list[str]:
    """Return the declarations of the local variables that the statements use."""
    text = re.sub(r"/\*.*?\*/", "", "\n".join(statements))
    arrays = [f"{name}[{sizes.widest}]" for name in "uv" if re.search(rf"\b{name}\b", text)]
    declared = [f"REAL {', '.join(arrays)};", "int j;"]
    return ["REAL largest, total = 0.0r;", *declared] if output == "softmax" else declared


def _function(head: str, lines: list[str]) -> str:
    """Return the definition of a function."""
    body = "\n".join(f"    {line}" for line in lines)
    return f"static inline void {head}\n{{\n{body}\n}}\n"


def _includes(library: list[str], dtype: str) -> str:
    """Return the declarations of the C library's functions, which a freestanding compiler has no header for."""
    declared = "\n".join(f"{C_TYPE[dtype]} {name}({C_TYPE[dtype]});" for name in library)
    return f"""\
#if !defined(__STDC_HOSTED__) || __STDC_HOSTED__
#include <math.h>
#else
#ifdef __cplusplus
extern "C" {{
#endif
{declared}
#ifdef __cplusplus
}}
#endif
#endif
"""


def _about(net: Sequential, name: str, output: str, dtype: str) -> list[str]:
    """Return lines that say what the model is and how it is called."""
    real = C_TYPE[dtype]
    lines = [
        f"{name}: a network trained by gdcore {comment(__version__)}, as one header of C99.",
        "",
        f"    {real} x[{net.in_features}] = {{ ... }}, y[{net.out_features}];",
        f"    {name}(x, y);",
        "",
    ]
    lines += textwrap.wrap(" -> ".join(comment(_short(layer)) for layer in net.layers), 100)
    lines.append(f"Outputs: {WORDS[output]}.")
    if net.feature_names is not None:
        shown = ", ".join(comment(each) for each in net.feature_names[:MAX_NAMES])
        more = len(net.feature_names) - MAX_NAMES
        lines += textwrap.wrap(f"Inputs: {shown}" + (f" and {more} more." if more > 0 else "."), 100)
    return lines


def _short(layer: Layer) -> str:
    """Return a layer in a few letters."""
    if isinstance(layer, Dense):
        return f"Dense({layer.in_features}, {layer.out_features}, {layer.activation})"
    return type(layer).__name__


def _cost(source: Source, sizes: Sizes, library: list[str], dtype: str, gradient: bool) -> list[str]:
    """Return lines that say how much memory the header takes, and what it needs."""
    size = np.dtype(dtype).itemsize
    stack = f"about {2 * sizes.widest * size:,} bytes"
    if gradient:
        stack += f", {(2 * sizes.widest + source.n_slopes) * size:,} with the gradient"
    needs = f"{' and '.join(library)} of the C library" if library else "nothing of the C library"
    return [f"Constants: {source.constants * size:,} bytes. Stack: {stack}. Needs {needs}."]
