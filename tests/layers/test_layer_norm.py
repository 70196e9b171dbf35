"""Layer normalization: against torch and the NumPy reference, odd rows, training, the checker."""

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest
import reference

import gdcore as gd
from gdcore.gradcheck.model.backward import gradient_through, steps_of
from gdcore.gradcheck.model.rounding import gradient_roundoff
from gdcore.objective.build import objective_of

DATA = Path(__file__).parents[1] / "recorded"
spec = importlib.util.spec_from_file_location("make_torch_layer_norms", DATA / "make_torch_layer_norms.py")
maker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(maker)

NETS = {
    "first": lambda act: (gd.LayerNorm(5), gd.Dense(5, 7, act), gd.Dense(7, 2)),
    "between": lambda act: (gd.Dense(5, 7, act), gd.LayerNorm(7, eps=0.1), gd.Dense(7, 2)),
    "two": lambda act: (gd.Dense(5, 3, act), gd.LayerNorm(3, eps=0.1), gd.LayerNorm(3), gd.Dense(3, 2)),
    "last": lambda act: (gd.Dense(5, 4, act), gd.Dense(4, 2), gd.LayerNorm(2, eps=0.1)),
    "one feature": lambda act: (gd.Dense(5, 1, act), gd.LayerNorm(1), gd.Dense(1, 2)),
    "scaled": lambda act: (
        gd.MinMax((-3.0,) * 5, (3.0,) * 5),
        gd.LayerNorm(5),
        gd.Dense(5, 4, act),
        gd.Standardize((0.1,) * 4, (0.5,) * 4),
        gd.LayerNorm(4),
        gd.Dense(4, 2),
        gd.ScaledTarget((0.0, 0.0), (1.0, 1.0)),
    ),
    "dropout": lambda act: (gd.LayerNorm(5), gd.Dropout(0.3), gd.Dense(5, 4, act), gd.LayerNorm(4), gd.Dense(4, 2)),
}
each_net = pytest.mark.parametrize("layers", NETS.values(), ids=NETS)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def made(layers, rng, dtype="float64"):
    """A net with gains and biases that are not 1 and 0."""
    net = gd.Sequential(*layers, seed=0, dtype=dtype)
    net.params[:] += rng.normal(scale=0.2, size=net.n_params).astype(dtype)
    return net


def drawn(rng, n=37, dtype="float64"):
    return (2 * rng.normal(size=(n, 5)) + 1).astype(dtype), rng.normal(size=(n, 2)).astype(dtype)


# Against other programs.


def layers_of(case):
    """A recorded case in gdcore's records."""
    found = []
    for kind, *rest in case:
        if kind == "tanh":
            found[-1] = gd.Dense(found[-1].in_features, found[-1].out_features, "tanh")
        else:
            found.append(gd.LayerNorm(*rest) if kind == "norm" else gd.Dense(*rest))
    return found


def test_recorded_gradients(isa):
    with np.load(DATA / "torch_layer_norms.npz") as recorded:
        for i, case in enumerate(maker.CASES):
            params, X, y = maker.draw_case(i)
            net = gd.Sequential(*layers_of(case), dtype="float64")
            net.params = params
            value, grad = net.loss_and_grad(X, y, "mse")
            want = recorded[f"gradient_{i}"]
            assert value == pytest.approx(recorded["values"][i], rel=1e-10)
            assert np.linalg.norm(grad - want) <= 1e-10 * np.linalg.norm(want)


@each_net
@each_dtype
def test_loss_and_gradient_are_the_reference_s(isa, rng, layers, dtype):
    for act in ("tanh", "relu", "gelu"):
        net, (X, y) = made(layers(act), rng, dtype), drawn(rng, dtype=dtype)
        plain = [layer for layer in net.layers if not isinstance(layer, gd.ScaledTarget)]
        value, grad = net.loss_and_grad(X, y, "mse", l1=0.01, l2=0.1)
        own = [part.astype(np.float64) for part in (net.params, X, y)]
        want, want_grad = reference.loss_and_grad(plain, *own, "mean_squared_error", l1=0.01, l2=0.1)
        tolerance = float(2000 * np.finfo(dtype).eps)
        assert value == pytest.approx(want, rel=tolerance)
        assert np.linalg.norm(grad - want_grad) <= tolerance * np.linalg.norm(want_grad)


