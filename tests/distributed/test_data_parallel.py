"""Fits over several processes: the same bits on any number of ranks."""

import sys

import numpy as np
import pytest
from mpi_jobs import run
from thread_ranks import on_ranks

import gdcore as gd
from gdcore.training import fit_options


@pytest.fixture(autouse=True)
def own_hook(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process without MPI gets, by the number of shards."""
    folder = tmp_path_factory.mktemp("alone")
    return {shards: run(0, "bits", shards, cwd=folder).line for shards in (16, 5)}


@pytest.mark.parametrize(("n", "shards"), [(1, 16), (2, 16), (3, 16), (4, 16), (4, 5)])
def test_the_same_bits_on_any_number_of_ranks(n, shards, alone, tmp_path):
    """Parameters, optimizer state and histories; the program compares the ranks with one another."""
    found = run(n, "bits", shards, cwd=tmp_path).line
    assert list(found) == list(alone[shards])
    for name, told in alone[shards].items():
        assert found[name] == told, name


def test_the_number_of_threads_changes_no_bit(alone, tmp_path):
    assert run(2, "bits", 16, cwd=tmp_path, GDCORE_NUM_THREADS="2").line == alone[16]


def test_the_number_of_shards_changes_bits(alone):
    assert alone[16]["dropout"]["params"] != alone[5]["dropout"]["params"]


def test_by_mpi(tmp_path):
    found = run(3, "by_mpi", cwd=tmp_path).line
    tree = run(0, "by_mpi", cwd=tmp_path).line
    np.testing.assert_allclose(found["params"], tree["params"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["loss"], tree["loss"], rtol=1e-4)


def test_only_rank_0_shows_the_progress(tmp_path):
    done = run(3, "progress", cwd=tmp_path)
    alone = run(0, "progress", cwd=tmp_path)
    assert (done.out + done.err).count("2/2 epochs") == (alone.out + alone.err).count("2/2 epochs") == 1


def fitted(dtype="float64", loss="cross_entropy", **options):
    rng = np.random.default_rng(0)
    X, y, weight = rng.normal(size=(103, 5)), rng.integers(0, 3, 103), rng.random(103)
    net = gd.MLP([5, 9, 3], activation="tanh", dropout=0.2, seed=0, dtype=dtype)
    keys = {"batch_size": 20, "optimizer": gd.SGD(0.1), "seed": 1, "l2": 0.01, "epochs": 3, **options}
    history = net.fit(X, y, loss, sample_weight=weight, **keys)
    return net.params.copy(), history


@pytest.mark.parametrize("shards", [1, 3, 16, 64])
@pytest.mark.parametrize("options", [{}, {"batch_size": 200}, {"accumulate": 2}])
def test_shards_change_roundoff_alone(shards, options, isa):
    """Weights, dropout masks, penalties and means are those of whole batches."""
    whole, one = fitted(**options)
    pieces, other = fitted(**options, shards=shards)
    np.testing.assert_allclose(pieces, whole, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(other.loss, one.loss, rtol=1e-10)
    np.testing.assert_allclose(other.gradient_norm, one.gradient_norm, rtol=1e-10)
    assert other.stop_reason == one.stop_reason


def test_a_custom_loss_sees_a_shard_at_a_time():
    seen = []

    def loss(outputs, y):
        seen.append(len(y))
        error = outputs[:, 0] - y
        return float((error**2).mean()), np.c_[2 * error / len(y)]

    X = np.linspace(-1, 1, 10)[:, None]
    nets = [gd.LinearModel(1, seed=0, dtype="float64") for _ in "ab"]
    nets[0].fit(X, X[:, 0], loss, batch_size=10, shards=4, epochs=1)
    assert seen == [2, 3, 2, 3]
    nets[1].fit(X, X[:, 0], "mse", batch_size=10, epochs=1)
    np.testing.assert_allclose(nets[0].params, nets[1].params, rtol=1e-10, atol=1e-10)


def test_a_step_that_is_not_finite_changes_nothing():
    X, y = np.linspace(-1, 1, 32)[:, None], np.linspace(0, 1, 32)
    net = gd.LinearModel(1, seed=0, dtype="float64")
    trainer = gd.Trainer(net, "mse", gd.SGD(1e200), batch_size=8, seed=0)
    with pytest.raises(gd.DivergedError) as caught:
        trainer.fit(X, y, epochs=5, shards=4)
    assert np.isfinite(net.params).all()
    assert caught.value.history.epochs == 0
    assert 0 < trainer.steps_done < 4


def test_a_trainer_goes_on_with_its_shards(tmp_path):
    """The state says how many there were; a fit without them says so too."""
    X, y = np.linspace(-1, 1, 32)[:, None], np.linspace(0, 1, 32)
    trainer = gd.Trainer(gd.LinearModel(1, seed=0), "mse", gd.Adam(0.1), batch_size=8, seed=0)
    trainer.fit(X, y, max_steps=6, shards=4)
    assert trainer.state_dict()["shards"] == 4
    trainer.save(tmp_path / "run.gdc")
    other = gd.Trainer.load(tmp_path / "run.gdc")
    assert other.state_dict()["shards"] == 4
    for one in (trainer, other):
        one.fit(X, y, max_steps=6, shards=4)
    assert np.array_equal(trainer.model.params, other.model.params)
    trainer.fit(X, y, epochs=1)
    assert "shards" not in trainer.state_dict()


def by_parts(shards, comm=None):
    """Epochs and steps of a loop of the user's own, in a block."""
    rng = np.random.default_rng(0)
    X, y, weight = rng.normal(size=(103, 5)), rng.integers(0, 3, 103), rng.random(103)
    net = gd.MLP([5, 9, 3], activation="tanh", dropout=0.2, seed=0, dtype="float64")
    trainer = gd.Trainer(net, "cross_entropy", gd.Adam(0.01), batch_size=20, seed=1, l2=0.01)
    with gd.distributed.spread(comm, shards=shards):
        losses = [
            trainer.epoch(X, y),
            trainer.epoch(X, y, weight),
            trainer.epoch(X, y, weight, mean_weight=1),
            trainer.epoch(gd.data.Rows(X, y, window_rows=40, block_rows=7)) if shards is None or shards > 1 else 0.0,
            trainer.step(X[:30], y[:30]),
            trainer.step(X[30:50], y[30:50], weight[30:50]),
            trainer.step(X[50:], y[50:]),
        ]
    return net.params.copy(), losses, trainer.epochs_done, trainer.steps_done


def test_epochs_and_steps_of_a_block():
    """They are shared out, with the bits of one process; one shard has those of no block, up to roundoff."""
    alone = by_parts(16)
    for found in on_ranks(3, lambda comm: by_parts(16, comm)):
        assert not isinstance(found, Exception), found
        np.testing.assert_array_equal(found[0], alone[0])
        assert found[1:] == alone[1:]
    whole = by_parts(None)
    assert whole[2:] == alone[2:]
    np.testing.assert_allclose(alone[1][:3], whole[1][:3], rtol=1e-10)


def test_a_step_of_a_block_that_ranks_make_with_other_rows():
    def steps(comm):
        trainer = gd.Trainer(gd.LinearModel(1, seed=0), "mse", gd.SGD(0.1), seed=0)
        with gd.distributed.spread(comm):
            trainer.step(np.ones((16, 1)), np.full(16, float(comm.rank)))

    assert all("rank 1 has data with other values" in str(found) for found in on_ranks(2, steps))


def test_steps_behind_a_block_are_whole_again():
    trainer = gd.Trainer(gd.LinearModel(1, seed=0), "mse", gd.SGD(0.1), seed=0)
    X, y = np.ones((4, 1), np.float32), np.ones((4, 1), np.float32)
    with gd.distributed.spread(None, shards=4):
        trainer.step(X, y)
        assert trainer.state_dict()["shards"] == 4
    assert not fit_options.BLOCKS
    with pytest.raises(ZeroDivisionError), gd.distributed.spread(None, shards=4):
        raise ZeroDivisionError
    assert not fit_options.BLOCKS


def test_a_step_of_a_block_that_diverges():
    trainer = gd.Trainer(gd.LinearModel(1, seed=0, dtype="float64"), "mse", gd.SGD(1e200), seed=0)
    X, y = np.linspace(-1, 1, 32)[:, None], np.linspace(0, 1, 32)

    def steps():
        for _ in range(9):
            trainer.step(X, y)

    with gd.distributed.spread(None, shards=4), pytest.raises(gd.DivergedError):
        steps()
    assert np.isfinite(trainer.model.params).all()
