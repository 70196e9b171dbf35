"""What stops a run from outside: numbers that overflow, Ctrl-C."""

import itertools
import os
import pickle
import signal
import subprocess

import numpy as np
import pytest
from interruptible import interruptible

import gdcore as gd
from gdcore._kernels import load

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 2))


def diverge(trainer, X, y, call="step", **options):
    """Run until it diverges; what was raised, and the parameters and state of the last good step come back."""
    kept = trainer.model.params.copy(), trainer.optimizer_state.to_dict()
    for _ in range(2000):
        try:
            getattr(trainer, call)(X, y, **options)
        except gd.DivergedError as error:
            return error, *kept
        kept = trainer.model.params.copy(), trainer.optimizer_state.to_dict()
    raise AssertionError("did not diverge")


def assert_kept(trainer, params, state):
    np.testing.assert_array_equal(trainer.model.params, params)
    assert np.isfinite(trainer.model.params).all()
    now = trainer.optimizer_state.to_dict()
    assert now["step_count"] == state["step_count"]
    for key in ("slots", "scalars"):
        np.testing.assert_array_equal(now[key], state[key])


@each_dtype
@pytest.mark.parametrize("optimizer", [gd.SGD(1e30), gd.SGD(1e3), gd.SGD(1.0, momentum=0.9), gd.SGD(1e300)], ids=repr)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_a_rate_that_is_too_large(isa, dtype, optimizer, loss):
    net = gd.MLP([3, 16, 2], "relu", dtype=dtype, seed=0)
    trainer = gd.Trainer(net, loss, optimizer)
    if loss == "cross_entropy":
        net.params *= 1e18 if dtype == "float32" else 1e150
        net.params *= 1e6 if dtype == "float32" else 1e5
    y = Y if loss == "mse" else np.arange(40) % 2
    error, params, state = diverge(trainer, X, y)
    assert_kept(trainer, params, state)
    assert (error.epoch, error.batch) == (0, 0)
    assert error.history is None
    assert error.step == trainer.steps_done
    assert f"training diverged in step {error.step}: " in str(error)
    assert error.quantity in str(error)
    assert "last good step" in str(error)
    assert "learning_rate" in str(error)


@each_dtype
def test_the_epoch_and_the_batch_are_named(isa, dtype):
    """The overflow sits in one known row, far behind; everything before it was learned."""
    data = np.ones((40, 1))
    data[29] = 1e30 if dtype == "float32" else 1e300
    trainer = gd.Trainer(gd.LinearModel(1, dtype=dtype, seed=0), "mse", gd.SGD(1e-3), batch_size=4, shuffle=False)
    trainer.epoch(data[:28], np.ones(28))
    params = trainer.model.params.copy()
    with pytest.raises(gd.DivergedError) as caught:
        trainer.epoch(data, np.ones(40))
    assert (caught.value.epoch, caught.value.batch) == (1, 7)
    assert caught.value.quantity == "the loss"
    assert trainer.steps_done == 14
    assert (trainer.model.params != params).all()
    kept = trainer.model.params.copy()
    with pytest.raises(gd.DivergedError):
        trainer.step(data[28:32], np.ones(4))
    np.testing.assert_array_equal(trainer.model.params, kept)
    trainer.epoch(data[:28], np.ones(28))  # and training goes on
    assert trainer.epochs_done == 2


def custom_mse(outputs, y):
    return float(np.mean((outputs - y) ** 2)), 2 * (outputs - y) / outputs.size


@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
@pytest.mark.parametrize(("row", "step", "batches"), [(29, 2, (6, 8)), (37, 3, (9, 9)), (0, 0, (0, 2))])
def test_the_update_of_several_batches_is_named(loss, row, step, batches):
    """Rows by fours and batches by threes: ten batches, four updates, the last of one batch."""
    data, ones = np.ones((40, 1)), np.ones((40, 1))
    trainer = gd.Trainer(
        gd.LinearModel(1, dtype="float64", seed=0), loss, gd.SGD(1e-3), batch_size=4, accumulate=3, shuffle=False
    )
    trainer.fit(data, ones, epochs=2)
    data[row] = 1e300
    with np.errstate(over="ignore"), pytest.raises(gd.DivergedError) as caught:
        trainer.fit(data, ones, epochs=2)
    error = caught.value
    assert (error.epoch, error.batch, error.step) == (2, batches[0], 8 + step)
    assert error.step == trainer.steps_done
    first, last = batches
    named = f"batches {first} to {last} (step {8 + step})" if last > first else f"batch {first}"
    assert f"training diverged in epoch 2, {named}: " in str(error)


