"""Models of tables as documents and tensors of `gdcore.io`, and back."""

from __future__ import annotations

from typing import Any

from ..base import checks
from ..io.errors import FileFormatError
from ..io.kinds import Kind, register
from ..io.model_file import pack_model, parts, unpack_model
from ..io.trainer_file import pack_history, unpack_history
from ..io.values import Reader, Writer
from ..losses import Loss
from .feature import Feature
from .model import TableModel
from .preparation import Preparation
from .scores import NAMES
from .settings import LOSSES_OF
from .target import Target

PARTS = ("features", "left_out", "target", "baseline", "facts", "model", "history")
FACTS: dict[str, type] = {
    **dict.fromkeys(("source", "optimizer", "rate_chosen", "stop_reason", "scored_on", "version"), str),
    **dict.fromkeys(("rows", "validation_rows", "batch_size", "epochs", "seed"), int),
    **dict.fromkeys(("scores", "baseline_scores"), dict),
    "learning_rate": float,
    "interrupted": bool,
}
"""The facts about a training, and what each of them is."""
FEATURE = ("name", "kind", "levels", "fill")
TARGET = ("name", "task", "classes", "why")


def pack_table_model(model: TableModel, writer: Writer, history: None) -> dict[str, Any]:
    """Return the document of a model with its preparation."""
    target = model.target
    return {
        "features": [
            {
                "name": writer.encode(one.name, f"feature{i}.name"),
                "kind": one.kind,
                "levels": [writer.encode(level, f"feature{i}.level") for level in one.levels],
                "fill": writer.encode(one.fill, f"feature{i}.fill"),
            }
            for i, one in enumerate(model.preparation.features)
        ],
        "left_out": [list(pair) for pair in model.preparation.left_out],
        "target": {"name": target.name, "task": target.task, "classes": list(target.classes), "why": target.why},
        "baseline": writer.encode(model.baseline, "baseline"),
        "facts": writer.encode(model.facts, "facts"),
        "model": pack_model(model.net, writer),
        "history": pack_history(model.history, writer),
    }


def unpack_table_model(document: Any, reader: Reader) -> TableModel:
    """Return the model that a document describes.

    Raises
    ------
    FileFormatError
        For a preparation that does not fit its network, and for anything of another form.
    """
    values = parts(document, PARTS, "the model of a table")
    features = values["features"]
    if not isinstance(features, list) or not features:
        raise FileFormatError(f"has {checks.short(features)} where features are due")
    preparation = Preparation(tuple(_feature(one, reader) for one in features), _left_out(values["left_out"], reader))
    target = _target(values["target"], reader)
    net = unpack_model(values["model"], reader)
    if net.in_features != len(preparation.inputs):
        raise FileFormatError(f"has {len(preparation.inputs)} prepared inputs for a network of {net.in_features}")
    loss = net.trained_loss.target if isinstance(net.trained_loss, Loss) else None
    if loss not in LOSSES_OF[target.task]:
        raise FileFormatError(f"has a {target.task} with the loss {checks.short(net.trained_loss)}")
    if net.out_features != (target.width if loss == "class" else 1):
        raise FileFormatError(f"has a network of {net.out_features} outputs for the target {target.name!r}")
    if target.task == "classification" and net.out_features == 1 and len(target.classes) != 2:
        raise FileFormatError(f"has one output for {len(target.classes)} classes")
    baseline, facts = reader.decode(values["baseline"]), reader.decode(values["facts"])
    most = len(target.classes) - 1
    if type(baseline) is not float or (most > 0 and not (baseline.is_integer() and 0 <= baseline <= most)):
        raise FileFormatError(f"has the baseline {checks.short(baseline)}")
    if not isinstance(facts, dict) or {name: type(fact) for name, fact in facts.items()} != FACTS:
        raise FileFormatError(f"has {checks.short(facts)} where facts about the training are due")
    for name in ("scores", "baseline_scores"):
        if set(facts[name]) != set(NAMES[target.task]) or any(type(one) is not float for one in facts[name].values()):
            raise FileFormatError(f"has {checks.short(facts[name])} where scores of a {target.task} are due")
    history = unpack_history(values["history"], reader)
    return TableModel(preparation, target, net, baseline, facts, history)


def _feature(value: Any, reader: Reader) -> Feature:
    found = parts(value, FEATURE, "a feature")
    kind, levels, fill = found["kind"], _texts(found["levels"], reader), reader.decode(found["fill"])
    if kind not in ("number", "date", "category") or bool(levels) != (kind == "category"):
        raise FileFormatError(f"has a feature of the kind {checks.short(kind)} with {len(levels)} levels")
    if fill is not None and type(fill) is not (str if kind == "category" else float):
        raise FileFormatError(f"has a {kind} that is filled by {checks.short(fill)}")
    return Feature(_text(found["name"], reader), kind, levels, fill)


def _target(value: Any, reader: Reader) -> Target:
    found = parts(value, TARGET, "the target")
    classes, task = _texts(found["classes"], reader), found["task"]
    if task not in ("regression", "classification") or (len(classes) >= 2) != (task == "classification"):
        raise FileFormatError(f"has the task {checks.short(task)} with {len(classes)} classes")
    return Target(_text(found["name"], reader), task, classes, _text(found["why"], reader))


def _left_out(value: Any, reader: Reader) -> tuple[tuple[str, str], ...]:
    pairs = [_texts(pair, reader) for pair in value] if isinstance(value, list) else [()]
    if not all(len(pair) == 2 for pair in pairs):
        raise FileFormatError("has a list of columns left out that is none")
    return tuple((pair[0], pair[1]) for pair in pairs)


def _texts(value: Any, reader: Reader) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise FileFormatError(f"has {checks.short(value)} where texts are due")
    return tuple(_text(one, reader) for one in value)


def _text(value: Any, reader: Reader) -> str:
    if not isinstance(value, str):
        raise FileFormatError(f"has {checks.short(value)} where a text is due")
    found: str = reader.decode(value)
    return found


KIND = Kind("table model", lambda thing: isinstance(thing, TableModel), pack_table_model, unpack_table_model)
register(KIND)
