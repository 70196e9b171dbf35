"""The compiled engine against the one that trains model by model: the same parameters and records, bit for bit."""

from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
from cases import RECORDS, draw_targets

import gdcore as gd
from gdcore.data.samples import take_samples
from gdcore.many.compiled import CHUNK, Compiled
from gdcore.many.jobs import Course, Job, Shape
from gdcore.many.one_by_one import OneByOne
from gdcore.many.records import Records

RNG = np.random.default_rng(0)
COURSE = Course(4, None, None, (), (), ())
ROWS = 45
MSE = gd.losses.MeanSquaredError()


def make_jobs(n, *, layers=None, data=None, validation=None, own=None, loss=MSE, weighted=False, **options):
    """n jobs; `own`: the number -> what replaces fields of the job, its settings among them as a dict."""
    layers = layers or (gd.Dense(3, 6, "tanh"), gd.Dense(6, 2))
    shapes, jobs = {}, []
    X, y = data or (RNG.normal(size=(ROWS, 3)), draw_targets(loss, RNG, ROWS, layers[-1].out_features))
    weight = RNG.random(len(X)) if weighted else None
    nets = [gd.Sequential(*layers, seed=i, dtype="float32") for i in range(n)]
    settings = gd.Trainer(nets[0], loss, "sgd", batch_size=16, **options)._state.settings
    samples = take_samples(nets[0]._stack, X, y, weight, loss)
    measured = None if validation is None else take_samples(nets[0]._stack, *validation, None, loss)
    for i, net in enumerate(nets):
        fields = {} if own is None else own(i)
        chosen = replace(settings, **fields.pop("settings", {}))
        own_layers = fields.pop("layers", layers)
        shape = shapes.setdefault(repr(own_layers), Shape(own_layers, "float32"))
        job = Job(i, shape, net.params.copy(), chosen, 7 * i, samples, validation=measured)
        jobs.append(replace(job, **fields))
    return jobs


def train(engine, jobs, course):
    """Copies of the jobs trained by an engine; returns parameters and records."""
    jobs = [replace(job, params=job.params.copy()) for job in jobs]
    records, told = Records(range(len(jobs)), 0 if course.epochs is None else course.epochs), []
    assert all(engine.takes(job, course) for job in jobs)
    engine.train(jobs, course, records, told.append)
    assert sum(told) == len(jobs)
    records.cut()
    return [job.params for job in jobs], records


def assert_engines_agree(jobs, course=COURSE):
    ours, found = train(Compiled(), jobs, course)
    theirs, wanted = train(OneByOne(), jobs, course)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        np.testing.assert_array_equal(a, b, str(i))
    assert found.stop_reasons == wanted.stop_reasons
    np.testing.assert_array_equal(found.epochs, wanted.epochs)
    np.testing.assert_array_equal(found.diverged, wanted.diverged)
    assert found.columns.keys() == wanted.columns.keys()
    for name, values in wanted.columns.items():
        if name == "seconds":
            np.testing.assert_array_equal(np.isnan(found.columns[name]), np.isnan(values))
        else:
            np.testing.assert_array_equal(found.columns[name], values, name)
    return found


@pytest.mark.parametrize("loss", RECORDS, ids=repr)
def test_losses(loss):
    assert_engines_agree(make_jobs(18, loss=loss))


@pytest.mark.parametrize("rule", gd.OPTIMIZERS, ids=lambda rule: rule.name)
def test_optimizers_with_rates_of_their_own(rule):
    assert_engines_agree(make_jobs(4, own=lambda i: {"settings": {"optimizer": rule(0.001 * (i + 1))}}))


OWN = {
    "rates": lambda i: {"settings": {"optimizer": gd.SGD(0.01 * i + 0.01)}},
    "momenta": lambda i: {"settings": {"optimizer": gd.SGD(0.01, momentum=0.05 * i)}},
    "schedules by step": lambda i: {"settings": {"optimizer": gd.Adam(gd.schedules.StepDecay(0.01 * i + 0.01, 2))}},
    "schedules by epoch": lambda i: {
        "settings": {"optimizer": gd.SGD(gd.schedules.StepDecay(0.1, i + 1, per="epoch"))}
    },
    "l2": lambda i: {"settings": {"l2": 0.01 * i}},
    "l1": lambda i: {"settings": {"l1": 0.01 * i}},
    "clip_norm": lambda i: {"settings": {"clip_norm": 0.1 * i or None}},
    "dropout": lambda i: {
        "layers": (gd.Dense(3, 6, "tanh"), gd.Dropout(0.05 * i + 0.05), gd.Dense(6, 2)),
        "params": RNG.normal(size=38).astype("f"),
    },
    "losses": lambda i: {"settings": {"loss": gd.Huber(0.5 + i)}},
    "batches": lambda i: {"settings": {"batch_size": 8 + 8 * (i % 2)}},
    "averages": lambda i: {"settings": {"average": gd.EMA(0.9)}},
    "rows": lambda i: {"rows": np.random.default_rng(i).integers(0, ROWS, 20 + i)},
    "stops": lambda i: {"stop": (gd.EarlyStopping(patience=1 + i % 2, min_delta=0.001 * i),)},
    "thresholds": lambda i: {"stop": (gd.LossThreshold(0.8 + 0.1 * i),)},
}


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("name", OWN)
def test_what_each_model_may_have(name, validated):
    validation = (RNG.normal(size=(20, 3)), RNG.normal(size=(20, 2))) if validated else None
    assert_engines_agree(make_jobs(18, own=OWN[name], validation=validation))


