"""Estimators as documents and tensors of `gdcore.io`, and back.

Design
------
- A file holds what a pickle holds: the parameters, and the attributes of the last fit with the trainer's state, so that
  `partial_fit` and a warm start go on bit for bit. It names one of the four classes, and no other class or module.
- The tensors with the names of parameters, "dense0.weight" and so on, are those of the network that answers. Where that
  is another one than the trained one (`average`), the trainer's tensors have "training." before their names.
- An ensemble is its members, each an estimator of its own with "member0.", "member1.", ... before the names of its
  tensors.
- Callbacks, gdcore's as scikit-learn's, routing requests and the like are no part of what was learned, and files hold
  no functions: they are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from ..base import checks
from ..io.errors import FileFormatError
from ..io.kinds import Kind, register
from ..io.model_file import pack_model, parts, unpack_model
from ..io.trainer_file import pack_history, pack_trainer, unpack_history, unpack_trainer
from ..io.values import Reader, Writer
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..models import Sequential
from ..optimizers import Optimizer
from ..training import Trainer
from . import saved_parts
from .ensembles import EnsembleMLP
from .estimator import Estimator
from .mlp_classifier import MLPClassifier
from .mlp_regressor import MLPRegressor
from .prepared import learn_from
from .rates import OWN_SCHEDULES
from .saved_parameters import pack_parameters, unpack_parameters
from .sgd import LinearSGD
from .sgd_classifier import SGDClassifier
from .sgd_regressor import SGDRegressor

__all__ = ["KIND", "OWN_SCHEDULES"]

CLASSES: dict[str, type[Estimator]] = {
    kind.__name__: kind for kind in (MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor)
}
PARTS = ("class", "parameters", "fitted")
FITTED = ("model", "trainer", "history", "labels", "features", "attributes", "record", "held")
TRAINING = "training."
"""Before the names of a trainer's tensors where its model is not the one that answers."""
MEMBER = "member{}."
"""Before the names of the tensors of an ensemble's members."""


def pack_estimator(est: Any, writer: Writer, history: None) -> dict[str, Any]:
    """Return the document of an estimator, fitted or not.

    Raises
    ------
    TypeError, ValueError
        For parameters that no file can hold, for a fit that was not finished, and for coefficients that are not finite.
    """
    state = est.__getstate__()
    return {
        "class": type(est).__name__,
        "parameters": pack_parameters(est, writer),
        "fitted": _pack_fitted(est, state, writer) if "net_" in state else None,
    }


def _pack_members(members: list[Any], writer: Writer) -> dict[str, Any]:
    documents = []
    for i, member in enumerate(members):
        inner = Writer(writer.custom)
        documents.append(pack_estimator(member, inner, None))
        writer.tensors |= {MEMBER.format(i) + name: array for name, array in inner.tensors.items()}
    return {"members": documents}


def _pack_fitted(est: Any, state: dict[str, Any], writer: Writer) -> dict[str, Any]:
    missing = [name for name in saved_parts.REQUIRED if name not in state]
    if missing:
        name = type(est).__name__
        raise ValueError(f"cannot save this {name}, whose fit ended early and has left no {missing[0]}: fit it again")
    if "estimators_" in state:
        return _pack_members(state["estimators_"], writer)
    net, trainer, history, labels = state["net_"], state["trainer_"], state["history_"], state.get("_labels")
    own = trainer is None or trainer.model is not net
    features = {"n": state["n_features_in_"], "names": state.get("feature_names_in_")}
    attributes = {name: state[name] for name in saved_parts.ATTRIBUTES if name in state}
    return {
        "model": pack_model(net, writer) if own else None,
        "trainer": None if trainer is None else _pack_trainer(trainer, writer, TRAINING if own else ""),
        "history": None if history is None else pack_history(history, writer),
        "labels": None if labels is None else writer.encode(labels._asdict(), "labels"),
        "features": writer.encode(features, "features"),
        "attributes": writer.encode(attributes, "attributes"),
        "record": writer.encode(vars(state["_record"]), "record"),
        "held": writer.encode(saved_parts.plain_rows(state["_held"]), "held"),
    }


def _pack_trainer(trainer: Trainer, writer: Writer, before: str) -> dict[str, Any]:
    """Return the document of a trainer, whose tensors get names with `before` in front."""
    inner = Writer(writer.custom)
    document = pack_trainer(trainer, inner, None)
    writer.tensors |= {before + name: array for name, array in inner.tensors.items()}
    return document


