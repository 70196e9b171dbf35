"""Targets in units of their own: as if they had been standardized before, and predictions in those units."""

import copy
import pickle
import re

import numpy as np
import pytest

import gdcore as gd

DTYPES = ("float32", "float64")
REAL = [loss for loss in gd.LOSSES if loss.target == "real"]
OTHERS = [loss for loss in gd.LOSSES if loss.target != "real"]


def problem(rng, k=2, n=60, dtype="float64", dropout=0.0):
    """X, targets of several sizes far from 0, the model, and its twin for standardized targets."""
    X = rng.normal(size=(n, 3))
    y = (np.tanh(X @ rng.normal(size=(3, k))) + 0.1 * rng.normal(size=(n, k))) * [2e4, 3e-5][:k] + [3e5, -1e-4][:k]
    scale = gd.ScaledTarget.from_data(y)
    layers = gd.MLP([3, 8, k], "tanh", dropout=dropout).layers
    z = (y - scale.mean) / scale.std
    return X, y, z, gd.Sequential(*layers, scale, seed=1, dtype=dtype), gd.Sequential(*layers, seed=1, dtype=dtype)


def test_from_data_measures_targets(rng):
    y = rng.normal(3.0, 7.0, (50, 2))
    found = gd.ScaledTarget.from_data(y)
    np.testing.assert_allclose(found.mean, y.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found.std, y.std(axis=0), rtol=1e-13)
    assert gd.ScaledTarget.from_data(y[:, 0]) == gd.ScaledTarget.from_data(y[:, :1])
    assert gd.ScaledTarget.from_data([5.0, 5.0]) == gd.ScaledTarget((5.0,), (1.0,))
    assert gd.ScaledTarget.from_data(np.full(7, 0.3, "f4")).std == (1.0,)


@pytest.mark.parametrize("loss", REAL)
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": gd.SGD(0.05, momentum=0.9), "clip_norm": 0.5},
        {"optimizer": gd.Adam(0.01), "l1": 1e-3, "l2": 1e-2},
        {"optimizer": "adam", "accumulate": 2, "average": gd.EMA(0.9)},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_trains_to_the_bits_of_standardized_targets(rng, loss, options, dtype):
    X, y, z, net, twin = problem(rng, dtype=dtype, dropout=0.2)
    options |= {"batch_size": 7, "epochs": 5, "sample_weight": rng.random(60), "metrics": "r2"}
    history = net.fit(X, y, loss(), validation_data=(X[:9], y[:9]), **options)
    expected = twin.fit(X, z, loss(), validation_data=(X[:9], z[:9]), **options)
    np.testing.assert_array_equal(net.params, twin.params)
    assert (history.loss, history.val_loss) == (expected.loss, expected.val_loss)
    np.testing.assert_allclose(history.metrics["val_r2"], expected.metrics["val_r2"], atol=2e3 * np.finfo(dtype).eps)
    out = twin.predict(X).astype(float) * net.target_scale.std + net.target_scale.mean
    np.testing.assert_allclose(net.predict(X), out, rtol=np.finfo(dtype).eps)


def test_every_step_and_every_way_to_train(rng):
    X, y, z, net, twin = problem(rng, k=1)
    ours, theirs = gd.Trainer(net, "mse"), gd.Trainer(twin, "mse")
    for _ in range(3):
        assert ours.step(X[:8], y[:8]) == theirs.step(X[:8], z[:8])
        assert ours.step(X[:8], y[:8, 0], np.ones(8)) == theirs.step(X[:8], z[:8, 0], np.ones(8))
        assert ours.epoch(X, y) == theirs.epoch(X, z)
    later = pickle.loads(pickle.dumps(ours))
    assert ours.fit(X, y, epochs=2).loss == later.fit(X, y, epochs=2).loss == theirs.fit(X, z, epochs=2).loss
    pytest.importorskip("scipy")
    losses = [model.fit(X, t, "mse", optimizer="lbfgs", epochs=9).loss for model, t in ((net, y), (twin, z))]
    assert losses[0] == losses[1]


