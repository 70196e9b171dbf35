"""`Checkpoint`: what is saved when, and that a run goes on from it as if it had never stopped."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from files import TOLD, X, Y, same_bits

import gdcore as gd
from gdcore.io import atomic
from gdcore.io.checkpoint import joined


def trainer(seed=0, **options):
    return gd.Trainer(gd.MLP([4, 3, 2], dropout=0.2, seed=seed), "mse", gd.Adam(0.01), batch_size=8, **options)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def epochs(folder):
    return {path.name: gd.Trainer.load(path).epochs_done for path in folder.iterdir()}


class Stop(gd.Callback):
    """Raises after an epoch."""

    def __init__(self, epoch, error):
        self.epoch, self.error = epoch, error

    def on_epoch_end(self, state):
        if state.epoch == self.epoch:
            raise self.error


@pytest.mark.parametrize(("every", "saved"), [(1, 7), (3, 7), (100, 7)])
def test_the_end_of_a_fit_is_saved_whatever_every_is(every, saved, tmp_path):
    trainer().fit(X, Y, epochs=7, callbacks=gd.Checkpoint(tmp_path / "run.gdc", every=every))
    assert epochs(tmp_path) == {"run.gdc": saved}


def test_so_many_files_are_kept(tmp_path):
    run = trainer()
    run.fit(X, Y, epochs=7, callbacks=gd.Checkpoint(tmp_path / "run.gdc", every=2, keep=3))
    assert epochs(tmp_path) == {"run.gdc": 7, "run.1.gdc": 6, "run.2.gdc": 4}
    run.fit(X, Y, epochs=2, callbacks=gd.Checkpoint(tmp_path / "run.gdc", keep=3))
    assert epochs(tmp_path) == {"run.gdc": 9, "run.1.gdc": 8, "run.2.gdc": 7}


def test_without_hard_links(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    run, path = trainer(), tmp_path / "run"
    run.fit(X, Y, epochs=2, callbacks=gd.Checkpoint(path, keep=2))
    assert epochs(tmp_path) == {"run": 2, "run.1": 1}
    path.chmod(0o600)
    seen, replace = [], os.replace

    def watched(source, target):
        seen.append((os.path.basename(target), path.exists()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    run.fit(X, Y, epochs=1, callbacks=gd.Checkpoint(path, keep=2))
    assert epochs(tmp_path) == {"run": 3, "run.1": 2}
    assert seen == [("run.1", True), ("run", True), ("run", True)]  # the name has a file at every moment
    assert (tmp_path / "run.1").stat().st_mode & 0o777 == 0o600


def test_nothing_is_saved_before_the_first_epoch_has_ended(tmp_path):
    class Ends(gd.Callback):
        def on_fit_begin(self, epochs):
            raise KeyboardInterrupt

        def on_epoch_end(self, state):
            pass

    with pytest.raises(KeyboardInterrupt):
        trainer().fit(X, Y, epochs=2, callbacks=[gd.Checkpoint(tmp_path / "run.gdc"), Ends()])
    assert names(tmp_path) == []


def own_name():
    """A function to be saved by another name."""


@pytest.mark.parametrize(
    "call",
    [
        "Checkpoint('run.gdc', every=1, keep=1)",
        "Checkpoint('run.gdc', every=2, keep=3, best_of='loss')",
        "Checkpoint('run.gdc', every=1, keep=1, best_of='a', mode='max', custom={'b': own_name, 'c': own_name})",
    ],
)
def test_the_repr_is_the_call_that_makes_it(call):
    assert repr(eval(call, {"Checkpoint": gd.Checkpoint, "own_name": own_name})) == call


def test_a_symbolic_link_is_followed_and_older_files_stand_beside_its_target(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "run.gdc").symlink_to("real/run.gdc")
    trainer().fit(X, Y, epochs=3, callbacks=gd.Checkpoint(tmp_path / "run.gdc", keep=2))
    assert epochs(tmp_path / "real") == {"run.gdc": 3, "run.1.gdc": 2}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("own")])
@pytest.mark.parametrize("every", [1, 4])
def test_a_run_goes_on_to_the_bit_after_an_exception(error, every, tmp_path):
    whole = trainer(average=gd.EMA(0.9))
    expected = whole.fit(X, Y, epochs=9, **TOLD)
    cut = trainer(average=gd.EMA(0.9))
    with pytest.raises(type(error)):
        cut.fit(X, Y, epochs=9, callbacks=[gd.Checkpoint(tmp_path / "run.gdc", every=every), Stop(5, error)], **TOLD)
    del cut
    resumed = gd.Trainer.load(tmp_path / "run.gdc")
    assert resumed.epochs_done == 6
    resumed.fit(X, Y, epochs=3, callbacks=gd.Checkpoint(tmp_path / "run.gdc", every=every), **TOLD)
    assert same_bits(resumed.model.params, whole.model.params)
    assert same_bits(resumed.averaged, whole.averaged)
    history = gd.History.load(tmp_path / "run.gdc")
    assert (history.loss, history.val_loss, history.learning_rate) == (
        expected.loss,
        expected.val_loss,
        expected.learning_rate,
    )


def test_a_run_that_diverges_keeps_its_last_good_parameters(tmp_path):
    net = gd.LinearModel(4, 2, seed=0)
    run = gd.Trainer(net, "mse", gd.SGD(3.0), batch_size=20)
    with pytest.raises(gd.DivergedError):
        run.fit(X, Y, epochs=1000, callbacks=gd.Checkpoint(tmp_path / "run.gdc", every=10))
    loaded = gd.Trainer.load(tmp_path / "run.gdc")
    assert np.isfinite(loaded.model.params).all()
    assert same_bits(loaded.model.params, net.params)
    assert gd.History.load(tmp_path / "run.gdc").stop_reason.startswith("DivergedError was raised in epoch ")


def test_criteria_and_checkpoints_together(tmp_path):
    """The file at the end has the parameters that the criterion has restored."""
    run = trainer()
    stop = gd.EarlyStopping(2, monitor="val_loss")
    run.fit(
        X, Y, epochs=500, validation_data=(X, -Y), stop=stop, callbacks=gd.Checkpoint(tmp_path / "run.gdc", every=7)
    )
    loaded = gd.Trainer.load(tmp_path / "run.gdc")
    assert same_bits(loaded.model.params, run.model.params)
    assert same_bits(loaded.state_dict(), run.state_dict())
    assert "val_loss has not improved" in gd.History.load(tmp_path / "run.gdc").stop_reason


def test_a_checkpoint_within_a_fit_is_the_state_of_that_moment(tmp_path):
    """Not of the end: a copy of the first file goes on to where the fit ended."""
    kept = {}

    class Keep(gd.Callback):
        def on_epoch_end(self, state):
            kept[state.epoch] = (tmp_path / "run.gdc").read_bytes()

    run = trainer()
    run.fit(X, Y, epochs=6, callbacks=[gd.Checkpoint(tmp_path / "run.gdc"), Keep()], **TOLD)
    for epoch, data in kept.items():
        (tmp_path / "copy.gdc").write_bytes(data)
        copy = gd.Trainer.load(tmp_path / "copy.gdc")
        assert copy.epochs_done == epoch + 1
        assert len(gd.History.load(tmp_path / "copy.gdc").loss) == epoch + 1
        if epoch < 5:
            copy.fit(X, Y, epochs=5 - epoch, **TOLD)
            assert same_bits(copy.model.params, run.model.params)


def test_an_epoch_cut_short_goes_on(tmp_path):
    whole, cut = trainer(), trainer()
    whole.fit(X, Y, epochs=4)
    cut.fit(X, Y, max_steps=5, callbacks=gd.Checkpoint(tmp_path / "run.gdc", every=50))
    gd_loaded = gd.Trainer.load(tmp_path / "run.gdc")
    assert gd_loaded.steps_done == 5
    gd_loaded.fit(X, Y, max_steps=7)
    assert same_bits(gd_loaded.model.params, whole.model.params)


def test_the_history_of_another_run_is_not_continued(tmp_path):
    path = tmp_path / "run.gdc"
    trainer(seed=1).fit(X, Y, epochs=3, callbacks=gd.Checkpoint(path))
    run = trainer(seed=2)
    run.fit(X, Y, epochs=3)
    run.fit(X, Y, epochs=2, callbacks=gd.Checkpoint(path))
    assert gd.History.load(path).epochs == 2


def test_a_history_with_a_gap_is_not_continued(tmp_path):
    path, run = tmp_path / "run.gdc", trainer()
    run.fit(X, Y, epochs=2, callbacks=gd.Checkpoint(path))
    run.fit(X, Y, epochs=3)
    run.fit(X, Y, epochs=1, callbacks=gd.Checkpoint(path))
    assert gd.History.load(path).epochs == 1


def test_the_history_of_epochs_that_are_made_anew_is_not_continued(tmp_path):
    """A run that goes back to an older file begins its history anew; its best value too."""
    path = tmp_path / "run.gdc"
    trainer().fit(X, Y, epochs=5, callbacks=gd.Checkpoint(path, keep=3))
    older = gd.Trainer.load(tmp_path / "run.2.gdc")
    assert older.epochs_done == 3
    best = gd.Checkpoint(path, best_of="loss")
    older.fit(X, Y + 100, epochs=1, callbacks=best)
    assert best.best > 1000
    older = gd.Trainer.load(tmp_path / "run.2.gdc")
    trainer().fit(X, Y, epochs=5, callbacks=gd.Checkpoint(path))
    older.fit(X, Y, epochs=1, callbacks=gd.Checkpoint(path))
    assert gd.History.load(path).epochs == 1


def test_an_epoch_that_is_made_anew_is_not_counted_twice(tmp_path):
    path, run = tmp_path / "run.gdc", trainer()
    run.fit(X, Y, epochs=4)
    run.save(tmp_path / "older.gdc")
    run.fit(X, Y, epochs=1, callbacks=gd.Checkpoint(path))
    assert gd.History.load(path).epochs == 1
    trainer().fit(X, Y, epochs=5, callbacks=gd.Checkpoint(path))
    gd.Trainer.load(tmp_path / "older.gdc").fit(X, Y, epochs=1, callbacks=gd.Checkpoint(path))
    assert gd.History.load(path).epochs == 1


def test_a_history_that_is_too_long_is_not_continued(tmp_path):
    path, run = tmp_path / "run.gdc", trainer()
    run.fit(X, Y, epochs=2)
    run.save(path, history=gd.History([1.0] * 50))
    run.fit(X, Y, epochs=1, callbacks=gd.Checkpoint(path))
    assert gd.History.load(path).epochs == 1


def test_rows_of_epochs_cut_short_are_continued(tmp_path):
    """20 samples in batches of 8 are 3 steps per epoch; every fit of 4 steps but the third ends within one."""
    path, run, rows = tmp_path / "run.gdc", trainer(), []
    for _ in range(4):
        rows += run.fit(X, Y, max_steps=4, callbacks=gd.Checkpoint(path)).loss
        run = gd.Trainer.load(path)
        assert gd.History.load(path).loss == rows
    assert len(rows) > run.epochs_done


def test_a_damaged_file_in_the_way_is_replaced(tmp_path):
    (tmp_path / "run.gdc").write_bytes(b"what is this")
    run = trainer()
    run.fit(X, Y, epochs=1)
    run.fit(X, Y, epochs=1, callbacks=gd.Checkpoint(tmp_path / "run.gdc"))
    assert epochs(tmp_path) == {"run.gdc": 2}


def test_a_checkpoint_that_fails_loses_no_file_and_ends_the_fit(tmp_path, monkeypatch):
    path, run = tmp_path / "run.gdc", trainer()
    run.fit(X, Y, epochs=3, callbacks=gd.Checkpoint(path, keep=3))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run.fit(X, Y, epochs=3, callbacks=gd.Checkpoint(path, keep=3))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    monkeypatch.undo()
    run.fit(X, Y, epochs=2, callbacks=gd.Checkpoint(path, keep=3))  # the trainer has lost nothing
    assert gd.Trainer.load(path).epochs_done == 6


def test_a_killed_process_goes_on_from_its_file(tmp_path):
    """A process that is killed without warning loses at most the epochs after its last file."""
    code = f"""
