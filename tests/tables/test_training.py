"""Training on tables: against the same steps in Python, and what a file brings back."""

import io
import json

import numpy as np
import pytest
from messy_table import messy

import gdcore as gd
from gdcore.io import container
from gdcore.tables import Problem, Settings, Table, TableError, TableModel, read_table, train
from gdcore.tables.scores import scores
from gdcore.tables.target import Target


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "messy.csv"
    path.write_bytes(messy())
    return read_table(path)


@pytest.fixture(scope="module")
def priced(data):
    return train(data, "price", Settings(impute=True))


@pytest.fixture(scope="module")
def placed(data):
    return train(data, "city", Settings(impute=True, rate=0.01, epochs=5))


def test_a_regression_learns(priced):
    facts = priced.facts
    assert facts["scores"]["r2"] > 0.95
    assert facts["baseline_scores"]["r2"] < 0.05
    assert facts["rows"] + facts["validation_rows"] == 119
    assert facts["rate_chosen"] == "by the range test"


def test_it_is_the_same_as_the_python_api(data):
    """The steps by hand, with the layers of the package, give the same bits."""
    problem = Problem(data, "price", Settings(impute=True, rate=0.01, epochs=10, hidden=(8,)))
    model = problem.fit(*problem.find_rate())
    X, y = problem.training
    scale = problem.preparation.scaling(X)
    net = gd.Sequential(scale, gd.Dense(8, 8, "relu"), gd.Dense(8, 1), gd.ScaledTarget.from_data(y), seed=0)
    net.fit(
        X.astype("float32"), y, "mse", optimizer=gd.Adam(0.01), epochs=10, seed=0, stop=gd.EarlyStopping(20),
        validation_data=(problem.validation.X.astype("float32"), problem.validation.y),
    )  # fmt: skip
    assert (net.params == model.net.params).all()
    mean = y.mean()
    assert model.baseline == mean
    held_out = problem.validation.y
    expected = 1 - ((held_out - mean) ** 2).sum() / ((held_out - held_out.mean()) ** 2).sum()
    assert model.facts["baseline_scores"]["r2"] == pytest.approx(expected)


def test_the_preparation_sees_no_held_out_row(data):
    problem = Problem(data, "price", Settings(impute=True))
    assert len(problem.training.X) + len(problem.validation.X) == 119
    fill = next(one.fill for one in problem.preparation.features if one.name == "size")
    sizes = data.columns["size"]
    assert fill != np.nanmedian(sizes)


def test_missing_values_are_counted_in_the_whole_table():
    x, z = np.arange(100.0) % 7, np.arange(100.0) % 5
    x[[60, 7, 99]], z[[3, 50]] = np.nan, np.nan
    table = Table.from_columns({"x": x, "z z": z, "y": np.arange(100.0)})
    expected = r"5 missing values \('x' 3, 'z z' 2; the first in row 3\): pass .* or --drop 'x,z z' to leave"
    for seed in range(3):
        with pytest.raises(TableError, match=expected):
            Problem(table, "y", Settings(seed=seed))
    for row in range(0, 100, 9):
        x = np.arange(100.0) % 7
        x[row] = np.nan
        with pytest.raises(
            TableError, match=rf"1 missing value \('x' 1; the first in row {row}\): .* --drop x to leave"
        ):
            Problem(Table.from_columns({"x": x, "y": np.arange(100.0)}), "y")


def test_each_class_gives_the_same_share():
    table = Table.from_columns({"x": np.arange(200) * 1.5 % 7, "kind": ["a"] * 150 + ["b"] * 50})
    problem = Problem(table, "kind")
    assert np.bincount(problem.validation.y).tolist() == [30, 10]


@pytest.mark.parametrize("which", ["priced", "placed"])
def test_a_file_brings_all_of_it_back(which, request, data, tmp_path):
    model = request.getfixturevalue(which)
    gd.save(model, tmp_path / "m.gdc")
    again = gd.load(tmp_path / "m.gdc")
    assert isinstance(again, TableModel)
    assert (again.preparation, again.target, again.baseline) == (model.preparation, model.target, model.baseline)
    assert again.facts == model.facts
    assert again.history.loss == model.history.loss
    assert (again.net.params == model.net.params).all()
    table = data.rows(np.arange(2))
    assert (again.predict(table) == model.predict(table)).all()


def changed(path, change):
    """Write a file again with its document changed."""
    data = path.read_bytes()
    document, tensors = container.read(io.BytesIO(data), len(data))
    document = json.loads(json.dumps(document))
    change(document["content"])
    path.write_bytes(b"".join(container.pieces(document, dict(tensors))))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda doc: doc["features"].pop(), "prepared inputs for a network of"),
        (lambda doc: doc.update(features=[]), "where features are due"),
        (lambda doc: doc["features"][0].update(kind="text"), "a feature of the kind 'text'"),
        (lambda doc: doc["features"][0].update(fill="x"), "a number that is filled by 'x'"),
        (lambda doc: doc["target"].update(task="classification"), "the task 'classification' with 0 classes"),
        (lambda doc: doc["target"].update(name=3), "where a text is due"),
        (lambda doc: doc.update(baseline="x"), "the baseline 'x'"),
        (lambda doc: doc["facts"]["dict"].pop("rows"), "where facts about the training are due"),
        (lambda doc: doc["facts"]["dict"]["scores"]["dict"].pop("r2"), "where scores of a regression are due"),
        (lambda doc: doc.update(left_out=[["a"]]), "columns left out"),
        (lambda doc: doc["model"].update(loss=None), "a regression with the loss None"),
        (lambda doc: doc.pop("model"), "where the model of a table is due"),
    ],
)
def test_files_that_lie(change, match, priced, tmp_path):
    path = tmp_path / "m.gdc"
    gd.save(priced, path)
    changed(path, change)
    with pytest.raises(gd.FileFormatError, match=match):
        gd.load(path)