def test_a_custom_loss_is_given_standardized_numbers(rng):
    X, y, z, net, twin = problem(rng)

    def mine(outputs, y):
        return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / outputs.size

    assert net.loss(X, y, mine) == twin.loss(X, z, mine) == pytest.approx(net.loss(X, y, "mse"))
    net.fit(X, y, mine, epochs=3, metrics={"far": lambda outputs, y: abs(outputs - y).max()})
    twin.fit(X, z, mine, epochs=3)
    np.testing.assert_array_equal(net.params, twin.params)
    assert net.evaluate(X, y, "mae", loss="mse")["mae"] == pytest.approx(abs(net.predict(X) - y).mean(), rel=1e-12)


@pytest.mark.parametrize("loss", REAL)
@pytest.mark.parametrize("dtype", DTYPES)
def test_values_gradients_and_curvature(rng, loss, dtype):
    X, y, z, net, twin = problem(rng, dtype=dtype)
    value, grad = net.loss_and_grad(X, y, loss(), l2=0.1)
    expected, expected_grad = twin.loss_and_grad(X, z, loss(), l2=0.1)
    assert value == expected == net.loss(X, y, loss(), l2=0.1)
    np.testing.assert_array_equal(grad, expected_grad)
    v = rng.normal(size=net.n_params)
    np.testing.assert_array_equal(net.hessian_vector(X, y, loss(), v), twin.hessian_vector(X, z, loss(), v))


@pytest.mark.parametrize("loss", REAL)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "options",
    [
        {"mode": "full"},
        {"mode": "directions"},
        {"wrt": "inputs"},
        {"l1": 1e-3, "l2": 1e-2},
        {"sample_weight": np.arange(6)},
    ],
    ids=str,
)
def test_gradients_pass_the_checker(rng, loss, dtype, options):
    X, y, _, net, _ = problem(rng, n=6, dtype=dtype)
    report = gd.check_gradients(net, X, y, loss(), **options)
    assert report.ok, str(report)
    wrong = gd.check_gradients(net, X, y, loss(), grad=1.5 * net.loss_and_grad(X, y, loss())[1])
    assert not wrong.ok


def test_the_checkers_second_order_and_own_gradients(rng):
    X, y, _, net, _ = problem(rng, n=6)
    assert gd.check_gradients(net, X, y, "mse", order=2).ok
    assert gd.check_gradients(net, X, y, "mse", grad=net.loss_and_grad(X, y, "mse")[1]).ok


def test_diagnosis_bounds_and_rates_are_those_of_standardized_targets(rng):
    X, y, z, net, twin = problem(rng, k=1)
    bounds = [gd.learning_rate_bound(model, X, t, "mse").max_rate for model, t in ((net, y), (twin, z))]
    assert bounds[0] == bounds[1]
    tests = [gd.find_learning_rate(model, X, t, "mse") for model, t in ((net, y), (twin, z))]
    assert tests[0].suggestion == tests[1].suggestion
    histories = [model.fit(X, t, "mse", optimizer=gd.SGD(0.1), epochs=20) for model, t in ((net, y), (twin, z))]
    found = [
        gd.diagnose(model, X, t, "mse", history, optimizer=gd.SGD(0.1))
        for model, t, history in zip((net, twin), (y, z), histories, strict=True)
    ]
    assert found[0].kinds == found[1].kinds
    assert str(found[0]) == str(found[1])


