"""`gdcore export MODEL --to onnx|c|torch`."""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..base.optional import optional
from ..interop import to_c, to_onnx, to_torch
from ..io import load
from ..io.atomic import write_file
from ..models.sequential import Sequential
from ..tables import TableModel
from . import arguments
from .failed import WrongUse
from .files import STDIN_MODEL, one_line_each
from .output import as_json, show, size_of

ENDINGS = {"onnx": ".onnx", "c": ".h", "torch": ".pt"}


def run_export(options: argparse.Namespace) -> int:
    """Write the network of a model for other programs, and tell what its inputs and outputs are."""
    if options.model == "-":
        raise WrongUse(STDIN_MODEL)
    with one_line_each():
        thing = load(options.model)
    net = thing.net if isinstance(thing, TableModel) else thing
    if not isinstance(net, Sequential):
        raise WrongUse(f"{options.model} holds a {type(thing).__name__}: pass a model")
    out = arguments.writable(options.out or str(Path(options.model).with_suffix(ENDINGS[options.to])), [options.model])
    inputs = list(thing.preparation.inputs if isinstance(thing, TableModel) else net.feature_names or ())
    told = _inputs(thing) if isinstance(thing, TableModel) else inputs
    outputs = _outputs(thing) if isinstance(thing, TableModel) else []
    write: dict[str, Callable[[], bytes]] = {
        "onnx": lambda: to_onnx(net).SerializeToString(),
        "c": lambda: _c(net, Path(out).stem, told, outputs),
        "torch": lambda: _torch(net),
    }
    with one_line_each():
        try:
            data = write[options.to]()
        except (TypeError, ValueError) as error:
            raise WrongUse(str(error)) from error
    write_file(out, [data])
    if options.json:
        print(as_json({"out": out, "to": options.to, "inputs": inputs, "outputs": outputs, "dtype": net.dtype}))
        return 0
    show("saved", f"{out}, {size_of(out)}")
    show("inputs", f"{net.in_features} of {net.dtype}{': ' if told else ''}{', '.join(told)}")
    if outputs:
        show("outputs", "; ".join(outputs))
    return 0


def _inputs(model: TableModel) -> list[str]:
    """Return what each input of the network is: a column's number, a date's days, 1 for a level."""
    unit = {"date": " (days since 1970-01-01)"}
    return [name + unit.get(one.kind, "") for one in model.preparation.features for name in one.inputs]


def _outputs(model: TableModel) -> list[str]:
    """Return what each raw output of the network means."""
    target, loss = model.target, getattr(model.net.trained_loss, "target", "")
    if target.task == "regression":
        return [f"log of the mean {target.name}" if loss == "nonnegative" else target.name]
    if model.net.out_features > 1:
        return [f"score of {target.name}={name} (softmax gives probabilities)" for name in target.classes]
    return [f"score, above 0 for {target.name}={target.classes[1]}"]


def _c(net: Sequential, stem: str, inputs: list[str], outputs: list[str]) -> bytes:
    """Return a C header that begins with the meaning of its inputs and outputs."""
    name = re.sub(r"\W", "_", stem, flags=re.ASCII)
    name = name if re.match(r"[A-Za-z]", name) else f"model_{name}"
    rows = [f"   x[{i}]  {_comment(one)}" for i, one in enumerate(inputs)]
    rows += [f"   y[{i}]  {_comment(one)}" for i, one in enumerate(outputs)]
    head = "/* Inputs and outputs:\n" + "\n".join(rows) + " */\n\n" if rows else ""
    return (head + to_c(net, name)).encode()


def _comment(text: str) -> str:
    """Return a text that cannot end a comment of C."""
    return " ".join(text.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/").split())


def _torch(net: Sequential) -> bytes:
    torch: Any = optional("torch", "gdcore export --to torch", "gdcore[torch]")
    found = io.BytesIO()
    torch.save(to_torch(net), found)
    return found.getvalue()
