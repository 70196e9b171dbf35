"""Model i is what a fit of it alone gives, bit for bit, over the registries."""

import numpy as np
import pytest

import gdcore as gd

SEEDS = (5, 6, 7)
DTYPES = ("float32", "float64")


def targets(kind, n, k, rng):
    if kind == "class":
        return rng.integers(0, k, n)
    drawn = {
        "real": rng.normal(size=(n, k)),
        "nonnegative": rng.poisson(2.0, (n, k)),
        "unit": rng.integers(0, 2, (n, k)),
        "sign": 2 * rng.integers(0, 2, (n, k)) - 1,
    }
    return drawn[kind].astype(float)


def problem(kind="real", n=30, d=3, k=2, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), targets(kind, n, k, rng)


def alone(net, seed, X, y, loss, **options):
    """Fit one model of a seed by itself."""
    single = gd.Sequential(*net.layers, seed=seed, dtype=net.dtype)
    history = single.fit(X, y, loss, seed=seed, **options)
    return single, history


def same(many, i, single, history):
    np.testing.assert_array_equal(many[i].params, single.params)
    own = many.history(i)
    np.testing.assert_array_equal(own.loss, history.loss)
    np.testing.assert_array_equal(own.val_loss, history.val_loss)
    np.testing.assert_array_equal(own.gradient_norm, history.gradient_norm)
    np.testing.assert_array_equal(own.learning_rate, history.learning_rate)
    assert own.clipped_steps == history.clipped_steps
    assert own.metrics == history.metrics
    assert own.stop_reason == history.stop_reason


def compare(net, X, y, loss, **options):
    options = {"epochs": 3, "batch_size": 8} | options
    many = gd.fit_many(net, X, y, loss, seeds=SEEDS, **options)
    for i, seed in enumerate(SEEDS):
        same(many, i, *alone(net, seed, X, y, loss, **options))
    return many


