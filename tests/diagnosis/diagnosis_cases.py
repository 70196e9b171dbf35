"""Runs and models with one trouble built in each."""

import numpy as np

import gdcore as gd
from gdcore.datasets import friedman, load_digits


def line_data(n=60, columns=3, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, columns))
    return X, X @ rng.normal(size=(columns, 1)) + noise * rng.normal(size=(n, 1))


def blobs(n=90, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    angle = 2 * np.pi * y / classes
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.3 * rng.normal(size=(n, 2)), y


def net_of(sizes, activation="tanh", **options):
    return gd.MLP(sizes, activation, dtype="float64", seed=0, **options)


def ones_line():
    return gd.LinearModel(1, bias=False, weight_init="ones", dtype="float64")


def first_seed():
    return gd.diagnose(ones_line(), [[1], [100]], [2, 200], "mse", optimizer=gd.SGD(0.1))


def fourth_seed(epochs=10_000):
    x = 0.025 * np.arange(1, 21)[:, None]
    net = gd.Sequential(gd.Dense(1, 1, "tanh"), dtype="float64", seed=0)
    net.params = [0.5, 0.5]
    history = net.fit(x, 2 * x, loss="mse", optimizer=gd.SGD(0.7), batch_size=20, epochs=epochs)
    return gd.diagnose(net, x, 2 * x, "mse", history, optimizer=gd.SGD(0.7))


def least_squares():
    X, y = line_data()
    net = gd.LinearModel(3, dtype="float64")
    net.params = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0].ravel()
    return gd.diagnose(net, X, y, "mse")


def logistic_minimum():
    X, y = blobs()
    net = gd.LinearModel(2, 3, dtype="float64", seed=0)
    net.fit(X, y, loss="cross_entropy", optimizer=gd.SGD(1.0), batch_size=90, epochs=3000, l2=0.01)
    return gd.diagnose(net, X, y, "cross_entropy", l2=0.01)


def zero_weights():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    X -= X.mean(axis=0)
    return gd.diagnose(net_of([3, 4, 1], weight_init="zeros"), X, X[:, :1], "mse")


def zero_linear_pair():
    X = np.array([[1.0], [-1.0]] * 10)
    return gd.diagnose(net_of([1, 1, 1], "identity", bias=False, weight_init="zeros"), X, X, "mse")


def deep(activation, depth, init="auto", width=16, output="identity"):
    X, y = line_data()
    return gd.diagnose(net_of([3, *[width] * depth, 1], activation, weight_init=init), X, y, "mse")


def trained_deep_sigmoid():
    X, y = line_data()
    net = net_of([3, *[16] * 8, 1], "sigmoid")
    history = net.fit(X, y, loss="mse", optimizer=gd.SGD(0.05), epochs=100)
    return gd.diagnose(net, X, y, "mse", history)


def saturated(activation):
    X, y = line_data()
    return gd.diagnose(net_of([3, 8, 1], activation, weight_init=gd.Normal(20.0)), X, y, "mse")


def large_inputs():
    X, y = line_data()
    return gd.diagnose(net_of([3, 8, 1]), 50 * X, y, "mse")


def dead(units, width=16):
    X, y = line_data()
    net = net_of([3, width, 1], "relu")
    dict(net.parameters())["dense0.bias"][units] = -100
    return gd.diagnose(net, X, y, "mse")


def diverged_history():
    X, y = line_data()
    net = gd.LinearModel(3, dtype="float64", seed=0)
    history = net.fit(X, y, loss="mse", optimizer=gd.SGD(1.2), batch_size=60, epochs=20)
    return gd.diagnose(net, X, y, "mse", history)


def not_finite():
    X, y = line_data()
    net = gd.LinearModel(3, dtype="float64", seed=0)
    net.params[0] = np.nan
    return gd.diagnose(net, X, y, "mse")


def beyond(optimizer):
    X, y = line_data()
    return gd.diagnose(gd.LinearModel(3, dtype="float64", seed=0), X, y, "mse", optimizer=optimizer)