def by_trainer(rate, epochs, **told):
    return gd.Trainer(gd.LinearModel(3, 2, dtype="float64", seed=0), "mse", rate).fit(X, Y, epochs=epochs, **told)


def by_model(rate, epochs, **told):
    return gd.LinearModel(3, 2, dtype="float64", seed=0).fit(X, Y, loss="mse", optimizer=rate, epochs=epochs, **told)


@pytest.mark.parametrize("fit", [by_trainer, by_model])
def test_the_history_of_the_lost_fit_is_kept(fit):
    """Whole epochs, with all that was asked for."""
    told = {"validation_data": (X, Y), "metrics": "mae", "record": "weight_norm"}
    with pytest.raises(gd.DivergedError) as caught:
        fit(gd.SGD(4.0), 1000, **told)
    error = caught.value
    whole = error.epoch
    assert whole > 10
    assert error.history.stop_reason == f"DivergedError was raised in epoch {whole}"
    lost, want = error.history.columns(), fit(gd.SGD(4.0), whole, **told).columns()
    assert lost.pop("seconds")
    assert want.pop("seconds")
    assert lost == want
    assert {len(values) for values in lost.values()} == {whole}
    assert error.step == 2 * whole + error.batch


def test_the_shuffled_batch_is_the_one_that_is_explained():
    data = np.ones((64, 1))
    data[13] = 1e300
    order = np.empty(64, np.int64)
    trainer = gd.Trainer(gd.LinearModel(1, dtype="float64", seed=0), "mse", batch_size=8, seed=3)
    load("float64").shuffled(3, 0, order)
    with pytest.raises(gd.DivergedError) as caught:
        trainer.fit(data, np.ones(64), epochs=5)
    assert caught.value.batch == order.tolist().index(13) // 8
    assert trainer.steps_done == caught.value.batch


def quantity(net, X, y, loss="mse"):
    with pytest.raises(gd.DivergedError) as caught:
        gd.Trainer(net, loss).step(X, y)
    return caught.value.quantity


def test_the_first_bad_quantity_is_named(isa):
    net = gd.MLP([3, 4, 4, 2], "identity", dtype="float64", seed=0)
    views = dict(net.parameters())
    views["dense1.weight"][...] = 1e308
    assert quantity(net, X, Y) == "the output of layer 1, Dense(4, 4)"
    views["dense1.weight"][...] = 1e200
    assert quantity(net, X, Y) == "the loss"
    views["dense0.weight"][...] = np.nan
    assert quantity(net, X, Y) == "the output of layer 0, Dense(3, 4)"

    linear = gd.LinearModel(2, dtype="float64", weight_init="zeros")
    huge = np.array([[1.0, 1e200]])
    assert quantity(linear, huge, [1e150]) == "the gradient of dense0.weight[1, 0]"
    assert quantity(linear, np.array([[1e160, 1.0]]), [1.0]) == "the gradient's norm"


def test_infinite_gradients_of_a_custom_loss(isa):
    for value, slope in ((1.0, np.inf), (1.0, np.nan), (np.nan, 0.0), (-np.inf, 0.0)):
        trainer = gd.Trainer(gd.MLP([3, 4, 2], seed=0), lambda z, y, a=value, b=slope: (a, np.full_like(z, b)), "adam")
        for call in ("step", "epoch", "fit"):
            kept = trainer.model.params.copy()
            with pytest.raises(gd.DivergedError, match="gradient of dense0" if value == 1 else "the loss"):
                getattr(trainer, call)(X, Y)
            np.testing.assert_array_equal(trainer.model.params, kept)
            assert trainer.steps_done == 0


UNBOUNDED = [
    gd.SGD(1.0, weight_decay=3.0),
    gd.SGD(1.0, momentum=0.9, nesterov=True, weight_decay=1.6),
    gd.AdamW(1.0, weight_decay=3.0),
    gd.Lion(1.0, weight_decay=3.0),
]


