"""Many models in one call: each has the bits of a training of its own, whatever the others do."""

import threading
import time

import numpy as np
import pytest
from cases import RECORDS, draw_targets
from many_models import as_data, as_models, assert_same_bits, lap

import gdcore as gd
from gdcore._kernels import lanes, load
from gdcore.data.samples import take_samples

RNG = np.random.default_rng(0)
MODELS, ROWS, EPOCHS = 18, 45, 3


def trainers_of(make, n=MODELS):
    """Trainers of n models, twice over, so that one set can be trained one by one."""
    return [make(i) for i in range(n)], [make(i) for i in range(n)]


def assert_trains_alike(make, X, y, weight=None, epochs=EPOCHS, n=MODELS):
    """Models that train together are what they are alone, on shared data; returns their rows."""
    alone, together = trainers_of(make, n)
    models, rows = as_models(together)
    samples = [together[0]._state.take(X, y, weight)]
    sums = np.zeros((n, epochs, 4))
    measures = np.empty((n, epochs, 3))
    for i, trainer in enumerate(alone):
        for epoch in range(epochs):
            loss, run = trainer.epoch(X, y, weight), trainer._run
            measures[i, epoch] = loss, run.norm_sum, run.clipped_steps
    models.run(as_data(together, samples), lap(together[0], epochs), sums)
    assert rows.active.all()
    np.testing.assert_array_equal(sums[:, :, 0] / sums[:, :, 1], measures[:, :, 0])
    np.testing.assert_array_equal(sums[:, :, 2:], measures[:, :, 1:])
    assert_same_bits(alone, rows)
    return rows


def problem(net, loss, n=ROWS):
    return RNG.normal(size=(n, net.in_features)), draw_targets(loss, RNG, n, net.out_features)


def mlp(i, widths=(3, 6, 2), dtype="float32", **options):
    return gd.MLP(list(widths), dtype=dtype, seed=i, **options)


@pytest.mark.parametrize("activation", [row.name for row in gd.ACTIVATIONS])
def test_activations(activation, isa):
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))
    assert_trains_alike(
        lambda i: gd.Trainer(mlp(i, activation=activation), "mse", gd.SGD(0.004 * (i + 1)), batch_size=16), X, y
    )


@pytest.mark.parametrize("loss", RECORDS, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses(loss, dtype, isa):
    X, y = problem(mlp(0), loss)
    assert_trains_alike(lambda i: gd.Trainer(mlp(i, dtype=dtype), loss, gd.SGD(0.01), batch_size=16, seed=99 - i), X, y)


@pytest.mark.parametrize("rule", gd.OPTIMIZERS, ids=lambda rule: rule.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [(3, 6, 2), (4, 1), (3, 40, 40, 1)], ids=str)
def test_optimizers(rule, dtype, widths, isa):
    X, y = RNG.normal(size=(ROWS, widths[0])), RNG.normal(size=(ROWS, widths[-1]))
    assert_trains_alike(lambda i: gd.Trainer(mlp(i, widths, dtype), "mse", rule(0.0005 * (i + 1)), batch_size=13), X, y)


RULES = {
    "momentum": lambda i: gd.SGD(0.01, momentum=0.04 * i + 0.1, weight_decay=0.01 * i),
    "nesterov": lambda i: gd.SGD(0.01, momentum=0.04 * i + 0.1, nesterov=True),
    "betas": lambda i: gd.Adam(0.01, betas=(0.5 + 0.02 * i, 0.99), weight_decay=0.01 * i),
}
OPTIONS = {
    "l1": lambda i: {"l1": 0.01 * i},
    "l2": lambda i: {"l2": 0.01 * i},
    "clip_norm": lambda i: {"clip_norm": 0.1 * (i + 1) if i % 2 else None},
    "clip_value": lambda i: {"clip_value": 0.01 * (i + 1) if i % 2 else None},
    "accumulate": lambda i: {"accumulate": 2},
    "drop_last": lambda i: {"drop_last": True},
    "in order": lambda i: {"shuffle": False},
    "average": lambda i: {"average": gd.EMA(0.9)},
    "layer_rates": lambda i: {"layer_rates": {"dense0": 0.5, "dense1.bias": 2.0}},
    "frozen": lambda i: {"layer_rates": {"dense0": 0}, "l2": 0.1 * i, "l1": 0.01 * i},
}


@pytest.mark.parametrize("name", RULES)
def test_hyper_parameters_of_each_model(name, isa):
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))
    assert_trains_alike(lambda i: gd.Trainer(mlp(i), "mse", RULES[name](i), batch_size=16), X, y)


