"""Training in parts: however it is cut into fits, at epochs or between steps, it is the training that never stopped."""

import copy
import pickle

import numpy as np
import pytest

import gdcore as gd
from gdcore import schedules

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 4)), RNG.normal(size=(50, 2))
VALIDATION = X[:9], Y[:9]
SCHEDULES = {
    schedules.Constant: schedules.Constant(0.01),
    schedules.StepDecay: schedules.StepDecay(0.01, 5, 0.5),
    schedules.MultiStep: schedules.MultiStep(0.01, (2, 3), 0.5, per="epoch"),
    schedules.Exponential: schedules.Exponential(0.01, 0.95),
    schedules.InverseScaling: schedules.InverseScaling(0.02),
    schedules.Polynomial: schedules.Polynomial(0.01, 40),
    schedules.Cosine: schedules.Cosine(0.01, 9, warmup=3, restarts=True),
    schedules.OneCycle: schedules.OneCycle(0.02, 40),
    schedules.ReduceOnPlateau: schedules.ReduceOnPlateau(0.01, 0.5, patience=1, threshold=0.05),
}
WAYS = {
    "stays": lambda trainer, fresh: trainer,
    "pickle": lambda trainer, fresh: pickle.loads(pickle.dumps(trainer)),
    "deepcopy": lambda trainer, fresh: copy.deepcopy(trainer),
    "state_dict": lambda trainer, fresh: (fresh.load_state_dict(trainer.state_dict()), fresh)[1],
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def custom_mse(outputs, y):
    return float(np.mean((outputs - y) ** 2)), 2 * (outputs - y) / outputs.size


def new_trainer(optimizer=None, loss="mse", **options):
    net = gd.MLP([4, 9, 2], "relu", dropout=0.3, seed=3)
    return gd.Trainer(net, loss, optimizer or gd.Adam(0.01), **{"batch_size": 16, "clip_norm": 0.5, **options})


def assert_same(ours, theirs):
    """Everything that the next step, or a criterion, will look at."""
    left, right = ours.state_dict(), theirs.state_dict()
    np.testing.assert_array_equal(left.pop("params"), right.pop("params"))
    np.testing.assert_array_equal(left["optimizer"].pop("slots"), right["optimizer"].pop("slots"))
    np.testing.assert_array_equal(left["optimizer"].pop("scalars"), right["optimizer"].pop("scalars"))
    np.testing.assert_equal(left, right)


def test_every_schedule_is_here():
    assert set(SCHEDULES) == set(gd.SCHEDULES)


@each_way
@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=lambda schedule: type(schedule).__name__)
def test_a_fit_resumed_at_every_epoch(schedule, way):
    """With each optimizer, with dropout, shuffling, means and criteria that wait."""
    stop = [gd.EarlyStopping(40), gd.EarlyStopping(50, monitor="loss"), gd.RelativeChange(1e-9, 30)]
    told = {"validation_data": VALIDATION, "stop": stop}
    for optimizer in gd.OPTIMIZERS:
        options = {"optimizer": optimizer(schedule), "average": gd.EMA(0.9)}
        whole, stopped, losses = new_trainer(**options), new_trainer(**options), []
        want = whole.fit(X, Y, epochs=5, **told)
        for _ in range(5):
            losses += stopped.fit(X, Y, epochs=1, **told).loss
            stopped = way(stopped, new_trainer(**options))
        assert losses == want.loss
        assert_same(stopped, whole)


@each_way
@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle": False},
        {"drop_last": True},
        {"accumulate": 3},
        {"drop_last": True, "shuffle": False},
        {"average": gd.Polyak(3)},
        {"batch_size": 99},
        {"batch_size": 1},
    ],
    ids=repr,
)
def test_a_fit_resumed_after_any_number_of_steps(options, loss, way):
    """The history's row of an epoch that was finished later is that of the epoch that was never left."""
    criteria = {"stop": [gd.GradientNormThreshold(1e-9, of="epoch"), gd.EarlyStopping(99)]}
    whole, stopped = new_trainer(loss=loss, **options), new_trainer(loss=loss, **options)
    want = whole.fit(X, Y, epochs=3, **criteria)
    total, rows = whole.steps_done, {}
    while stopped.steps_done < total:
        steps = min(2 if total < 50 else 17, total - stopped.steps_done)
        before, epoch = stopped.steps_done, stopped.epochs_done
        history = stopped.fit(X, Y, max_steps=steps, **criteria)
        assert stopped.steps_done == before + steps
        for i, row in enumerate(zip(history.loss, history.gradient_norm, history.clipped_steps, strict=True)):
            rows[epoch + i] = row
        stopped = way(stopped, new_trainer(loss=loss, **options))
    assert list(rows.values()) == list(zip(want.loss, want.gradient_norm, want.clipped_steps, strict=True))
    assert_same(stopped, whole)


