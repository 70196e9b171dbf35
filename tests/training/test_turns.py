"""One trainer, several threads, and calls within calls: what waits, what is refused, and that nothing is ever mixed."""

import os
import pickle
import threading
import time

import numpy as np
import pytest

import gdcore as gd

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)).astype("float32"), RNG.normal(size=(20, 2)).astype("float32")
CALLS = {
    "step": lambda trainer: trainer.step(X, Y),
    "a converted step": lambda trainer: trainer.step(X.tolist(), Y.tolist()),
    "epoch": lambda trainer: trainer.epoch(X, Y),
    "fit": lambda trainer: trainer.fit(X, Y, epochs=1),
    "load_state_dict": lambda trainer: trainer.load_state_dict(trainer.state_dict()),
}


def custom_mse(outputs, y):
    return float(np.mean((outputs - y) ** 2)), 2 * (outputs - y) / outputs.size


def new_trainer(loss="mse", optimizer="adam"):
    return gd.Trainer(gd.MLP([4, 3, 2], seed=3), loss, optimizer, batch_size=8)


class Calls(gd.Callback):
    def __init__(self, call):
        self.call = call

    def on_epoch_end(self, state):
        self.call()


def places(trainer, call):
    """The ways to call from within a fit: name -> fit that does it."""

    def metric(outputs, y):
        call()
        return 0.0

    return {
        "callback": lambda: trainer.fit(X, Y, epochs=1, callbacks=Calls(call)),
        "metric": lambda: trainer.fit(X, Y, epochs=1, metrics=metric),
        "criterion": lambda: trainer.fit(X, Y, epochs=1, stop=lambda end: call()),
    }


@pytest.mark.parametrize("name", CALLS)
def test_a_call_within_a_call_is_refused(name):
    called = name.split()[-1]
    trainer = new_trainer()
    for way in places(trainer, lambda: CALLS[name](trainer)).values():
        with pytest.raises(RuntimeError, match=f"^{called} was called within fit of the same trainer"):
            way()
    own = new_trainer(lambda z, y: (CALLS[name](own), custom_mse(z, y))[1])
    for outer in ("step", "epoch", "fit"):
        with pytest.raises(RuntimeError, match=f"^{called} was called within {outer} of the same trainer"):
            CALLS[outer](own)
        assert own.steps_done == 0
    twin = new_trainer()
    twin.fit(X, Y, epochs=3)
    trainer.fit(X, Y, epochs=3 - trainer.epochs_done)
    np.testing.assert_array_equal(trainer.model.params, twin.model.params)


def test_a_trainer_may_be_read_and_copied_within_a_fit():
    trainer = new_trainer()

    def read():
        pickle.dumps(trainer)
        trainer.state_dict()
        trainer.model.predict(X)

    for way in places(trainer, read).values():
        way()
    assert trainer.epochs_done == 3


