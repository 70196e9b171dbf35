"""A source where arrays alone are taken, and a loss where its targets would stand: one sentence says what to do."""

import numpy as np
import pytest

import gdcore as gd

X = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
Y = X.sum(axis=1)


@pytest.fixture
def source(tmp_path):
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", Y)
    return gd.data.Npy(tmp_path / "X.npy", tmp_path / "y.npy", window_rows=64, block_rows=16)


@pytest.mark.parametrize(
    "call",
    [
        lambda net, s, *y: net.score(s, *y),
        lambda net, s, *y: gd.diagnose(net, s, *y, loss="mse"),
        lambda net, s, *y: gd.preflight(net, s, *y, loss="mse"),
        lambda net, s, *y: gd.find_learning_rate(net, s, *y, loss="mse"),
        lambda net, s, *y: gd.check_gradients(net, s, *y, loss="mse"),
        lambda net, s, *y: gd.cross_validate(net, s, *y, loss="mse"),
        lambda net, s, *y: gd.fit_many(net, s, *y, loss="mse", n_models=2),
        lambda net, s, *y: gd.bootstrap(net, s, *y, loss="mse", n_models=2),
        lambda net, s, *y: gd.sweep(net, s, *y, loss="mse", grid={"l2": [0, 1]}),
    ],
)
def test_where_arrays_alone_are_taken_a_source_is_named(call, source):
    net = gd.LinearModel(3)
    net.fit(source, loss="mse", epochs=1)
    for y in ((), (Y,)):
        with pytest.raises(TypeError, match=r"^X is a source, .* X.read\(0, 1000\)\[0\]"):
            call(net, source, *y)
    with pytest.raises(TypeError, match=r"^y is a source, .* Standardize and MinMax take; .* y.read\(0, 1000\)\[1\]"):
        gd.ScaledTarget.from_data(source)


def test_a_loss_in_the_place_of_a_sources_targets(source):
    with pytest.raises(
        TypeError, match=r"^a source has its targets, got y='mse': .* by name, fit\(source, loss='mse'\)"
    ):
        gd.LinearModel(3).fit(source, "mse")