@pytest.mark.parametrize("optimizer", UNBOUNDED, ids=repr)
@pytest.mark.parametrize("loss", ["mae", "mse"])
def test_an_update_that_overflows_is_taken_back(optimizer, loss):
    """Of the absolute error the gradient stays small: the update alone goes wrong."""
    trainer = gd.Trainer(gd.LinearModel(1, seed=0), loss, optimizer)
    error, params, state = diverge(trainer, np.full((4, 1), 0.5), np.full(4, -1.0))
    assert_kept(trainer, params, state)
    assert error.quantity in str(error)


@pytest.mark.parametrize("optimizer", [o for o in gd.OPTIMIZERS if "eps" in o.__dataclass_fields__])
@pytest.mark.parametrize("size", [0.0, 1e-30])
def test_no_eps_and_no_gradient_is_no_update_or_an_error(optimizer, size):
    """0 / 0: a unit that is never active must not fill the parameters with NaN."""
    net = gd.LinearModel(2, seed=0)
    trainer = gd.Trainer(net, "mse", optimizer(eps=0.0))
    for _ in range(3):
        try:
            trainer.step([[1.0, size]], [1.0])
        except gd.DivergedError:
            break
    assert np.isfinite(net.params).all()


@pytest.mark.parametrize("optimizer", gd.OPTIMIZERS)
@pytest.mark.parametrize("size", [1e18, 1e19, 5e19, 1e20, 6e20, 9e20, 1e22])
def test_slots_do_not_overflow_in_silence(optimizer, size):
    """A second moment of infinity would hold its parameter still for ever."""
    trainer = gd.Trainer(gd.LinearModel(1, seed=0), "mae", optimizer())
    try:
        trainer.step([[size]], [0.0])
    except gd.DivergedError:
        assert trainer.steps_done == 0
    assert np.isfinite(trainer.optimizer_state.slots).all()
    assert np.isfinite(trainer.model.params).all()


def test_the_error_survives_pickling():
    error = gd.DivergedError("message", 3, 4, "the loss", 34, gd.History([0.5]))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.epoch, copy.batch, copy.quantity, copy.step) == ("message", 3, 4, "the loss", 34)
    assert copy.history == error.history


INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np, gdcore as gd
sizes, rows = {sizes}, {rows}
net = gd.MLP(sizes, "tanh", seed=0)
rng = np.random.default_rng(0)
X, y = rng.random((rows, sizes[0]), "float32"), rng.random((rows, sizes[-1]), "float32")
trainer = gd.Trainer(net, "mse", gd.Adam(1e-4), batch_size={batch})
trainer.step(X[:8], y[:8])
sent = []
def send():
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer({delay}, send).start()
try:
    trainer.fit(X, y, epochs=100000)
except KeyboardInterrupt:
    latency = time.perf_counter() - sent[0]