def test_a_divergence_names_the_layer():
    net = gd.Sequential(gd.Dense(1, 1, weight_init="ones"), gd.ScaledTarget((5.0,), (1e-18,)))
    with pytest.raises(gd.DivergedError, match="the loss"):
        net.fit([[1.0]], [3e10], "mse", optimizer=gd.SGD(1.0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_is_part_of_the_model(rng, dtype):
    X, y, _, net, _ = problem(rng, dtype=dtype)
    net.fit(X, y, "mse", epochs=3)
    for twin in (net.copy(), pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert twin.layers == net.layers
        np.testing.assert_array_equal(twin.predict(X), net.predict(X))
        assert twin.score(X, y) == net.score(X, y)
    assert eval(repr(net), {**vars(gd)}).layers == net.layers
    assert net.predict(X).dtype == dtype
    np.testing.assert_array_equal(net.predict(X.tolist()), net.predict(X))


def test_targets_far_from_0_keep_their_digits_in_float32(rng):
    """Time stamps: float32 itself holds them to 64 s, the model to a small share of what they differ by."""
    X = rng.normal(size=(400, 2))
    y = 1.7e9 + 1e4 * X[:, 0]
    net = gd.Sequential(gd.Dense(2, 1), gd.ScaledTarget.from_data(y), seed=0)
    history = net.fit(X, y, "mse", optimizer=gd.Adam(0.05), epochs=100)
    assert history.loss[-1] < 1e-9
    assert history.hint == ""


def test_prices_are_learned_at_the_default_rate(rng):
    X = rng.normal(size=(500, 3))
    price = 2e5 + 5e4 * (X[:, 0] + 0.2 * rng.normal(size=500))
    core = gd.MLP([3, 16, 1], seed=0).layers
    scaled = gd.Sequential(*core, gd.ScaledTarget.from_data(price), seed=0)
    plain = gd.Sequential(*core, seed=0)
    histories = [net.fit(X, price, "mse", validation_split=0.2) for net in (scaled, plain)]
    assert scaled.score(X, price) > 0.94
    assert plain.score(X, price) < 0
    assert "gdcore.ScaledTarget.from_data(y)" not in histories[0].hint
    assert "put gdcore.ScaledTarget.from_data(y) last" in histories[1].hint


BAD = [
    (lambda: gd.ScaledTarget([1.0], (1.0,)), TypeError, "mean must be a tuple of numbers"),
    (lambda: gd.ScaledTarget((1.0,), (0.0,)), ValueError, "std[0] must be > 0"),
    (lambda: gd.ScaledTarget((1.0,), (1.0, 2.0)), ValueError, "std has 2 numbers; expected 1"),
    (lambda: gd.ScaledTarget.from_data([[[1.0]]]), ValueError, "y has shape (1, 1, 1); expected (n_samples,) or"),
    (lambda: gd.ScaledTarget.from_data([]), ValueError, "y has shape (0,)"),
    (lambda: gd.ScaledTarget.from_data([1.0, np.nan]), ValueError, "y contains NaN in row 1"),
    (lambda: gd.ScaledTarget.from_data(["a"]), TypeError, "y has text in row 0"),
    (lambda: gd.Sequential(gd.ScaledTarget((0.0,), (1.0,)), gd.Dense(1, 1)), ValueError, "scales outputs: put it last"),
    (lambda: gd.Sequential(gd.ScaledTarget((0.0,), (1.0,))), ValueError, "needs at least one Dense layer"),
    (lambda: gd.Sequential(gd.Dense(1, 2), gd.ScaledTarget((0.0,), (1.0,))), ValueError, "layer 1 takes 1 features"),
    (lambda: gd.Sequential(gd.Log1p(1), gd.ScaledTarget((0.0,), (1.0,))), ValueError, "a Dense layer must come after"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_errors(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize("loss", OTHERS)
def test_it_scales_real_targets_alone(loss):
    net = gd.Sequential(gd.Dense(1, 2), gd.ScaledTarget((0.0, 0.0), (1.0, 1.0)))
    for call in (lambda: net.loss([[1.0]], [[1.0, 1.0]], loss()), lambda: net.fit([[1.0]], [[1.0, 1.0]], loss())):
        with pytest.raises(ValueError, match=f"any numbers, not those of {loss.name}: leave it out"):
            call()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.ones((6, 2)), r"y has shape \(6, 2\); expected \(6, 1\)"),
        (np.ones(5), r"y has shape \(5,\)"),
        (np.full(6, np.inf), "y contains infinity in row 0"),
        (1.0, r"y has shape \(\)"),
    ],
    ids=str,
)
def test_targets_that_do_not_fit_are_refused_as_without_it(y, message):
    net = gd.Sequential(gd.Dense(1, 1), gd.ScaledTarget((5.0,), (2.0,)))
    with pytest.raises(ValueError, match=message):
        net.loss(np.ones((6, 1)), y, "mse")


def test_a_summary_and_a_picture_leave_its_place(capsys):
    net = gd.Sequential(gd.Dense(2, 1), gd.ScaledTarget((5.0,), (2.0,)), seed=0)
    net.summary()
    assert "ScaledTarget(mean=(5.0,), std=(2.0,))  (n, 1)            0\n" in capsys.readouterr().out
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    assert len(gd.plot.activations(net, np.ones((3, 2))).get_legend().get_texts()) == 1
    pyplot.close("all")
