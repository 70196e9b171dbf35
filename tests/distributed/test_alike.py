"""What ranks must do alike, and what a fit leaves as it was: told on every rank, before or during the fit."""

import sys

import numpy as np
import pytest
from thread_ranks import ThreadRank, World, on_ranks

import gdcore as gd
from gdcore.distributed import RankError

X = np.random.default_rng(0).normal(size=(61, 5))
Y = np.sin(X[:, :2])


@pytest.fixture(autouse=True)
def own_hook(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


def trainer_of(**options):
    return gd.Trainer(gd.LinearModel(5, 2, seed=0), "mse", gd.SGD(0.1), **{"batch_size": 20, "seed": 1, **options})


class Calls(gd.Callback):
    """Calls a function at the end of each epoch."""

    def __init__(self, call):
        self.call = call

    def on_epoch_end(self, end):
        self.call(end)


def test_one_rank_alone_finds_a_checkpoint(tmp_path):
    """As with `resume=os.path.exists(path)` where the folder is not shared."""
    trainer_of().fit(X, Y, epochs=1, shards=16, checkpoint=tmp_path / "run.gdc")

    def fit(comm):
        options = {"comm": comm, "checkpoint": tmp_path / "run.gdc", "resume": comm.rank == 0}
        trainer_of().fit(X, Y, epochs=2, **options)

    found = on_ranks(3, fit)
    assert {str(one).split(":")[0] for one in found} == {"rank 1 has resume False, but rank 0 has True"}


@pytest.mark.parametrize(("name", "value"), [("epochs", 2), ("max_steps", 8)])
def test_the_fit_of_a_checkpoint_has_ended_for_some_ranks(name, value, tmp_path):
    trainer_of().fit(X, Y, **{name: value}, shards=16, checkpoint=tmp_path / "run.gdc")

    def fit(comm):
        options = {"comm": comm, "checkpoint": tmp_path / "run.gdc", "resume": True}
        trainer_of().fit(X, Y, **{name: value + comm.rank}, **options)

    found = on_ranks(2, fit)
    assert {str(one).split(":")[0] for one in found} == {f"rank 1 has {name} {value + 1}, but rank 0 has {value}"}


@pytest.mark.parametrize("damage", [100, -100])
def test_a_damaged_checkpoint(damage, tmp_path):
    """Each rank says so, and no training has changed."""
    path = tmp_path / "run.gdc"
    trainer_of().fit(X, Y, epochs=1, shards=16, checkpoint=path)
    content = bytearray(path.read_bytes())
    content[damage] ^= 1
    path.write_bytes(content)
    trainers = [trainer_of() for _ in range(3)]
    found = on_ranks(3, lambda comm: trainers[comm.rank].fit(X, Y, epochs=2, comm=comm, checkpoint=path, resume=True))
    assert [type(one) for one in found] == [gd.FileFormatError] * 3
    assert all(trainer.steps_done == 0 for trainer in trainers)


def test_a_checkpoint_that_one_rank_alone_cannot_take(tmp_path):
    path = tmp_path / "run.gdc"
    trainer_of().fit(X, Y, epochs=1, shards=16, checkpoint=path)
    trainers = [trainer_of(batch_size=20 if rank else 10) for rank in range(3)]
    found = on_ranks(3, lambda comm: trainers[comm.rank].fit(X, Y, epochs=2, comm=comm, checkpoint=path, resume=True))
    assert "holds a trainer with batch_size 20, this one has 10" in str(found[0])
    assert [str(one) for one in found[1:]] == [f"rank 0 failed with ValueError: {found[0]}"] * 2
    assert all(trainer.steps_done == 0 for trainer in trainers)


def test_a_learning_rate_that_was_set_on_one_rank():
    def fit(comm):
        trainer = trainer_of()
        trainer.learning_rate = 0.2 if comm.rank == 2 else 0.1
        trainer.fit(X, Y, epochs=1, comm=comm)

    assert all("rank 2 has learning rate 0.2, but rank 0 has 0.1" in str(one) for one in on_ranks(3, fit))


def test_an_average_of_one_rank():
    def fit(comm):
        trainer = trainer_of(average=gd.EMA(0.9))
        trainer.fit(X, Y, epochs=1)
        state = trainer.state_dict()
        state["averaged"][0] += comm.rank
        trainer.load_state_dict(state)
        trainer.fit(X, Y, epochs=1, comm=comm)

    assert all("rank 1 has average of parameters" in str(one) for one in on_ranks(2, fit))


def test_windows_of_a_source():
    def fit(comm):
        source = gd.data.Rows(X, Y, window_rows=20 + 20 * comm.rank, block_rows=5)
        trainer_of().fit(source, epochs=1, comm=comm)

    assert all("rank 1 has windows and blocks" in str(one) for one in on_ranks(2, fit))


@pytest.mark.parametrize("what", ["params", "learning_rate"])
def test_a_callback_that_changes_one_rank(what):
    def fit(comm):
        trainer = trainer_of()

        def change(end):
            if comm.rank == 1 and end.epoch == 1 and what == "params":
                trainer.model.params = trainer.model.params * 2
            elif comm.rank == 1 and end.epoch == 1:
                trainer.learning_rate = 0.01

        try:
            trainer.fit(X, Y, epochs=5, comm=comm, callbacks=Calls(change))
        finally:
            assert trainer.epochs_done == 2

    found = on_ranks(3, fit)
    assert [type(one) for one in found] == [RankError] * 3, found
    assert all(str(one).startswith("rank 1 has other parameters or another learning rate than rank 0") for one in found)
    assert found[0].rank == 1


def test_a_failed_fit_within_a_fit():
    """The error of the inner fit ends the outer one on all ranks."""

    def fit(comm):
        def fails(end):
            if comm.rank == 1:
                raise ZeroDivisionError

        def inner(end):
            trainer_of().fit(X, Y, epochs=1, comm=comm, callbacks=Calls(fails))

        trainer_of().fit(X, Y, epochs=3, comm=comm, callbacks=Calls(inner))

    assert [type(one) for one in on_ranks(3, fit)] == [RankError, ZeroDivisionError, RankError]


@pytest.mark.parametrize("shards", [None, 4])
def test_a_refused_fit_changes_nothing(shards):
    """Neither how the running fit makes its steps, nor what its checkpoints say."""
    whole, disturbed = trainer_of(), trainer_of()
    whole.fit(X, Y, epochs=3, shards=16)

    def refused(end):
        with pytest.raises(RuntimeError, match="fit was called within fit"):
            disturbed.fit(X, Y, epochs=1, shards=shards)

    disturbed.fit(X, Y, epochs=3, shards=16, callbacks=Calls(refused))
    assert np.array_equal(whole.model.params, disturbed.model.params)
    assert disturbed.state_dict()["shards"] == 16


def test_a_sum_that_is_not_finite_warns_nobody():
    def loss(outputs, y):
        return 1.0, np.full_like(outputs, np.inf if outputs[0, 0] > 0 else -np.inf)

    trainer = gd.Trainer(gd.LinearModel(5, 2, seed=0), loss, gd.SGD(0.1), batch_size=61, seed=1)
    with pytest.raises(gd.DivergedError):
        trainer.fit(X, Y, epochs=1, shards=16)


def test_a_block_spreads_a_fit_with_a_checkpoint(tmp_path):
    def fit(comm):
        with gd.distributed.spread(comm, shards=4):
            trainer = trainer_of()
            trainer.fit(X, Y, epochs=1, checkpoint=tmp_path / f"{comm.rank}.gdc")
        return trainer.state_dict()["shards"]

    assert on_ranks(3, fit) == [4, 4, 4]
    assert [file.name for file in tmp_path.iterdir()] == ["0.gdc"]


def test_rank_0_alone_saves(tmp_path):
    def fit(comm):
        saves = gd.Checkpoint(tmp_path / f"{comm.rank}.gdc")
        return trainer_of().fit(X, Y, epochs=2, comm=comm, callbacks=saves).epochs

    assert on_ranks(3, fit) == [2, 2, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["0.gdc"]


@pytest.mark.parametrize("comm", [None, "two"])
def test_the_folder_of_a_checkpoint(comm, tmp_path, monkeypatch):
    """It is tried before the first epoch."""

    def fit(comm, path, epochs):
        trainer_of().fit(X, Y, epochs=1, comm=comm, checkpoint=path, callbacks=Calls(epochs.append))

    def refused(path, error, match):
        epochs = []
        found = on_ranks(2, lambda comm: fit(comm, path, epochs)) if comm else []
        with pytest.raises(error, match=match) as caught:
            fit(None, path, epochs)
        assert not epochs
        assert not comm or (type(found[0]), type(found[1])) == (type(caught.value), RankError)

    refused(
        tmp_path / "none" / "run.gdc", FileNotFoundError, "needs the folder .*none', which does not exist: create it"
    )
    monkeypatch.setattr("os.access", lambda path, mode: False)
    refused(tmp_path / "run.gdc", PermissionError, "which this process may not write")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduce": "tee"}, "reduce must be 'tree' or 'mpi'"),
        ({"timeout": -1}, "timeout must be > 0"),
        ({"checkpoint_every": 0}, "checkpoint_every must be >= 1"),
    ],
)
def test_arguments_are_checked_without_a_communicator(options, message):
    with pytest.raises(ValueError, match=message):
        trainer_of().fit(X, Y, epochs=1, **options)


class Null(ThreadRank):
    def Get_size(self):
        raise OSError("null communicator")


class Joins(ThreadRank):
    def Is_inter(self):
        return True


def test_communicators_of_nobody_and_of_two_groups():
    with pytest.raises(ValueError, match="got one that is null"):
        trainer_of().fit(X, Y, epochs=1, comm=Null(World(1), 0))
    with pytest.raises(TypeError, match="comm must be a communicator such as"):
        trainer_of().fit(X, Y, epochs=1, comm=Joins(World(1), 0))


def test_one_process_in_a_larger_allocation(monkeypatch):
    """`mpiexec -n 1` where Slurm has given four tasks."""
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", None)
    monkeypatch.setenv("PMI_SIZE", "1")
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert trainer_of().fit(X, Y, epochs=1, comm=ThreadRank(World(1), 0)).epochs == 1