def net_of(activation="tanh", dtype="float64", k=2, dropout=0.0):
    return gd.MLP([3, 5, k], activation=activation, dropout=dropout, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", [row.name for row in gd.ACTIVATIONS])
def test_activations(activation, dtype):
    compare(net_of(activation, dtype), *problem(), "mse")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", gd.LOSSES, ids=lambda kind: kind.name)
def test_losses(kind, dtype):
    loss = kind(0.5) if kind.__match_args__ and kind.name in ("quantile", "huber") else kind.name
    try:
        record = kind()
    except TypeError:
        record = kind(0.5)
    loss = record if isinstance(loss, str) else loss
    compare(net_of(dtype=dtype), *problem(record.target), loss)


@pytest.mark.parametrize("kind", gd.OPTIMIZERS, ids=lambda kind: kind.name)
def test_optimizers_with_a_rate_for_each_model(kind):
    net, (X, y) = net_of(dtype="float32"), problem()
    rates = np.array([0.001, 0.02, 0.05])
    many = gd.fit_many(net, X, y, "mse", seeds=SEEDS, optimizer=kind(rates), epochs=3, batch_size=8)
    for i, seed in enumerate(SEEDS):
        same(many, i, *alone(net, seed, X, y, "mse", optimizer=kind(float(rates[i])), epochs=3, batch_size=8))


SCHEDULES = {
    "constant": (),
    "step_decay": (2,),
    "multi_step": ((2, 5),),
    "exponential": (0.9,),
    "inverse_scaling": (),
    "polynomial": (12,),
    "cosine": (12,),
    "one_cycle": (12,),
    "reduce_on_plateau": (0.1, 0),
}
"""What each takes behind the rate."""


def schedule(name, rate, **per):
    kinds = {kind.name: kind for kind in gd.schedules.SCHEDULES}
    return kinds[name](rate, *SCHEDULES[name], **per)


@pytest.mark.parametrize("per", [{}, {"per": "epoch"}], ids=["step", "epoch"])
@pytest.mark.parametrize("name", [kind.name for kind in gd.schedules.SCHEDULES])
def test_schedules_with_a_rate_for_each_model(name, per):
    net, (X, y) = net_of(), problem()
    per = {} if name == "reduce_on_plateau" else per
    rates = np.array([0.01, 0.02, 0.3])
    options = {"epochs": 4, "batch_size": 10}
    many = gd.fit_many(net, X, y, "mse", seeds=SEEDS, optimizer=gd.SGD(schedule(name, rates, **per)), **options)
    for i, seed in enumerate(SEEDS):
        own = gd.SGD(schedule(name, float(rates[i]), **per))
        same(many, i, *alone(net, seed, X, y, "mse", optimizer=own, **options))


STOPS = {
    "early_stopping": gd.EarlyStopping(patience=2),
    "loss_threshold": gd.LossThreshold(1.0),
    "gradient_norm_threshold": gd.GradientNormThreshold(0.8, of="epoch"),
    "relative_change": gd.RelativeChange(0.05),
    "time_limit": gd.TimeLimit(1e-9),
}


@pytest.mark.parametrize("name", [kind.name for kind in gd.CRITERIA])
@pytest.mark.parametrize("batch_size", [8, 100])
def test_criteria_stop_each_model_as_its_own_fit(name, batch_size):
    net, (X, y) = net_of(), problem()
    options = {"epochs": 40, "batch_size": batch_size, "optimizer": gd.Adam(0.1), "stop": STOPS[name]}
    many = gd.fit_many(net, X, y, "mse", seeds=SEEDS, validation_split=0.3, **options)
    for i, seed in enumerate(SEEDS):
        single, history = alone(net, seed, X, y, "mse", validation_split=0.3, **options)
        np.testing.assert_array_equal(many[i].params, single.params)
        assert many.history(i).val_loss == history.val_loss
        assert many.epochs[i] == history.epochs < 40


@pytest.mark.parametrize("kind", gd.AVERAGES, ids=lambda kind: kind.name)
def test_averages(kind):
    average = kind(0.9, start=3) if kind is gd.EMA else kind(start=3)
    compare(net_of(dropout=0.3), *problem(), "mse", average=average)


def test_sparse_inputs_and_full_batches():
    sparse = pytest.importorskip("scipy.sparse")
    X, y = problem()
    rows = sparse.csr_array(np.where(X > 0, X, 0))
    compare(net_of(), rows, y, "mse")
    many = gd.fit_many(net_of(), rows, y, "mse", seeds=SEEDS, rows=[[0, 5, 7], [1, 2, 3, 4], [9]], epochs=2)
    assert np.isfinite(many.params).all()
    compare(net_of(), X, y, "mse", optimizer="lbfgs")


@pytest.mark.parametrize(
    "options",
    [
        {"l1": 0.01, "optimizer": gd.SGD(0.1)},
        {"l2": 0.1},
        {"clip_norm": 0.1},
        {"clip_value": 0.01},
        {"accumulate": 2},
        {"shuffle": False},
        {"drop_last": True},
        {"average": gd.Polyak()},
        {"average": gd.EMA(0.9, validate=True), "validation_split": 0.3},
        {"layer_rates": {"dense0": 0.0}},
        {"max_steps": 5, "epochs": None},
        {"validation_split": 0.25, "stop": gd.EarlyStopping(patience=1), "epochs": 30, "optimizer": gd.SGD(0.5)},
        {"metrics": ("r2", "mae"), "validation_split": 0.25},
        {"record": ("weight_norm", "update_ratio", "layer_gradient_norm")},
        {"stop": gd.LossThreshold(1.2), "epochs": 20},
        {"optimizer": gd.SGD(0.05, momentum=0.9, nesterov=True)},
    ],
    ids=str,
)
def test_settings(options):
    compare(net_of(dropout=0.2, dtype="float32"), *problem(), "mse", **options)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("l1", np.array([0.0, 0.01, 0.1])),
        ("l2", [0.0, 0.01, 0.1]),
        ("clip_norm", np.array([0.1, 0.2, 5.0])),
        ("clip_value", (0.1, 0.2, None)),
        ("batch_size", np.array([4, 8, 100])),
        ("accumulate", [1, 2, 3]),
    ],
)
def test_a_setting_for_each_model(name, values):
    net, (X, y) = net_of(), problem()
    many = gd.fit_many(net, X, y, "mse", seeds=SEEDS, epochs=3, **{"batch_size": 8, name: values})
    for i, seed in enumerate(SEEDS):
        value = values[i].item() if isinstance(values, np.ndarray) else values[i]
        same(many, i, *alone(net, seed, X, y, "mse", epochs=3, **{"batch_size": 8, name: value}))


