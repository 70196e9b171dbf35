"""What layers have of their own in a training: rates, freezing, limits of norms; and clipping by value."""

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest
from reference import training as reference_training

import gdcore as gd

DATA = Path(__file__).parents[1] / "recorded"
spec = importlib.util.spec_from_file_location("make_torch_training", DATA / "make_torch_training.py")
maker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(maker)

SEED = 4
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 4)), RNG.normal(size=(50, 3))
each_optimizer = pytest.mark.parametrize("optimizer", gd.OPTIMIZERS)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])

VARIETY = {"rates": {"dense0": 0.5, "dense2": 2.0}, "own": [{"l1": 0.02, "l2": 0.0}, {"max_norm": 0.6}, {"l2": 0.1}]}
FROZEN = {"rates": {"dense1": 0.0}, "own": [{"max_norm": 0.5}, {"l1": 0.1, "max_norm": 0.1}, {"l1": 0.0}]}
BOTTOM = {"rates": {"dense0": 0.0}, "own": [{"l2": 0.5}, {"l1": 0.01}, {"max_norm": 0.2}]}
BIASES = {
    "rates": {"dense0.bias": 0.1, "dense1": 0.5, "dense1.bias": 4.0},
    "own": [{"l1": 0.01}, {}, {"max_norm": 0.6}],
}


def net_of(own=({}, {}, {}), dtype="float64", dropout=0.0, hidden=11):
    sizes = ((4, hidden, "tanh"), (hidden, 9, "relu"), (9, 3, "identity"))
    layers = [gd.Dense(*size, **options) for size, options in zip(sizes, own, strict=True)]
    if dropout:
        layers.insert(1, gd.Dropout(dropout))
    return gd.Sequential(*layers, seed=SEED, dtype=dtype)


def custom_mse(outputs, y):
    return ((outputs - y) ** 2).mean(), 2 * (outputs - y) / outputs.size


def columns(net):
    return [np.linalg.norm(view, axis=0) for name, view in net.parameters() if name.endswith("weight")]


@each_optimizer
@pytest.mark.parametrize("case", [VARIETY, FROZEN, BOTTOM, BIASES], ids=["rates", "frozen", "bottom frozen", "biases"])
@pytest.mark.parametrize("batch_size", [16, 1])
def test_fit_is_the_references(isa, optimizer, case, batch_size):
    """Rates, penalties and limits of layers, penalties of the model, clipping and update, over three epochs."""
    net, o = net_of(case["own"]), optimizer()
    options = {"l1": 1e-3, "l2": 1e-2, "clip_norm": 0.3}
    want, history = reference_training.fit(
        net, X, Y, gd.MeanSquaredError(), o, epochs=3, batch_size=batch_size, seed=SEED, rates=case["rates"], **options
    )
    found = gd.Trainer(net, "mse", o, batch_size=batch_size, layer_rates=case["rates"], **options).fit(X, Y, epochs=3)
    np.testing.assert_allclose(net.params, want, rtol=1e-10, atol=1e-12)
    for name, values in history.items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-10)


@each_optimizer
@pytest.mark.parametrize("clip_norm", [None, 0.1])
@pytest.mark.parametrize("batch_size", [16, 1])
def test_clipping_by_value_is_the_references(isa, optimizer, clip_norm, batch_size):
    """Before the norm's, on penalties too; the steps that it acted in are counted, the norm is that before it."""
    net, o = net_of(), optimizer()
    options = {"l2": 0.1, "clip_value": 0.05, "clip_norm": clip_norm, "batch_size": batch_size}
    want, history = reference_training.fit(net, X, Y, gd.MeanSquaredError(), o, epochs=3, seed=SEED, **options)
    found = gd.Trainer(net, "mse", o, **options).fit(X, Y, epochs=3)
    np.testing.assert_allclose(net.params, want, rtol=1e-10, atol=1e-12)
    for name, values in history.items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-10)
    assert min(found.clipped_steps) > 0