@each_net
def test_hessian_products_are_differences_of_the_gradient(isa, rng, layers):
    for act, loss in (("tanh", "mse"), ("gelu", "huber"), ("silu", "cross_entropy")):
        net, (X, y) = made([one for one in layers(act) if not isinstance(one, gd.ScaledTarget)], rng), drawn(rng)
        y = (y[:, 0] > 0).astype(int) if loss == "cross_entropy" else y
        v, x, step = rng.normal(size=net.n_params), net.params.copy(), 1e-6
        product = net.hessian_vector(X, y, loss, v, l2=0.1)
        ends = []
        for sign in (1, -1):
            net.params[:] = x + sign * step * v
            ends.append(net.loss_and_grad(X, y, loss, l2=0.1)[1])
        numeric = (ends[0] - ends[1]) / (2 * step)
        assert np.linalg.norm(product - numeric) <= 2e-6 * np.linalg.norm(numeric)


# Bits.


@each_dtype
def test_bits_depend_on_neither_threads_nor_the_cut_of_a_batch(isa, rng, dtype):
    X, y = rng.normal(size=(5000, 20)).astype(dtype), rng.normal(size=(5000, 3)).astype(dtype)
    layers = (gd.LayerNorm(20), gd.Dense(20, 33, "tanh"), gd.LayerNorm(33), gd.Dense(33, 3))
    found = []
    for threads in (1, 2):
        with gd.num_threads(threads):
            net = gd.Sequential(*layers, seed=0, dtype=dtype)
            net.fit(X, y, "mse", optimizer=gd.Adam(), epochs=2, batch_size=1000)
            found.append((net.params.tobytes(), net.loss_and_grad(X, y, "mse")[1].tobytes()))
    assert found[0] == found[1]
    whole = gd.Sequential(gd.LayerNorm(20), gd.Dense(20, 20, weight_init="ones"), dtype=dtype)
    apart = np.concatenate(
        [
            gd.Sequential(gd.LayerNorm(20), gd.Dense(20, 20, weight_init="ones"), dtype=dtype).predict(X[i : i + 640])
            for i in range(0, 2560, 640)
        ]
    )
    np.testing.assert_allclose(whole.predict(X[:2560]), apart, rtol=0, atol=200 * np.finfo(dtype).eps)


# Odd rows.


@each_dtype
def test_one_feature_gives_the_bias(isa, dtype):
    net = gd.Sequential(gd.Dense(1, 1), gd.LayerNorm(1), dtype=dtype, seed=0)
    net.params[-1] = 0.75
    assert net.predict([[3.0], [-1e30]]).tolist() == [[0.75], [0.75]]


def outputs_of(X, dtype, eps=1e-5):
    """What a LayerNorm alone makes of rows."""
    n = np.shape(X)[1]
    net = gd.Sequential(gd.LayerNorm(n, eps=eps), gd.Dense(n, n, bias=False), dtype=dtype, seed=0)
    dict(net.parameters())["dense0.weight"][...] = np.eye(n)
    return net.predict(X)


@each_dtype
@pytest.mark.parametrize("value", [0.0, 0.1, -1e30, 3e38])
def test_a_constant_row_gives_the_bias(isa, dtype, value):
    assert (outputs_of(np.full((2, 7), value, dtype), dtype) == 0).all()


@each_dtype
def test_huge_rows_are_normalized(isa, dtype):
    rows = np.array([[1.0, -1.0, 1.0, -1.0]]) * (1e300 if dtype == "float64" else 1e38)
    np.testing.assert_allclose(outputs_of(rows.astype(dtype), dtype), [[1, -1, 1, -1]], rtol=10 * np.finfo(dtype).eps)