def test_momentum_betas_decay_and_levels_for_each_model():
    net, (X, y) = net_of(), problem()
    three = np.array([0.1, 0.5, 0.9])
    several = {
        "momentum": lambda v: gd.SGD(0.1, momentum=v),
        "betas": lambda v: gd.Adam(0.01, betas=(v, 0.99)),
        "decay": lambda v: gd.AdamW(0.01, weight_decay=v),
    }
    for make in several.values():
        many = gd.fit_many(net, X, y, "mse", seeds=SEEDS, epochs=2, optimizer=make(three))
        for i, seed in enumerate(SEEDS):
            same(many, i, *alone(net, seed, X, y, "mse", epochs=2, optimizer=make(float(three[i]))))
    many = gd.fit_many(net, X, y, gd.Quantile(three), seeds=SEEDS, epochs=2)
    for i, seed in enumerate(SEEDS):
        same(many, i, *alone(net, seed, X, y, gd.Quantile(float(three[i])), epochs=2))


def test_dropout_for_each_model():
    net, (X, y) = net_of(dropout=0.5), problem()
    rates = np.array([0.0, 0.2, 0.7])
    many = gd.fit_many(net, X, y, "mse", seeds=SEEDS, epochs=2, dropout=rates)
    for i, seed in enumerate(SEEDS):
        own = net_of(dropout=float(rates[i])) if rates[i] else gd.Sequential(*many[i].layers, dtype="float64")
        same(many, i, *alone(own, seed, X, y, "mse", epochs=2))


def test_weights_and_classes():
    net, (X, y) = net_of(k=3), problem("class", k=3)
    w = np.random.default_rng(1).uniform(0, 2, len(X))
    compare(net, X, y, "cross_entropy", sample_weight=w)
    compare(net, X, y, "cross_entropy", class_weight="balanced", validation_split=0.2, metrics="accuracy")


def test_a_custom_loss_and_layers_of_other_kinds():
    def squares(outputs, y):
        difference = outputs - y
        return float((difference**2).mean()), 2 * difference / difference.size

    X, y = problem()
    compare(net_of(), X, y, squares)
    scaled = gd.Sequential(
        gd.Standardize.from_data(X),
        gd.Dense(3, 4, "tanh"),
        gd.LayerNorm(4),
        gd.Dense(4, 2),
        gd.ScaledTarget.from_data(y),
    )
    compare(scaled, X, y, "mse")
    compare(net_of(), X, y, "mse", optimizer="sgd", stop=lambda end: end.epoch == 1)


def test_neither_order_nor_number_nor_threads_matter():
    net, (X, y) = net_of(dropout=0.2, dtype="float32"), problem()
    rates = np.array([0.001, 0.1, 0.01, 0.02, 0.03])
    options = {"epochs": 3, "batch_size": 8}
    every = gd.fit_many(net, X, y, "mse", seeds=range(5), optimizer=gd.Adam(rates), **options)
    turned = gd.fit_many(net, X, y, "mse", seeds=range(4, -1, -1), optimizer=gd.Adam(rates[::-1]), **options)
    np.testing.assert_array_equal(turned.params[::-1], every.params)
    some = gd.fit_many(net, X, y, "mse", seeds=(3,), optimizer=gd.Adam(rates[3:4]), **options)
    np.testing.assert_array_equal(some.params[0], every.params[3])
    threads = gd.fit_many(net, X, y, "mse", seeds=range(5), optimizer=gd.Adam(rates), threads=2, **options)
    np.testing.assert_array_equal(threads.params, every.params)
    np.testing.assert_array_equal(threads.columns["loss"], every.columns["loss"])