def test_steps_that_clipping_by_value_leaves_alone_are_not_counted():
    trainer = gd.Trainer(net_of(), "mse", "adam", clip_value=1e6)
    assert trainer.fit(X, Y, epochs=2).clipped_steps == [0, 0]
    assert gd.Trainer(net_of(), "mse", "adam", clip_value=1e-6, batch_size=8).fit(X, Y, epochs=1).clipped_steps == [7]


@each_dtype
@pytest.mark.parametrize("rows", [1, 33])
@pytest.mark.parametrize(
    "rates", [{}, {"dense0": 0.5}, {"dense0": 0.0}, {"dense1": 0.0}, {"dense0.bias": 0.1, "dense1.bias": 3.0}], ids=str
)
@pytest.mark.parametrize("clip_value", [None, 1e-4])
def test_a_streamed_step_is_the_kept_one(dtype, rows, rates, clip_value):
    """Large layers take their gradient strip by strip; a norm that is never reached has it kept."""
    rng = np.random.default_rng(5)
    data = rng.normal(size=(rows, 60)).astype(dtype), rng.normal(size=(rows, 40)).astype(dtype)
    for optimizer in (gd.SGD(0.1), gd.SGD(0.1, momentum=0.9), gd.Adam(0.01)):
        found = []
        for clip_norm in (None, 1e30):
            layers = gd.Dense(60, 97, "tanh", l2=1e-3), gd.Dense(97, 40, l1=1e-4, max_norm=1.0)
            net = gd.Sequential(*layers, dtype=dtype, seed=1)
            options = {"layer_rates": rates, "clip_value": clip_value, "clip_norm": clip_norm, "batch_size": rows}
            history = net.fit(*data, loss="mse", optimizer=optimizer, epochs=3, **options)
            found.append((net.params, history.gradient_norm, history.clipped_steps))
        eps = float(np.finfo(dtype).eps)
        np.testing.assert_allclose(found[0][0], found[1][0], rtol=0, atol=50 * eps * np.abs(found[1][0]).max())
        np.testing.assert_allclose(found[0][1], found[1][1], rtol=100 * eps)
        assert found[0][2] == found[1][2] == [clip_value is not None] * 3


@pytest.mark.parametrize(("n", "hidden"), [(20000, 11), (600, 700)], ids=["groups", "blocks"])
def test_the_bits_do_not_depend_on_the_threads(n, hidden):
    rng = np.random.default_rng(0)
    data, found = (rng.normal(size=(n, 4)), rng.normal(size=(n, 3))), []
    for threads in (1, 2, 3):
        with gd.num_threads(threads):
            net = net_of(VARIETY["own"], "float32", hidden=hidden)
            trainer = gd.Trainer(net, "mse", "adam", batch_size=n, layer_rates=FROZEN["rates"], clip_value=1e-3)
            trainer.fit(*data, epochs=2)
            found.append(net.params)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@each_dtype
@each_optimizer
@pytest.mark.parametrize("frozen", [0, 1, 2])
@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
def test_a_frozen_layer_stays_bit_for_bit(dtype, optimizer, frozen, loss):
    """Parameters and slots, under decay, penalties and a limit; the others' first step is as if nothing was frozen."""
    own = [{"l1": 0.1, "l2": 0.1, "max_norm": 0.1}] * 3
    nets = [net_of(own, dtype, dropout=0.2) for _ in range(2)]
    rule = optimizer(weight_decay=0.1)
    trainers = [gd.Trainer(nets[0], loss, rule, layer_rates={f"dense{frozen}": 0}), gd.Trainer(nets[1], loss, rule)]
    before = nets[0].params.copy()
    mine = np.zeros(nets[0].n_params, np.bool_)
    for name, view in nets[0].parameters(mine):
        view[...] = name.startswith(f"dense{frozen}")
    for trainer in trainers:
        trainer.step(X, Y)
    np.testing.assert_array_equal(nets[0].params[~mine], nets[1].params[~mine])
    assert (nets[1].params[mine] != before[mine]).any()
    trainers[0].fit(X, Y, epochs=3)
    np.testing.assert_array_equal(nets[0].params[mine], before[mine])
    assert (nets[0].params[~mine] != before[~mine]).mean() > 0.5
    np.testing.assert_array_equal(trainers[0].optimizer_state.slots[:, mine], 0)


