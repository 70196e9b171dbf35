"""Damaged files of estimators, and files of estimators that lie."""

import copy
import json
from contextlib import suppress

import numpy as np
import pytest

pytest.importorskip("sklearn")

from files import from_bytes, put_together, taken_apart, to_bytes
from hypothesis import HealthCheck, given, settings
from lies import CHANGES, flipped, lied
from saved_estimators import CLASSES, CUSTOM, LABELS, NUMBERS, X, fitted
from scipy.sparse import csr_matrix

import gdcore as gd
from gdcore.sklearn import MLPClassifier, SGDRegressor
from gdcore.sklearn.estimator import Estimator

CLASSIFIER = MLPClassifier((2,), max_iter=2, early_stopping=True, average=gd.EMA(0.5), random_state=0)
CLASSIFIER.set_params(class_weight={"low": 1, "é": 2, "ζ": 1.5})
CLASSIFIER.partial_fit(csr_matrix(X), LABELS["texts"], classes=["low", "é", "ζ"])
PLAIN = fitted(MLPClassifier((2,), max_iter=2, random_state=np.random.RandomState(0)), CLASSES)
REGRESSOR = fitted(SGDRegressor("epsilon_insensitive", max_iter=2, random_state=0, early_stopping=True), NUMBERS)
ENSEMBLE = fitted(MLPClassifier((2,), n_ensemble=2, max_iter=2, random_state=0), CLASSES)
FILES = {"classifier": to_bytes(CLASSIFIER), "plain": to_bytes(PLAIN), "regressor": to_bytes(REGRESSOR)}
FILES["ensemble"] = to_bytes(ENSEMBLE)
each = pytest.mark.parametrize("data", FILES.values(), ids=FILES)


def refused(data):
    with pytest.raises(gd.FileFormatError) as caught:
        from_bytes(data)
    return str(caught.value)


@each
def test_every_truncation_is_refused(data):
    assert {type(refused(data[:n])) for n in range(len(data))} == {str}


@pytest.mark.parametrize("data", [FILES["regressor"]], ids=["regressor"])
def test_every_flipped_bit_is_refused(data):
    for n in range(8 * len(data)):
        refused(flipped(data, n))


