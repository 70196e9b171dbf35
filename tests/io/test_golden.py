"""Files of every version of the format are read, and this version is still written as it was."""

import json

import numpy as np
import pytest
from files import same_bits, taken_apart, to_bytes
from make_golden import GOLDEN, HISTORY, chosen, many_models, models, own_loss, table_models, told, trainers

import gdcore as gd
from gdcore.io.container import VERSION

FILES = sorted(path for path in GOLDEN.glob("*.gdc") if "_estimator_" not in path.name)


def test_there_are_files_of_every_version():
    assert {path.name.partition("_")[0] for path in FILES} == {f"v{n}" for n in range(1, VERSION + 1)}
    made = (models(), trainers(), many_models(), table_models())
    assert len(FILES) == sum(len(list(each)) for each in made)


def first_text(value):
    return value if isinstance(value, str) else ""


def assert_written_as_before(path, made):
    """Today's file of the same says the same, but for the version and the checksum."""
    header, document, tensors = taken_apart(path.read_bytes())
    now, document_now, tensors_now = taken_apart(to_bytes(made))
    assert (document_now, tensors_now) == (document, tensors)
    for one in (header, now):
        for varies in ("gdcore_version", "sha256"):
            del one["__metadata__"][varies]
    assert now == header


@pytest.mark.parametrize(("name", "model"), list(models()), ids=first_text)
def test_models(name, model):
    path = GOLDEN / f"v{VERSION}_model_{name}.gdc"
    loaded = gd.load(path)
    assert (loaded.layers, loaded.seed, loaded.dtype) == (model.layers, model.seed, model.dtype)
    assert same_bits(loaded.params, model.params)
    assert_written_as_before(path, model)


@pytest.mark.parametrize(("name", "many"), list(many_models()), ids=first_text)
def test_many_models(name, many):
    path = GOLDEN / f"v{VERSION}_many_{name}.gdc"
    loaded, many = gd.load(path), chosen(many)
    assert same_bits(loaded.vector, many.vector)
    assert [shape.layers for shape in loaded.shapes] == [shape.layers for shape in many.shapes]
    assert (loaded.seeds, loaded.losses, loaded.stop_reasons) == (many.seeds, many.losses, many.stop_reasons)
    for i in range(len(many)):
        assert same_bits(loaded.history(i).to_dict(), many.history(i).to_dict())
    assert (None if loaded.ids is None else loaded.ids.tolist()) == (None if many.ids is None else many.ids.tolist())
    X = np.linspace(-2, 2, 8).reshape(4, 2)
    assert same_bits(loaded.predict(X), many.predict(X))
    assert_written_as_before(path, many)


@pytest.mark.parametrize(("name", "model", "table"), list(table_models()), ids=first_text)
def test_table_models(name, model, table):
    path = GOLDEN / f"v{VERSION}_table_{name}.gdc"
    loaded = gd.load(path)
    assert loaded.preparation == model.preparation
    assert (loaded.target, loaded.baseline, loaded.facts) == (model.target, model.baseline, model.facts)
    assert same_bits(loaded.history.to_dict(), model.history.to_dict())
    assert loaded.predict(table).tolist() == model.predict(table).tolist()
    assert_written_as_before(path, model)


@pytest.mark.parametrize("path", [path for path in FILES if "_trainer_" in path.name], ids=lambda path: path.stem)
def test_trainers(path):
    loaded = gd.load(path, custom={"own_loss": own_loss})
    version, _, name = path.stem.split("_")
    states = json.loads((GOLDEN / f"{version}_states.json").read_text(encoding="utf-8"))
    assert told(loaded.state_dict()) == states[name]
    history = gd.History.load(path)
    assert same_bits(history.to_dict(), HISTORY.to_dict())
    X, y = np.linspace(-1, 1, 30).reshape(10, 3), np.linspace(0, 1, 10)[:, None]
    loaded.fit(X, y, epochs=1)
    assert loaded.epochs_done > 0


def test_every_record_is_in_a_golden_file():
    """So that a change of any record's fields is noticed by the files that hold it."""
    text = repr([taken_apart(path.read_bytes())[1] for path in FILES])
    registries = (gd.OPTIMIZERS, gd.SCHEDULES, gd.AVERAGES, gd.ACTIVATIONS)
    names = {row.name for registry in registries for row in registry}
    assert not {name for name in names if repr(name) not in text}
