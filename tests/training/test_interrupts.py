"""A fit left by an exception at any moment goes on as if it had not been left; so does a copy taken at any moment."""

import itertools
import os
import pickle
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from gdcore import schedules

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 2))
VALIDATION = X[:9], Y[:9]
PACKAGE = str(Path(gd.__file__).parent)
TRACED = tuple(f"{PACKAGE}/{part}" for part in ("training/", "schedules/", "metrics/"))
EPOCHS, MORE = 3, 2


def custom_mse(outputs, y):
    return float(np.mean((outputs - y) ** 2)), 2 * (outputs - y) / outputs.size


def new_trainer(optimizer=None, loss="mse", **options):
    net = gd.MLP([4, 3, 2], "relu", dropout=0.3, seed=3)
    return gd.Trainer(net, loss, optimizer or gd.Adam(0.01), **{"batch_size": 8, "clip_norm": 0.5, **options})


def plateau():
    return gd.Adam(schedules.ReduceOnPlateau(0.01, 0.5, patience=0, threshold=0.05))


SCENARIOS = {
    "plain": ({}, {}),
    "one step an epoch, the best training loss": ({"batch_size": 20}, {"stop": gd.EarlyStopping(40)}),
    "metrics, two criteria, a schedule": (
        {"optimizer": plateau()},
        {
            "validation_data": VALIDATION,
            "metrics": ["mae", "r2"],
            "record": ["weight_norm", "layer_gradient_norm"],
            "stop": [gd.EarlyStopping(40, min_delta=0.01), gd.RelativeChange(1e-9, 30)],
        },
    ),
    "a custom loss, batches summed, the mean gradient": (
        {"loss": custom_mse, "accumulate": 2, "optimizer": gd.SGD(schedules.StepDecay(0.01, 2, per="epoch"))},
        {"stop": [gd.GradientNormThreshold(1e-9, of="epoch"), gd.EarlyStopping(40)]},
    ),
    "averaged": (
        {"average": gd.EMA(0.8, validate=True), "optimizer": gd.SGD(schedules.Exponential(0.01, 0.9))},
        {"validation_data": VALIDATION, "stop": gd.EarlyStopping(40)},
    ),
    "stopped": (
        {"optimizer": gd.SGD(1e-12)},
        {"stop": gd.EarlyStopping(2, min_delta=10.0), "validation_data": VALIDATION},
    ),
}


class Rows(gd.Callback):
    """The history of each fit, one that was left too."""

    def __init__(self):
        self.found = []

    def on_epoch_end(self, state):
        pass

    def on_fit_end(self, history):
        self.found.append(history)

    def columns(self):
        """All fits' rows one behind the other."""
        joined = {}
        for history in self.found:
            for name, values in history.columns().items():
                joined.setdefault(name, []).extend(values)
            lengths = {len(values) for values in history.columns().values()}
            assert len(lengths) <= 1
        joined.pop("seconds", None)
        return joined


class Injected(BaseException):
    pass


def leave_at(k, call, opcodes=False):
    """Run `call` and raise at the k-th line of the package's training: whether it came so far."""
    left = k

    def trace(frame, event, argument):
        nonlocal left
        if not frame.f_code.co_filename.startswith(TRACED):
            return None
        frame.f_trace_opcodes = opcodes
        if event == ("opcode" if opcodes else "line"):
            left -= 1
            if left == 0:
                raise Injected
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Injected:
        return True
    finally:
        sys.settrace(before)
    return False


def assert_same_state(ours, theirs):
    np.testing.assert_equal(ours.state_dict(), theirs.state_dict())


def same_state(ours, theirs):
    try:
        assert_same_state(ours, theirs)
    except AssertionError:
        return False
    return True