@each
@given(CHANGES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_document_that_lies_is_refused_or_makes_a_thing_that_can_be_used(data, what):
    header, document, tensors = taken_apart(data)
    try:
        thing = from_bytes(put_together(header, json.dumps(lied(document, what)), tensors))
    except gd.FileFormatError:
        return
    assert isinstance(thing, Estimator | gd.Sequential | gd.Trainer | gd.History)
    if isinstance(thing, Estimator):
        used(thing)
    again = to_bytes(thing)
    assert to_bytes(from_bytes(again, CUSTOM)) == again


def used(est):
    """Predict, where the parameters are such as a predicting estimator has."""
    if "net_" in vars(est):
        rows = np.ones((2, est.n_features_in_))
        assert np.isfinite(est.net_.predict(rows)).all()
        if "feature_names_in_" not in vars(est) and est.get_params()["n_threads"] is None:
            with suppress(TypeError, ValueError):  # such as for a loss that is none, as after set_params
                assert len(est.predict(rows)) == 2


def lying(data, path, value):
    """A file with another value at a path, whose last key may be new."""
    header, document, tensors = taken_apart(data)
    part = document["content"]
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = copy.deepcopy(value)
    return put_together(header, document, tensors)


LABEL = "fitted", "labels", "dict"
HELD = "fitted", "held"


def own_schedule(rate):
    values = {"kind": "power_of_updates", "learning_rate": rate, "power": 1.0}
    return {"record": "estimator_schedules", "values": values}


@pytest.mark.parametrize(
    ("name", "path", "value", "match"),
    [
        ("plain", ("class",), "os.system", "has an estimator 'os.system'; known: MLPClassifier, "),
        ("plain", ("class",), ["MLPClassifier"], r"has an estimator \['MLPClassifier'\]"),
        ("plain", ("class",), "MLPRegressor", "where the parameters of MLPRegressor are due"),
        ("plain", ("parameters",), 3, "where the parameters of MLPClassifier are due"),
        ("plain", ("parameters", "dict", "more"), 3, "where the parameters of MLPClassifier are due"),
        ("plain", ("parameters", "dict", "random_state"), {"dict": {}}, "has a random_state that is none"),
        ("plain", ("parameters", "dict", "random_state", "dict", "position"), 625, "has a random_state that is none"),
        ("plain", ("parameters", "dict", "random_state", "dict", "position"), -1, "has a random_state that is none"),
        ("plain", ("parameters", "dict", "random_state", "dict", "keys"), None, "has a random_state that is none"),
        ("classifier", ("parameters", "dict", "class_weight"), [1, 2], "where class weights are due"),
        ("classifier", ("parameters", "dict", "class_weight"), [[{"list": []}, 2]], "where class weights are due"),
        ("plain", ("parameters", "dict", "callbacks"), [1], "has callbacks"),
        ("classifier", ("fitted", "model"), None, "has no tensor|refers to"),
        ("classifier", ("fitted", "trainer"), None, "a tensor that nothing refers to: 'training.dense0"),
        ("plain", ("fitted", "trainer"), None, "has a fit without a network"),
        ("plain", ("fitted",), None, "a tensor that nothing refers to"),
        ("plain", ("fitted", "features", "dict", "n"), 4, "where 3 features are due"),
        ("plain", ("fitted", "features", "dict", "names"), ["a", "b"], "where the names of 3 features are due"),
        ("plain", ("fitted", "attributes", "dict", "n_iter_"), -1, "has -1 where n_iter_ is due"),
        ("plain", ("fitted", "attributes", "dict", "loss_curve_"), ["a"], "where loss_curve_ is due"),
        ("plain", ("fitted", "attributes", "dict", "n_outputs_"), 2, "has n_outputs_ 2 for 3 outputs"),
        ("plain", ("fitted", "attributes"), 2, "where the attributes of an MLPClassifier are due"),
        ("plain", ("fitted", "record", "dict", "count"), 0.5, "where count of the record of a fit is due"),
        ("plain", ("fitted", "record"), None, "where the record of a fit is due"),
        ("classifier", (*LABEL, "kind"), "binary", "has 3 classes of the kind 'binary' for 3 outputs"),
        ("classifier", (*LABEL, "kind"), ["binary"], "has 3 classes of the kind"),
        ("classifier", (*LABEL, "classes", "labels"), ["a", "c", "b"], "where sorted classes are due"),
        ("classifier", (*LABEL, "classes", "labels"), ["a", "b"], "has 2 classes of the kind 'multiclass'"),
        ("regressor", ("fitted", "labels"), {"dict": {}}, "has labels of an SGDRegressor"),
        ("classifier", ("fitted", "labels"), None, "where labels are due"),
        ("classifier", HELD, 3, "where held-out rows are due"),
        ("classifier", (*HELD, 0, "dict", "indptr"), [0, 99], "held-out rows that are no sparse matrix"),
        ("classifier", (*HELD, 0, "dict", "data"), None, "held-out rows that are no sparse matrix"),
        ("classifier", (*HELD, 1), None, "has held-out rows that do not fit the network"),
        ("classifier", (*HELD, 2), 3, "has held-out rows that do not fit the network"),
        (
            "regressor",
            ("fitted", "trainer", "optimizer", "learning_rate"),
            own_schedule(-1.0),
            "describes an invalid record: learning_rate must be > 0, got -1.0",
        ),
        (
            "regressor",
            ("fitted", "trainer", "optimizer", "learning_rate"),
            {"record": "losses", "values": {"kind": "huber", "delta": 1.0}},
            r"has Huber\(\) as the learning rate of SGD\(1\.0\)",
        ),
        (
            "regressor",
            ("fitted", "trainer", "trainer_loss", "values", "epsilon"),
            "x",
            "describes an invalid record: epsilon must be a number",
        ),
        (
            "regressor",
            ("fitted", "trainer", "trainer_loss"),
            own_schedule(1.0),
            "where a loss is expected",
        ),
    ],
)
def test_files_that_lie(name, path, value, match):
    with pytest.raises(gd.FileFormatError, match=match):
        from_bytes(lying(FILES[name], path, value))
