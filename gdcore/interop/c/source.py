"""The parts of a model as statements of C.

Design
------
- A layer reads from one local array, u or v, and writes to the other. Outputs are copied at the end, so that the
  caller's x and y may be the same array.
- A weight keeps gdcore's order, (in_features, out_features). The loop over outputs is the inner one: it runs along the
  memory, and compilers vectorize it without changing any sum.
- Derivatives by the inputs go backward, once per output. The forward pass keeps each layer's slopes for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

from numpy.typing import NDArray

from ..parts import AffinePart, DensePart, DropoutPart, LayerNormPart, Log1pPart, Part, TargetPart
from .forms import FORMS, Form, number

A_LINE = 8
"""Numbers in a line of an array."""
OUTPUTS = {"sigmoid": Form("@sigmoid(z)", "a * (1.0r - a)")}
"""What is applied to each output for itself."""
SOFTMAX = (
    "/* softmax */",
    "largest = HERE[0];",
    "for (j = 1; j < WIDTH; j++)",
    "    largest = HERE[j] > largest ? HERE[j] : largest;",
    "for (j = 0; j < WIDTH; j++) {",
    "    HERE[j] = EXP(HERE[j] - largest);",
    "    total += HERE[j];",
    "}",
    "for (j = 0; j < WIDTH; j++)",
    "    HERE[j] /= total;",
)


class Back(NamedTuple):
    """Statements that take derivatives from a part's outputs, in HERE, to its inputs, in HERE or in NEXT."""

    lines: tuple[str, ...]
    moves: bool = False


@final
@dataclass
class Source:
    """What a header consists of; each part adds to it.

    Attributes
    ----------
    dtype : {"float32", "float64"}
    arrays : list of str
        Definitions of constant arrays.
    forward, kept_forward : list of str
        Statements of the prediction, without and with those that keep slopes.
    backward : list of Back
        In the order of the forward pass.
    slopes : list of str
        Names and sizes of the arrays of slopes.
    constants, n_slopes : int
        Numbers in all constant arrays, and in all arrays of slopes.
    here : str
        The array that the last statement has written to.
    """

    dtype: str
    arrays: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    kept_forward: list[str] = field(default_factory=list)
    backward: list[Back] = field(default_factory=list)
    slopes: list[str] = field(default_factory=list)
    constants: int = 0
    n_slopes: int = 0
    here: str = "x"

    def array(self, name: str, values: NDArray[Any]) -> str:
        """Define a constant array, and return its name."""
        flat = [number(value, self.dtype) for value in values.ravel()]
        lines = [", ".join(flat[i : i + A_LINE]) for i in range(0, len(flat), A_LINE)]
        body = ",\n    ".join(lines)
        self.arrays.append(f"static const REAL @{name}[{len(flat)}] = {{\n    {body}\n}};")
        self.constants += len(flat)
        return f"@{name}"

    def add(self, *lines: str) -> None:
        """Add statements to both forward passes."""
        self.forward += lines
        self.kept_forward += lines

    def each(self, form: Form, label: str, width: int) -> None:
        """Apply a function to each of `width` numbers, and keep its slopes."""
        to = self.in_place()
        loop = f"for (j = 0; j < {width}; j++) {{"
        self.forward += [loop, f"    REAL z = {self.here}[j];", f"    {to}[j] = {form.value};", "}"]
        self.kept_forward += [
            loop,
            f"    REAL z = {self.here}[j], a = {form.value};",
            f"    {to}[j] = a;",
            f"    {label}[j] = {form.slope};",
            "}",
        ]
        self.slopes.append(f"{label}[{width}]")
        self.n_slopes += width
        self.backward.append(Back((f"for (j = 0; j < {width}; j++)", f"    HERE[j] *= {label}[j];")))
        self.here = to

    def in_place(self) -> str:
        """Return the array that a statement may write to while it reads the same place of `here`."""
        return "u" if self.here == "x" else self.here


def other(name: str) -> str:
    """Return the local array that is written to while this one is read."""
    return "v" if name == "u" else "u"