@pytest.mark.parametrize("widths", [(3, 6, 2), (3, 20, 2)], ids=str)
@pytest.mark.parametrize("batch", [2, 16, 64])
@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_each_model(name, batch, widths, isa):
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))
    for rule in (gd.SGD(0.02), gd.Adam(0.01)):
        assert_trains_alike(
            lambda i, rule=rule: gd.Trainer(mlp(i, widths), "mse", rule, batch_size=batch, **OPTIONS[name](i)), X, y
        )


@pytest.mark.parametrize("penalised", [0, 1], ids=["plain first", "plain last"])
@pytest.mark.parametrize("batch", [1, 4, 37])
@pytest.mark.parametrize("option", [{"l1": 0.05}, {"l2": 0.1}, {"clip_norm": 0.1}, {"clip_value": 0.02}], ids=repr)
def test_options_that_only_some_models_have(option, batch, penalised, isa):
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))

    def make(i, rule):
        return gd.Trainer(mlp(i, (3, 5, 2)), "mse", rule, batch_size=batch, **(option if i % 2 == penalised else {}))

    for rule in (gd.SGD(0.02), gd.Adam(0.01)):
        for n in (2, MODELS):
            assert_trains_alike(lambda i, rule=rule: make(i, rule), X, y, n=n)


@pytest.mark.parametrize("name", ["l1", "l2", "clip_norm"])
def test_options_of_linear_models(name, isa):
    X, y = RNG.normal(size=(ROWS, 7)), RNG.normal(size=ROWS)
    for rule in (gd.SGD(0.02), gd.SGD(0.02, cumulative_l1=True)):
        assert_trains_alike(
            lambda i, rule=rule: gd.Trainer(mlp(i, (7, 1)), "mse", rule, batch_size=2, **OPTIONS[name](i)), X, y
        )


def test_weights(isa):
    X, y, weight = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2)), RNG.random(ROWS)
    assert_trains_alike(lambda i: gd.Trainer(mlp(i), "mse", gd.SGD(0.02), batch_size=16), X, y, weight)


def test_rates_of_dropout(isa):
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))
    assert_trains_alike(
        lambda i: gd.Trainer(mlp(i, (3, 20, 20, 2), dropout=0.04 * (i + 1)), "mse", gd.SGD(0.02), batch_size=16), X, y
    )


def test_layers_of_other_kinds(isa):
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))

    def make(i):
        net = gd.Sequential(gd.Dense(3, 9, "relu"), gd.LayerNorm(9), gd.Dense(9, 2, l2=0.1, max_norm=1.0), seed=i)
        return gd.Trainer(net, "mse", gd.SGD(0.02), batch_size=16)

    assert_trains_alike(make, X, y)


@pytest.mark.parametrize("n", [1, 2, 3, 17, 35])
def test_number_of_models(n, isa):
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))
    assert_trains_alike(lambda i: gd.Trainer(mlp(i), "mse", gd.SGD(0.001 * i + 0.001), batch_size=16), X, y, n=n)


def test_who_shares_lanes(isa):
    X, y = RNG.normal(size=(64, 4)), RNG.normal(size=(64, 1))
    for widths, n, share in (((4, 8, 1), 18, 1), ((4, 8, 1), 1, 0), ((4, 64, 64, 1), 18, 0)):
        together = [gd.Trainer(mlp(i, widths), "mse", gd.SGD(0.01), batch_size=16) for i in range(n)]
        models, rows = as_models(together)
        models.run(as_data(together, [together[0]._state.take(X, y, None)]), lap(together[0]), np.zeros((n, 1, 4)))
        assert (rows.counts == (4, 1)).all()
        # Of 18 models, two are left over by 16 lanes, and fewer than half of them are filled.
        assert models.shared_steps in ((4 * 16, 4 * 18) if share else (0,))


def test_rates_of_every_step():
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))
    schedules = [gd.schedules.StepDecay(0.1 / (i + 1), 2) for i in range(MODELS)]
    alone, together = trainers_of(lambda i: gd.Trainer(mlp(i), "mse", gd.SGD(schedules[i]), batch_size=16))
    models, rows = as_models(together)
    steps = EPOCHS * 3
    rates = np.array([schedule.rates(0, steps) for schedule in schedules])
    sums = np.zeros((MODELS, EPOCHS, 4))
    models.run(as_data(together, [together[0]._state.take(X, y, None)]), lap(together[0], EPOCHS), sums, rates)
    for trainer in alone:
        for _ in range(EPOCHS):
            trainer.epoch(X, y)
    assert_same_bits(alone, rows)