@each_dtype
def test_tiny_rows_are_divided_by_the_root_of_eps(isa, dtype):
    rows = np.array([[1e-30, -1e-30]], dtype)
    np.testing.assert_allclose(outputs_of(rows, dtype, eps=1e-4), 100 * rows, rtol=10 * np.finfo(dtype).eps)


def test_float32_keeps_its_digits_under_a_large_offset(isa, rng):
    rows = (1e6 + rng.integers(-8, 8, (20, 30))).astype(np.float32)
    want = reference.layer_norm(rows.astype(np.float64), 1.0, 0.0, 1e-5)
    np.testing.assert_allclose(outputs_of(rows, "float32"), want, rtol=0, atol=4 * np.finfo(np.float32).eps)


# Training.


@pytest.mark.parametrize("kind", gd.OPTIMIZERS, ids=lambda kind: kind.name)
def test_every_optimizer_trains_it(kind, rng):
    X, y = drawn(rng, 200)
    net = gd.Sequential(*NETS["between"]("tanh"), seed=0)
    before, start = net.params.copy(), net.loss(X, y, "mse")
    net.fit(X, y, "mse", optimizer=kind(), epochs=20, batch_size=20)
    assert net.loss(X, y, "mse") < start
    moved = {
        name: (view != old).any()
        for (name, view), (_, old) in zip(net.parameters(), net.parameters(before), strict=True)
    }
    assert all(moved.values())


@each_dtype
def test_the_streamed_step_is_the_plain_one(isa, rng, dtype):
    """Clipping keeps the gradient; without it the gradient goes into the update at once."""
    X, y = drawn(rng, 60, dtype)
    found = []
    for clip_norm in (None, 1e6):
        net = gd.Sequential(*NETS["two"]("tanh"), seed=0, dtype=dtype)
        net.fit(X, y, "mse", optimizer=gd.Adam(), epochs=3, batch_size=20, l2=0.1, clip_norm=clip_norm, seed=0)
        found.append(net.params)
    np.testing.assert_allclose(*found, rtol=0, atol=100 * np.finfo(dtype).eps)


def test_a_rate_of_0_freezes_it(rng):
    X, y = drawn(rng)
    net = gd.Sequential(*NETS["between"]("tanh"), seed=0)
    gd.Trainer(net, "mse", gd.SGD(0.1), layer_rates={"norm0": 0.0}, seed=0).fit(X, y, epochs=3)
    parts = dict(net.parameters())
    assert (parts["norm0.gain"] == 1).all()
    assert (parts["norm0.bias"] == 0).all()
    assert (parts["dense0.bias"] != 0).any()


def test_a_rate_of_its_own(rng):
    X, y = drawn(rng)
    steps = []
    for factor in (1.0, 0.5):
        net = gd.Sequential(*NETS["between"]("tanh"), seed=0, dtype="float64")
        trainer = gd.Trainer(net, "mse", gd.SGD(0.1), layer_rates={"norm0": factor}, seed=0)
        trainer.step(X, y)
        steps.append(dict(net.parameters())["norm0.gain"] - 1)
    np.testing.assert_allclose(steps[1], 0.5 * steps[0], rtol=1e-9, atol=1e-15)


def test_no_penalty_and_no_limit_applies(rng):
    X, y = drawn(rng)
    net = made((gd.LayerNorm(5), gd.Dense(5, 2, l1=0.0, l2=0.0)), rng)
    assert net.loss(X, y, "mse", l1=1.0, l2=1.0) == net.loss(X, y, "mse")
    plain = net.loss_and_grad(X, y, "mse")[1]
    np.testing.assert_array_equal(net.loss_and_grad(X, y, "mse", l1=1.0, l2=1.0)[1], plain)


def test_a_training_is_resumed(rng):
    X, y = drawn(rng)
    whole = gd.Trainer(gd.Sequential(*NETS["two"]("tanh"), seed=0), "mse", gd.Adam(), seed=0)
    whole.fit(X, y, epochs=4)
    first = gd.Trainer(gd.Sequential(*NETS["two"]("tanh"), seed=0), "mse", gd.Adam(), seed=0)
    first.fit(X, y, epochs=2)
    second = pickle.loads(pickle.dumps(first))
    second.fit(X, y, epochs=2)
    np.testing.assert_array_equal(second.model.params, whole.model.params)