@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
@pytest.mark.parametrize("n", [50, 20000], ids=["a block", "groups"])
def test_a_frozen_layer_takes_no_part_in_the_norm(loss, n):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(n, 4)), rng.normal(size=(n, 3))
    net = net_of([{"l2": 0.3}] * 3)
    grad = net.loss_and_grad(*data, "mse")[1]
    want = [np.linalg.norm(view) for name, view in net.parameters(grad) if not name.startswith("dense1")]
    history = net.fit(*data, loss=loss, batch_size=n, epochs=1, layer_rates={"dense1": 0.0})
    assert history.gradient_norm == [pytest.approx(np.linalg.norm(want), rel=1e-10)]


@each_optimizer
@pytest.mark.parametrize("rule_rate", [0.25, gd.schedules.Exponential(0.25, 0.5)], ids=["number", "schedule"])
def test_a_factor_on_every_layer_is_a_factor_on_the_rate(optimizer, rule_rate):
    """A power of two: no rounding tells them apart."""
    halved = 0.125 if isinstance(rule_rate, float) else gd.schedules.Exponential(0.125, 0.5)
    one, other = net_of(), net_of()
    rates = {f"dense{i}": 0.5 for i in range(3)}
    gd.Trainer(one, "mse", optimizer(rule_rate, weight_decay=0.1), layer_rates=rates).fit(X, Y, epochs=5)
    gd.Trainer(other, "mse", optimizer(halved, weight_decay=0.1)).fit(X, Y, epochs=5)
    np.testing.assert_array_equal(one.params, other.params)


@each_dtype
@pytest.mark.parametrize("limit", [0.25, 0.6])
def test_no_columns_norm_is_above_its_limit(dtype, limit):
    net = net_of([{"max_norm": limit}, {}, {"max_norm": 3 * limit}], dtype)
    trainer = gd.Trainer(net, "mse", gd.SGD(0.5), batch_size=10)
    free = net_of(dtype=dtype)
    gd.Trainer(free, "mse", gd.SGD(0.5), batch_size=10).fit(X, Y, epochs=5)
    for _ in range(5):
        trainer.epoch(X, Y)
        first, _, last = columns(net)
        bound = 1 + 4 * float(np.finfo(dtype).eps)
        assert (first <= limit * bound).all()
        assert (last <= 3 * limit * bound).all()
    assert (first > 0.99 * limit).any()
    assert (columns(free)[0] > limit).any()


@each_optimizer
def test_a_refused_step_changes_nothing(optimizer):
    net = net_of(VARIETY["own"], "float32")
    trainer = gd.Trainer(net, "mse", optimizer(), l1=0.01, layer_rates=VARIETY["rates"], clip_value=1.0)
    trainer.step(X, Y)
    before = net.params.copy(), trainer.optimizer_state.slots.copy(), trainer.optimizer_state.scalars.copy()
    with pytest.raises(gd.DivergedError):
        trainer.step(X, 1e30 * Y)
    after = net.params, trainer.optimizer_state.slots, trainer.optimizer_state.scalars
    for mine, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert trainer.steps_done == 1


@each_dtype
@each_optimizer
def test_an_update_that_overflows_is_taken_back(optimizer, dtype):
    """In one layer alone, for its factor."""
    net = net_of(VARIETY["own"], dtype)
    trainer = gd.Trainer(net, "mse", optimizer(1e3), layer_rates={"dense1": 1e307})
    before = net.params.copy()
    with pytest.raises(gd.DivergedError, match="the updated parameters are not finite"):
        trainer.step(X, Y)
    np.testing.assert_array_equal(net.params, before)
    np.testing.assert_array_equal(trainer.optimizer_state.slots, 0)


def test_what_a_fit_follows_leaves_frozen_layers_out():
    """A criterion on the full gradient ends a fit whose frozen layer still has a slope."""
    net = gd.Sequential(gd.Dense(4, 3, "tanh"), gd.Dense(3, 3), seed=0, dtype="float64")
    stop = gd.GradientNormThreshold(1e-6)
    history = net.fit(
        X,
        Y,
        loss="mse",
        optimizer=gd.SGD(0.5),
        epochs=5000,
        batch_size=50,
        stop=stop,
        layer_rates={"dense0": 0.0},
        record="layer_gradient_norm",
    )
    assert "norm" in history.stop_reason
    assert history.layer_gradient_norm["dense0"][-1] == 0
    assert 0 < history.layer_gradient_norm["dense1"][-1] < 1e-6
    assert np.linalg.norm(net.loss_and_grad(X, Y, "mse")[1]) > 1e-3


