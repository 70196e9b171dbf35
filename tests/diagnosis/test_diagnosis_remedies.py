"""Each remedy is tried: the finding goes, and the score rises."""

import numpy as np
import pytest
from diagnosis_cases import line_data, prices

import gdcore as gd
from gdcore.diagnosis import RULES
from gdcore.diagnosis.learning import learning_of
from gdcore.objective.build import wide_objective

NOTES = {"converged", "still falling"}
"""Kinds that are never a problem."""


def standardized(A):
    return (A - A.mean(axis=0)) / A.std(axis=0)


def learned(net, X, y, loss, optimizer, **options):
    """The diagnosis of a fit, and the share of what there was to learn that it has learned."""
    history = gd.History()
    try:
        history = net.fit(X, y, loss=loss, optimizer=optimizer, **options)
    except gd.DivergedError as error:
        history = error.history
    weights = {"class_weight": options["class_weight"]} if "class_weight" in options else {}
    found = gd.diagnose(net, X, y, loss, history, optimizer=optimizer, **weights)
    objective = wide_objective(net, X, y, loss)
    return found, learning_of(objective.data, objective.loss, objective.layer_outputs()[-1]).share


def zero_weights(mended):
    X, y = line_data(200)
    net = gd.MLP([3, 8, 1], "tanh", weight_init="auto" if mended else "zeros", seed=0)
    return learned(net, X, y, "mse", gd.SGD(0.1), epochs=20)


def beyond_the_bound(mended):
    X, y = line_data(200)
    net = gd.LinearModel(3, dtype="float64", seed=0)
    rate = gd.learning_rate_bound(net, X, y, "mse").max_rate
    return learned(net, X, y, "mse", gd.SGD(rate * (0.5 if mended else 1.05)), batch_size=200, epochs=60)


def held_by_clipping(mended):
    X, y = line_data(300, noise=1.0)
    return learned(gd.LinearModel(3, seed=0), X, y, "mse", gd.SGD(0.05 if mended else 5.0), epochs=25, clip_norm=1.0)


def creeping(mended):
    X, y = line_data(200)
    net = gd.LinearModel(3, dtype="float64", seed=0)
    slow = gd.SGD(1e-5)
    if mended:
        remedy = gd.diagnose(net, X, y, "mse", optimizer=slow).to_dict()["too slow"]["remedy"]
        slow = gd.SGD(float(remedy.rpartition(" ")[2]))
    return learned(net, X, y, "mse", slow, batch_size=200, epochs=20)


def step_decay(mended):
    X, y = line_data(1000, noise=0)
    unit = {"per": "epoch"} if mended else {}
    net = gd.MLP([3, 32, 1], "sigmoid", seed=0)
    return learned(net, X, 10 * y, "mse", gd.SGD(gd.schedules.StepDecay(0.01, 10, **unit)), epochs=30, batch_size=10)


def cut_by_plateaus(mended):
    X, y = line_data(400)
    rate = (
        gd.schedules.ReduceOnPlateau(1e-3, patience=10)
        if mended
        else gd.schedules.ReduceOnPlateau(1e-3, patience=1, threshold=10.0, threshold_mode="abs")
    )
    return learned(gd.MLP([3, 32, 1], "tanh", seed=0), X, y, "mse", gd.SGD(rate), epochs=60, batch_size=10)


def exclusive_or(mended):
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    net = gd.MLP([2, 2, 1], "sigmoid", output_activation="sigmoid", seed=0)
    epochs = 8000 if mended else 500
    return learned(net, X, np.array([0.0, 1.0, 1.0, 0.0]), "mse", gd.SGD(0.35), epochs=epochs, batch_size=4)


def ten_periods(mended):
    x = np.linspace(0, 1, 500)[:, None]
    y = np.sin(20 * np.pi * x)
    X = np.hstack([f(2 * np.pi * k * x) for k in (1, 2, 4, 8, 16) for f in (np.sin, np.cos)]) if mended else x
    net = gd.MLP([X.shape[1], 64, 64, 1], "tanh", seed=0)
    return learned(net, standardized(X), y, "mse", gd.Adam(0.003), epochs=60)