def _dense(source: Source, part: DensePart) -> None:
    n_in, n_out = part.weight.shape
    i, to = part.index, other(source.here)
    weight = source.array(f"weight{i}", part.weight)
    bias = "0" if part.bias is None else source.array(f"bias{i}", part.bias)
    source.add(
        f"/* layer {i}: dense, {n_in} to {n_out}, {part.activation} */",
        f"@dense({source.here}, {weight}, {bias}, {to}, {n_in}, {n_out});",
    )
    source.here = to
    source.backward.append(Back((f"@dense_back({weight}, HERE, NEXT, {n_in}, {n_out});",), moves=True))
    if part.activation != "identity":
        option = number(part.option, source.dtype)
        value, slope = (text.replace("OPTION", option) for text in FORMS[part.activation])
        source.each(Form(value, slope), f"slope{i}", n_out)


def _affine(source: Source, part: AffinePart) -> None:
    i, width, to = part.index, len(part.shift), source.in_place()
    shift, factor = source.array(f"shift{i}", part.shift), source.array(f"factor{i}", part.factor)
    offset = f" + {number(part.offset, source.dtype)}" if part.offset else ""
    source.add(
        f"/* layer {i}: {type(part.layer).__name__} */",
        f"for (j = 0; j < {width}; j++)",
        f"    {to}[j] = ({source.here}[j] - {shift}[j]) * {factor}[j]{offset};",
    )
    source.here = to
    source.backward.append(Back((f"for (j = 0; j < {width}; j++)", f"    HERE[j] *= {factor}[j];")))


def _log1p(source: Source, part: Log1pPart) -> None:
    source.add(f"/* layer {part.index}: log(1 + x) */")
    source.each(Form("@log1p(z)", "1.0r / (1.0r + z)"), f"slope{part.index}", part.layer.in_features)


def _layer_norm(source: Source, part: LayerNormPart) -> None:
    i, width, to = part.index, len(part.gain), source.in_place()
    gain, bias = source.array(f"gain{i}", part.gain), source.array(f"bias{i}", part.bias)
    eps, unit, inverse = number(part.layer.eps, source.dtype), f"unit{i}", f"inverse{i}"
    loop = f"for (j = 0; j < {width}; j++)"
    source.add(f"/* layer {i}: LayerNorm */")
    source.forward += [
        f"@layer_norm({source.here}, {eps}, {to}, {width});",
        loop,
        f"    {to}[j] = {to}[j] * {gain}[j] + {bias}[j];",
    ]
    source.kept_forward += [
        f"{inverse}[0] = @layer_norm({source.here}, {eps}, {unit}, {width});",
        loop,
        f"    {to}[j] = {unit}[j] * {gain}[j] + {bias}[j];",
    ]
    source.slopes += [f"{unit}[{width}]", f"{inverse}[1]"]
    source.n_slopes += width + 1
    source.backward.append(Back((f"@layer_norm_back(HERE, {gain}, {unit}, {inverse}[0], {width});",)))
    source.here = to


def _target(source: Source, part: TargetPart) -> None:
    i, width, here = part.index, len(part.mean), source.here
    mean, std = source.array(f"mean{i}", part.mean), source.array(f"std{i}", part.std)
    source.add(
        f"/* layer {i}: the targets' units */",
        f"for (j = 0; j < {width}; j++)",
        f"    {here}[j] = {mean}[j] + {std}[j] * {here}[j];",
    )
    source.backward.append(Back((f"for (j = 0; j < {width}; j++)", f"    HERE[j] *= {std}[j];")))


WRITERS: dict[type[Part], Callable[[Source, Any], None]] = {
    DensePart: _dense,
    AffinePart: _affine,
    Log1pPart: _log1p,
    LayerNormPart: _layer_norm,
    TargetPart: _target,
    DropoutPart: lambda source, part: None,
}
"""Kind of part -> what adds it. Dropout does nothing in a prediction."""


def source_of(parts: list[Part], output: str, dtype: str) -> Source:
    """Return the statements of a model's parts, and of what is applied to its outputs."""
    source, width = Source(dtype), 0
    for part in parts:
        WRITERS[type(part)](source, part)
        if isinstance(part, DensePart):
            width = part.layer.out_features
    if output == "softmax":
        source.add(*(line.replace("HERE", source.here).replace("WIDTH", str(width)) for line in SOFTMAX))
    elif output != "raw":
        source.each(OUTPUTS[output], f"{output}_slope", width)
    source.add("for (j = 0; j < " + f"{width}; j++)", f"    y[j] = {source.here}[j];")
    return source