def test_max_steps_and_epochs_whichever_is_first():
    """50 rows by 16: four steps an epoch."""
    for options, epochs, steps, reason in (
        ({"max_steps": 1}, 1, 1, "the step was made; the last row is of 1 of its epoch's 4"),
        ({"max_steps": 4}, 1, 4, "all 4 steps were made"),
        ({"max_steps": 7}, 2, 7, "all 7 steps were made; the last row is of 3 of its epoch's 4"),
        ({"max_steps": 7, "epochs": 9}, 2, 7, "all 7 steps were made; the last row is of 3 of its epoch's 4"),
        ({"max_steps": 9, "epochs": 2}, 2, 8, "all 2 epochs were run"),
        ({}, 1250, 5000, "all 1250 epochs were run"),
    ):
        trainer = new_trainer()
        history = trainer.fit(X, Y, **options)
        assert (history.epochs, trainer.steps_done, history.stop_reason) == (epochs, steps, reason)
        assert trainer.epochs_done == steps // 4
    net = gd.MLP([4, 9, 2], "relu", dropout=0.3, seed=3)
    history = net.fit(X, Y, loss="mse", optimizer=gd.Adam(0.01), batch_size=16, clip_norm=0.5, max_steps=7)
    assert history.epochs == 2
    np.testing.assert_array_equal(net.params, fitted(max_steps=7).model.params)


def fitted(**options):
    trainer = new_trainer()
    trainer.fit(X, Y, **options)
    return trainer


def test_epochs_and_callbacks_count_what_is_left():
    seen = []

    class Counts(gd.Callback):
        def on_fit_begin(self, epochs):
            seen.append(epochs)

        def on_epoch_end(self, state):
            seen.append((state.epoch, state.epochs))

    trainer = new_trainer()
    trainer.fit(X, Y, max_steps=3, callbacks=Counts())
    trainer.fit(X, Y, max_steps=6, callbacks=Counts())
    trainer.fit(X, Y, epochs=2, callbacks=Counts())
    assert seen == [1, (0, 1), 3, (0, 3), (1, 3), (2, 3), 2, (0, 2), (1, 2)]
    assert (trainer.steps_done, trainer.epochs_done) == (16, 4)


def test_epoch_finishes_the_one_that_was_begun_and_other_data_begin_one():
    trainer, whole = new_trainer(), new_trainer()
    trainer.fit(X, Y, max_steps=3)
    assert trainer.epoch(X, Y) == whole.epoch(X, Y)
    assert_same(trainer, whole)
    trainer.fit(X, Y, max_steps=3)
    trainer.epoch(X[:32], Y[:32])
    assert trainer.steps_done == 4 + 3 + 2
    assert trainer.epochs_done == 2


def test_a_part_of_an_epoch_is_not_shown_to_criteria_and_schedules():
    asked = []
    trainer = new_trainer(gd.SGD(schedules.ReduceOnPlateau(0.01, patience=0)))
    for steps in (3, 1, 4, 3):
        trainer.fit(X, Y, max_steps=steps, stop=lambda end: asked.append(end.loss))
    assert len(asked) == trainer.epochs_done == 2
    assert trainer._state.memory.plateau.best == min(asked)


def test_an_epoch_that_was_never_begun_does_not_count(monkeypatch):
    """Interrupted while the order is drawn."""

    def interrupted(dtype):
        raise KeyboardInterrupt

    trainer, whole = new_trainer(), new_trainer()
    for made in (trainer, whole):
        made.epoch(X[:32], Y[:32])
    with monkeypatch.context() as patch:
        patch.setattr("gdcore.training.epoch.load", interrupted)
        with pytest.raises(KeyboardInterrupt):
            trainer.epoch(X, Y)
    trainer.epoch(X, Y)
    whole.epoch(X, Y)
    assert_same(trainer, whole)


@pytest.mark.parametrize("size", [7, 13, 25])
def test_ctrl_c_within_an_epoch_loses_no_step(size):
    """A loss that raises in the middle: the next fit goes on with the very batch."""
    calls = []

    def interrupted(outputs, y):
        calls.append(len(y))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return custom_mse(outputs, y)

    trainer, whole = (new_trainer(loss=loss, batch_size=size) for loss in (interrupted, custom_mse))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(X, Y, epochs=4)
    assert trainer.steps_done == 4
    trainer.fit(X, Y, epochs=4 - trainer.epochs_done)
    whole.fit(X, Y, epochs=4)
    assert_same(trainer, whole)


