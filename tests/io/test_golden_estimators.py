"""Files of estimators of every version of the format are read."""

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")

from files import taken_apart
from make_golden import GOLDEN
from make_golden_estimators import said
from saved_estimators import CUSTOM, X, estimators, fitted

import gdcore as gd
from gdcore.io.container import VERSION
from gdcore.io.vocabulary import KNOWN, to_dict
from gdcore.sklearn import MLPClassifier, MLPRegressor

FILES = sorted(GOLDEN.glob("*_estimator_*.gdc"))
NOT_KNOWN = {"/state/history_/loss_name": "''"}
"""What the histories in files of version 1 do not tell."""
ADDED = {"/parameters/n_ensemble": "'1'"}
"""Parameters that the files of version 1 lack: an estimator that is loaded has their defaults."""
TARGETS = {name: y for name, _, y in estimators()}


def test_there_are_files_of_every_version():
    assert {path.name.partition("_")[0] for path in FILES} == {f"v{n}" for n in range(1, VERSION + 1)}
    assert {path.stem.split("_", 2)[2] for path in FILES} == set(TARGETS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_estimators(path):
    version, _, name = path.stem.split("_", 2)
    loaded = gd.load(path, custom=CUSTOM)
    states = json.loads((GOLDEN / f"{version}_estimators.json").read_text(encoding="utf-8"))
    found = said(loaded)
    assert {entry: found[entry] for entry in states[name]} == states[name]
    added = {entry: found[entry] for entry in found.keys() - states[name].keys()}
    defaults = ADDED if isinstance(loaded, MLPClassifier | MLPRegressor) else {}
    assert added == (defaults if loaded.history_ is None else {**defaults, **NOT_KNOWN})
    fitted(loaded, TARGETS[name])
    assert np.isfinite(loaded.net_.predict(X)).all()


def test_every_record_of_estimators_is_in_a_golden_file():
    text = repr([taken_apart(path.read_bytes())[1] for path in FILES])
    assert not {row.name for row in KNOWN["estimator_schedules"]() if repr(row.name) not in text}


def test_losses_of_former_files_are_read_and_written_by_their_present_name():
    former = {path.stem for path in FILES if b"estimator_losses" in path.read_bytes()}
    assert former >= {f"v1_estimator_{name}" for name in ("elastic", "huber", "perceptron", "scaled")}
    loaded = gd.load(GOLDEN / "v1_estimator_huber.gdc")
    assert isinstance(loaded.trainer_.loss, gd.ModifiedHuber)
    assert to_dict(loaded.trainer_.loss) == ("losses", {"kind": "modified_huber"})