def check_left_anywhere(options, told, opcodes=False, stride=1):
    """At every line: the fit that goes on has the bits, the criteria and the rows of the one that was never left."""
    whole, want = new_trainer(**options), Rows()
    first = whole.fit(X, Y, epochs=EPOCHS, callbacks=want, **told)
    ended = new_trainer(**options)
    ended.fit(X, Y, epochs=EPOCHS, **told)
    stopped = first.epochs < EPOCHS or "improved" in first.stop_reason
    if not stopped:
        whole.fit(X, Y, epochs=MORE, callbacks=want, **told)
    k, reached = 1, True
    while reached:
        trainer, rows = new_trainer(**options), Rows()
        reached = leave_at(k, lambda t=trainer, r=rows: t.fit(X, Y, epochs=EPOCHS, callbacks=r, **told), opcodes)
        left = (EPOCHS if stopped else EPOCHS + MORE) - trainer.epochs_done
        heard = bool(rows.found)
        if not (stopped and same_state(trainer, ended)):
            trainer.fit(X, Y, epochs=max(left, 1), callbacks=rows, **told)
        assert_same_state(trainer, whole)
        if heard:
            np.testing.assert_equal(rows.columns(), want.columns(), err_msg=f"left at {k}")
        k += stride
    assert k > 200 * stride or stride > 1


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fit_left_at_any_line_goes_on(name):
    check_left_anywhere(*SCENARIOS[name])


# signals


def on_alarm(handler, delay, call):
    """Run `call` while a signal comes after a delay."""
    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, delay)
    try:
        call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def interrupt(*_):
    raise KeyboardInterrupt


def moments(options, told, epochs, seed):
    """Delays within the shortest of a few fits, as many as are asked for."""
    lasts = np.inf
    for _ in range(5):
        trainer, began = new_trainer(**options), time.perf_counter()
        trainer.fit(X, Y, epochs=epochs, **told)
        lasts = min(lasts, time.perf_counter() - began)
    rng = np.random.default_rng(seed)
    while True:
        yield rng.uniform(0, lasts) + 1e-6


posix = pytest.mark.skipif(os.name != "posix", reason="sends SIGALRM")
each_scenario = pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "stopped"])


@posix
@each_scenario
def test_ctrl_c_at_a_random_moment(name):
    """Many moments of a fit of short epochs; each goes on to the same bits, whatever was under way."""
    options, told = SCENARIOS[name]
    epochs = 40
    whole = new_trainer(**options)
    whole.fit(X, Y, epochs=epochs + 1, **told)
    left = 0
    for delay in itertools.islice(moments(options, told, epochs, 0), 300):
        trainer = new_trainer(**options)
        try:
            on_alarm(interrupt, delay, lambda t=trainer: t.fit(X, Y, epochs=epochs, **told))
        except KeyboardInterrupt:
            left += 1
        assert trainer.epochs_done == trainer.steps_done // (whole.steps_done // (epochs + 1))
        trainer.fit(X, Y, epochs=epochs + 1 - trainer.epochs_done, **told)
        assert_same_state(trainer, whole)
        if left == 12:
            break
    assert left == 12


@posix
@each_scenario
def test_a_checkpoint_by_a_signals_handler(name):
    """What is pickled at a random moment of a fit goes on as the fit did."""
    options, told = SCENARIOS[name]
    epochs = 40
    saved = []
    whole = new_trainer(**options)
    whole.fit(X, Y, epochs=epochs + 1, **told)
    for delay in itertools.islice(moments(options, told, epochs, 1), 300):
        if len(saved) == 12:
            break
        trainer = new_trainer(**options)
        on_alarm(
            lambda *_, t=trainer: saved.append(pickle.dumps(t)),
            delay,
            lambda t=trainer: t.fit(X, Y, epochs=epochs, **told),
        )
        trainer.fit(X, Y, epochs=1, **told)
        assert_same_state(trainer, whole)
    for text in saved:
        trainer = pickle.loads(text)
        trainer.fit(X, Y, epochs=epochs + 1 - trainer.epochs_done, **told)
        assert_same_state(trainer, whole)
    assert len(saved) == 12