def crossed_blobs(model):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    return learned(model, X, y, "bce", gd.Adam(0.01), epochs=60)


def too_small(mended):
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(300, 1))
    net = gd.MLP([1, 32, 1], "tanh", seed=0) if mended else gd.LinearModel(1, seed=0)
    return learned(net, X, np.sin(2 * X), "mse", gd.Adam(0.02), epochs=150)


def deep_sigmoid(mended):
    X, y = line_data(200)
    net = gd.MLP([3, *[16] * 8, 1], "relu" if mended else "sigmoid", seed=0)
    return learned(net, X, y, "mse", gd.SGD(0.02), epochs=20)


def exploding(mended):
    X, y = line_data(200)
    net = gd.MLP([3, *[16] * 8, 1], "relu", weight_init="auto" if mended else gd.Normal(1.0), seed=0)
    return learned(net, X, y, "mse", gd.Adam(0.001), epochs=3, clip_norm=1.0)


def saturated(mended):
    X, y = line_data(200)
    net = gd.MLP([3, 8, 1], "tanh", weight_init="auto" if mended else gd.Normal(20.0), seed=0)
    return learned(net, X, y, "mse", gd.Adam(0.01), epochs=40)


def dead(mended):
    X, y = line_data(200)
    bias = "zeros" if mended else gd.Constant(-100.0)
    net = gd.Sequential(gd.Dense(3, 16, "relu", bias_init=bias), gd.Dense(16, 1), seed=0)
    return learned(net, X, y, "mse", gd.Adam(0.01), epochs=40)


def unscaled_inputs(mended):
    X, y = line_data(200)
    X = X * [1.0, 1000.0, 0.01] + [0.0, 5000.0, 0.0]
    layers = (gd.Standardize.from_data(X),) if mended else ()
    return learned(
        gd.Sequential(*layers, gd.Dense(3, 16, "tanh"), gd.Dense(16, 1), seed=0), X, y, "mse", gd.Adam(0.01), epochs=40
    )


def unscaled_targets(loss, optimizer, size, spread):
    def run(mended):
        X, y = prices(size=size, spread=spread)
        net = gd.MLP([3, 16, 1], seed=0)
        return learned(net, X, standardized(y) if mended else y, loss, optimizer, epochs=60)

    return run


def fourth_power(mended):
    x = np.linspace(-100, 100, 400)[:, None]
    X = standardized(x)
    y = standardized(x**4) if mended else x**4
    return learned(gd.MLP([1, 32, 32, 1], seed=0), X, y, "mse", gd.Adam(0.01), epochs=100, seed=0)


def squashed(loss, activation, targets):
    def run(mended):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, 4))
        y = targets(X)
        k = 3 if loss == "cross_entropy" else 1
        net = gd.MLP([4, 16, k], output_activation="identity" if mended else activation, seed=0)
        if mended:
            return learned(net, X, y, loss, gd.Adam(0.01), epochs=60)
        with pytest.warns(gd.OutputRangeWarning, match="leave the output activation out"):
            return learned(net, X, y, loss, gd.Adam(0.01), epochs=60)

    return run


def outlying(mended):
    X, y = line_data(200, noise=0.5)
    y = y.copy()
    y[[5, 17]] += 1000
    net = gd.LinearModel(3, seed=0)
    found, _ = learned(net, X, y, "huber" if mended else "mse", gd.SGD(0.05), epochs=50)
    return found, -float(np.median(np.abs(net.predict(X) - y)))


def rare_class(mended):
    rng = np.random.default_rng(0)
    y = (rng.random(1000) < 0.04).astype(int)
    X = rng.normal(size=(1000, 2)) + 1.2 * y[:, None]
    net = gd.LinearModel(2, seed=0)
    weights = {"class_weight": "balanced"} if mended else {}
    found, _ = learned(net, X, y, "bce", gd.SGD(0.2), batch_size=1000, epochs=300, **weights)
    right = (net.predict(X)[:, 0] > 0) == y
    return found, (right[y == 1].mean() + right[y == 0].mean()) / 2