def own_data(weighted):
    """Data of different lengths, and the same as stretches of one array and as an index into another."""
    lengths = [45, 3, 16, 20, 7, *range(31, 44)]
    data = [(RNG.normal(size=(n, 3)), RNG.normal(size=(n, 2)), RNG.random(n) if weighted else None) for n in lengths]
    return data, np.concatenate([[0], np.cumsum(lengths)])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("kind", ["own", "stretches", "index"])
def test_own_data(kind, shuffle, weighted, isa):
    data, ends = own_data(weighted)
    alone, together = trainers_of(lambda i: gd.Trainer(mlp(i), "mse", gd.SGD(0.02), batch_size=16, shuffle=shuffle))
    state, index = together[0]._state, None
    places = np.stack([ends[:-1], np.diff(ends)], 1)
    whole = [None if part[0] is None else np.concatenate(part) for part in zip(*data, strict=True)]
    if kind == "own":
        samples, places = [state.take(*part) for part in data], np.stack([0 * ends[:-1], np.diff(ends)], 1)
    elif kind == "stretches":
        samples = [state.take(*whole)]
    else:
        mixed = RNG.permutation(ends[-1])
        samples = [state.take(*[None if part is None else part[mixed] for part in whole])]
        index = np.argsort(mixed)
    models, rows = as_models(together)
    sums = np.zeros((MODELS, EPOCHS, 4))
    models.run(as_data(together, samples, places, index), lap(together[0], EPOCHS), sums)
    losses = [[trainer.epoch(*part) for _ in range(EPOCHS)] for trainer, part in zip(alone, data, strict=True)]
    np.testing.assert_array_equal(sums[:, :, 0] / sums[:, :, 1], losses)
    assert_same_bits(alone, rows)


def test_divergence_of_one_harms_no_other(isa):
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))
    make = lambda i: gd.Trainer(  # noqa: E731
        mlp(i, activation="relu"), "mse", gd.SGD(1e30 if i == 2 else 0.02), batch_size=16
    )
    alone, together = trainers_of(make, 19)
    models, rows = as_models(together)
    sums = np.zeros((19, EPOCHS, 4))
    models.run(as_data(together, [together[0]._state.take(X, y, None)]), lap(together[0], EPOCHS), sums)
    for i, trainer in enumerate(alone):
        if i == 2:
            with pytest.raises(gd.DivergedError):
                trainer.epoch(X, y)
            assert np.array_equal(rows.params[i], trainer.model.params)
            assert not rows.active[i]
            assert rows.outcomes[i] in (1, 2, 3)
        else:
            losses = [trainer.epoch(X, y) for _ in range(EPOCHS)]
            np.testing.assert_array_equal(sums[i, :, 0] / sums[i, :, 1], losses)
            assert np.array_equal(rows.params[i], trainer.model.params)
            assert rows.active[i]


def test_models_that_are_not_active_stay(isa):
    X, y = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 2))
    alone, together = trainers_of(lambda i: gd.Trainer(mlp(i), "mse", gd.Adam(0.02), batch_size=16), 20)
    models, rows = as_models(together)
    data = as_data(together, [together[0]._state.take(X, y, None)])
    rng = np.random.default_rng(1)
    for _ in range(6):
        rows.active[:] = chosen = rng.random(20) < 0.7
        models.run(data, lap(together[0]), np.zeros((20, 1, 4)))
        for i in np.flatnonzero(chosen):
            alone[i].epoch(X, y)
    assert_same_bits(alone, rows)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_and_outputs_of_all_models(dtype, isa):
    n, nets = 700, [mlp(i, dtype=dtype) for i in range(MODELS)]
    X, y, weight = RNG.normal(size=(n, 3)), RNG.normal(size=(n, 2)), RNG.random(n)
    stack, kernels = nets[0]._stack, load(dtype)
    samples = take_samples(stack, X, y, weight, gd.losses.MeanSquaredError())
    places = np.tile(np.array([[0, n]]), (MODELS, 1))
    params, network = np.stack([net.params for net in nets]), stack.network(False)
    name, option = gd.losses.MeanSquaredError.name, gd.losses.MeanSquaredError().option()
    data = kernels.ModelData(network, name, [(samples.X, samples.target, None, samples.weight)], places)
    found = np.zeros(MODELS)
    found[1] = np.nan
    kernels.many_losses(network, (name, option), params, data, found)
    wanted = [net.loss(X, y, "mse", sample_weight=weight) for net in nets]
    wanted[1] = np.nan
    np.testing.assert_array_equal(found, wanted)
    out = np.empty((MODELS, n, 2), dtype)
    assert kernels.many_outputs(network, params, data, list(out)) == -1
    np.testing.assert_array_equal(out, [net.predict(X) for net in nets])
    samples.X[3] = np.nan
    assert kernels.many_outputs(network, params, data, list(out)) == 0
    np.testing.assert_array_equal(nets[0].params, params[0])


