"""L-BFGS and conjugate gradients through SciPy, in fits and in minimize; what they refuse without it."""

import copy
import json
import sys

import numpy as np
import pytest

import gdcore as gd
from gdcore.optimizers.full_batch import FULL_BATCH, get_method

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = RNG.normal(size=(60, 2))
each_method = pytest.mark.parametrize("method", FULL_BATCH)


def ridge(l2):
    """The known minimiser of the mean squared error over samples and outputs, with a bias."""
    ones = np.hstack([X, np.ones((60, 1))])
    return np.linalg.solve(ones.T @ ones / 60 + l2 * np.diag([1, 1, 1, 1, 1, 0]), ones.T @ Y / 60)


def linear(dtype="float64"):
    return gd.LinearModel(5, 2, dtype=dtype, seed=0)


@each_method
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fit_reaches_the_known_minimiser(method, dtype):
    pytest.importorskip("scipy")
    net = linear(dtype)
    history = net.fit(X, Y, loss="mse", optimizer=method.name, l2=0.1, epochs=99, validation_data=(X, Y), metrics="r2")
    rounding = {"float32": 3e-4, "float64": 1e-7}[dtype]
    np.testing.assert_allclose(net.params, ridge(0.1).ravel(), atol=rounding)
    assert history.stop_reason.startswith(f"{method.name}: ")
    assert history.epochs < 40
    assert history.loss[-1] == pytest.approx(net.loss(X, Y, "mse"), rel=1e-6)
    np.testing.assert_allclose(history.loss, history.val_loss, rtol=1e-5)
    assert np.isnan(history.learning_rate).all()
    assert len(history.gradient_norm) == len(history.metrics["r2"]) == history.epochs
    json.dumps(history.to_dict())


@each_method
def test_criteria_end_it(method):
    pytest.importorskip("scipy")
    trainer = gd.Trainer(gd.MLP([5, 8, 2], "tanh", dtype="float64", seed=0), "mse", method(), l2=1e-3)
    history = trainer.fit(X, Y, epochs=200, stop=gd.LossThreshold(0.5))
    assert history.loss[-1] <= 0.5 < history.loss[-2]
    assert "has reached 0.5" in history.stop_reason
    assert trainer.epochs_done == history.epochs
    assert trainer.model.loss(X, Y, "mse") == pytest.approx(history.loss[-1], rel=1e-12)
    history = trainer.fit(X, Y, epochs=3, stop=gd.GradientNormThreshold(1e-300))
    assert (history.epochs, history.stop_reason) == (3, "all 3 epochs were run")


@each_method
def test_a_custom_loss(method):
    pytest.importorskip("scipy")
    net, twin = linear(), linear()
    net.fit(X, Y, loss="mse", optimizer=method(), epochs=5)
    twin.fit(X, Y, loss=lambda z, y: (float(np.mean((z - y) ** 2)), 2 * (z - y) / z.size), optimizer=method(), epochs=5)
    np.testing.assert_allclose(twin.params, net.params, rtol=1e-9, atol=1e-12)


@each_method
def test_max_steps_are_epochs_here(method):
    pytest.importorskip("scipy")
    history = linear().fit(X, Y, loss="mse", optimizer=method(), max_steps=2)
    assert (history.epochs, history.stop_reason) == (2, "all 2 steps were made")
    history = linear().fit(X, Y, loss="mse", optimizer=method(), stop=gd.GradientNormThreshold(1e-2, of="epoch"))
    assert history.gradient_norm[-1] < 1e-2 <= history.gradient_norm[-2]
    assert "the epoch's mean gradient" in history.stop_reason


