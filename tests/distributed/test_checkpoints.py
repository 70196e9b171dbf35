"""`checkpoint=` and `resume=`: a fit that was cut goes on, and ends as one that was not."""

import numpy as np
import pytest

import gdcore as gd

X = np.random.default_rng(0).normal(size=(61, 5))
Y = np.sin(X[:, :2])


def trainer_of(**options):
    net = gd.MLP([5, 7, 2], activation="tanh", dropout=0.2, seed=0)
    return gd.Trainer(net, "mse", gd.Adam(0.01), **{"batch_size": 20, "seed": 1, **options})


class Cut(Exception):
    pass


class CutsAt(gd.Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, end):
        if end.epoch == self.epoch:
            raise Cut


@pytest.mark.parametrize("shards", [None, 4])
@pytest.mark.parametrize("every", [1, 2])
def test_a_cut_fit_goes_on(shards, every, tmp_path):
    path = tmp_path / "run.gdc"
    options = {"epochs": 6, "validation_data": (X, Y), "shards": shards}
    whole = trainer_of()
    history = whole.fit(X, Y, **options)
    with pytest.raises(Cut):
        trainer_of().fit(X, Y, **options, checkpoint=path, checkpoint_every=every, callbacks=CutsAt(3))
    second = trainer_of()
    other = second.fit(X, Y, **options, checkpoint=path, checkpoint_every=every, resume=True)
    assert np.array_equal(second.model.params, whole.model.params)
    assert (other.loss, other.val_loss) == (history.loss, history.val_loss)
    assert gd.History.load(path).loss == history.loss
    third = trainer_of()  # there is nothing left to do
    assert third.fit(X, Y, **options, checkpoint=path, resume=True).loss == history.loss
    assert np.array_equal(third.model.params, whole.model.params)


def test_steps_count_from_the_beginning(tmp_path):
    path, whole = tmp_path / "run.gdc", trainer_of()
    whole.fit(X, Y, max_steps=10, shards=2)
    trainer_of().fit(X, Y, max_steps=5, shards=2, checkpoint=path)
    second = trainer_of()
    second.fit(X, Y, max_steps=10, shards=2, checkpoint=path, resume=True)
    assert second.steps_done == 10
    assert np.array_equal(second.model.params, whole.model.params)


def test_a_fit_that_a_criterion_has_ended_stays_ended(tmp_path):
    path = tmp_path / "run.gdc"
    options = {"epochs": 9, "stop": gd.LossThreshold(100), "checkpoint": path}
    assert trainer_of().fit(X, Y, **options).epochs == 1
    again = trainer_of().fit(X, Y, **options, resume=True)
    assert again.epochs == 1
    assert "LossThreshold" in again.stop_reason or "100" in again.stop_reason


def test_a_fit_that_a_callback_has_ended_stays_ended(tmp_path):
    """Whatever its words: they are the user's own."""

    class Enough(gd.Callback):
        def on_epoch_end(self, end):
            return "all steps were made: ValueError was raised in epoch 3"

    options = {"epochs": 9, "callbacks": Enough(), "checkpoint": tmp_path / "run.gdc"}
    first = trainer_of().fit(X, Y, **options)
    again = trainer_of().fit(X, Y, **options, resume=True)
    assert first.epochs == again.epochs == 1
    assert again.stop_reason == first.stop_reason


@pytest.mark.parametrize("shards", [None, 4])
def test_a_callbacks_stop_is_in_the_checkpoint_of_its_epoch(shards, tmp_path):
    """The job dies before the end of the fit is saved."""

    class Third(gd.Callback):
        def on_epoch_end(self, end):
            return end.epochs_done == 3

        def on_fit_end(self, history):
            raise Cut

    options = {"epochs": 9, "shards": shards, "callbacks": Third(), "checkpoint": tmp_path / "run.gdc"}
    with pytest.raises(Cut):
        trainer_of().fit(X, Y, **options)
    again = trainer_of()
    assert again.fit(X, Y, **options, resume=True).epochs == again.epochs_done == 3
    again.fit(X, Y, epochs=2)  # a call that does not resume goes on
    assert again.epochs_done == 5