def unpack_estimator(document: Any, reader: Reader) -> Any:
    """Return the estimator that a document describes.

    Raises
    ------
    FileFormatError
        For anything that no estimator of that class holds.
    """
    values = parts(document, PARTS, "the estimator")
    kind = CLASSES.get(values["class"]) if isinstance(values["class"], str) else None
    if kind is None:
        raise FileFormatError(f"has an estimator {checks.short(values['class'])}; known: {', '.join(CLASSES)}")
    est: Any = kind(**unpack_parameters(values["parameters"], kind, reader))
    if isinstance(values["fitted"], dict) and set(values["fitted"]) == {"members"}:
        _unpack_members(est, values["fitted"]["members"], kind, reader)
    elif values["fitted"] is not None:
        est.__setstate__(_unpack_fitted(values["fitted"], kind, reader))
    return est


def _unpack_members(est: Any, documents: Any, kind: type[Estimator], reader: Reader) -> None:
    """Give an ensemble its members, and the attributes of the first one, as its fit does."""
    if not issubclass(kind, EnsembleMLP) or not isinstance(documents, list) or len(documents) < 2:
        raise FileFormatError(f"has {checks.short(documents)} where the members of an {kind.__name__} are due")
    members = []
    for i, document in enumerate(documents):
        inner = _inner_reader(reader, MEMBER.format(i))
        member = unpack_estimator(document, inner)
        inner.finish()
        if type(member) is not kind or "net_" not in vars(member) or "estimators_" in vars(member):
            raise FileFormatError(f"has {checks.short(member)} as a member of an {kind.__name__}")
        members.append(member)
    first = members[0]
    for member in members:
        own, due = (np.asarray(vars(each).get("classes_")) for each in (member, first))
        if member.net_.layers != first.net_.layers or not np.array_equal(own, due):
            raise FileFormatError(f"has members of an {kind.__name__} with other layers or classes than the first one")
    learn_from(est, first)
    est.estimators_ = members


def _inner_reader(reader: Reader, before: str) -> Reader:
    """Return a reader of the tensors whose names begin so, without that."""
    names = [name for name in reader.tensors if name.startswith(before)]
    return Reader({name.removeprefix(before): reader.take(name) for name in names}, reader.custom)


def _unpack_fitted(document: Any, kind: type[Estimator], reader: Reader) -> dict[str, Any]:
    """Return the attributes of a fitted estimator."""
    values = parts(document, FITTED, "a fit")
    net, trainer = _unpack_networks(values, kind, reader)
    found = saved_parts.attributes(reader.decode(values["attributes"]), kind)
    labels = reader.decode(values["labels"])
    if issubclass(kind, ClassifierMixin):
        known = saved_parts.labels(labels, net.out_features, kind)
        found |= {"_labels": known, "classes_": known.classes}
    elif labels is not None:
        raise FileFormatError(f"has labels of an {kind.__name__}")
    if found.get("n_outputs_", net.out_features) != net.out_features:
        raise FileFormatError(f"has n_outputs_ {found['n_outputs_']} for {net.out_features} outputs")
    history = None if values["history"] is None else unpack_history(values["history"], reader)
    return {
        "net_": net,
        "trainer_": trainer,
        "history_": history,
        **found,
        **saved_parts.features(reader.decode(values["features"]), net),
        "_record": saved_parts.record(reader.decode(values["record"]), net),
        "_held": saved_parts.rows(reader.decode(values["held"]), net, found.get("_labels")),
    }


def _unpack_networks(values: Any, kind: type[Estimator], reader: Reader) -> tuple[Sequential, Trainer | None]:
    """Return the network that answers, and the trainer, which may train another one."""
    own = values["model"] is not None
    net = unpack_model(values["model"], reader) if own else None
    trainer = None
    if values["trainer"] is not None and own:
        inner = _inner_reader(reader, TRAINING)
        trainer = unpack_trainer(values["trainer"], inner)[0]
        inner.finish()
    elif values["trainer"] is not None:
        trainer = unpack_trainer(values["trainer"], reader)[0]
        net = trainer.model
    if net is None:
        raise FileFormatError("has a fit without a network")
    _check_network(net, trainer, kind)
    return net, trainer


def _check_network(net: Sequential, trainer: Trainer | None, kind: type[Estimator]) -> None:
    """Check that a network is one that this estimator builds, and that its trainer trains such a one."""
    if issubclass(kind, LinearSGD):
        fits = len(net.layers) == 1 and isinstance(net.layers[0], Dense)
        fits = fits and trainer is not None and (kind is SGDClassifier or net.out_features == 1)
    else:
        fits = all(isinstance(layer, Dense | Dropout) for layer in net.layers)
    if trainer is not None:
        same = (trainer.model.layers, trainer.model.dtype) == (net.layers, net.dtype)
        fits = fits and same and isinstance(trainer.optimizer, Optimizer)
    if not fits:
        raise FileFormatError(f"has a network or a trainer that no {kind.__name__} has: {checks.short(net)}")


KIND = Kind("estimator", lambda thing: isinstance(thing, Estimator), pack_estimator, unpack_estimator)
register(KIND)
