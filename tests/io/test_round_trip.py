"""What is saved comes back: every record, every state, to the bit."""

import itertools
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from cases import RECORDS, draw_targets
from files import TOLD, X, Y, from_bytes, same_bits, small_trainer, taken_apart, to_bytes

import gdcore as gd
from gdcore import schedules
from gdcore.layers.layer import LAYERS
from gdcore.models.sequential import restore

SCHEDULES = [
    schedules.Constant(0.1),
    schedules.StepDecay(0.1, 5),
    schedules.MultiStep(0.1, tuple(range(1, 40))),
    schedules.Exponential(0.1, 0.9),
    schedules.InverseScaling(0.1),
    schedules.Polynomial(0.1, 30),
    schedules.Cosine(0.1, 30, warmup=3),
    schedules.OneCycle(0.1, 1000),
    schedules.ReduceOnPlateau(0.1, patience=1),
]
SCALED = gd.Standardize(tuple(np.linspace(-1, 1, 40)), tuple(np.linspace(0.1, 3, 40)))
MODELS = [
    gd.LinearModel(3),
    gd.MLP([5, 4, 3], dropout=0.5, seed=2**64 - 1, dtype="float64"),
    gd.Sequential(SCALED, gd.Dense(40, 1), gd.ScaledTarget((0.1 + 0.2,), (1e300,)), dtype="float64"),
    gd.Sequential(gd.Log1p(2), gd.MinMax((0.0, -1.0), (1.0, 7.5), low=-1.0), gd.Dense(2, 2, "gelu", bias=False)),
    gd.Sequential(gd.LayerNorm(3, eps=1e-3), gd.Dense(3, 2, "relu"), gd.LayerNorm(2), gd.Dense(2, 1), dtype="float64"),
    gd.Sequential(gd.Dense(1, 1, gd.LeakyReLU(-0.3), weight_init=gd.Orthogonal(gain=2.0), l1=0.1, l2=0.0, max_norm=3)),
]
MODELS += [gd.Sequential(gd.Dense(2, 2, weight_init=init, bias_init=init), seed=0) for init in gd.INITIALIZERS]
MODELS += [gd.Sequential(gd.Dense(2, 2, row.name), seed=0) for row in gd.ACTIVATIONS]


def test_every_schedule_and_layer_is_among_those_above():
    assert {type(schedule) for schedule in SCHEDULES} == set(gd.SCHEDULES)
    assert {type(layer) for model in MODELS for layer in model.layers} == set(LAYERS)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_models(model, tmp_path):
    model.save(tmp_path / "model.gdc")
    loaded = gd.load(tmp_path / "model.gdc")
    assert type(loaded) is gd.Sequential
    assert loaded.layers == model.layers
    assert (loaded.seed, loaded.dtype, loaded.trained_loss) == (model.seed, model.dtype, None)
    assert same_bits(loaded.params, model.params)
    assert repr(loaded) == repr(model)
    loaded.params[0] += 1  # a model like any other
    loaded.fit([[0.5] * model.in_features], [[0.5] * model.out_features], "mse", epochs=1)


def test_subnormal_and_negative_zero_parameters():
    net = gd.LinearModel(4, dtype="float64")
    net.params = [5e-324, -0.0, 1.7976931348623157e308, -1e-310, 1.0]
    assert same_bits(from_bytes(to_bytes(net)).params, net.params)


