"""The bound is that of the eigenvalues, and descent keeps to it; the range test leaves all as it was."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.diagnosis.lanczos import lanczos
from gdcore.losses import get_loss
from gdcore.objective.curvature import Curvature

EPS = float(np.finfo(np.float64).eps)


def quadratic(seed, n=60, columns=6, outputs=1, bias=True, spread=1.0):
    """A linear model, data, and the Hessian of its mean squared error."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, columns)) * np.geomspace(1, spread, columns)
    net = gd.LinearModel(columns, outputs, bias=bias, dtype="float64", seed=seed)
    A = np.c_[X, np.ones(n)] if bias else X
    return net, X, rng.normal(size=(n, outputs)), 2 / (n * outputs) * np.kron(A.T @ A, np.eye(outputs))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("spread", [1.0, 30.0])
@pytest.mark.parametrize("l2", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_exact_on_quadratics(seed, l2, spread, outputs):
    net, X, y, H = quadratic(seed, outputs=outputs, spread=spread)
    H = H + l2 * np.diag([1.0] * (6 * outputs) + [0.0] * outputs)
    low, *_, high = np.linalg.eigvalsh(H)
    bound = gd.learning_rate_bound(net, X, y, "mse", l2=l2)
    assert bound.largest_curvature == pytest.approx(high, rel=1e-6)
    assert bound.smallest_curvature == pytest.approx(low, rel=1e-6)
    assert bound.max_rate == pytest.approx(2 / high, rel=1e-6)
    assert bound.best_rate == pytest.approx(2 / (low + high), rel=1e-6)
    assert bound.condition_number == pytest.approx(high / low, rel=1e-6)


@pytest.mark.parametrize("activation", [row.name for row in gd.ACTIVATIONS])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "poisson", "log_cosh"])
def test_products_against_differences_of_every_entry(activation, loss):
    rng = np.random.default_rng(1)
    net = gd.MLP([3, 4, 2], activation, dtype="float64", seed=1)
    X = rng.normal(size=(7, 3))
    y = rng.integers(0, 2, 7) if loss == "cross_entropy" else rng.random((7, 2))
    x = net.params.copy()

    def gradient(at):
        net.params = at
        return net.loss_and_grad(X, y, loss, l2=0.1)[1]

    step = 1e-6
    H = np.array([(gradient(x + step * e) - gradient(x - step * e)) / (2 * step) for e in np.eye(len(x))])
    v = rng.normal(size=len(x))
    error = np.linalg.norm(Curvature(gradient, x).product(v) - H @ v)
    assert error <= EPS**0.5 * np.linalg.norm(v) * np.linalg.norm(H) + 1e-8


def test_the_first_documents_two_data_sets_have_one_rate_where_inputs_are_standardized():
    """y = 2 x at x = (1, 100) and at x = (1, 10): rates 99 times apart, one behind the layer, and it serves both."""
    rates, scaled = [], []
    for X in ([[1.0], [100.0]], [[1.0], [10.0]]):
        y = 2 * np.array(X)
        line = gd.LinearModel(1, bias=False, weight_init="ones", dtype="float64")
        rates.append(gd.learning_rate_bound(line, X, y, "mse").max_rate)
        net = gd.Sequential(gd.Standardize.from_data(X), gd.Dense(1, 1), seed=0, dtype="float64")
        bound = gd.learning_rate_bound(net, X, y, "mse")
        scaled.append(bound.max_rate)
        net.fit(X, y, loss="mse", optimizer=gd.SGD(0.4 * bound.max_rate), batch_size=2, epochs=50)
        np.testing.assert_allclose(net.predict(X), y, rtol=1e-9)
        assert bound.condition_number == pytest.approx(1, rel=1e-6)
    assert rates == [pytest.approx(2 / (1 + 100**2), rel=1e-6), pytest.approx(2 / (1 + 10**2), rel=1e-6)]
    assert scaled == [pytest.approx(1, rel=1e-6)] * 2


