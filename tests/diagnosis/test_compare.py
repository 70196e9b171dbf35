"""Runs side by side: the order, the noise between seeds, and since when."""

import math
import re

import numpy as np
import pytest

import gdcore as gd
from gdcore.diagnosis.compare import CLEAR


def history(values, val=()):
    return gd.History(list(values), list(val), [0.5] * len(values), "")


def test_two_single_runs_by_hand():
    found = gd.compare({"a": history([4.0, 2.0, 3.0]), "b": history([3.0, 2.5, 1.0, 1.5])})
    assert [side.name for side in found.sides] == ["b", "a"]
    assert found.sides[0].best.tolist() == [1]
    assert found.sides[0].epochs.tolist() == [2]
    assert found.sides[0].seconds.tolist() == [1.5]
    assert math.isnan(found.noise)
    assert not found.clear
    assert found.ahead_from == 2  # 3 < 4, then 2.5 > 2, then 1 < 2
    assert "one run each tells no noise" in found.verdict


def test_the_noise_is_welchs_t():
    stats = pytest.importorskip("scipy.stats")
    a, b = [1.0, 1.2, 0.9], [2.0, 2.5, 1.5, 1.8]
    found = gd.compare({"a": [history([v]) for v in a], "b": [history([v]) for v in b]})
    assert found.noise == pytest.approx(abs(stats.ttest_ind(a, b, equal_var=False).statistic))
    assert found.clear == (found.noise >= CLEAR)


def test_the_same_settings_are_seldom_told_apart():
    rng = np.random.default_rng(0)
    runs = [rng.normal(size=(2, 5)) for _ in range(200)]
    clear = [
        gd.compare({"a": [history([v]) for v in one], "b": [history([v]) for v in two]}).clear for one, two in runs
    ]
    assert np.mean(clear) < 0.05


def test_equal_runs():
    found = gd.compare({"a": [history([1.0])] * 2, "b": [history([1.0])] * 2})
    assert (found.noise, found.clear, found.ahead_from) == (0, False, None)
    assert found.verdict == "no difference: a and b have the same best loss, 1"
    assert gd.compare({"a": history([1.0]), "b": history([1.0])}).verdict.startswith("no difference: ")


def test_a_metric_counts_by_its_own_way():
    def measured(r2, val_mae):
        return gd.History([1.0] * len(r2), [], [0.5] * len(r2), "", {"r2": r2, "val_mae": val_mae})

    runs = {"a": measured([0.1, 0.5, 0.4], [3.0, 1.0, 2.0]), "b": measured([0.2, 0.3], [4.0, 2.0])}
    found = gd.compare(runs, "r2")
    assert [(side.name, side.mean, side.epochs[0]) for side in found.sides] == [("a", 0.5, 1), ("b", 0.3, 1)]
    assert found.ahead_from == 1
    assert found.verdict.startswith("a is higher than b by 0.2, ahead from epoch 1 on; one run each")
    assert gd.compare(runs, "val_mae").verdict.startswith("a is lower than b by 1, ahead from epoch 0 on")
    with pytest.raises(ValueError, match=r"unknown monitor 'val_r2'; known: val_loss, loss, r2, val_mae"):
        gd.compare(runs, "val_r2")
    with pytest.raises(ValueError, match=r"histories\['c'\] has no finite r2: fit with metrics='r2'"):
        gd.compare({**runs, "c": history([1.0])}, "r2")
    own = {name: gd.History([1.0], [], [0.5], "", {"own": [1.0]}) for name in "ab"}
    with pytest.raises(ValueError, match="which own is better is unknown: monitor a loss"):
        gd.compare(own, "own")


def of_loss(name, **metrics):
    return gd.History([1.0], [1.0], [0.5], "", metrics, loss_name=name)


@pytest.mark.parametrize("monitor", ["auto", "loss", "val_loss"])
def test_values_of_different_losses_are_not_compared(monitor):
    runs = {"a": of_loss("mean_squared_error"), "b": of_loss("huber(delta=1.0)")}
    told = "a has mean_squared_error, b has huber(delta=1.0); compare by a metric: fit all with metrics='r2'"
    with pytest.raises(ValueError, match=re.escape(told)):
        gd.compare(runs, monitor)
    with pytest.raises(ValueError, match="a has huber and mae; compare"):
        gd.compare({"a": [of_loss("mae"), of_loss("huber")], "b": of_loss("")}, monitor)
    measured = {name: of_loss(name, own=[1.0], mae=[2.0], val_mae=[3.0]) for name in ("mse", "mae")}
    with pytest.raises(ValueError, match=r"compare by a metric: pass monitor='val_mae'$"):
        gd.compare(measured, monitor)
    assert gd.compare(measured, "val_mae").monitor == "val_mae"


