"""Models in the lanes of vectors under plain gradient descent: shared orders, hard steps, networks of small loops."""

import numpy as np
import pytest
from many_models import as_data, as_models, assert_same_bits, lap

import gdcore as gd

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


@pytest.mark.parametrize("widths", [(4, 8, 1), (5, 8, 2), (2, 6, 5, 3), (3, 20, 2), (7, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", ["one", "own"])
def test_seeds_and_widths(widths, dtype, seed, isa):
    """Models of one seed see the same rows, which are read once; whatever stands behind whole quarters of a row."""
    X, y = RNG.normal(size=(80, widths[0])), RNG.normal(size=(80, widths[-1]))

    def make(i):
        net = gd.MLP(list(widths), dtype=dtype, seed=i, activation="tanh")
        return gd.Trainer(net, "mse", gd.SGD(0.004 * (i + 1)), batch_size=16, seed=7 if seed == "one" else i)

    assert assert_trains_alike(make, X, y) or len(widths) == 2  # two lanes do not pay for a linear model


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
