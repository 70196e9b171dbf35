"""Every message numbers epochs from 0, as the lists of a history do; progress counts those that were run."""

import re

import numpy as np
import pytest

import gdcore as gd

X = np.linspace(-1, 1, 12)[:, None]
Y = 3 * X + 1


class AfterFour(gd.Callback):
    def on_epoch_end(self, state):
        return state.epoch == 3


class Raises(gd.Callback):
    def on_epoch_end(self, state):
        if len(state.history.loss) == 4:
            raise RuntimeError


def line():
    return gd.LinearModel(1, dtype="float64", seed=0)


def fit(**options):
    return line().fit(X, Y, "mse", optimizer=gd.SGD(0.1), epochs=9, **options)


def named(sentence):
    """The number of the epoch in a sentence."""
    return int(re.search(r"epoch (\d+)", sentence)[1])


@pytest.mark.parametrize(
    "options",
    [
        {"callbacks": AfterFour()},
        {"stop": lambda end: end.epoch == 3},
        {"stop": lambda end: f"enough in epoch {end.epoch}" if len(end.history.loss) == 3 else None},
        {"stop": gd.TimeLimit(1e-9)},
        {"stop": gd.LossThreshold(1.0)},
    ],
)
def test_the_last_epoch_is_the_last_entry(options):
    history = fit(**options)
    last = history.epochs - 1
    if "enough" in history.stop_reason:  # a criterion sees the epoch before its row is written
        assert history.stop_reason == "enough in epoch 3"
    assert named(history.stop_reason) == last < 8


def test_an_error_names_the_epoch_in_which_it_was_raised():
    told = []

    class Listens(gd.Callback):
        def on_epoch_end(self, state):
            return None

        def on_fit_end(self, history):
            told.append(history.stop_reason)

    with pytest.raises(RuntimeError):
        fit(callbacks=[Raises(), Listens()])
    assert told == ["RuntimeError was raised in epoch 3"]


def test_the_best_epoch_is_the_entry_of_the_best_value():
    steps = np.array([5.0, 3.0, 4.0, 2.0, 6.0, 7.0, 8.0, 9.0])
    seen = iter(steps)
    history = fit(
        metrics={"scripted": lambda outputs, y: next(seen)}, stop=gd.EarlyStopping(3, monitor="scripted", mode="min")
    )
    assert named(history.stop_reason.partition("the best")[2]) == int(np.argmin(history.metrics["scripted"])) == 3


def test_divergence_in_a_first_fit_names_the_entry_that_is_missing():
    with pytest.raises(gd.DivergedError) as caught:
        line().fit(X, Y, "mse", optimizer=gd.SGD(10.0), epochs=2000)
    error = caught.value
    assert named(str(error)) == named(error.history.stop_reason) == error.history.epochs == error.epoch


def test_a_diagnosis_names_entries():
    falls = np.linspace(1, 0.1, 20).tolist()
    rises = [1.0, 0.8, 0.5, 0.4, *np.linspace(0.5, 1.5, 16)]
    history = gd.History(falls, rises, [0.1] * 20, "all 20 epochs were run")
    net = line()
    net.params = [3.0, 1.0]  # that of the last epoch, not of the best
    [finding] = [found for found in gd.diagnose(net, X, Y, "mse", history).findings if found.kind == "overfitting"]
    assert named(finding.summary) == finding.evidence["best_epoch"] == int(np.argmin(rises))


def test_progress_counts_epochs(monkeypatch, capsys):
    monkeypatch.setattr("gdcore.training.progress.find_spec", lambda name: None)
    fit(progress=True, stop=lambda end: end.epoch == 3)
    *counts, reason = capsys.readouterr().err.splitlines()
    assert [count.partition(",")[0] for count in counts] == [f"{n}/9 epochs" for n in (1, 2, 3, 4)]
    assert reason == "<lambda> asked to stop in epoch 3"