def test_lanczos_finds_repeated_and_negative_ends():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(50, 50)))[0]
    values = np.r_[-3.0, -3.0, np.linspace(-1, 1, 46), 7.0, 7.0]
    A = Q * values @ Q.T
    found = lanczos(lambda v: A @ v, rng.normal(size=50), 50, 1e-10)
    np.testing.assert_allclose(found.ritz[[0, -1]], [-3, 7], rtol=1e-9)
    assert abs(found.ritz[-1] - 7) <= found.high_error + 100 * EPS
    assert found.weight.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "rule",
    [
        lambda bound, share: gd.SGD(share * bound.momentum_bound(0.0)),
        lambda bound, share: gd.SGD(share * bound.momentum_bound(0.9), momentum=0.9),
        lambda bound, share: gd.SGD(share * bound.momentum_bound(0.9, nesterov=True), momentum=0.9, nesterov=True),
    ],
    ids=["plain", "momentum", "nesterov"],
)
def test_descent_is_stable_below_the_bound_and_not_above(rule):
    def loss_after(share):
        net, X, y, _ = quadratic(0)
        bound = gd.learning_rate_bound(net, X, y, "mse")
        before = net.loss(X, y, "mse")
        trainer = gd.Trainer(net, "mse", rule(bound, share), batch_size=len(X))
        for _ in range(2000):
            trainer.step(X, y)
        return net.loss(X, y, "mse") / before

    assert loss_after(0.99) < 1
    assert loss_after(1.01) > 1e6


def test_steps_per_digit_are_what_the_worst_direction_takes():
    net, X, y, H = quadratic(3, spread=10.0)
    bound = gd.learning_rate_bound(net, X, y, "mse")
    best = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0].ravel()
    slow = np.linalg.eigh(H)[1][:, 0]
    net.params = best + slow
    trainer = gd.Trainer(net, "mse", gd.SGD(bound.best_rate), batch_size=len(X))
    digits = 3
    steps = round(digits * bound.steps_per_digit)
    for _ in range(steps):
        trainer.step(X, y)
    assert np.linalg.norm(net.params - best) == pytest.approx(10**-digits, rel=0.05)


def test_best_momentum_needs_fewer_steps():
    net, X, y, _ = quadratic(3, spread=30.0)
    bound = gd.learning_rate_bound(net, X, y, "mse")
    rate, momentum = bound.best_momentum
    best = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0].ravel()

    def distance(rule):
        copy = net.copy()
        trainer = gd.Trainer(copy, "mse", rule, batch_size=len(X))
        for _ in range(200):
            trainer.step(X, y)
        return np.linalg.norm(copy.params - best)

    assert distance(gd.SGD(rate, momentum=momentum)) < 1e-3 * distance(gd.SGD(bound.best_rate))


def test_the_first_documents_two_data_sets_and_one_scale():
    """Rates a hundred times apart become one where both inputs have mean 0 and deviation 1."""
    line = gd.LinearModel(1, bias=False, weight_init="ones", dtype="float64")
    rates, standard = [], []
    for far in (100.0, 10.0):
        x = np.array([[1.0], [far]])
        rates.append(gd.learning_rate_bound(line, x, 2 * x, "mse").max_rate)
        z = (x - x.mean()) / x.std()
        standard.append(gd.learning_rate_bound(line, z, 2 * x, "mse").max_rate)
    np.testing.assert_allclose(rates, [2 / 10001, 2 / 101], rtol=1e-9)
    np.testing.assert_allclose(standard, [1.0, 1.0], rtol=1e-9)


