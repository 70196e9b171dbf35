"""Models in the lanes of vectors under plain gradient descent: shared orders, hard steps, networks of small loops."""

import numpy as np
import pytest
from many_models import as_data, as_models, assert_same_bits, lap

import gdcore as gd
from gdcore.base.per_model import PerModel

RNG = np.random.default_rng(0)
MODELS, EPOCHS = 18, 3


def assert_trains_alike(make, X, y, prepare=lambda i, net: None):
    """Models that train together have the bits, sums and norms of trainers; returns the steps in shared lanes."""
    alone, together = [make(i) for i in range(MODELS)], [make(i) for i in range(MODELS)]
    for several in alone, together:
        for i, trainer in enumerate(several):
            prepare(i, trainer.model)
    models, rows = as_models(together)
    sums, measures = np.zeros((MODELS, EPOCHS, 4)), np.empty((MODELS, EPOCHS, 2))
    for i, trainer in enumerate(alone):
        for epoch in range(EPOCHS):
            measures[i, epoch] = trainer.epoch(X, y), trainer._run.norm_sum
    models.run(as_data(together, [together[0]._state.take(X, y, None)]), lap(together[0], EPOCHS), sums)
    np.testing.assert_array_equal(sums[:, :, 0] / sums[:, :, 1], measures[:, :, 0])
    np.testing.assert_array_equal(sums[:, :, 2], measures[:, :, 1])
    assert_same_bits(alone, rows)
    return models.shared_steps


@pytest.mark.parametrize("widths", [(4, 8, 1), (3, 16, 1), (5, 8, 2), (2, 6, 5, 3), (3, 20, 2), (7, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", ["one", "own"])
def test_seeds_and_widths(widths, dtype, seed, isa):
    """Models of one seed see the same rows, which are read once; whatever stands behind whole quarters of a row."""
    X, y = RNG.normal(size=(80, widths[0])), RNG.normal(size=(80, widths[-1]))

    def make(i):
        net = gd.MLP(list(widths), dtype=dtype, seed=i, activation="tanh")
        return gd.Trainer(net, "mse", gd.SGD(0.004 * (i + 1)), batch_size=16, seed=7 if seed == "one" else i)

    assert assert_trains_alike(make, X, y) or len(widths) == 2  # two lanes do not pay for a layer


@pytest.mark.parametrize("batch", [16, 19, 32])
@pytest.mark.parametrize("loss", ["mse", "huber", "log_cosh"])
def test_networks_of_the_small_loop(batch, loss, isa):
    """Rows of these lie in the lanes in the loop of small networks, whatever other steps would take."""
    X, y = RNG.normal(size=(3 * batch + 5, 1)), RNG.normal(size=(3 * batch + 5, 1))
    assert assert_trains_alike(
        lambda i: gd.Trainer(gd.MLP([1, 16, 1], seed=i), loss, gd.SGD(0.02), batch_size=batch, seed=i), X, y
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_that_are_not_certainly_good(dtype, isa):
    """Models with parameters near the guard's limit make every step alone, and their neighbours do not."""
    X, y = RNG.normal(size=(64, 4)), RNG.normal(size=(64, 1))

    def enlarge(i, net):
        if i in (0, 5, 17):
            net.parameters()[0][1][...] *= 1e19 if dtype == "float32" else 1e160

    assert assert_trains_alike(
        lambda i: gd.Trainer(
            gd.MLP([4, 8, 1], dtype=dtype, seed=i, activation="tanh"), "mse", gd.SGD(0.02), batch_size=16, seed=i
        ),
        X,
        y,
        enlarge,
    )


@pytest.mark.parametrize("n_in", [1, 2, 4, 7, 9, 16, 20, 35])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", ["one", "own"])
def test_linear_models(n_in, dtype, seed, isa):
    """A model's weights stand in the lanes where it trains alone, and models do here, in batches of most sizes."""
    for batch in (1, 3, 17, 40):
        X, y = RNG.normal(size=(2 * batch + 1, n_in)), RNG.normal(size=2 * batch + 1)

        def make(i, batch=batch):
            net = gd.Sequential(gd.Dense(n_in, 1, bias=n_in != 9), dtype=dtype, seed=i)
            return gd.Trainer(net, "mse", gd.SGD(0.004 * (i + 1)), batch_size=batch, seed=7 if seed == "one" else i)

        shared = assert_trains_alike(make, X, y)  # other loops make steps of few rows, or of many inputs
        assert shared or batch < 17 or n_in > 8 or dtype == "float64"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", ["one", "own"])
def test_hard_steps_of_linear_models(dtype, seed, isa):
    X, y = RNG.normal(size=(64, 8)), RNG.normal(size=64)

    def enlarge(i, net):
        if i in (0, 5, 17):
            net.parameters()[0][1][...] *= 1e16 if dtype == "float32" else 1e150
        if i == 3:
            net.params[...] = -0.0

    def make(i):
        net = gd.LinearModel(8, dtype=dtype, seed=i)
        net.params = np.random.default_rng(i).normal(size=9).astype(dtype)
        return gd.Trainer(net, "mse", gd.SGD(0.001 * (i + 1)), batch_size=16, seed=7 if seed == "one" else i)

    assert assert_trains_alike(make, X, y, enlarge) or dtype == "float64"


MIXED = {
    "weight_decay": lambda own: {"optimizer": gd.SGD(0.05, weight_decay=own)},
    "l1": lambda own: {"optimizer": gd.SGD(0.05), "l1": own},
    "l2": lambda own: {"optimizer": gd.SGD(0.05), "l2": own},
    "clip_value": lambda own: {"optimizer": gd.SGD(0.05), "clip_value": [value or None for value in own.tolist()]},
}


@pytest.mark.parametrize("option", MIXED)
@pytest.mark.parametrize("first", [0.0, 0.1])
def test_linear_models_of_which_some_have_an_option(option, first, isa):
    """Some of them have a loop of their own when they train alone."""
    n, X = 18, RNG.normal(size=(200, 3))
    y = X @ [1.0, -2.0, 3.0] + RNG.normal(size=200)
    own = np.tile([first, 0.1 - first], n // 2)
    many = gd.fit_many(
        gd.LinearModel(3, seed=3), X, y, "mse", n_models=n, batch_size=32, epochs=3, **MIXED[option](own)
    )
    for i in range(n):
        alone = gd.LinearModel(3, seed=int(many.seeds[i]))
        options = {key: value if isinstance(value, gd.SGD) else value[i] for key, value in MIXED[option](own).items()}
        options = {key: value[i] if isinstance(value, PerModel) else value for key, value in options.items()}
        history = alone.fit(X, y, "mse", batch_size=32, epochs=3, **options)
        np.testing.assert_array_equal(many.params[i], alone.params)
        assert many.history(i).loss == history.loss