def test_a_history_that_does_not_know_its_loss_is_compared_as_before():
    assert gd.compare({"a": of_loss("mean_squared_error"), "b": of_loss("")}).noise != 0
    assert gd.compare({"a": of_loss("x"), "b": of_loss("x")}).verdict.startswith("no difference")


def own(outputs, y):
    return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / y.size


@pytest.mark.parametrize(
    ("loss", "name"),
    [("mse", "mean_squared_error"), (gd.Huber(2.0), "huber(delta=2.0)"), (own, "own")],
    ids=["mse", "huber", "own"],
)
def test_a_fit_records_its_loss(loss, name, tmp_path):
    X, y = gd.datasets.friedman(40)
    trainer = gd.Trainer(gd.LinearModel(10, seed=0), loss)
    history = trainer.fit(X, y, epochs=1)
    assert history.loss_name == name == history.to_dict()["loss_name"]
    assert gd.fit_many(gd.LinearModel(10), X, y, loss, seeds=[0], epochs=1).history(0).loss_name == name
    gd.save(history, tmp_path / "run.gdc")
    assert gd.History.load(tmp_path / "run.gdc") == history


def test_the_validation_loss_counts_where_all_have_one():
    runs = {"a": history([1.0], [3.0]), "b": history([2.0], [2.0])}
    assert gd.compare(runs).sides[0].name == "b"
    assert gd.compare(runs, "loss").sides[0].name == "a"
    assert gd.compare({**runs, "c": history([0.5])}).monitor == "loss"


def test_a_run_without_validation_beside_others_is_named_first():
    runs = {"a": history([1.0], [3.0]), "b": history([2.0], [2.0]), "c": history([0.5])}
    first = str(gd.compare(runs)).splitlines()[0]
    assert first.startswith("Compared by the loss on the training data, since some fits have no val_loss (c)")
    assert gd.compare(runs).to_dict()["note"] == first
    assert not gd.compare(runs, "loss").note
    assert not gd.compare({"a": history([1.0]), "b": history([2.0])}).note


def test_a_run_with_nan_counts_by_its_finite_values():
    assert gd.compare({"a": history([2.0, math.nan]), "b": history([3.0])}).sides[0].best.tolist() == [2]


@pytest.mark.parametrize(
    ("runs", "monitor", "error", "match"),
    [
        ([history([1.0])], "auto", TypeError, "histories must be a dict such as"),
        ({"a": history([1.0])}, "auto", ValueError, "two names or more, got 1"),
        ({"a": 3, "b": history([1.0])}, "auto", TypeError, r"histories\['a'\] must be what fit returned"),
        ({"a": [], "b": history([1.0])}, "auto", TypeError, r"histories\['a'\] must be"),
        ({"a": history([1.0]), "b": history([1.0])}, "val_loss", ValueError, "has no finite val_loss: fit with"),
        ({"a": history([math.nan]), "b": history([1.0])}, "auto", ValueError, "has no finite loss: leave it out"),
        ({"a": history([1.0]), "b": history([1.0])}, "accuracy", ValueError, "monitor must be"),
        ({"a": history([1.0]), "b": history([1.0])}, 3, TypeError, "monitor must be the name of a value"),
    ],
)
def test_what_cannot_be_compared(runs, monitor, error, match):
    with pytest.raises(error, match=match):
        gd.compare(runs, monitor)


def test_print_and_dict():
    found = gd.compare({"adam": [history([1.0]), history([1.1])], "sgd": [history([2.0]), history([2.2])]})
    lines = str(found).splitlines()
    assert lines[0].split() == ["runs", "best", "loss", "deviation", "epoch", "seconds"]
    assert lines[2].split()[:3] == ["adam", "2", "1.05"]
    assert lines[-1].startswith("adam is lower than sgd by 1.05, ahead from epoch 0 on: ")
    assert found.to_dict()["runs"]["sgd"]["best"] == [2.0, 2.2]


def test_plot():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    found = gd.compare({"a": [history([4.0, 2.0]), history([3.0, 2.5, 2.4])], "b": history([3.0])})
    ax = found.plot()
    assert [line.get_label() for line in ax.lines] == ["a", "b"]
    assert len(ax.collections) == 1
    pyplot.close("all")