steps, before = trainer.steps_done, net.params.copy()
assert np.isfinite(net.params).all() and steps >= 1, steps
trainer.step(X[:8], y[:8])
assert trainer.steps_done == steps + 1 and (net.params != before).any()
print(latency)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize(
    ("sizes", "rows", "batch"),
    [
        ([1, 1], 2_000_000, 2),
        ([8, 32, 32, 1], 500_000, 1),
        ([8, 32, 32, 1], 500_000, 32),
        ([8, 32, 32, 1], 500_000, 500_000),
        ([512, 512, 512], 20_000, 4096),
    ],
    ids=str,
)
@pytest.mark.parametrize("delay", [0.5, 0.63])
def test_ctrl_c_is_answered_at_once_and_leaves_whole_steps(sizes, rows, batch, delay):
    """Within 100 ms on an idle machine; the bound here is for a busy one."""
    code = INTERRUPTED.format(sizes=sizes, rows=rows, batch=batch, delay=delay)
    done = subprocess.run(interruptible(code), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert 0 <= float(done.stdout) < 1.0
    print(f"answered after {1000 * float(done.stdout):.1f} ms")


def test_signals_that_raise_nothing_do_not_disturb(monkeypatch):
    """A handler that returns is called during the epoch, which goes on to the same bits."""
    calls, data = [], np.random.default_rng(0).random((200_000, 8), "float32")
    nets = [gd.MLP([8, 32, 1], seed=0) for _ in range(2)]
    gd.Trainer(nets[0], "mse").epoch(data, data[:, 0].copy())
    previous = signal.signal(signal.SIGALRM, lambda *_: calls.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    try:
        gd.Trainer(nets[1], "mse").epoch(data, data[:, 0].copy())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert calls
    np.testing.assert_array_equal(nets[0].params, nets[1].params)


@pytest.mark.parametrize("rule", [gd.Adam, gd.Adagrad, gd.RMSprop, gd.Adadelta])
def test_a_decay_whose_square_overflows_is_refused(rule):
    """The gradient is small, its decay is not: nothing infinite may come to rest in a slot."""
    net = gd.LinearModel(2, seed=0)
    net.params[:] = 1e22
    trainer = gd.Trainer(net, "mae", rule(0.01, weight_decay=0.01))
    before = trainer.state_dict()
    with pytest.raises(gd.DivergedError):
        trainer.step(np.ones((4, 2), np.float32), np.ones(4, np.float32))
    np.testing.assert_equal(trainer.state_dict(), before)


@pytest.mark.parametrize("rates", [{"dense0": 0.0}, {}], ids=["frozen", "trained"])
@pytest.mark.parametrize("first", [(), (gd.Dropout(0.9),), (gd.Standardize((0.0,) * 3, (2.0,) * 3),)], ids=repr)
def test_an_infinite_input_is_refused_by_a_step_too(isa, first, rates):
    """Where a saturating activation hides it and no gradient of a weight tells."""
    for activation, value, row in itertools.product(gd.ACTIVATIONS, (np.inf, -np.inf, np.nan), (0, 4)):
        for dtype in ("float32", "float64"):
            layers = *first, gd.Dense(3, 4, activation.name), gd.Dense(4, 4, "tanh"), gd.Dense(4, 2)
            trainer = gd.Trainer(gd.Sequential(*layers, seed=0, dtype=dtype), "mse", layer_rates=rates)
            inputs, before = X[:5].astype(dtype), trainer.model.params.copy()
            inputs[row, 2] = value
            told = "NaN" if np.isnan(value) else "infinity"
            with pytest.raises(ValueError, match=f"X contains {told} in row {row}"):
                trainer.step(inputs, Y[:5].astype(dtype))
            np.testing.assert_array_equal(trainer.model.params, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda params: setattr(params, "dtype", "int32"), "set to dtype int32 in place; expected float32: set model"),
        (
            lambda params: setattr(params, "shape", (3, 7)),
            r"set to shape \(3, 7\) in place; expected \(21,\): set model",
        ),
    ],
    ids=["dtype", "shape"],
)
@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
def test_parameters_that_were_recast_in_place_are_told(change, message):
    rows, targets = np.ones((4, 3), np.float32), np.ones((4, 1), np.float32)
    for call in (
        lambda net, trainer: net.predict(rows),
        lambda net, trainer: net.loss(rows, targets, "mse"),
        lambda net, trainer: net.fit(rows, targets, loss="mse"),
        lambda net, trainer: net.parameters(),
        lambda net, trainer: net.copy(),
        lambda net, trainer: net.reset(),
        lambda net, trainer: pickle.dumps(trainer),
        lambda net, trainer: setattr(net, "params", np.zeros(21)),
        lambda net, trainer: trainer.fit(rows, targets),
        lambda net, trainer: gd.Trainer(net, "mse"),
        lambda net, trainer: trainer.state_dict(),
    ):
        net = gd.MLP([3, 4, 1], seed=0)
        trainer, before = gd.Trainer(net, "mse"), net.params.copy()
        change(net.params)
        with pytest.raises(ValueError, match=message):
            call(net, trainer)
        assert before.tobytes() == net.params.tobytes()


def test_the_remedy_names_the_diagnosis():
    with pytest.raises(gd.DivergedError, match=r"gd.diagnose\(model, X, y, loss\) tells which rates are possible"):
        by_model(gd.SGD(4.0), 1000)
