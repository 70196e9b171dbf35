"""The thread that reads ahead: what it reads when, and that it ends, however the fit does."""

import signal
import threading
import time

import numpy as np
import pytest

import gdcore as gd
from gdcore.data.ahead import ahead

N, K = 1000, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, K)).astype(np.float32)
Y = (X @ np.arange(K) + 0.5).astype(np.float32)
SMALL = {"window_rows": 256, "block_rows": 50}


@pytest.fixture
def npy(tmp_path):
    """Save arrays and return the source of them."""

    def save(X=X, **options):
        np.save(tmp_path / "X.npy", X)
        np.save(tmp_path / "y.npy", Y)
        return gd.data.Npy(tmp_path / "X.npy", tmp_path / "y.npy", **options)

    return save


def net():
    return gd.MLP([K, 8, 1], activation="tanh", seed=0)


def trainer(**options):
    return gd.Trainer(net(), "mse", gd.Adam(0.01), seed=3, **options)


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "gdcore-reader"]


def test_a_thread_that_cannot_start(monkeypatch):
    """The user reads why: a limit on the processes of a user, or no memory."""

    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(ahead([lambda stop: 1]))


def test_no_thread_is_left_behind(npy):
    source, seen = npy(**SMALL), []

    class Stop(gd.Callback):
        def on_epoch_end(self, end):
            seen.append(len(readers()))

    of = trainer()
    of.fit(source, epochs=2, callbacks=Stop())
    assert seen == [0, 0]

    def bad(outputs, y):
        if len(seen) == 8:
            raise KeyboardInterrupt
        seen.append(0)
        return 0.0, np.zeros_like(outputs)

    custom = gd.Trainer(net(), bad, gd.SGD(0.1), seed=0)
    with pytest.raises(KeyboardInterrupt) as caught:
        custom.fit(source, epochs=3)
    assert not readers()  # although the traceback still holds the frames
    del caught
    broken = X.copy()
    broken[:, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        of.fit(npy(broken, **SMALL), epochs=1)
    assert not readers()


class Slow(gd.data.Source):
    """Takes a while to read a block, and fails at one if asked to."""

    n_samples, n_features, reading = N, K, gd.data.Reading(256, 50)
    fails = None

    def read(self, first, end):
        time.sleep(0.02)
        if self.fails is not None:
            raise self.fails
        return X[first:end], Y[first:end]

    def place(self, row, of):
        return of, row


class Noted(gd.data.Source):
    """Keeps what is read by which thread, and fails at a read if asked to."""

    n_samples, n_features, reading = N, K, gd.data.Reading(256, 50)

    def __init__(self, fails=None):
        self.fails, self.reads = fails, []

    def read(self, first, end):
        self.reads.append((first, end))
        if len(self.reads) == self.fails:
            raise RuntimeError("no more")
        return X[first:end], Y[first:end]

    def place(self, row, of):
        return of, row


HEADS = 1
"""Blocks that are read before the first epoch."""


@pytest.mark.parametrize("window", [256, 512, 999])
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("options", [{}, {"max_steps": 80}, {"shuffle": False}, {"drop_last": True, "batch_size": 33}])
def test_the_first_window_of_the_next_epoch_is_read_within_an_epoch(window, accumulate, options):
    """No row is read twice in an epoch, none for an epoch that is not there, and all before the epoch's end."""
    read = []

    class Seen(gd.Callback):
        def on_epoch_end(self, end):
            read.append(sum(end - first for first, end in source.reads[HEADS:]))
            assert not readers()

    steps = {"max_steps": options["max_steps"]} if "max_steps" in options else {"epochs": 3}
    settings = {key: value for key, value in options.items() if key != "max_steps"}
    source, known = Noted(), gd.data.Rows(X, Y, window_rows=window, block_rows=50)
    source.reading = known.reading
    one, other = (trainer(accumulate=accumulate, **settings) for _ in range(2))
    one.fit(source, callbacks=Seen(), **steps)
    samples = N - N % 33 if "drop_last" in settings else N
    size = one.batch_size * accumulate
    first = min(max(1, window // size) * size, samples)
    assert read[:-1] == [(i + 1) * samples + first for i in range(len(read) - 1)]
    assert read[-1] == len(read) * samples if one.steps_done % -(-samples // size) == 0 else read[-1] <= len(read) * N
    while other.steps_done < one.steps_done:  # one by one, which reads nothing ahead of an epoch
        other.fit(known, max_steps=1)
    np.testing.assert_array_equal(one.model.params, other.model.params)


def test_what_fails_in_the_next_epoch_ends_it_and_not_the_one_before():
    whole = Noted()
    trainer().fit(whole, epochs=1)
    source, ends = Noted(fails=len(whole.reads) + 1), []

    class Seen(gd.Callback):
        def on_epoch_end(self, end):
            ends.append((end.epoch, len(source.reads)))

    of, known = trainer(), trainer()
    with pytest.raises(RuntimeError, match="no more"):
        of.fit(source, epochs=3, callbacks=Seen())
    assert ends == [(0, len(whole.reads) + 1)]
    assert not readers()
    known.fit(Noted(), epochs=1)
    np.testing.assert_array_equal(of.model.params, known.model.params)
    of.fit(source, epochs=1)  # goes on
    known.fit(Noted(), epochs=1)
    np.testing.assert_array_equal(of.model.params, known.model.params)


def test_a_window_that_no_epoch_takes_changes_nothing():
    """A criterion ends the fit after the next epoch's window was read; another fit begins there."""
    stopped, known = trainer(), trainer()
    stopped.fit(Noted(), epochs=5, stop=gd.EarlyStopping(1, monitor="loss", min_delta=1e9))
    known.fit(Noted(), epochs=stopped.epochs_done)
    assert stopped.epochs_done == 2
    for of in (stopped, known):
        of.fit(Noted(), epochs=2)
    np.testing.assert_array_equal(stopped.model.params, known.model.params)


def test_an_interrupt_while_a_block_is_read():
    of = trainer()
    timer = threading.Timer(0.25, signal.raise_signal, [signal.SIGINT])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started the tests without it
    began = time.perf_counter()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            of.fit(Slow(), epochs=100)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.perf_counter() - began < 5
    assert not readers()
    steps = of.steps_done
    of.fit(Slow(), max_steps=70 - steps)
    other = trainer()
    other.fit(Slow(), max_steps=70)
    np.testing.assert_array_equal(of.model.params, other.model.params)


def test_an_error_of_the_source_is_raised_as_it_is():
    source, of = Slow(), trainer()
    of.fit(source, epochs=1)
    source.fails = OSError(5, "Input/output error", "disk")
    with pytest.raises(OSError, match="Input/output error"):
        of.fit(source, epochs=1)
    assert not readers()


def test_a_divergence_names_the_batch_and_ends_the_thread(npy):
    of = gd.Trainer(gd.LinearModel(K, seed=0), "mse", gd.SGD(1e30), seed=0)
    with pytest.raises(gd.DivergedError, match=r"epoch 0, batch \d+") as caught:
        of.fit(npy(**SMALL), epochs=2)
    assert not readers()
    assert caught.value.history.epochs == 0
    assert caught.value.batch == caught.value.step > 0
    of = gd.Trainer(gd.LinearModel(K, seed=0), "mse", gd.SGD(1e6), seed=0)
    of.fit(npy(**SMALL), max_steps=1)  # and where it goes on within a window
    with pytest.raises(gd.DivergedError) as caught:
        of.fit(npy(**SMALL), epochs=2)
    assert caught.value.batch == caught.value.step > 1


def test_one_thing_is_read_ahead():
    made, gate = [], ahead(lambda stop, i=i: made.append(i) or i for i in range(5))
    assert next(gate) == 0
    for _ in range(100):
        if len(made) > 2:
            break
        threading.Event().wait(0.001)
    assert made in ([0], [0, 1])
    gate.close()
    assert not readers()
