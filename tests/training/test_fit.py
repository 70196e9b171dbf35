"""What a fit records, tells and stops for."""

import json
import sys
import types

import numpy as np
import pytest

import gdcore as gd

EPS = np.finfo(float).eps
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=60)
BOTH = {"validation_data": (X[:20], Y[:20])}


def linear(seed=0):
    return gd.LinearModel(3, dtype="float64", seed=seed)


def scripted(values):
    """A custom loss that returns the given values, one per call, and moves every weight by one."""
    values = iter(values)
    return lambda z, y: (next(values), np.full_like(z, -1.0 / z.size))


def fit_scripted(values, stop, **options):
    trainer = gd.Trainer(gd.LinearModel(1, bias=False), scripted(values))
    return trainer.fit([[1.0]], [0.0], epochs=len(values), stop=stop, **options)


# what is recorded


def custom_mse(z, y):
    return float(np.mean((z.ravel() - y) ** 2)), 2 * (z - y[:, None]) / len(y)


@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
def test_norms_and_clipped_steps(loss):
    """Step by step: the norm before clipping and how often it acted; both start anew in each epoch."""
    trained, twin = (gd.Trainer(linear(), loss, gd.SGD(0.05), batch_size=8, shuffle=False, clip_norm=1.2) for _ in "ab")
    history = trained.fit(X, Y, epochs=4)
    for epoch in range(4):
        norms = []
        for first in range(0, 60, 8):
            twin.step(X[first : first + 8], Y[first : first + 8])
            norms.append(twin._run.gradient_norm)
        assert history.gradient_norm[epoch] == pytest.approx(np.mean(norms), rel=10 * EPS)
        assert history.clipped_steps[epoch] == sum(norm > 1.2 for norm in norms)
    assert history.clipped_steps[0] > history.clipped_steps[-1]
    assert history.learning_rate == [0.05] * 4


def test_a_batch_of_one_is_counted_too():
    history = gd.Trainer(linear(), "mse", gd.SGD(1e-9), batch_size=1, clip_norm=1e-3).fit(X, Y, epochs=2)
    assert history.clipped_steps == [60, 60]
    for l2, clip_norm in ((0.0, 1e-3), (0.0, None), (0.3, None), (0.3, 1e-3)):
        rows = [(X[i : i + 1], Y[i : i + 1]) for i in range(60)]
        norms = [np.linalg.norm(linear().loss_and_grad(*row, "mse", l2=l2)[1]) for row in rows]
        trainer = gd.Trainer(linear(), "mse", gd.SGD(1e-9), batch_size=1, clip_norm=clip_norm, l2=l2)
        history = trainer.fit(X, Y, epochs=1)
        assert history.gradient_norm == [pytest.approx(np.mean(norms), rel=1e-6)]
        assert history.clipped_steps == [60 if clip_norm else 0]


def test_what_is_recorded_on_request():
    names = "layer_gradient_norm", "weight_norm", "update_ratio"
    trained, twin = (gd.Trainer(gd.MLP([3, 5, 1], dtype="float64", seed=0), "mse", l2=0.1) for _ in "ab")
    history = trained.fit(X, Y, epochs=3, record=names)
    for epoch in range(3):
        before = twin.model.params.copy()
        twin.epoch(X, Y)
        _, grad = twin.model.loss_and_grad(X, Y, "mse", l2=0.1)
        named, now = dict(twin.model.parameters(grad)), dict(twin.model.parameters())
        for layer in ("dense0", "dense1"):
            want = np.linalg.norm(np.concatenate([named[f"{layer}.{part}"].ravel() for part in ("weight", "bias")]))
            assert history.layer_gradient_norm[layer][epoch] == pytest.approx(want, rel=10 * EPS)
        weights = np.concatenate([now[f"dense{i}.weight"].ravel() for i in range(2)])
        assert history.weight_norm[epoch] == pytest.approx(np.linalg.norm(weights), rel=10 * EPS)
        want = np.linalg.norm(twin.model.params - before) / np.linalg.norm(before)
        assert history.update_ratio[epoch] == pytest.approx(want, rel=10 * EPS)
    np.testing.assert_array_equal(trained.model.params, twin.model.params)
    bare = linear().fit(X, Y, loss="mse", epochs=3)
    assert not any(getattr(bare, name) for name in names)
    assert linear().fit(X, Y, loss="mse", epochs=3, record="weight_norm").weight_norm


def test_columns_and_to_dict():
    history = linear().fit(
        X, Y, loss="mse", epochs=3, metrics=["mae", "r2"], record=["layer_gradient_norm", "update_ratio"], **BOTH
    )
    columns = history.columns()
    assert list(columns) == [
        "loss",
        "val_loss",
        "seconds",
        "mae",
        "r2",
        "val_mae",
        "val_r2",
        "learning_rate",
        "gradient_norm",
        "clipped_steps",
        "gradient_norm dense0",
        "update_ratio",
    ]
    assert {len(values) for values in columns.values()} == {3}
    assert columns["val_r2"] == history.metrics["val_r2"]
    assert history.to_dict() == json.loads(json.dumps(history.to_dict()))
    history.to_dict()["metrics"]["mae"].clear()
    assert len(history.metrics["mae"]) == 3