def test_flat_and_falling_directions_have_no_best_rate():
    flat = gd.learning_rate_bound(gd.LinearModel(1, dtype="float64", seed=0), [[1.0], [1.0]], [1, 2], "mse")
    assert flat.best_rate is flat.steps_per_digit is flat.best_momentum is None
    assert flat.condition_number == np.inf
    assert "no best rate" in repr(flat)
    straight = gd.learning_rate_bound(gd.LinearModel(1, seed=0), [[1.0], [2.0]], [9, 9], "mae")
    assert straight.max_rate == np.inf
    assert repr(straight) == "largest curvature 0: made of straight pieces, the loss sets no bound by its curvature"
    tiny = gd.LearningRateBound(1.0, 1e-11, 0.0, 9)
    assert tiny.best_rate is None
    assert "not resolved" in repr(tiny)
    assert "convex" not in repr(tiny)
    assert "not resolved" in repr(gd.LearningRateBound(1.0, 1e-9, 0.0, 9, smallest_error=2e-9))
    assert "not convex" in repr(gd.LearningRateBound(1.0, -0.1, 0.0, 9))
    short = gd.learning_rate_bound(gd.MLP([3, 8, 1], "tanh", seed=0), np.eye(3), np.ones(3), "mse", max_products=3)
    assert short.smallest_curvature is short.condition_number is None
    assert "not settled" in repr(short)


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
@pytest.mark.parametrize("loss", [row.name for row in gd.LOSSES])
def test_a_loss_of_straight_pieces_sets_no_bound_behind_a_network_either(loss, activation):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    net = gd.MLP([3, 8, 2 if loss == "cross_entropy" else 1], activation, seed=0)
    y = 2 * y - 1 if get_loss(loss).target == "sign" else y
    bound = gd.learning_rate_bound(net, X, y, loss, l2=0.1)
    straight = loss in ("mean_absolute_error", "quantile", "epsilon_insensitive", "hinge", "perceptron")
    assert bound.straight == np.isinf(bound.max_rate) == np.isinf(bound.momentum_bound(0.9)) == straight
    assert ("made of straight pieces, the loss sets no bound" in repr(bound)) == straight
    assert bound.largest_curvature > 0
    found = gd.diagnose(net, X, y, loss, optimizer=gd.SGD(1e-6))
    assert ("too slow" in found.kinds) == (not straight), found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", gd.SGD(momentum=0.9)])
def test_range_test(dtype, optimizer):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ np.ones((3, 1))
    net = gd.MLP([3, 16, 1], "tanh", seed=0, dtype=dtype)
    kept = net.params.copy()
    found = gd.find_learning_rate(net, X, y, "mse", optimizer)
    np.testing.assert_array_equal(net.params, kept)
    again = gd.find_learning_rate(net, X, y, "mse", optimizer)
    np.testing.assert_array_equal(found.losses, again.losses)
    assert len(found.rates) == len(found.losses) == len(found.smoothed)
    np.testing.assert_allclose(np.diff(np.log(found.rates)), np.log(1e7) / 99)
    assert found.smoothed[0] == pytest.approx(net.loss(X, y, "mse"), rel=1e-3)
    momentum = 0.9 if isinstance(optimizer, gd.SGD) else 0.0
    rule = gd.Adam(found.suggestion) if optimizer == "adam" else gd.SGD(found.suggestion, momentum=momentum)
    history = net.fit(X, y, loss="mse", optimizer=rule, epochs=30)
    assert history.loss[-1] < 0.1 * history.loss[0]


@pytest.mark.parametrize("steps", [50, 100, 200])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_the_suggestion_on_a_parabola_is_a_fifth_of_its_bound_or_more(scale, steps):
    """However many steps there are, whose small ones have taken off most of the loss before."""
    X = scale * np.array([[0.01], [1.0]])
    line = gd.LinearModel(1, bias=False, weight_init="zeros", dtype="float64")
    found = gd.find_learning_rate(line, X, 2 * X, "mse", steps=steps)
    bound = gd.learning_rate_bound(line, X, 2 * X, "mse").max_rate
    assert 0.2 * bound < found.suggestion < bound