import sys, numpy as np, gdcore as gd
sys.path.insert(0, {os.path.dirname(__file__)!r})
from files import X, Y
net = gd.MLP([4, 3, 2], dropout=0.2, seed=0)
print(flush=True)
gd.Trainer(net, "mse", gd.Adam(0.01), batch_size=8).fit(X, Y, epochs=10**6, callbacks=gd.Checkpoint("run.gdc", every=3))
"""
    env = {"PYTHONPATH": ":".join(sys.path)}
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env, cwd=tmp_path)
    child.stdout.readline()
    end = time.monotonic() + 60
    while not (tmp_path / "run.gdc").exists() and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    found = gd.Trainer.load(tmp_path / "run.gdc")
    assert found.epochs_done > 0
    assert found.epochs_done % 3 == 0
    same = trainer()
    same.fit(X, Y, epochs=found.epochs_done)
    assert same_bits(found.model.params, same.model.params)


def test_of_methods_of_all_data(tmp_path):
    pytest.importorskip("scipy")
    net = gd.MLP([4, 3, 2], seed=0)
    net.fit(X, Y, "mse", optimizer="lbfgs", epochs=5, callbacks=gd.Checkpoint(tmp_path / "run.gdc"))
    assert same_bits(gd.Trainer.load(tmp_path / "run.gdc").model.params, net.params)


def own_loss(outputs, y):
    return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / y.size


def test_with_a_custom_loss(tmp_path):
    net, custom = gd.MLP([4, 3, 2], seed=0), {"squares": own_loss}
    net.fit(X, Y, own_loss, epochs=2, callbacks=gd.Checkpoint(tmp_path / "run.gdc", custom=custom))
    assert gd.Trainer.load(tmp_path / "run.gdc", custom=custom).loss is own_loss


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: gd.Checkpoint(3), TypeError, "^path must be a file's name"),
        (lambda: gd.Checkpoint("x", every=0), ValueError, "^every must be >= 1, got 0"),
        (lambda: gd.Checkpoint("x", keep=0), ValueError, "^keep must be >= 1, got 0"),
        (lambda: gd.Checkpoint("x", best_of=1), TypeError, "^best_of must be a name, got 1"),
        (lambda: gd.Checkpoint("x", mode="up"), ValueError, "^mode must be 'auto' or 'min' or 'max', got 'up'"),
        (lambda: gd.Checkpoint("x", best=1), TypeError, r"^Checkpoint\(\) has no argument 'best'"),
        (
            lambda: fit(gd.Checkpoint("x", best_of="val_loss")),
            ValueError,
            r"^Checkpoint\(best_of='val_loss'\) needs val",
        ),
        (lambda: fit(gd.Checkpoint("x", best_of="los")), ValueError, "this fit measures loss.*did you mean 'loss'"),
        (lambda: fit(gd.Checkpoint("x", best_of="own")), ValueError, "which own is better is unknown: pass mode="),
    ],
)
def test_wrong_arguments(make, error, match, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=match):
        make()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("val_loss", r"^Checkpoint\(best_of='val_loss'\) needs validation data"),
        ("los", "this fit measures loss, own; did you mean 'loss'"),
        ("own", "which own is better is unknown: pass mode="),
    ],
)
def test_what_is_to_be_best_is_checked_before_anything_is_trained(name, match, tmp_path):
    run = trainer()
    before = run.model.params.copy()
    metrics = {"own": lambda outputs, y: 0.0}
    with pytest.raises(ValueError, match=match):
        run.fit(X, Y, metrics=metrics, callbacks=gd.Checkpoint(tmp_path / "x", best_of=name))
    assert run.epochs_done == 0
    assert same_bits(run.model.params, before)


def fit(callback):
    trainer().fit(X, Y, epochs=2, metrics={"own": lambda outputs, y: 0.0}, callbacks=callback)


def test_a_checkpoint_can_be_copied_after_a_fit_and_after_an_error(tmp_path):
    for error in (None, RuntimeError("stop")):
        own = gd.Checkpoint(tmp_path / "run.gdc", every=5)
        stop = [] if error is None else [Stop(1, error)]
        try:
            trainer().fit(X, Y, epochs=3, callbacks=[own, *stop])
        except RuntimeError:
            assert error is not None
        for again in (copy.deepcopy(own), pickle.loads(pickle.dumps(own))):
            assert repr(again) == repr(own)


def test_joined_histories():
    one = gd.History([3.0, 2.0], [1.0, 1.0], metrics={"a": [1.0, 2.0]}, stop_reason="x", learning_rate=[0.1, 0.1])
    two = gd.History([1.0], metrics={"b": [5.0]}, stop_reason="y", hint="z", learning_rate=[0.2])
    found = joined(one, two)
    assert (found.loss, found.learning_rate, found.stop_reason, found.hint) == (
        [3.0, 2.0, 1.0],
        [0.1, 0.1, 0.2],
        "y",
        "z",
    )
    assert same_bits([found.val_loss, found.metrics], [[1, 1, np.nan], {"a": [1, 2, np.nan], "b": [np.nan, np.nan, 5]}])
    assert found.update_ratio == []