def test_a_refused_step_is_named_by_its_place_in_the_epoch_and_tried_again():
    data = np.ones((40, 1))
    data[29] = 1e300
    trainer = gd.Trainer(gd.LinearModel(1, dtype="float64"), "mse", batch_size=4, shuffle=False)
    trainer.fit(data, np.ones(40), max_steps=3)
    for _ in range(2):
        with pytest.raises(gd.DivergedError, match="in epoch 0, batch 7: "):
            trainer.fit(data, np.ones(40))
    assert trainer.steps_done == 7


def test_a_refused_step_leaves_nothing_in_the_sums():
    calls = []

    def once_infinite(outputs, y):
        calls.append(len(y))
        value, delta = custom_mse(outputs, y)
        return value, delta * np.inf if len(calls) == 3 else delta

    trainer, whole = (new_trainer(loss=loss) for loss in (once_infinite, custom_mse))
    with pytest.raises(gd.DivergedError, match="in epoch 0, batch 2: the gradient of dense0"):
        trainer.fit(X, Y, epochs=1)
    assert trainer.fit(X, Y, epochs=1).gradient_norm == whole.fit(X, Y, epochs=1).gradient_norm
    assert_same(trainer, whole)


# what criteria remember


def scripted(values):
    """A custom loss that returns the given values, one per call, and moves the weight by one each time."""
    values = iter(values)
    return lambda z, y: (next(values), np.full_like(z, -1.0 / z.size))


def line(values):
    return gd.Trainer(gd.LinearModel(1, bias=False, weight_init="zeros"), scripted(values), gd.SGD(1.0))


def parts(trainer, n, stop):
    """Stop reasons of n fits of an epoch each."""
    return [trainer.fit([[1.0]], [0.0], epochs=1, stop=stop).stop_reason for _ in range(n)]


@pytest.mark.parametrize("restore", [True, False])
def test_patience_outlives_a_fit(restore):
    values = [3.0, 1.0, 2.0, 2.0, 2.0, 9.0]
    stop = gd.EarlyStopping(3, restore_best=restore)
    whole, cut = line(values), line(values)
    assert whole.fit([[1.0]], [0.0], epochs=6, stop=stop).epochs == 5
    reasons = parts(cut, 5, stop)
    assert reasons[:4] == ["the epoch was run"] * 4
    assert reasons[4].startswith("loss has not improved for 3 epochs: the best, 1, was in an earlier fit")
    np.testing.assert_array_equal(cut.model.params, whole.model.params)
    assert cut.model.params == [1.0 if restore else 5.0]  # 1 is the loss of the second step's beginning


