"""`gdcore info`: the configuration, or what a file of gdcore holds."""

from __future__ import annotations

import argparse

from ..base.config import show_config
from ..tables import TableModel
from ..tables.errors import counted
from ..tables.numbers import epochs_from_1
from .files import one_line_each
from .output import as_json, show, size_of
from .preparation_rows import listed, preparation_rows, target_text
from .train import show_scores, summary


def run_info(options: argparse.Namespace) -> int:
    """Print the configuration, or what the file of a model holds."""
    if options.model is None:
        config = show_config()
        print(as_json({"config": str(config).splitlines()}) if options.json else config)
        return 0
    from ..io import load

    with one_line_each():
        thing = load(options.model)
    if isinstance(thing, TableModel):
        if options.json:
            print(as_json({"file": options.model, "kind": "table model", **summary(thing)}))
        else:
            _of_table_model(options.model, thing)
    elif options.json:
        print(as_json({"file": options.model, "kind": type(thing).__name__, "repr": repr(thing)}))
    else:
        show("file", f"{options.model}, {size_of(options.model)}")
        show("holds", repr(thing))
        show("use", f"gd.load({options.model!r}) in Python")
    return 0


def _of_table_model(path: str, model: TableModel) -> None:
    facts = model.facts
    show("file", f"{path}, {size_of(path)}, a model with the preparation of its tables")
    show("target", target_text(model.target))
    for name, text in preparation_rows(model.preparation):
        show(name, text)
    for feature in model.preparation.features:
        if feature.levels:
            show("levels", f"{feature.name}: {listed(feature.levels)}")
    filled = [
        f"{one.name} by {one.fill!r}" if isinstance(one.fill, str) else f"{one.name} by {one.fill_text}"
        for one in model.preparation.features
        if one.fill is not None
    ]
    if filled:
        show("missing", f"filled: {listed(filled)}")
    show("model", f"{_layers(model)}; {model.net.dtype}, {counted(model.net.n_params, 'parameter')}")
    show(
        "trained",
        f"on {counted(facts['rows'], 'row')} of {facts['source']}, {counted(facts['epochs'], 'epoch')} of "
        f"{facts['optimizer']} at {facts['learning_rate']:g}, batches of {facts['batch_size']}, seed {facts['seed']}, "
        f"gdcore {facts['version']}",
    )
    show("stopped", epochs_from_1(facts["stop_reason"]))
    show_scores(model)


def _layers(model: TableModel) -> str:
    return ", ".join(repr(layer) for layer in model.net.layers if layer.name == "dense")