@each_method
def test_minimize(method):
    pytest.importorskip("scipy")

    def rosenbrock(x):
        a, b = x
        slope = [2 * (a - 1) - 400 * a * (b - a * a), 200 * (b - a * a)]
        return (1 - a) ** 2 + 100 * (b - a * a) ** 2, np.array(slope)

    result = gd.minimize(rosenbrock, [-1.2, 1.0], optimizer=method.name, trace=True)
    assert result.success
    np.testing.assert_allclose(result.x, 1, atol=1e-6)
    assert result.trace.x.shape == (result.nit + 1, 2)
    assert list(result.trace.fun) == sorted(result.trace.fun, reverse=True)
    assert result.nit <= result.nfev < 200
    few = gd.minimize(rosenbrock, [-1.2, 1.0], optimizer=method(), max_steps=3)
    assert (few.success, few.nit) == (False, 3)
    assert few.message.endswith("after 3 steps")
    if method.takes_bounds:
        found = gd.minimize(rosenbrock, [-1.2, 0.3], optimizer=method(), bounds=[(None, 0.5), (None, None)])
        np.testing.assert_allclose(found.x, [0.5, 0.25], atol=1e-6)
        assert found.success


def test_divergence_is_told():
    pytest.importorskip("scipy")
    net = linear("float32")
    net.params = np.full(net.n_params, 1e30)
    with pytest.raises(gd.DivergedError, match="the loss is not finite"):
        net.fit(X, Y, loss="mse", optimizer="lbfgs")
    np.testing.assert_array_equal(net.params, np.float32(1e30))


@each_method
def test_what_breaks_off_a_line_search_leaves_the_last_whole_step(method):
    pytest.importorskip("scipy")

    def begun():
        return gd.MLP([5, 8, 2], "tanh", dtype="float64", seed=0)

    def mse(outputs, y):
        return float(np.mean((outputs - y) ** 2)), 2 * (outputs - y) / outputs.size

    steps = [begun().params.copy()]
    begun().fit(X, Y, loss=mse, optimizer=method(), epochs=12, stop=lambda end: steps.append(end.params.copy()))
    for most in range(1, 12):
        calls = []

        def breaks(outputs, y, most=most, calls=calls):
            calls.append(1)
            if len(calls) > most:
                raise KeyboardInterrupt
            return mse(outputs, y)

        net = begun()
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, Y, loss=breaks, optimizer=method(), epochs=50)
        assert any((net.params == step).all() for step in steps)


@each_method
def test_records(method):
    assert get_method(method.name) == get_method(method.name.upper()) == method()
    assert eval(repr(method()), vars(gd)) == method()
    trainer = gd.Trainer(linear(), "mse", method.name)
    assert repr(trainer) == repr(copy.deepcopy(trainer))
    assert method.__name__ in repr(trainer)


def trainer(**options):
    return gd.Trainer(linear(), "mse", "lbfgs", **options)


ERRORS = [
    (lambda: trainer().step(X, Y), TypeError, r"step needs an optimizer of mini-batches, got LBFGS\(\): call fit"),
    (lambda: trainer().epoch(X, Y), TypeError, "epoch needs an optimizer of mini-batches"),
    (lambda: trainer(clip_norm=1.0), ValueError, r"LBFGS\(\) needs the exact gradient and does not go with clip_norm"),
    (lambda: trainer(clip_value=1.0), ValueError, "does not go with clip_value: leave it out"),
    (lambda: trainer(layer_rates={"dense0": 0.5}), ValueError, "does not go with layer_rates: leave it out"),
    (lambda: gd.Trainer(gd.MLP([5, 4, 2], dropout=0.5), "mse", "cg"), ValueError, "does not go with dropout: leave it"),
    (lambda: trainer(l1=0.1), ValueError, "does not go with l1: leave it out"),
    (lambda: gd.LBFGS(memory=0), ValueError, "memory must be >= 1, got 0"),
    (lambda: gd.LBFGS(ftol=-1), ValueError, "ftol must be >= 0, got -1"),
    (lambda: gd.ConjugateGradient(gtol=-1), ValueError, "gtol must be >= 0, got -1"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[row[2][:30] for row in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_scipy_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    net = linear()
    kept = net.params.copy()
    with pytest.raises(ImportError, match=r"optimizer='lbfgs' needs scipy .*: pip install 'scipy'"):
        net.fit(X, Y, loss="mse", optimizer="lbfgs")
    np.testing.assert_array_equal(net.params, kept)