@pytest.mark.parametrize("end", [-5.0, 0.0])
def test_a_loss_below_zero_has_a_suggestion(end):
    def loss(z, y):
        return float(np.mean((z - y) ** 2)) + end, 2 * (z - y) / z.size

    X = np.linspace(-1, 1, 32)[:, None]
    found = gd.find_learning_rate(gd.LinearModel(1, seed=0, dtype="float64"), X, 3 * X, loss)
    assert 0.01 < found.suggestion < 3


def test_range_test_without_a_fall_and_with_labels():
    labels = np.arange(40) % 2
    still = gd.find_learning_rate(
        gd.LinearModel(2, 2, seed=0), np.zeros((40, 2)), labels, "cross_entropy", low=1e-9, high=1e-8, steps=10
    )
    assert still.stop_reason == "the highest rate was reached"
    up = gd.find_learning_rate(
        gd.LinearModel(1, seed=0), np.full((40, 1), 1e3), labels, "mse", low=10.0, high=100.0, steps=10
    )
    assert up.suggestion is None
    assert "never fell" in repr(up)


def test_the_plot_shows_the_losses_and_the_suggestion():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    X = np.linspace(-1, 1, 64)[:, None]
    found = gd.find_learning_rate(gd.LinearModel(1, seed=0), X, 3 * X, "mse")
    ax = found.plot(Figure().subplots())
    batches, mean, trials, mark = ax.lines
    np.testing.assert_array_equal(batches.get_xydata(), np.c_[found.rates, found.losses])
    np.testing.assert_array_equal(mean.get_xydata(), np.c_[found.rates, found.smoothed])
    np.testing.assert_array_equal(trials.get_xydata(), np.c_[found.trial_rates, found.trial_losses])
    assert mark.get_xdata()[0] == found.suggestion
    assert ax.get_ylim()[0] < found.trial_losses.min()
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()[:4]) == ("log", "learning rate", "loss")


LINE = gd.LinearModel(2, dtype="float64", seed=0)
ERRORS = [
    (gd.learning_rate_bound, {"momentum": 1.0}, ValueError, r"momentum must be in \[0, 1\)"),
    (gd.learning_rate_bound, {"max_products": 0}, ValueError, "max_products must be >= 1"),
    (gd.learning_rate_bound, {"l2": -1}, ValueError, "l2 must be >= 0"),
    (gd.learning_rate_bound, {"nesterov": 1}, TypeError, "nesterov must be True or False"),
    (gd.find_learning_rate, {"low": 1.0, "high": 0.1}, ValueError, "low must be < high"),
    (gd.find_learning_rate, {"steps": 9}, ValueError, "steps must be >= 10"),
    (gd.find_learning_rate, {"optimizer": gd.SGD(gd.schedules.Cosine(0.1, 9))}, ValueError, "follows Cosine"),
    (gd.find_learning_rate, {"optimizer": gd.LBFGS()}, ValueError, r"got LBFGS\(\), which chooses its steps"),
    (gd.find_learning_rate, {"optimizer": "lbfgs"}, ValueError, r"got LBFGS\(\), which chooses its steps itself: pass"),
]


@pytest.mark.parametrize(("call", "options", "error", "message"), ERRORS)
def test_errors(call, options, error, message):
    with pytest.raises(error, match=message):
        call(LINE, np.eye(2), np.ones(2), "mse", **options)


@pytest.mark.parametrize("largest", [1e2, 1e3])
def test_the_smallest_curvature_is_exact_in_its_own_digits(largest):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 30)) * np.r_[np.geomspace(1, largest, 10), np.linspace(0.01, 0.02, 20)]
    low, *_, high = np.linalg.eigvalsh(2 / 60 * X.T @ X + 0.1 * np.eye(30))
    line = gd.LinearModel(30, bias=False, dtype="float64")
    bound = gd.learning_rate_bound(line, X, rng.normal(size=(60, 1)), "mse", l2=0.1)
    assert bound.smallest_curvature == pytest.approx(low, rel=1e-6)
    assert bound.condition_number == pytest.approx(high / low, rel=1e-6)