@pytest.mark.parametrize("optimizer", ["adam", "cg"])
def test_a_fit_that_has_used_up_its_time_goes_on(optimizer, tmp_path):
    """As where each job of a queue has some hours; another criterion of the same epoch ends it for good."""
    if optimizer == "cg":
        pytest.importorskip("scipy")
    options = {"epochs": 4, "stop": gd.TimeLimit(1e-9), "checkpoint": tmp_path / "run.gdc", "resume": True}

    def fit(**changed):
        trainer = gd.Trainer(gd.LinearModel(5, 2, seed=0), "mse", optimizer, seed=1)
        history = trainer.fit(X, Y, **{**options, **changed})
        assert trainer.epochs_done == history.epochs
        return history

    assert [fit().epochs for _ in range(3)] == [1, 2, 3]
    assert "time limit" in fit(epochs=3).stop_reason  # nothing is left to do
    both = {"stop": (gd.TimeLimit(1e-9), gd.LossThreshold(100)), "epochs": 9}
    assert [fit(**both).epochs for _ in range(2)] == [4, 4]


def test_what_has_ended_a_fit():
    """As the state says it, which a file holds."""
    trainer = trainer_of()
    trainer.fit(X, Y, epochs=1, stop=gd.LossThreshold(100))
    assert trainer.state_dict()["ended_by"] == "criterion"
    trainer.epoch(X, Y)
    assert "ended_by" not in trainer.state_dict()
    for options in ({"epochs": 1}, {"max_steps": 2}):
        trainer.fit(X, Y, **options)
        assert "ended_by" not in trainer.state_dict()
    with pytest.raises(ValueError, match="ended_by"):
        trainer.load_state_dict({**trainer.state_dict(), "ended_by": "nobody"})


@pytest.mark.parametrize("how", ["fast", "converted", "spread"])
def test_a_step_goes_on_after_what_has_ended_a_fit(how, tmp_path):
    path, trainer = tmp_path / "run.gdc", trainer_of()
    trainer.fit(X, Y, epochs=1, stop=gd.LossThreshold(100))
    if how == "spread":
        with gd.distributed.spread(None, shards=2):
            trainer.step(X[:20], Y[:20])
    else:
        xb, yb = (np.ascontiguousarray(part, np.float32) for part in (X[:20], Y[:20]))
        trainer.step(xb if how == "fast" else xb.tolist(), yb)
    assert "ended_by" not in trainer.state_dict()
    trainer.save(path)
    again = gd.Trainer.load(path)
    again.fit(X, Y, epochs=3, shards=2 if how == "spread" else None, checkpoint=path, resume=True)
    assert again.epochs_done == 3


def test_without_a_file_a_fit_begins(tmp_path):
    one, other = trainer_of(), trainer_of()
    one.fit(X, Y, epochs=2)
    other.fit(X, Y, epochs=2, checkpoint=tmp_path / "run.gdc", resume=True)
    assert np.array_equal(one.model.params, other.model.params)


def test_a_custom_loss(tmp_path):
    def loss(outputs, y):
        return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / y.size

    def make():
        return gd.Trainer(gd.LinearModel(5, 2, seed=0), loss, gd.SGD(0.1), seed=1)

    path = tmp_path / "run.gdc"
    whole, first, second = make(), make(), make()
    whole.fit(X, Y, epochs=4, shards=3)
    first.fit(X, Y, epochs=2, shards=3, checkpoint=path)
    second.fit(X, Y, epochs=4, shards=3, checkpoint=path, resume=True)
    assert np.array_equal(second.model.params, whole.model.params)


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ({}, {"shards": 8}, "the checkpoint was made with shards=4, got shards=8"),
        ({}, {"shards": None}, "the checkpoint was made with shards=4, got no shards"),
        ({"batch_size": 10}, {"shards": 4}, r"run\.gdc holds a trainer with batch_size 20, this one has 10"),
        ({"seed": 5}, {"shards": 4}, "holds a trainer with seed 1, this one has 5"),
    ],
)
def test_another_fit(options, arguments, message, tmp_path):
    path = tmp_path / "run.gdc"
    trainer_of().fit(X, Y, epochs=1, shards=4, checkpoint=path)
    trainer = trainer_of(**options)
    before = trainer.model.params.copy()
    with pytest.raises(ValueError, match=message):
        trainer.fit(X, Y, epochs=2, checkpoint=path, resume=True, **arguments)
    assert np.array_equal(trainer.model.params, before)


def test_what_is_no_checkpoint(tmp_path):
    path = tmp_path / "run.gdc"
    gd.LinearModel(5, 2, seed=0).save(path)
    with pytest.raises(gd.FileFormatError, match="holds a model, not a trainer"):
        trainer_of().fit(X, Y, epochs=1, checkpoint=path, resume=True)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(gd.FileFormatError, match=r"run\.gdc"):
        trainer_of().fit(X, Y, epochs=1, checkpoint=path, resume=True)