def test_record_and_summary(capsys):
    net = gd.Sequential(gd.Dense(2, 3, "relu"), gd.LayerNorm(3, eps=0.1), gd.Dense(3, 1), seed=0)
    assert repr(gd.LayerNorm(3)) == "LayerNorm(3)"
    assert eval(repr(net.layers[1]), vars(gd)) == net.layers[1]
    net.summary()
    assert "LayerNorm(3, eps=0.1)  (n, 3)            6" in capsys.readouterr().out
    assert net.n_params == 9 + 6 + 4
    assert [block.name for block in net.stack.blocks][2:4] == ["norm0.gain", "norm0.bias"]
    copy = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(copy.params, net.params)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("LayerNorm(0)", "features must be >= 1, got 0"),
        ("LayerNorm(3, eps=0.0)", "eps must be > 0, got 0.0"),
        ("Sequential(LayerNorm(3))", "a model needs at least one Dense layer"),
        ("Sequential(Dense(2, 3), LayerNorm(4))", "layer 1 takes 4 features, but the one before it gives 3"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        eval(call, vars(gd))


# The checker.


@each_net
@pytest.mark.parametrize("act", ["tanh", "relu", "leaky_relu", "hard_swish"])
def test_the_checker_raises_no_false_alarm(rng, layers, act):
    for loss in ("mse", "mae", "huber", "cross_entropy"):
        if loss == "cross_entropy" and isinstance(layers(act)[-1], gd.ScaledTarget):
            continue
        net, (X, y) = made(layers(act), rng), drawn(rng, 9)
        y = (y[:, 0] > 0).astype(int) if loss == "cross_entropy" else y
        assert gd.check_gradients(net, X, y, loss, l2=0.1).verdict == "pass"


@each_net
def test_the_checker_passes_float32_and_second_derivatives(rng, layers):
    net, (X, y) = made(layers("tanh"), rng, "float32"), drawn(rng, 9, "float32")
    assert gd.check_gradients(net, X, y, "mse").verdict == "pass"
    assert gd.check_gradients(net.astype("float64"), X, y, "mse", order=2).verdict == "pass"


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_odd_rows_raise_no_false_alarm(rng, offset):
    X = np.concatenate(
        [np.zeros((2, 5)), np.full((2, 5), 3.0), 1e-9 * rng.normal(size=(2, 5)), rng.normal(size=(3, 5))]
    )
    X, y = X + offset, rng.normal(size=(9, 2))
    for layers in (NETS["first"]("relu"), NETS["two"]("tanh")):
        assert gd.check_gradients(made(layers, rng), X, y, "mse").verdict != "fail"


def test_units_on_kinks_behind_it_raise_no_false_alarm(rng):
    """Biases of 0 and constant rows put every unit of the next layer on relu's kink."""
    X = np.concatenate([np.full((3, 5), 2.0), rng.normal(size=(4, 5))])
    net = gd.Sequential(
        gd.LayerNorm(5), gd.Dense(5, 4, "relu"), gd.LayerNorm(4), gd.Dense(4, 2), seed=0, dtype="float64"
    )
    assert gd.check_gradients(net, X, rng.normal(size=(7, 2)), "mse").verdict != "fail"


@each_net
def test_a_wrong_entry_is_found(rng, layers):
    net, (X, y) = made(layers("tanh"), rng), drawn(rng, 9)
    grad = net.loss_and_grad(X, y, "mse")[1]
    for block in net.stack.blocks:
        wrong = grad.copy()
        entry = block.place.start
        wrong[entry] += 1e-6 * max(1.0, abs(grad[entry]))
        report = gd.check_gradients(net, X, y, "mse", grad=wrong)
        assert report.verdict == "fail"


def wrong_backwards():
    """What one forgets in this layer's backward pass: the gradient d loss / d x from g, unit and scale."""
    return {
        "no mean": lambda g, unit, scale: (g - unit * np.mean(g * unit, axis=1, keepdims=True)) / scale,
        "no projection": lambda g, unit, scale: (g - g.mean(axis=1, keepdims=True)) / scale,
        "no scale": lambda g, unit, scale: (
            g - g.mean(axis=1, keepdims=True) - unit * np.mean(g * unit, axis=1)[:, None]
        ),
        "constant statistics": lambda g, unit, scale: g / scale,
    }


@pytest.mark.parametrize("wrong", wrong_backwards().values(), ids=wrong_backwards())
def test_a_wrong_backward_pass_is_found(rng, monkeypatch, wrong):
    net, (X, y) = made(NETS["between"]("tanh"), rng), drawn(rng, 9)
    objective = objective_of(net.stack, X, y, "mse")
    steps, outputs = steps_of(objective)
    delta = objective.loss_of(outputs)[1]
    right = gradient_through(objective, steps, delta)
    np.testing.assert_allclose(right, objective.gradient(), rtol=0, atol=1e-14)
    monkeypatch.setattr("gdcore.gradcheck.model.kinds.norm.normalized_back", wrong)
    mutant = gradient_through(objective, steps, delta)
    monkeypatch.undo()
    assert gd.check_gradients(net, X, y, "mse", grad=mutant).verdict == "fail"


@each_net
def test_roundoff_bounds_hold_and_are_not_loose(rng, layers):
    """Against the reference in long double: every entry's bound covers its error, and is near the gradient's eps."""
    plain = [layer for layer in layers("tanh") if not isinstance(layer, gd.ScaledTarget)]
    net, (X, y) = made(plain, rng), drawn(rng, 9)
    objective = objective_of(net.stack, X, y, "mse")
    bound = gradient_roundoff(objective, "float64").whole
    wide = [part.astype(np.longdouble) for part in (net.params, X, y)]
    exact = reference.loss_and_grad(net.layers, *wide, "mean_squared_error")[1]
    own = objective.gradient()
    assert (np.abs(own - exact) <= bound).all()
    assert np.median(bound) <= 1e5 * np.finfo(np.float64).eps * (np.abs(own).max() + 1)


def test_an_eps_that_float32_cannot_hold_is_refused():
    layers = gd.LayerNorm(3, eps=1e-80), gd.Dense(3, 1)
    with pytest.raises(ValueError, match=r"LayerNorm\(3, eps=1e-80\) has an eps that float32 cannot hold"):
        gd.Sequential(*layers)
    net, X, y = gd.Sequential(*layers, seed=0, dtype="float64"), np.ones((4, 3)), np.ones((4, 1))
    X[2:, 1] = 5.0
    value, grad = net.loss_and_grad(X, y, "mse")
    exact_value, exact = reference.loss_and_grad(net.layers, net.params, X, y, "mean_squared_error")
    assert value == pytest.approx(exact_value, rel=1e-14)
    np.testing.assert_allclose(grad, exact, rtol=1e-13, atol=1e-14)


@pytest.mark.filterwarnings("error")
def test_what_is_said_of_a_fit_knows_that_rows_are_normalized(rng):
    """No warning of an activation before the last normalization, no hint about scales before the first one."""
    X, y = 1000 * rng.normal(size=(60, 5)), rng.normal(size=(60, 3))
    net = gd.Sequential(gd.Dense(5, 3, "relu"), gd.LayerNorm(3), gd.Dropout(0.3), seed=0)
    net.fit(X / 1000, y, "mse", epochs=2)
    assert gd.diagnose(net, X / 1000, y, "mse").kinds == ()
    first = gd.Sequential(gd.LayerNorm(5), gd.Dense(5, 3), seed=0)
    assert "Standardize" not in first.fit(X, y, "mse", epochs=10).hint
    assert "diverging" not in gd.diagnose(first, X, y, "mse", optimizer=gd.SGD(0.5)).kinds