@posix
@pytest.mark.parametrize("sizes", [[64, 32, 1], [600, 600, 600]], ids=str)
def test_a_checkpoint_in_the_middle_of_a_long_epoch(sizes):
    """Exact, or refused in the middle of an update that cannot be taken back; the fit goes on in either case."""
    rng = np.random.default_rng(0)
    data, target = rng.random((20_000, sizes[0]), "float32")[: 200_000 // sizes[1]], None
    target = np.zeros((len(data), sizes[-1]), "float32")
    whole, trainer, saved = (*(gd.Trainer(gd.MLP(sizes, seed=0), "mse", gd.SGD(1e-4), batch_size=8) for _ in "ab"), [])

    def save(*_):
        try:
            saved.append(pickle.dumps(trainer))
        except RuntimeError as error:
            assert "in the middle of a step" in str(error)  # noqa: PT017
        signal.setitimer(signal.ITIMER_REAL, 0.05)  # the next one, once this one is saved

    whole.fit(data, target, epochs=40)
    previous = signal.signal(signal.SIGALRM, save)
    signal.setitimer(signal.ITIMER_REAL, 0.004)
    try:
        trainer.fit(data, target, epochs=40)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert_same_state(trainer, whole)
    assert saved
    for text in saved[:3]:
        other = pickle.loads(text)
        left = 40 - other.epochs_done
        if left:  # none is, where the signal came between the last epoch and the end of the fit
            other.fit(data, target, epochs=left)
        np.testing.assert_array_equal(other.model.params, whole.model.params)


# exceptions of the user's own code


class Raises:
    """Raises in its n-th call, whoever calls it."""

    def __init__(self, n, value=0.0):
        self.left, self.value, self.__name__ = n, value, "raises"

    def __call__(self, *arguments):
        self.left -= 1
        if self.left == 0:
            raise OSError("disk full")
        return self.value


class Callback(gd.Callback):
    def __init__(self, call):
        self.on_epoch_end = call

    def on_epoch_end(self, state):
        """Replaced."""


PLACES = {
    "metric": lambda call: {"metrics": call},
    "criterion": lambda call: {"stop": [gd.EarlyStopping(40, monitor="loss"), call, gd.RelativeChange(1e-9, 30)]},
    "callback": lambda call: {"callbacks": Callback(call), "stop": gd.EarlyStopping(40)},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_an_exception_of_the_users_own(place, n):
    value = 0.0 if place == "metric" else None
    make = lambda: new_trainer(plateau())  # noqa: E731
    whole, trainer = make(), make()
    whole.fit(X, Y, epochs=12, **PLACES[place](Raises(0, value)))
    call = Raises(n, value)
    with pytest.raises(OSError, match="disk full"):
        trainer.fit(X, Y, epochs=9, **PLACES[place](call))
    trainer.fit(X, Y, epochs=12 - trainer.epochs_done, **PLACES[place](call))
    assert_same_state(trainer, whole)
    assert whole._state.memory.plateau.plateaus > 0


def test_an_end_that_is_due_is_a_row_more_and_the_criterion_sees_it_once():
    """Three epochs are lost in the end of the second: the next fit begins with it."""
    ends = []
    trainer = new_trainer()
    with pytest.raises(OSError, match="disk full"):
        trainer.fit(X, Y, epochs=3, metrics=Raises(2), stop=lambda end: ends.append(end.loss))
    assert (trainer.epochs_done, len(ends)) == (2, 1)
    history = trainer.fit(X, Y, epochs=1, metrics=Raises(0), stop=lambda end: ends.append(end.loss))
    assert (trainer.epochs_done, history.epochs, len(ends)) == (3, 2, 3)
    assert ends == new_trainer().fit(X, Y, epochs=3).loss
    assert trainer.fit(X, Y, epochs=1).epochs == 1


@pytest.mark.parametrize("between", ["epoch", "other data"])
def test_an_end_that_is_due_is_forgotten_where_something_else_came_between(between):
    trainer = new_trainer()
    with pytest.raises(OSError, match="disk full"):
        trainer.fit(X, Y, epochs=3, metrics=Raises(2), stop=gd.EarlyStopping(9))
    if between == "epoch":
        trainer.epoch(X, Y)
        assert trainer.fit(X, Y, epochs=1, stop=gd.EarlyStopping(9)).epochs == 1
    else:
        assert trainer.fit(X + 1, Y, epochs=1, stop=gd.EarlyStopping(9)).epochs == 1