@pytest.mark.parametrize("loss", ["bce", "hinge", "cross_entropy"])
def test_losses_of_two_classes(loss):
    x = np.linspace(-1, 1, 200)
    table = Table.from_columns({"x": x, "kind": ["no" if one < 0.2 else "yes" for one in x]})
    model = train(table, "kind", Settings(loss=loss, rate=0.05, hidden=()))
    assert model.facts["scores"]["accuracy"] > 0.9
    assert model.predict(table)[[0, -1]].tolist() == ["no", "yes"]
    if loss == "hinge":
        with pytest.raises(TableError, match="a loss of margins has no probabilities"):
            model.predict_proba(table)
    else:
        shares = model.predict_proba(table)
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        assert shares[-1, 1] > 0.8


def test_counts():
    x = np.linspace(-1, 1, 300)
    table = Table.from_columns({"x": x, "n": np.random.default_rng(0).poisson(np.exp(1 + x)).astype(float)})
    model = train(table, "n", Settings(task="regression", loss="poisson", rate=0.02, hidden=()))
    assert model.predict(table)[-1] == pytest.approx(np.exp(2), rel=0.3)


def test_numbers_far_from_0_are_learned_in_float64():
    x = 1.7e9 + np.arange(100.0) * 7 % 50
    table = Table.from_columns({"time": x, "y": x - 1.7e9 + 0.5})
    model = train(table, "y", Settings(rate=0.01))
    assert model.net.dtype == "float64"
    assert model.facts["scores"]["r2"] > 0.9


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (Settings(loss="hinge"), "the loss hinge does not suit a regression: take mse"),
        (Settings(task="classification", loss="mse"), "the loss mse does not suit a classification"),
        (Settings(optimizer="lbfgs", impute=True), "needs all rows at once"),
        (Settings(validation=0.001, impute=True), "too few to hold out 0.001 of them"),
        (Settings(), "pass --impute"),
    ],
)
def test_settings_that_do_not_fit(settings, match, data):
    if settings.loss:
        data = Table.from_columns({"x": [1.0, 2.5, 4.0] * 10, "price": [1.0, 2.0, 3.0] * 10})
        if settings.task == "auto":
            settings = Settings(loss=settings.loss, task="regression")
    with pytest.raises((TableError, ImportError), match=match):
        train(data, "price", settings)


def test_ctrl_c_keeps_the_best(data, monkeypatch):
    from gdcore.tables import problem as room

    class Interrupting(room._Best):
        def on_epoch_end(self, state):
            super().on_epoch_end(state)
            if state.epoch == 6:
                self.net.params[:] += 5  # what the interrupted epoch has spoiled
                raise KeyboardInterrupt

    problem = Problem(data, "price", Settings(impute=True, rate=0.01))
    monkeypatch.setattr(room, "_Best", Interrupting)
    model = problem.fit(*problem.find_rate())
    assert model.facts["interrupted"]
    assert "interrupted after 7 epochs; the parameters of epoch" in model.facts["stop_reason"]
    best = min(model.history.val_loss)
    rows = problem.network_rows(problem.validation)
    assert model.net.loss(*rows, "mse") == pytest.approx(best, rel=1e-5)


def test_scores_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    y, z = rng.normal(size=50), rng.normal(size=50)
    found = scores(Target("y", "regression"), y, z)
    assert found["r2"] == pytest.approx(metrics.r2_score(y, z))
    assert found["root_mean_squared_error"] == pytest.approx(metrics.mean_squared_error(y, z) ** 0.5)
    assert found["max_error"] == pytest.approx(metrics.max_error(y, z))
    a, b = rng.integers(3, size=50), rng.integers(3, size=50)
    found = scores(Target("y", "classification", ("a", "b", "c")), a, b)
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(a, b))
    assert found["f1_macro"] == pytest.approx(metrics.f1_score(a, b, average="macro"))


class Frame(dict):
    """Columns by name, as a data frame has them."""

    @property
    def columns(self):
        return list(self)


def test_a_frame_and_a_mapping_are_tables():
    columns = {"x": [i / 7 for i in range(60)], "y": [i / 3 + 1 for i in range(60)]}
    settings = Settings(epochs=3, rate=0.01)
    whole = train(Table.from_columns(columns), "y", settings, Table.from_columns(columns))
    for given in (columns, Frame(columns)):
        model = train(given, "y", settings, given)
        assert (model.net.params == whole.net.params).all()
        assert (model.predict(given) == whole.predict(Table.from_columns(columns))).all()
        found = model.evaluate(given)
        assert found.model == whole.evaluate(Table.from_columns(columns)).model
        assert found.notes == ()  # two tables without a file are not the same file


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("houses.csv", r"a file's name.*read_table\('houses.csv'\)"),
        (np.ones((3, 2)), "its columns need names"),
        (5, "got 5"),
    ],
)
def test_what_is_no_table(priced, value, says):
    for call in (lambda: train(value, "price"), lambda: priced.predict(value), lambda: priced.evaluate(value)):
        with pytest.raises(TypeError, match=says):
            call()


def test_notes_on_rows_to_validate_on_name_their_file():
    rows = {"x": [float(i * i % 37) for i in range(60)], "y": [None, *map(float, range(59))]}
    notes = Problem(Table.from_columns(rows, "a.csv"), "y", None, Table.from_columns(rows, "b.csv")).notes
    assert [note for note in notes if "without a value" in note] == [
        "y: 1 row without a value, left out (row 0 first)",
        "b.csv: y: 1 row without a value, left out (row 0 first)",
    ]