def test_the_best_parameters_are_shown_and_training_goes_on_from_its_own():
    trainer = line([3.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    trainer.fit([[1.0]], [0.0], epochs=4, stop=gd.EarlyStopping(9))
    assert trainer.model.params == [1.0]
    trainer.fit([[1.0]], [0.0], epochs=1)
    assert trainer.model.params == [5.0]
    trainer.fit([[1.0]], [0.0], epochs=1, stop=gd.EarlyStopping(9, min_delta=1.0))  # its only epoch is its best
    trainer.fit([[1.0]], [0.0], epochs=1)
    assert trainer.model.params == [7.0]


@pytest.mark.parametrize("other", [lambda end: end.epoch == 5, gd.LossThreshold(1e9)], ids=["function", "threshold"])
def test_patience_goes_on_where_another_criterion_ended_the_fit(other):
    """What EarlyStopping shows is not where training goes on from."""
    whole, cut = new_trainer(), new_trainer()
    whole.fit(X, Y, epochs=12, validation_data=VALIDATION, stop=gd.EarlyStopping(50))
    first = cut.fit(X, Y, epochs=12, validation_data=VALIDATION, stop=[gd.EarlyStopping(50), other])
    cut.fit(X, Y, epochs=12 - first.epochs, validation_data=VALIDATION, stop=gd.EarlyStopping(50))
    assert_same(whole, cut)


def test_a_callback_may_save_a_trainer_that_goes_on():
    saved = []

    class Saving(gd.Callback):
        def on_epoch_end(self, end):
            saved.append(pickle.dumps(trainer))

    trainer = new_trainer()
    trainer.fit(X, Y, epochs=6, stop=gd.EarlyStopping(3, min_delta=10.0), callbacks=Saving())
    for made, text in enumerate(saved[:-1], 1):
        history = pickle.loads(text).fit(X, Y, epochs=6, stop=gd.EarlyStopping(3, min_delta=10.0))
        assert made + history.epochs == len(saved) == 4


def test_another_extent_begins_an_epoch():
    small, large = new_trainer(batch_size=10), new_trainer(batch_size=25)
    small.fit(X, Y, max_steps=3)
    large.load_state_dict(small.state_dict())
    assert large.fit(X, Y, epochs=2).epochs == 2
    assert large.steps_done == 3 + 4


@pytest.mark.parametrize("key", ["place", "plateau", "carried", "sums", "learning_rate", "epochs_done"])
def test_a_state_that_was_changed_is_refused_whole(key):
    trainer, state = new_trainer(), new_trainer(gd.Adam(0.02)).state_dict()
    before = trainer.state_dict()
    state["params"] = state["params"] + 1
    state[key] = None
    with pytest.raises(ValueError, match="the saved state was changed"):
        trainer.load_state_dict(state)
    np.testing.assert_equal(trainer.state_dict(), before)


def test_a_single_step_is_none_of_the_epochs():
    for loss in ("mse", custom_mse):
        trainer, twin = (gd.Trainer(gd.MLP([4, 9, 2], seed=3), loss, gd.SGD(1e-9), batch_size=16) for _ in range(2))
        trainer.fit(X, Y, max_steps=2)
        trainer.step(100 * X, Y)
        twin.fit(X, Y, max_steps=2)
        norms = [each.fit(X, Y, epochs=1).gradient_norm[0] for each in (trainer, twin)]
        assert norms[0] == pytest.approx(norms[1], rel=1e-3)


def test_where_a_criterion_stopped_training_goes_on_from_what_it_left():
    trainer = line([3.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    assert trainer.fit([[1.0]], [0.0], epochs=9, stop=gd.EarlyStopping(3)).epochs == 5
    assert trainer.model.params == [1.0]
    trainer.fit([[1.0]], [0.0], epochs=1)
    assert trainer.model.params == [2.0]


def test_parameters_that_somebody_wrote_are_kept():
    trainer = line([3.0, 1.0, 2.0, 2.0])
    trainer.fit([[1.0]], [0.0], epochs=3, stop=gd.EarlyStopping(9))
    trainer.model.params = [10.0]
    trainer.fit([[1.0]], [0.0], epochs=1)
    assert trainer.model.params == [11.0]


def test_a_criterion_that_stopped_or_differs_or_was_left_out_begins_anew():
    values = [1.0] * 99
    stop, other = gd.EarlyStopping(3), gd.EarlyStopping(3, min_delta=0.5)
    trainer = line(values)
    assert [trainer.fit([[1.0]], [0.0], epochs=9, stop=stop).epochs for _ in range(2)] == [4, 4]
    for between in ({"stop": other}, {}):
        trainer = line(values)
        trainer.fit([[1.0]], [0.0], epochs=3, stop=stop)
        trainer.fit([[1.0]], [0.0], epochs=1, **between)
        assert trainer.fit([[1.0]], [0.0], epochs=9, stop=stop).epochs == 4
    trainer = line(values)
    trainer.fit([[1.0]], [0.0], epochs=2, stop=[stop, stop])
    assert trainer.fit([[1.0]], [0.0], epochs=9, stop=[other, stop]).epochs == 2
    trainer.fit([[1.0]], [0.0], epochs=1, stop=other)
    data = {"validation_data": ([[1.0]], [0.0])}
    assert trainer.fit([[1.0]], [0.0], epochs=9, stop=other, **data).epochs == 4  # it watches another value


def test_relative_change_outlives_a_fit():
    values = [4.0, 2.0, 2.0, 2.0, 2.0]
    assert parts(line(values), 4, gd.RelativeChange(0.1, 2))[2:] == [
        "the epoch was run",
        "loss has changed by less than 0.1 of itself in 2 epochs in a row",
    ]


ERRORS = [
    (lambda: fitted(max_steps=0), ValueError, "max_steps must be >= 1, got 0"),
    (lambda: fitted(max_steps=1.5), TypeError, "max_steps must be an integer, got 1.5"),
    (lambda: fitted(epochs=0), ValueError, "epochs must be >= 1, got 0"),
    (lambda: new_trainer(accumulate=0), ValueError, "accumulate must be >= 1, got 0"),
    (lambda: new_trainer(accumulate=True), TypeError, "accumulate must be an integer, got True"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[row[2] for row in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