def bound_of_line(momentum=0.0, nesterov=False):
    X, y = line_data()
    line = gd.LinearModel(3, dtype="float64", seed=0)
    return gd.learning_rate_bound(line, X, y, "mse", momentum=momentum, nesterov=nesterov)


def thrown_up(optimizer):
    X, y, *_ = load_digits()
    net = gd.MLP([64, 32, 10], "tanh", seed=0)
    history = net.fit(X, y, loss="cross_entropy", optimizer=optimizer, epochs=5)
    return gd.diagnose(net, X, y, "cross_entropy", history, optimizer=optimizer)


def just_beyond(epochs):
    X, y = line_data(300)
    net = gd.LinearModel(3, seed=0)
    rule = gd.SGD(1.02 * gd.learning_rate_bound(net, X, y, "mse").max_rate)
    history = net.fit(X, y, loss="mse", optimizer=rule, batch_size=300, epochs=epochs)
    return gd.diagnose(net, X, y, "mse", history, optimizer=rule)


def followed(net, X, y, loss, optimizer, **options):
    history = net.fit(X, y, loss=loss, optimizer=optimizer, **options)
    return gd.diagnose(net, X, y, loss, history, optimizer=optimizer)


def up_and_flat():
    X, y = line_data(300)
    return followed(gd.MLP([3, 20, 1], "silu", seed=0), X, y, "huber", gd.Lion(50.0), epochs=25)


def far_start(optimizer, **options):
    X, y = line_data(300)
    net = gd.LinearModel(3)
    net.params = np.full(4, 1e3)
    return followed(net, X, y, "mse", optimizer, epochs=25, **options)


def large_initial_weights():
    X, y = line_data(300)
    net = gd.MLP([3, 16, 1], "relu", weight_init=gd.Normal(30.0), seed=0)
    return followed(net, X, y, "mse", gd.Adam(0.01), epochs=20)


def held_by_clipping():
    X, y = line_data(300, noise=1.0)
    return followed(gd.LinearModel(3, seed=0), X, y, "mse", gd.SGD(5.0), epochs=25, clip_norm=1.0)


def overflowing(scale):
    X, y = line_data()
    return gd.diagnose(gd.LinearModel(3), X, y * scale, "mse")


def shut_without_a_way_down():
    X = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]] * 6)
    return gd.diagnose(net_of([2, 4, 1], weight_init="zeros"), X, X[:, :1] * X[:, 1:], "mse")


def straight_pieces():
    X, y = line_data()
    net = gd.LinearModel(3, bias=False, seed=0)
    history = net.fit(X, y, loss="mae", optimizer=gd.SGD(100.0), batch_size=60, epochs=20)
    return gd.diagnose(net, X, y, "mae", history, optimizer=gd.SGD(100.0))


def noisy_zero_weights():
    X, y = line_data(300)
    net = gd.MLP([3, 8, 1], "tanh", weight_init="zeros", seed=0)
    history = net.fit(X, y, loss="mse", optimizer=gd.SGD(0.1), epochs=20)
    return gd.diagnose(net, X, y, "mse", history, optimizer=gd.SGD(0.1))


def swinging():
    X = np.array([[1.0], [1.0]] * 5)
    net = gd.Sequential(gd.Dense(1, 1, bias=False, weight_init="zeros"), dtype="float64")
    trainer = gd.Trainer(net, lambda z, y: (float(np.mean(np.abs(z - y))), np.sign(z - y) / z.size), gd.SGD(1.0))
    history = trainer.fit(X, np.full((10, 1), 0.25), epochs=20)
    return gd.diagnose(net, X, np.full((10, 1), 0.25), "mae", history, optimizer=gd.SGD(1.0))


def creeping():
    X, y = line_data()
    net = net_of([3, 8, 1])
    history = net.fit(X, y, loss="mse", optimizer=gd.Adam(1e-6), epochs=20)
    return gd.diagnose(net, X, y, "mse", history, optimizer=gd.Adam(1e-6))


