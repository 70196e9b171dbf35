"""`python -m benchmarks estimators`: the same folds for both libraries, and a table of their differences."""

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

from benchmarks.estimators import command


def test_a_table_of_one_data_set(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "CLASSIFIERS", {"SGDClassifier": [{"max_iter": 5}]})
    monkeypatch.setattr(command, "FOLDS", 3)
    assert command.main(["--datasets", "iris,nonsense", "--quick", "--json", str(tmp_path / "found.json")]) == 0
    shown = capsys.readouterr()
    assert "iris" in shown.out
    assert "left out, since the package is missing or the name unknown: nonsense" in shown.err
    (row,) = json.loads((tmp_path / "found.json").read_text())["rows"]
    assert row["estimator"] == "SGDClassifier"
    assert 0.5 < row["score"] <= 1


def test_both_see_the_same_rows_and_settings(monkeypatch):
    seen = []

    class Fake:
        def __init__(self, **options):
            self.options = options

        def fit(self, X, y):
            seen.append((X.tobytes(), y.tobytes(), tuple(self.options.items())))

        def score(self, X, y):
            return float(len(seen) % 2)

    monkeypatch.setattr(command, "both", lambda name: (Fake, Fake))
    rng = np.random.default_rng(0)
    found = list(command.pairs(rng.normal(size=(30, 2)), rng.normal(size=30), "MLPRegressor", {"alpha": 1.0}, 2))
    assert len(found) == 2 * command.FOLDS
    assert all(first == second for first, second in zip(seen[::2], seen[1::2], strict=True))
    assert len(set(seen)) == len(found)
    assert {pair.scores for pair in found} == {(1.0, 0.0)}


def test_within_one_standard_error():
    assert command.Row("iris", "MLPClassifier", {}, 0.9, -0.01, 0.02, 3.0).within
    assert not command.Row("iris", "MLPClassifier", {}, 0.9, -0.03, 0.02, 3.0).within