def test_to_pandas():
    pandas = pytest.importorskip("pandas")
    history = linear().fit(X, Y, loss="mse", epochs=3, metrics="mae")
    frame = history.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.index.name == "epoch"
    assert frame.to_dict("list") == history.columns()


@pytest.mark.parametrize("module", ["pandas", "matplotlib.pyplot"])
def test_a_library_that_is_missing_is_named(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    history = gd.History([1.0], [], [0.1], "done")
    calls = {"pandas": (history.to_pandas, "pandas"), "matplotlib.pyplot": (history.plot, r"gdcore\[plot\]")}
    call, install = calls[module]
    message = rf"{call.__name__} needs {module.partition('.')[0]} \(.*\): pip install '{install}'"
    with pytest.raises(ImportError, match=message):
        call()


def test_plot_draws_the_losses_and_marks_the_best():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    history = linear().fit(X, Y, loss="mse", epochs=4, **BOTH)
    ax = history.plot()
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_array_equal(lines["loss"].get_ydata(), history.loss)
    np.testing.assert_array_equal(lines["val_loss"].get_ydata(), history.val_loss)
    assert lines["loss"].get_linestyle() != lines["val_loss"].get_linestyle()
    assert ax.get_title() == "4 epochs"
    best = f"best val_loss, epoch {np.argmin(history.val_loss)}"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["loss", "val_loss", best]
    assert history.plot(ax) is ax
    pyplot.close("all")


# what stops it


def test_loss_threshold():
    history = fit_scripted([3.0, 2.0, 1.0, 0.5], gd.LossThreshold(1.0))
    assert history.epochs == 3
    assert history.stop_reason == "loss, 1, has reached 1 in epoch 2"
    options = {"loss": "mse", "optimizer": gd.SGD(0.1), "epochs": 50, "metrics": "r2", **BOTH}
    history = linear().fit(X, Y, stop=gd.LossThreshold(0.9, "val_r2"), **options)
    assert history.metrics["val_r2"][-1] >= 0.9 > history.metrics["val_r2"][-2]
    assert linear().fit(X, Y, stop=gd.LossThreshold(0.9, "r2", mode="min"), **options).epochs == 1
    history = linear().fit(X, Y, stop=gd.LossThreshold(1.0, "auto"), **options)
    assert history.val_loss[-1] <= 1.0 < history.val_loss[-2]


def test_relative_change():
    values = [1.0, 0.5, 0.5, 0.49, 0.3, 0.29, 0.28, 0.0, 0.0]
    for tol, n, epochs in ((0.1, 1, 3), (0.1, 2, 4), (0.1, 3, 9), (0.03, 2, 4), (1e-9, 1, 3), (1e-9, 2, 9)):
        assert fit_scripted(values, gd.RelativeChange(tol, n)).epochs == epochs
    history = fit_scripted(values, gd.RelativeChange(0.1, 2))
    assert history.stop_reason == "loss has changed by less than 0.1 of itself in 2 epochs in a row"
    assert fit_scripted([-1.0, 1.0], gd.RelativeChange(0.1)).stop_reason == "all 2 epochs were run"


def test_time_limit(monkeypatch):
    clock = iter(np.arange(0.0, 1000.0, 0.5))
    monkeypatch.setattr("gdcore.training.recorder.time", types.SimpleNamespace(perf_counter=lambda: next(clock)))
    history = linear().fit(X, Y, loss="mse", epochs=99, stop=gd.TimeLimit(4))
    assert history.epochs == 4  # two looks at the clock per epoch
    assert history.stop_reason == "the time limit of 4 s was reached after 4 s, in epoch 3"
    assert history.seconds == [0.5] * 4


def test_gradient_norm_threshold_says_which_gradient():
    options = {"loss": "mse", "optimizer": gd.SGD(0.1), "epochs": 2000, "batch_size": 60}
    history = linear().fit(X, Y, stop=gd.GradientNormThreshold(1e-3, of="epoch"), **options)
    assert history.gradient_norm[-1] < 1e-3 <= history.gradient_norm[-2]  # one batch of all is its own mean
    assert history.stop_reason == (
        f"the norm of the epoch's mean gradient, {history.gradient_norm[-1]:.3g}, is below 0.001: converged"
    )
    whole = linear().fit(X, Y, stop=gd.GradientNormThreshold(1e-3), **options)
    assert whole.stop_reason.startswith("the norm of the full gradient, ")
    assert whole.epochs == history.epochs - 1  # measured after the step
    batches = linear().fit(X, Y, stop=gd.GradientNormThreshold(1e-2, of="epoch"), **{**options, "batch_size": 20})
    assert batches.epochs < 2000
    assert batches.gradient_norm[-1] > 5e-2  # of each batch, which the mean does not keep


def after_two(end):
    return end.epoch == 2


def test_a_function_stops():
    history = fit_scripted([1.0] * 9, after_two)
    assert (history.epochs, history.stop_reason) == (3, "after_two asked to stop in epoch 2")
    history = fit_scripted([1.0] * 9, [lambda end: "enough" if end.epoch == 1 else "", after_two])
    assert (history.epochs, history.stop_reason) == (2, "enough")
    assert fit_scripted([1.0] * 3, lambda end: None).epochs == 3


def test_early_stopping_on_a_metric():
    """The largest validation r2 comes back, though the loss watched by nobody goes its own way."""
    net = gd.MLP([3, 30, 1], "tanh", dtype="float64", seed=1)
    trainer = gd.Trainer(net, "mse", gd.SGD(0.05), batch_size=8)
    stop = gd.EarlyStopping(4, monitor="val_r2")
    history = trainer.fit(X, Y, epochs=300, validation_data=(X[30:], Y[30:] + 0.3), metrics="r2", stop=stop)
    values = history.metrics["val_r2"]
    best = int(np.argmax(values))
    assert best == history.epochs - 5 < 295
    assert history.stop_reason.startswith(f"val_r2 has not improved for 4 epochs: the best, {values[best]:.6g}, ")
    assert gd.metrics.R2()(net.predict(X[30:]), Y[30:] + 0.3) == values[best]
    first = gd.EarlyStopping(2, monitor="mine", mode="max")
    counted = iter(range(99))
    made = linear().fit(X, Y, loss="mse", epochs=9, metrics={"mine": lambda z, y: -next(counted)}, stop=first)
    assert made.epochs == 3


# mistakes


class NoCallback:
    def on_epoch_end(self, state):
        return None


def fit(**options):
    linear().fit(X, Y, loss="mse", epochs=1, **options)


ERRORS = [
    (
        lambda: fit(stop=gd.EarlyStopping(monitor="accuracy")),
        ValueError,
        r"EarlyStopping\(monitor='accuracy'\): this fit measures loss; pass it in metrics=",
    ),
    (lambda: fit(stop=gd.LossThreshold(1, "val_mae"), metrics="mae"), ValueError, "needs validation data: pass valid"),
    (
        lambda: fit(stop=gd.EarlyStopping(monitor="worst"), metrics={"worst": lambda z, y: 0.0}),
        ValueError,
        "EarlyStopping: which worst is better is unknown: pass mode='min' or mode='max'",
    ),
    (lambda: fit(stop=lambda end: 3.5), TypeError, "<lambda> must return True, False, None or the reason, got 3.5"),
    (lambda: fit(callbacks="mine"), TypeError, "callbacks must hold instances .*, got 'mine'$"),
    (lambda: fit(callbacks=NoCallback()), TypeError, "callbacks must hold instances of classes derived"),
    (lambda: fit(callbacks=[print]), TypeError, "derived from gdcore.Callback, got <built-in"),
    (lambda: fit(record="weights"), ValueError, "unknown record 'weights'; known: layer_gradient_norm, weight_norm"),
    (lambda: fit(record=3), TypeError, "record must be names among layer_gradient_norm, .*, got 3"),
    (lambda: fit(progress=1), TypeError, "progress must be True or False, got 1"),
    (lambda: gd.LossThreshold("low"), TypeError, "threshold must be a number, got 'low'"),
    (lambda: gd.LossThreshold(1, mode="down"), ValueError, "mode must be 'auto' or 'min' or 'max', got 'down'"),
    (lambda: gd.LossThreshold(1, monitor=None), TypeError, "monitor must be a name, got None"),
    (lambda: gd.EarlyStopping(mode="down"), ValueError, "mode must be"),
    (lambda: gd.GradientNormThreshold(1, of="batches"), ValueError, "of must be 'full' or 'epoch', got 'batches'"),
    (lambda: gd.RelativeChange(0), ValueError, "tol must be > 0, got 0"),
    (lambda: gd.RelativeChange(0.1, 0), ValueError, "n_epochs must be >= 1, got 0"),
    (lambda: gd.TimeLimit(0), ValueError, "seconds must be > 0, got 0"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[row[2][:30] for row in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_criteria_read_like_their_calls():
    calls = (
        "LossThreshold(0.1, monitor='val_loss')",
        "RelativeChange(0.01, n_epochs=3)",
        "TimeLimit(60)",
        "GradientNormThreshold(0.1, of='epoch')",
        "GradientNormThreshold(0.1, of='full')",
    )
    for call in calls:
        assert repr(eval(call, vars(gd))) == call