@pytest.mark.parametrize("batch", [16, 64])
def test_criteria_bring_parameters_back(batch):
    own = lambda i: {  # noqa: E731
        "stop": (gd.EarlyStopping(patience=2),),
        "settings": {"optimizer": gd.SGD(0.5 + 0.2 * i), "batch_size": batch, "average": gd.Polyak()},
    }
    assert_engines_agree(make_jobs(6, own=own), COURSE._replace(epochs=12))


def test_data_of_their_own_and_weights():
    data = [(RNG.normal(size=(9 + 5 * i, 3)), RNG.normal(size=(9 + 5 * i, 2))) for i in range(6)]
    stack = gd.Sequential(gd.Dense(3, 6, "tanh"), gd.Dense(6, 2))._stack
    samples = [take_samples(stack, X, y, RNG.random(len(X)), MSE) for X, y in data]
    assert_engines_agree(
        make_jobs(6, own=lambda i: {"data": samples[i], "rows": np.arange(0, len(samples[i].X), 2) if i % 2 else None})
    )
    assert_engines_agree(make_jobs(6, own=lambda i: {"data": samples[i]}))
    assert_engines_agree(make_jobs(6, own=lambda i: {"data": samples[i]}), COURSE._replace(epochs=None))


def test_models_of_several_shapes():
    pairs = [(gd.Dense(3, k), gd.Dense(k, 2)) for k in (4, 6)]
    own = lambda i: {"layers": pairs[i % 2], "params": RNG.normal(size=(26, 38)[i % 2]).astype("f")}  # noqa: E731
    assert_engines_agree(make_jobs(6, own=own))


def test_more_models_than_a_chunk():
    found = assert_engines_agree(make_jobs(CHUNK + 3), COURSE._replace(epochs=1))
    assert found.stop_reasons == ["the epoch was run"] * (CHUNK + 3)


def test_divergence_is_told_of_the_one_model():
    own = lambda i: {"settings": {"optimizer": gd.SGD(1e30 if i == 2 else 0.01)}}  # noqa: E731
    found = assert_engines_agree(make_jobs(5, own=own))
    assert found.diverged.tolist() == [False, False, True, False, False]
    assert "training diverged in epoch 0" in found.stop_reasons[2]


def test_what_is_left_to_the_trainer():
    [job] = make_jobs(1)
    engine = Compiled()
    assert engine.takes(job, COURSE)
    plateau = gd.SGD(gd.schedules.ReduceOnPlateau(0.1))
    for other in (
        replace(job, settings=replace(job.settings, loss=lambda outputs, y: (0.0, outputs))),
        replace(job, settings=replace(job.settings, optimizer=plateau)),
        replace(job, stop=(gd.TimeLimit(3),)),
    ):
        assert not engine.takes(other, COURSE)
    for course in (
        COURSE._replace(max_steps=3),
        COURSE._replace(class_weight="balanced"),
        COURSE._replace(metrics=("mae",)),
        COURSE._replace(record=("weight_norm",)),
    ):
        assert not engine.takes(job, course)


def test_threads_do_not_disturb_each_other():
    alone = [train(Compiled(), make_jobs(20, data=(X, X[:, :2])), COURSE)[0] for X in RNG.normal(size=(2, ROWS, 3))]
    assert len(alone) == 2
    jobs = make_jobs(40)
    wanted, _ = train(Compiled(), jobs, COURSE)
    halves = [replace(job, params=job.params.copy()) for job in jobs]
    records = [Records(range(40), 4) for _ in range(2)]
    threads = [
        Thread(target=Compiled().train, args=(halves[part::2], COURSE, records[part], lambda n: None))
        for part in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job, params in zip(halves, wanted, strict=True):
        np.testing.assert_array_equal(job.params, params)
