"""A diagnosis of many rows: the gradient is checked on some of them, and what is wrong is found on these too."""

import numpy as np

import gdcore as gd
from gdcore.diagnosis import check

X, Y = gd.datasets.friedman(400)
Z = (Y - Y.mean()) / Y.std()


def rows_seen(monkeypatch, X, y, loss, most=50, **options):
    """Return how many rows the gradient was checked on, and the findings."""
    seen = []
    own = check.check_own
    monkeypatch.setattr(check, "ROWS", most)
    monkeypatch.setattr(
        check, "check_own", lambda objective, *rest: seen.append(objective.data.n) or own(objective, *rest)
    )
    found = gd.diagnose(gd.MLP([10, 16, 1], seed=0), X, y, loss, **options)
    return seen, found


def wrong(outputs, y):
    difference = outputs - y
    return float((difference**2).mean()), 3 * difference / difference.size


def test_the_gradient_is_checked_on_some_rows(monkeypatch):
    seen, found = rows_seen(monkeypatch, X, Z, "mse")
    assert seen == [50]
    assert "gradient wrong" not in found.kinds
    assert rows_seen(monkeypatch, X, Z, "mse", most=400)[0] == [400]


def test_a_wrong_gradient_is_found_on_some_rows_too(monkeypatch):
    seen, found = rows_seen(monkeypatch, X, Z, wrong)
    assert seen == [50]
    assert "gradient wrong" in found.kinds


def test_weights_stay_with_their_rows(monkeypatch):
    weight = np.random.default_rng(0).random(400)
    seen, found = rows_seen(monkeypatch, X, Z, "mse", sample_weight=weight)
    assert seen == [50]
    assert "gradient wrong" not in found.kinds


def test_rows_without_a_weight_do_not_stand_for_all(monkeypatch):
    weight = np.ones(400)
    weight[np.linspace(0, 399, 50).astype(int)] = 0
    assert rows_seen(monkeypatch, X, Z, "mse", sample_weight=weight)[0] == [400]