def friedman_run(rate, epochs=20):
    X, y = friedman()[:2]
    layers = gd.Standardize.from_data(X), gd.Dense(10, 32, "relu"), gd.Dense(32, 1)
    return followed(gd.Sequential(*layers, seed=0), X, y, "mse", gd.SGD(rate), epochs=epochs)


def two_points(rate, epochs=200):
    line = gd.LinearModel(1, bias=False, weight_init="zeros")
    return followed(line, np.array([[1.0], [100.0]]), np.array([[2.0], [200.0]]), "mse", gd.SGD(rate), epochs=epochs)


def scaled(factors, offset=0.0, names=None):
    X, y = line_data()
    return gd.diagnose(gd.LinearModel(3), X * factors + offset, y, "mse", feature_names=names)


def outlying(rows):
    X, y = line_data(200)
    y = y.copy()
    y[rows] += 1000
    net = gd.LinearModel(3, dtype="float64", seed=0)
    history = net.fit(X, y, loss="mse", optimizer=gd.SGD(0.05), epochs=50)
    return gd.diagnose(net, X, y, "mse", history)


def by_heart():
    rng = np.random.default_rng(0)
    X, Xv = rng.normal(size=(20, 10)), rng.normal(size=(200, 10))
    y, yv = (A[:, :1] + rng.normal(size=(len(A), 1)) for A in (X, Xv))
    net = net_of([10, 64, 1])
    history = net.fit(X, y, loss="mse", optimizer=gd.Adam(0.01), epochs=300, validation_data=(Xv, yv))
    return gd.diagnose(net, X, y, "mse", history)


def rare_class():
    X, _ = blobs(200)
    return gd.diagnose(net_of([2, 8, 2]), X, (np.arange(200) % 40 == 0).astype(int), "cross_entropy")


def rare_yes():
    X, _ = blobs(200)
    return gd.diagnose(net_of([2, 8, 1]), X, np.arange(200) % 40 == 0, "bce")


def missing_class():
    X, _ = blobs(200)
    return gd.diagnose(net_of([2, 8, 3]), X, np.arange(200) % 2, "cross_entropy")


def wrong_loss(factor):
    X, y = line_data()

    def loss(z, y):
        return float(np.mean((z - y) ** 2)), factor * 2 * (z - y) / z.size

    return gd.diagnose(net_of([3, 8, 1]), X, y, loss)


