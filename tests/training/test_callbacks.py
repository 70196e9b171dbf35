"""Who is told of a fit, and what is shown of it."""

import sys
import types

import numpy as np
import pytest
from test_fit import BOTH, EPS, X, Y, linear

import gdcore as gd
from gdcore.training.progress import Bar, Line, numbers, progress


class Recorder(gd.Callback):
    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.told = []
        self.states = []

    def on_fit_begin(self, epochs):
        self.told.append(epochs)

    def on_epoch_end(self, state):
        self.told.append(state.epoch)
        self.states.append(state)
        return state.epoch == self.stop_at

    def on_fit_end(self, history):
        self.told.append(history.stop_reason)


def test_callbacks_are_told():
    first, second = Recorder(), Recorder(stop_at=1)
    net = linear()
    options = {"callbacks": [first, second], "metrics": "mae", **BOTH}
    history = net.fit(X, Y, loss="mse", optimizer=gd.SGD(0.1), epochs=5, **options)
    assert first.told == second.told == [5, 0, 1, "Recorder asked to stop in epoch 1"]
    assert history.stop_reason == first.told[-1]
    for i, state in enumerate(first.states):
        assert state.loss == history.loss[i]
        assert state.val_loss == history.val_loss[i]
        assert state.values["val_mae"] == history.metrics["val_mae"][i]
        assert (state.learning_rate, state.epochs) == (0.1, 5)
        assert state.gradient_norm == history.gradient_norm[i]
    assert state.seconds >= sum(history.seconds) > 0
    assert state.params is net.params
    np.testing.assert_allclose(state.gradient(), net.loss_and_grad(X, Y, "mse")[1], rtol=10 * EPS)
    assert state.full_gradient_norm() == pytest.approx(np.linalg.norm(state.gradient()), rel=10 * EPS)


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_a_callback_says_why_it_stops(optimizer):
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")

    class Says(gd.Callback):
        def __init__(self, *answers):
            self.answers = answers

        def on_epoch_end(self, state):
            return self.answers[state.epoch]

    def reason(*callbacks):
        history = gd.MLP([3, 4, 1], seed=0).fit(X, Y, loss="mse", optimizer=optimizer, epochs=3, callbacks=callbacks)
        return history.epochs, history.stop_reason

    assert reason(Says(None, "enough is enough", True)) == (2, "enough is enough")
    assert reason(Says("", False, np.bool_(True))) == (3, "Says asked to stop in epoch 2")
    assert reason(Says("one"), Says(True), Says("two")) == (1, "one; Says asked to stop in epoch 0; two")


def test_callbacks_hear_of_an_exception():
    class Fails(gd.Callback):
        def on_epoch_end(self, state):
            raise RuntimeError("mine")

    recorder = Recorder()
    with pytest.raises(RuntimeError, match="mine"):
        linear().fit(X, Y, loss="mse", epochs=7, callbacks=[recorder, Fails()])
    assert recorder.told == [7, 0, "RuntimeError was raised in epoch 0"]


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_a_row_that_could_not_be_measured_is_left_out(optimizer):
    """In the third epoch a metric fails, the second time it is asked there."""
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")
    calls, ended = [], []

    def fails(outputs, y):
        calls.append(len(y))
        if len(calls) == 6:
            raise RuntimeError("mine")
        return 0.5

    class Keeps(gd.Callback):
        def on_epoch_end(self, state):
            pass

        def on_fit_end(self, history):
            ended.append(history)

    told = {"metrics": fails, "record": "layer_gradient_norm", "callbacks": Keeps(), **BOTH}
    with pytest.raises(RuntimeError, match="mine"):
        gd.MLP([3, 4, 1], seed=0).fit(X, Y, loss="mse", optimizer=optimizer, **told)
    assert {len(values) for values in ended[0].columns().values()} == {2}
    assert ended[0].stop_reason == "RuntimeError was raised in epoch 2"


def test_what_is_asked_for_changes_no_bit():
    plain, told = linear(), linear()
    want = plain.fit(X, Y, loss="mse", epochs=4).loss
    options = {"metrics": "mae", "record": "weight_norm", "callbacks": Recorder(), "stop": gd.LossThreshold(-1), **BOTH}
    assert told.fit(X, Y, loss="mse", epochs=4, **options).loss == want
    np.testing.assert_array_equal(plain.params, told.params)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_line_without_tqdm(monkeypatch, capsys, terminal):
    monkeypatch.setattr("gdcore.training.progress.find_spec", lambda name: None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    history = linear().fit(X, Y, loss="mse", optimizer=gd.SGD(0.1), epochs=40, progress=True, **BOTH)
    shown = capsys.readouterr().err
    if terminal:
        assert shown.count("\r") >= 1
        assert shown.count("\n") == 2
    else:
        assert shown.splitlines()[0].startswith("4/40 epochs, loss ")
        assert len(shown.splitlines()) == 11
    *_, last, reason = shown.replace("\r", "\n").splitlines()
    shown = f"loss {history.loss[-1]:.4g}, val_loss {history.val_loss[-1]:.4g}, rate 0.1, 0 s left"
    assert last.rstrip() == f"40/40 epochs, {shown}"
    assert reason == history.stop_reason


def test_no_rate_is_shown_where_there_is_none():
    state = gd.EpochEnd(0, 1, {"loss": 0.5}, np.nan, 1.0, 0.1, np.zeros(1), np.array, np.array)
    assert numbers(state) == "loss 0.5"


def test_a_bar_where_tqdm_is_installed(monkeypatch):
    calls = []

    class Tqdm:
        def __init__(self, **options):
            calls.append(options)

        def set_postfix_str(self, text, refresh):
            calls.append(text)

        def update(self):
            calls.append("update")

        def close(self):
            calls.append("close")

    monkeypatch.setattr("gdcore.training.progress.find_spec", lambda name: True)
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Tqdm))
    history = linear().fit(X, Y, loss="mse", epochs=2, progress=True)
    texts = [f"loss {loss:.4g}, rate 0.001" for loss in history.loss]
    assert calls == [{"total": 2, "unit": "epoch"}, texts[0], "update", texts[1], "update", "close"]
    assert isinstance(progress(), Bar)
    monkeypatch.undo()
    assert isinstance(progress(), Bar | Line)


def test_a_function_among_the_callbacks_is_sent_to_stop():
    with pytest.raises(TypeError, match=r"got a function: a function that ends a fit is passed as stop=$"):
        gd.LinearModel(1).fit([[1.0]], [1.0], "mse", callbacks=lambda end: True)


def test_a_callback_that_fails_at_the_end_hides_no_error():
    told = []

    class Failing(gd.Callback):
        def on_epoch_end(self, end):
            raise RuntimeError("mine")

        def on_fit_end(self, history):
            raise OSError("the folder is gone")

    class Told(gd.Callback):
        def on_epoch_end(self, end):
            pass

        def on_fit_end(self, history):
            told.append(history.stop_reason)

    with pytest.raises(RuntimeError, match="mine") as caught:
        gd.LinearModel(1).fit([[0.0], [1.0]], [0.0, 1.0], "mse", epochs=2, callbacks=[Failing(), Told()])
    assert caught.value.__notes__ == ["Failing.on_fit_end raised OSError: the folder is gone"]
    assert told == ["RuntimeError was raised in epoch 0"]