@each_dtype
@pytest.mark.parametrize("rows", [1, 50])
def test_a_bias_of_a_normalization_has_a_rate_of_its_own(dtype, rows):
    data = X[:rows].astype(dtype), Y[:rows].astype(dtype)
    moves = []
    for rates in ({}, {"norm0.bias": 0.25}):
        net = gd.Sequential(gd.Dense(4, 300), gd.LayerNorm(300), gd.Dense(300, 3), dtype=dtype, seed=0)
        before = net.params.copy()
        gd.Trainer(net, "mse", gd.SGD(0.5), layer_rates=rates).step(*data)
        moves.append(dict(net.stack.parameters(net.params - before)))
    for name, move in moves[0].items():
        factor = 0.25 if name == "norm0.bias" else 1
        np.testing.assert_allclose(moves[1][name], factor * move, rtol=1e-4, atol=10 * np.finfo(dtype).eps)


def test_models_keep_what_their_layers_have():
    net = net_of(VARIETY["own"])
    for other in (pickle.loads(pickle.dumps(net)), net.copy(), net.astype("float32"), eval(repr(net), vars(gd))):
        assert other.layers == net.layers
    assert repr(net.layers[0]) == "Dense(4, 11, 'tanh', l1=0.02, l2=0.0)"
    assert repr(net.layers[1]) == "Dense(11, 9, 'relu', max_norm=0.6)"


def test_trainers_show_and_keep_their_settings():
    trainer = gd.Trainer(net_of(), "mse", "adam", clip_value=0.5, layer_rates={"dense0": 0.1})
    assert "clip_value=0.5, layer_rates={'dense0': 0.1}" in repr(trainer)
    other = pickle.loads(pickle.dumps(trainer))
    assert (other.clip_value, other.layer_rates) == (0.5, {"dense0": 0.1})
    other.layer_rates["dense0"] = 7.0  # of a copy
    assert other.layer_rates == {"dense0": 0.1}


def test_trajectories_are_torchs(isa):
    """Recorded: clipping by value, rates, freezing, penalties and limits of layers, 25 steps each."""
    with np.load(DATA / "torch_training.npz") as recorded:
        paths = recorded["trajectories"]
    for case, path in zip(maker.CASES, paths, strict=True):
        assert_torchs(case, path)


def test_trajectories_are_torchs_live():
    torch = pytest.importorskip("torch")
    for case in maker.CASES:
        assert_torchs(case, maker.trajectory(torch, case))


def assert_torchs(case, path):
    params, X, y = maker.draw_problem()
    own, (n_in, hidden, n_out) = case.get("layers", ({}, {})), maker.SIZES
    layers = gd.Dense(n_in, hidden, "tanh", **own[0]), gd.Dense(hidden, n_out, **own[1])
    net = gd.Sequential(*layers, dtype="float64", seed=0)
    net.params = params
    trainer = gd.Trainer(net, "mse", eval(case["optimizer"], vars(gd)), **case.get("trainer", {}))
    for want in path:
        trainer.step(X, y)
        np.testing.assert_allclose(net.params, want, rtol=1e-9, atol=1e-11)


def test_weights_whose_squares_overflow_are_limited():
    net = gd.Sequential(gd.Dense(3, 2, bias=False, max_norm=1.0), dtype="float64", seed=0)
    net.params[:] *= 1e200
    direction = net.params.reshape(3, 2) / np.abs(net.params).max()
    trainer = gd.Trainer(net, "mae", gd.SGD(1e-300))
    trainer.step(np.zeros((1, 3)), np.zeros((1, 2)))
    wanted = direction / np.linalg.norm(direction, axis=0)
    np.testing.assert_allclose(net.params.reshape(3, 2), wanted, rtol=1e-14)