def test_feature_names_and_loss():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"Größe": [1.0, 2, 3], 'a "b"\\\n': [0.0, 1, 1], "": [1.0, 1, 2]})
    net = gd.LinearModel(3)
    net.fit(frame, [0, 1, 1], gd.BinaryCrossEntropy(), epochs=2)
    loaded = from_bytes(to_bytes(net))
    assert loaded.feature_names == net.feature_names == tuple(frame.columns)
    assert loaded.trained_loss == gd.BinaryCrossEntropy()
    assert (loaded.classify(frame) == net.classify(frame)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", gd.OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_a_trainer_resumes_to_the_bit_with_every_optimizer(kind, dtype, tmp_path):
    check_resumes(small_trainer(kind(), dtype), tmp_path)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_with_every_schedule(schedule, tmp_path):
    check_resumes(small_trainer(gd.SGD(schedule, momentum=0.9)), tmp_path)


def check_resumes(trainer, tmp_path):
    trainer.save(tmp_path / "run.gdc")
    loaded = gd.Trainer.load(tmp_path / "run.gdc")
    assert repr(loaded) == repr(trainer)
    assert same_bits(loaded.state_dict(), trainer.state_dict())
    histories = [one.fit(X, Y, max_steps=17, **TOLD) for one in (trainer, loaded)]
    for one in histories:
        del one.seconds[:]
    assert histories[0] == histories[1]
    assert same_bits(loaded.state_dict(), trainer.state_dict())


@pytest.mark.parametrize("optimizer", ["lbfgs", "cg"])
def test_with_methods_of_all_data(optimizer, tmp_path):
    pytest.importorskip("scipy")
    trainer = gd.Trainer(gd.MLP([4, 3, 2], seed=0), "mse", optimizer)
    trainer.fit(X, Y, epochs=2)
    check = to_bytes(trainer)
    loaded = from_bytes(check)
    assert to_bytes(loaded) == check
    assert repr(loaded) == repr(trainer)


@pytest.mark.parametrize("loss", RECORDS, ids=str)
def test_with_every_loss(loss):
    net = gd.LinearModel(4, 2, seed=0)
    trainer = gd.Trainer(net, loss, gd.SGD(1e-3))
    trainer.epoch(X, draw_targets(loss, np.random.default_rng(0), 20, 2))
    loaded = from_bytes(to_bytes(trainer))
    assert loaded.loss == loaded.model.trained_loss == loss


def test_options_and_averages():
    for average, rates in itertools.product((None, gd.Polyak(3, True), gd.EMA(0.5)), ({}, {"dense0": 0.0})):
        options = {"accumulate": 3, "shuffle": False, "drop_last": True, "l1": 0.1, "l2": 0.2, "clip_value": 0.3}
        net = gd.MLP([4, 3, 2])  # without a seed: the trainer has drawn one
        trainer = gd.Trainer(net, "mse", average=average, layer_rates=rates, **options)
        trainer.epoch(X, Y)
        loaded = from_bytes(to_bytes(trainer))
        for name in (*options, "average", "layer_rates", "seed"):
            assert getattr(loaded, name) == getattr(trainer, name)
        assert [trainer.epoch(X, Y), *trainer.model.params] == [loaded.epoch(X, Y), *loaded.model.params]


@pytest.mark.parametrize("name", ["x" * n for n in range(1, 9)])
def test_tensors_are_aligned(name):
    """Whatever the length of the header; the widest come first."""
    data = to_bytes(small_trainer(), history=gd.History([0.1], hint=name))
    header, _, tensors = taken_apart(data)
    assert (len(data) - len(tensors)) % 8 == 0
    sizes = [int(entry["dtype"][1:]) // 8 for key, entry in header.items() if key != "__metadata__"]
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes) == {4, 8}


def test_the_same_state_gives_the_same_bytes():
    trainer = small_trainer()
    assert to_bytes(trainer) == to_bytes(trainer) == to_bytes(pickle.loads(pickle.dumps(trainer)))


def test_a_history_that_could_not_be_read_again_is_not_saved():
    match = "^cannot save a history with columns of different lengths: loss 1, val_loss 2: give every epoch one entry"
    with pytest.raises(ValueError, match=match):
        to_bytes(gd.History([0.5], [0.5, 0.5]))


def test_a_history_of_its_own_and_with_a_trainer(tmp_path):
    trainer = gd.Trainer(gd.MLP([4, 3, 2], seed=0), "mse")
    record = ("layer_gradient_norm", "weight_norm", "update_ratio")
    history = trainer.fit(X, Y, epochs=20, validation_data=(X, Y), metrics=["r2", "mae"], record=record)
    history.learning_rate[3] = float("nan")
    gd.save(history, tmp_path / "history.gdc")
    trainer.save(tmp_path / "run.gdc", history=history)
    for found in (gd.load(tmp_path / "history.gdc"), *map(gd.History.load, tmp_path.iterdir())):
        assert same_bits(found.to_dict(), history.to_dict())
        assert all(type(n) is int for n in found.clipped_steps)
    assert isinstance(gd.load(tmp_path / "run.gdc"), gd.Trainer)


def test_names_of_a_million_features():
    net = gd.LinearModel(10**6, dtype="float32", seed=0)
    names = tuple(f"column number {i}" for i in range(10**6))
    again = restore(net.layers, 0, "float32", net.params, None, names)
    loaded = from_bytes(to_bytes(again))
    assert loaded.feature_names == names
    wide = restore(net.layers, 0, "float32", net.params, None, tuple(name * 3 for name in names))
    with pytest.raises(ValueError, match=r"take .* bytes; at most 33,554,432 are written: use shorter feature names"):
        to_bytes(wide)


def test_a_model_is_loaded_without_what_trains_it(tmp_path):
    gd.MLP([2, 3, 1]).save(tmp_path / "model.gdc")
    code = f"import sys, gdcore as gd; gd.load({str(tmp_path / 'model.gdc')!r}).predict([[1, 2]])\n"
    shown = "print(*(room for room in ('training', 'optimizers', 'schedules') if f'gdcore.{room}' in sys.modules))"
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code + shown], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.strip() == ""


def test_a_file_is_of_one_moment_while_another_thread_trains():
    trainer = gd.Trainer(gd.MLP([4, 30, 2], seed=0), "mse", gd.SGD(1e-3), shuffle=False)
    xb, yb = X.astype("float32"), Y.astype("float32")
    states = {}
    twin = pickle.loads(pickle.dumps(trainer))
    for _ in range(300):
        states[twin.steps_done] = twin.model.params.copy()
        twin.step(xb, yb)

    def train():
        for _ in range(299):
            trainer.step(xb, yb)

    thread = threading.Thread(target=train)
    thread.start()
    while thread.is_alive():
        loaded = from_bytes(to_bytes(trainer))
        assert same_bits(loaded.model.params, states[loaded.steps_done])
    thread.join()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_model_that_has_diverged_is_not_saved(bad, tmp_path):
    net = gd.MLP([2, 3, 1], seed=0)
    net.save(tmp_path / "model.gdc")
    before = (tmp_path / "model.gdc").read_bytes()
    net.params[-1] = bad
    with pytest.raises(ValueError, match=r"^dense1\.bias contains NaN or infinity"):
        net.save(tmp_path / "model.gdc")
    assert (tmp_path / "model.gdc").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