def in_threads(n, call, times):
    """What was raised by n threads that call so often."""
    raised, lock, gate = [], threading.Lock(), threading.Barrier(n)

    def work():
        gate.wait()
        for _ in range(times):
            try:
                call()
            except BaseException as error:
                with lock:
                    raised.append(error)

    threads = [threading.Thread(target=work) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
@pytest.mark.parametrize("schedule", [0.01, gd.schedules.Exponential(0.01, 0.999)], ids=["rate", "schedule"])
@pytest.mark.parametrize("name", ["step", "a converted step"])
def test_steps_of_several_threads_take_turns(name, loss, schedule):
    """Equal steps in whatever order are the steps of one thread, bit for bit."""
    trainer, twin = new_trainer(loss, gd.Adam(schedule)), new_trainer(loss, gd.Adam(schedule))
    assert in_threads(4, lambda: CALLS[name](trainer), 25) == []
    for _ in range(100):
        CALLS[name](twin)
    np.testing.assert_equal(trainer.state_dict(), twin.state_dict())


@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
@pytest.mark.parametrize("name", ["epoch", "fit"])
def test_epochs_of_several_threads_are_whole_or_refused(name, loss):
    trainer, twin = new_trainer(loss), new_trainer(loss)
    raised = in_threads(4, lambda: CALLS[name](trainer), 25)
    assert all(type(error) is RuntimeError for error in raised)
    assert all("in another thread" in str(error) or "same trainer" not in str(error) for error in raised)
    assert trainer.epochs_done == 100 - len(raised)
    assert trainer.steps_done == 3 * trainer.epochs_done
    for _ in range(trainer.epochs_done):
        twin.epoch(X, Y)
    np.testing.assert_array_equal(trainer.model.params, twin.model.params)


def test_another_thread_is_told_while_a_fit_runs():
    trainer, told = new_trainer(), {}

    def tried(name):
        try:
            {**CALLS, "state_dict": lambda t: t.state_dict()}[name](trainer)
        except RuntimeError as error:
            told[name] = str(error)

    def ask():
        for name in (*CALLS, "state_dict"):
            thread = threading.Thread(target=tried, args=(name,))
            thread.start()
            thread.join(10)
            assert not thread.is_alive()

    trainer.fit(X, Y, epochs=1, callbacks=Calls(ask))
    assert set(told) == {*CALLS, "state_dict"}
    for message in told.values():
        assert message.startswith("this trainer is training in another thread, in fit")
    assert trainer.steps_done == 3
    trainer.step(X, Y)


def test_a_save_in_another_thread_is_told_of_checkpoints(tmp_path):
    trainer, told = new_trainer(), []

    def save():
        with pytest.raises(RuntimeError) as caught:
            trainer.save(tmp_path / "run.gdc")
        told.append(str(caught.value))

    def ask():
        thread = threading.Thread(target=save)
        thread.start()
        thread.join(10)

    trainer.fit(X, Y, epochs=1, callbacks=Calls(ask))
    assert "which save does not wait for: pass callbacks=gdcore.Checkpoint(path) to it, save in a callback" in told[0]
    assert not list(tmp_path.iterdir())


def test_a_save_during_another_threads_epoch_is_told_to_wait(tmp_path):
    """An epoch takes no callbacks."""
    trainer = gd.Trainer(gd.MLP([4, 64, 3], "tanh", seed=2), "mse", batch_size=8)
    thread = threading.Thread(target=trainer.epoch, args=(np.zeros((1_000_000, 4)), np.zeros((1_000_000, 3))))
    thread.start()
    while trainer.steps_done == 0 and thread.is_alive():
        pass
    with pytest.raises(RuntimeError, match=r"in epoch, which save does not wait for: wait for that thread$"):
        trainer.save(tmp_path / "run.gdc")
    thread.join()


def test_a_turn_that_is_lost_while_another_thread_waits_for_it():
    """An exception may end a call without `__exit__`; the thread that waits does not keep that call's turn."""
    trainer, waits = new_trainer(), threading.Event()

    def settle(*_):
        waits.set()
        time.sleep(1e-3)

    def enter():
        with trainer._run.turn("step", settle):
            pass

    lost = trainer._run.turn("step", settle)
    lost.__enter__()
    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    assert waits.wait(10)
    del lost
    thread.join(10)
    assert not thread.is_alive()


def test_states_taken_beside_steps_are_whole():
    """Of equal steps every state is one that a single thread passes through."""
    trainer, twin, states = new_trainer(), new_trainer(), []
    stepping = threading.Thread(target=lambda: [trainer.step(X, Y) for _ in range(3000)])
    stepping.start()
    while stepping.is_alive():
        states.append(trainer.state_dict())
    stepping.join()
    for state in states[:: max(1, len(states) // 50)]:
        while twin.steps_done < state["optimizer"]["step_count"]:
            twin.step(X, Y)
        np.testing.assert_equal(state, twin.state_dict())


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_may_train():
    trainer, told = new_trainer(), []

    class Forks(gd.Callback):
        def on_epoch_end(self, state):
            child = threading.Thread(target=fork)
            child.start()
            child.join()

    def fork():
        process = os.fork()
        if process == 0:
            try:
                trainer.step(X, Y)
                os._exit(0)
            finally:
                os._exit(1)
        told.append(os.waitpid(process, 0)[1])

    trainer.fit(X, Y, epochs=1, callbacks=Forks())
    assert told == [0]
