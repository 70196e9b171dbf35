"""A table of a model's layers."""

from __future__ import annotations

from ..layers.layer import Layer, Trained, first_width, width_behind


def summary(layers: tuple[Layer, ...], dtype: str) -> str:
    """Return a table of layers, output shapes and numbers of parameters, with the total.

    Examples
    --------
    >>> import gdcore as gd
    >>> gd.MLP([2, 3, 1]).summary()
    layer                output   parameters
    ----------------------------------------
    Dense(2, 3, 'relu')  (n, 3)            9
    Dense(3, 1)          (n, 1)            4
    ----------------------------------------
    total                float32          13
    """
    rows = [("layer", "output", "parameters")]
    width = first_width(layers)
    total = 0
    for layer in layers:
        width = width_behind(layer, width)
        n_params = layer.n_params if isinstance(layer, Trained) else 0
        total += n_params
        rows.append((repr(layer), f"(n, {width})", f"{n_params:,}"))
    rows.append(("total", dtype, f"{total:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def arguments(layers: tuple[Layer, ...], seed: int | None, dtype: str) -> list[str]:
    """Return the arguments of the call that builds the model."""
    parts = [repr(layer) for layer in layers]
    if seed is not None:
        parts.append(f"seed={seed}")
    if dtype != "float32":
        parts.append(f"dtype={dtype!r}")
    return parts