def prices(n=300, size=2e5, spread=5e4, seed=0):
    """Inputs, and targets of a given size that follow the first of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, size + spread * (X[:, 0] + 0.2 * rng.normal(size=n))


def unscaled_prices():
    X, y = prices()
    return followed(gd.MLP([3, 16, 1], seed=0), X, y, "mse", gd.Adam(), epochs=30)


def exclusive_or(seed, epochs):
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    net = gd.MLP([2, 2, 1], "sigmoid", output_activation="sigmoid", seed=seed)
    return followed(net, X, np.array([0.0, 1.0, 1.0, 0.0]), "mse", gd.SGD(0.35), epochs=epochs, batch_size=4)


def sine_of_a_line():
    x = np.random.default_rng(0).uniform(-3, 3, size=(300, 1))
    return followed(gd.LinearModel(1, seed=0), x, np.sin(2 * x), "mse", gd.Adam(0.02), epochs=150)


def decayed_per_step():
    X, y = line_data(1000)
    rate = gd.SGD(gd.schedules.StepDecay(0.01, 10))
    return followed(gd.MLP([3, 32, 1], "sigmoid", seed=0), X, 10 * y, "mse", rate, epochs=30, batch_size=10)


def half_a_sine():
    x = np.linspace(0, 2 * np.pi, 200)[:, None]
    return gd.diagnose(gd.MLP([1, 8, 1], output_activation="sigmoid", seed=0), x, np.sin(x), "mse")


BUILT = [
    ("converged", fourth_seed),
    ("converged", least_squares),
    ("converged", logistic_minimum),
    ("stationary but not a minimum", zero_weights),
    ("stationary but not a minimum", zero_linear_pair),
    ("stationary but not a minimum", noisy_zero_weights),
    ("vanishing", lambda: deep("sigmoid", 8)),
    ("vanishing", lambda: deep("sigmoid", 6)),
    ("vanishing", lambda: deep("tanh", 8, gd.Normal(0.05))),
    ("vanishing", lambda: deep("relu", 8, gd.Normal(0.05))),
    ("vanishing", trained_deep_sigmoid),
    ("vanishing", shut_without_a_way_down),
    ("exploding", lambda: deep("relu", 8, gd.Normal(1.0))),
    ("exploding", lambda: deep("identity", 6, gd.Normal(2.0))),
    ("saturated units", lambda: saturated("tanh")),
    ("saturated units", lambda: saturated("sigmoid")),
    ("saturated units", large_inputs),
    ("dead relu units", lambda: dead([3])),
    ("dead relu units", lambda: dead(slice(0, 16))),
    ("diverging", first_seed),
    ("diverging", diverged_history),
    ("diverging", not_finite),
    ("diverging", lambda: thrown_up(gd.SGD(10.0))),
    ("diverging", lambda: thrown_up(gd.SGD(3.0))),
    ("diverging", lambda: thrown_up(gd.Adam(1.0))),
    ("diverging", lambda: just_beyond(20)),
    ("diverging", lambda: just_beyond(150)),
    ("diverging", straight_pieces),
    ("diverging", up_and_flat),
    ("diverging", lambda: far_start(gd.SGD(5.0), batch_size=300, clip_norm=1.0)),
    ("diverging", lambda: overflowing(1e20)),
    ("diverging", lambda: beyond(gd.SGD(1.05 * bound_of_line().max_rate))),
    ("diverging", lambda: beyond(gd.SGD(1.05 * bound_of_line(0.9).max_rate, momentum=0.9))),
    ("diverging", lambda: beyond(gd.SGD(1.05 * bound_of_line(0.9, True).max_rate, momentum=0.9, nesterov=True))),
    ("oscillating", lambda: beyond(gd.SGD(0.98 * bound_of_line().max_rate))),
    ("oscillating", swinging),
    ("oscillating", held_by_clipping),
    ("too slow", lambda: beyond(gd.SGD(1e-5))),
    ("too slow", creeping),
    ("too slow", lambda: far_start(gd.Adam(0.01))),
    ("too slow", large_initial_weights),
    ("too slow", lambda: friedman_run(1e-4)),
    ("too slow", lambda: two_points(1e-6)),
    ("still falling", lambda: friedman_run(5e-3, epochs=5)),
    ("still falling", lambda: two_points(1e-5, epochs=10)),
    ("badly scaled inputs", lambda: scaled([1, 1000, 1])),
    ("badly scaled inputs", lambda: scaled([1, 1, 1e-4])),
    ("badly scaled inputs", lambda: scaled([1, 1, 1], [0, 0, 60])),
    ("dominated by outliers", lambda: outlying([5])),
    ("dominated by outliers", lambda: outlying([5, 17, 60])),
    ("badly scaled targets", unscaled_prices),
    ("hardly better than a constant", unscaled_prices),
    ("hardly better than a constant", lambda: exclusive_or(0, 500)),
    ("underfitting", sine_of_a_line),
    ("rate fell to nothing", decayed_per_step),
    ("outputs out of reach", half_a_sine),
    ("overfitting", by_heart),
    ("class imbalance", rare_class),
    ("class imbalance", rare_yes),
    ("class imbalance", missing_class),
    ("gradient wrong", lambda: wrong_loss(-1.0)),
    ("gradient wrong", lambda: wrong_loss(1.01)),
]