def by_heart(loss):
    def run(mended):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, 10))
        y = (
            rng.poisson(np.exp(1.5 + 0.3 * X[:, :1])).astype(float)
            if loss == "poisson"
            else (
                X[:, :1] + rng.normal(size=(300, 1))
                if loss == "mse"
                else (X[:, 0] + 1.5 * rng.normal(size=300) > 0) * 1
            )
        )
        net = gd.MLP([10, 64, 1], "tanh", seed=0)
        options = {"stop": gd.EarlyStopping(patience=20)} if mended else {}
        options["validation_data"] = X[60:], y[60:]
        found, _ = learned(net, X[:60], y[:60], loss, gd.Adam(0.01), epochs=200, **options)
        return found, -net.loss(X[60:], y[60:], loss)

    return run


def wrong_gradient(mended):
    X, y = line_data(100)
    net = gd.LinearModel(3, seed=0)
    sign = 1 if mended else -1

    def loss(z, y):
        return float(np.mean((z - y) ** 2)), sign * 2 * (z - y) / z.size

    history = net.fit(X, y, loss=loss, optimizer=gd.SGD(0.01), epochs=10)
    return gd.diagnose(net, X, y, loss, history), -net.loss(X, y, "mse")


CASES = [
    ("stationary but not a minimum", zero_weights),
    ("diverging", beyond_the_bound),
    ("oscillating", held_by_clipping),
    ("too slow", creeping),
    ("rate fell to nothing", step_decay),
    ("rate fell to nothing", cut_by_plateaus),
    ("hardly better than a constant", exclusive_or),
    ("hardly better than a constant", ten_periods),
    (
        "hardly better than a constant",
        lambda mended: crossed_blobs(gd.MLP([2, 16, 1], seed=0) if mended else gd.LinearModel(2, seed=0)),
    ),
    ("underfitting", too_small),
    ("vanishing", deep_sigmoid),
    ("exploding", exploding),
    ("saturated units", saturated),
    ("dead relu units", dead),
    ("badly scaled inputs", unscaled_inputs),
    *[
        ("badly scaled targets", unscaled_targets(loss, gd.Adam(), 2e5, 5e4))
        for loss in ("mse", "mae", "huber", "log_cosh", gd.Quantile(0.9))
    ],
    *[
        ("badly scaled targets", unscaled_targets("mse", gd.Adam(0.003), size, spread))
        for size, spread in ((200.0, 50.0), (2e4, 5e3), (2e6, 5e5), (1.7e9, 1e4), (0.0, 1e-4))
    ],
    ("badly scaled targets", fourth_power),
    ("outputs out of reach", squashed("bce", "sigmoid", lambda X: (X[:, 0] > 0) * 1)),
    ("outputs out of reach", squashed("bce", "relu", lambda X: (X[:, 0] > 0) * 1)),
    ("outputs out of reach", squashed("cross_entropy", "sigmoid", lambda X: (X[:, 0] > 0) * 1 + (X[:, 1] > 0))),
    ("outputs out of reach", squashed("mse", "tanh", lambda X: 2 + X.sum(axis=1))),
    ("outputs out of reach", squashed("mae", "sigmoid", lambda X: np.sin(X[:, 0]))),
    ("outputs out of reach", squashed("hinge", "sigmoid", lambda X: np.sign(X[:, 0]))),
    ("outputs out of reach", squashed("poisson", "tanh", lambda X: np.round(np.exp(2 + X[:, 0])))),
    ("dominated by outliers", outlying),
    ("class imbalance", rare_class),
    *[("overfitting", by_heart(loss)) for loss in ("mse", "bce", "poisson")],
    ("gradient wrong", wrong_gradient),
]


@pytest.mark.parametrize(("kind", "run"), CASES, ids=[f"{kind} {i}" for i, (kind, _) in enumerate(CASES)])
def test_the_remedy_mends(kind, run):
    sick, poor = run(False)
    well, score = run(True)
    assert kind in {finding.kind for finding in sick.problems}, sick
    assert sick.to_dict()[kind]["remedy"]
    assert kind not in {finding.kind for finding in well.problems}, well
    assert score > poor


def test_every_problem_has_its_remedy_tried():
    assert {kind for kind, _ in CASES} == {rule.kind for rule in RULES} - NOTES