def test_a_call_of_another_thread_stops_when_asked():
    n, rows_of = 4, 200_000
    X, y = RNG.normal(size=(rows_of, 8)), RNG.normal(size=(rows_of, 1))
    together = [gd.Trainer(mlp(i, (8, 32, 32, 1)), "mse", gd.Adam(0.001), batch_size=32) for i in range(n)]
    models, rows = as_models(together)
    data = as_data(together, [together[0]._state.take(X, y, None)])
    before = rows.params.copy()
    raised = []

    def run():
        try:
            models.run(data, lap(together[0], 1000), np.zeros((n, 1000, 4)))
        except KeyboardInterrupt:
            raised.append(time.perf_counter())

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.1)
    asked = time.perf_counter()
    models.stop()
    thread.join(20)
    assert raised[0] - asked < 2
    for i in range(n):
        steps, epochs = rows.counts[i]
        assert steps == epochs * (rows_of // 32)
        assert epochs or np.array_equal(rows.params[i], before[i])


BAD = {
    "columns": lambda r: r._replace(params=r.params[:, 1:].copy()),
    "rows": lambda r: r._replace(seeds=r.seeds[1:]),
    "slots": lambda r: r._replace(slots=np.zeros((2, 3, 40), np.float32)),
    "options": lambda r: r._replace(options=np.zeros((2, 3))),
    "means": lambda r: r._replace(means=np.zeros((2, 38))),
}


@pytest.mark.parametrize("name", BAD)
def test_arrays_that_do_not_fit(name):
    trainers = [gd.Trainer(mlp(i), "mse", gd.SGD(0.1)) for i in range(2)]
    _, rows = as_models(trainers)
    with pytest.raises(ValueError, match="do not fit the training"):
        load("float32").Models(trainers[0]._run, BAD[name](rows))


def test_places_that_do_not_fit():
    trainers = [gd.Trainer(mlp(i), "mse", gd.SGD(0.1)) for i in range(2)]
    samples = [trainers[0]._state.take(np.zeros((5, 3)), np.zeros((5, 2)), None)]
    for places in ([(0, 6), (0, 5)], [(-1, 2), (0, 5)], [(0, 0), (0, 5)], [(0, 2), (5, 1)]):
        with pytest.raises(ValueError, match=r"model . has rows"):
            as_data(trainers, samples, places)
    for row in (-1, 5):
        with pytest.raises(ValueError, match="expected 0"):
            as_data(trainers, samples, [(0, 2), (0, 2)], np.array([0, row]))
    with pytest.raises(ValueError, match="sources"):
        as_data(trainers, samples * 3, [(0, 2), (0, 2)])


def test_calls_that_do_not_fit():
    trainers = [gd.Trainer(mlp(i), "mse", gd.SGD(0.1)) for i in range(2)]
    models, _ = as_models(trainers)
    data = as_data(trainers, [trainers[0]._state.take(np.zeros((5, 3)), np.zeros((5, 2)), None)])
    with pytest.raises(ValueError, match="sums"):
        models.run(data, (5, 5, 2, True, False), np.zeros((2, 1, 4)))
    with pytest.raises(ValueError, match="rates"):
        models.run(data, (2, 2, 1, True, False), np.zeros((2, 1, 4)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="data"):
        models.run(data, (0, 2, 1, True, False), np.zeros((2, 1, 4)))


@pytest.mark.parametrize("batch", [1, 3, 4, 5])
def test_with_rows_forced_into_the_lanes(batch, isa):
    with lanes("rows"):
        for widths in ((3, 6, 2), (3, 20, 2), (4, 1)):
            X, y = RNG.normal(size=(ROWS, widths[0])), RNG.normal(size=(ROWS, widths[-1]))
            for rule in (gd.SGD(0.02), gd.Adam(0.01)):
                assert_trains_alike(
                    lambda i, rule=rule, widths=widths: gd.Trainer(mlp(i, widths), "mse", rule, batch_size=batch), X, y
                )
