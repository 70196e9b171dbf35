"""Ranks that are threads: the tree, fits on many of them, and the checks of arguments; no MPI is needed."""

import importlib
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thread_ranks import ThreadRank, World, on_ranks

import gdcore as gd
from gdcore.distributed import RankError
from gdcore.distributed.tree import depth, leaves_of, subtrees, summed

X = np.random.default_rng(0).normal(size=(61, 5))
Y = np.sin(X[:, :2])


@pytest.fixture(autouse=True)
def own_hook(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@given(st.integers(1, 40), st.data())
def test_the_ranks_parts_are_the_tree(shards, data):
    size = data.draw(st.integers(1, shards))
    nodes = [subtrees(leaves_of(rank, size, shards), (0, shards)) for rank in range(size)]
    assert [leaf for rank in nodes for a, b in rank for leaf in range(a, b)] == list(range(shards))
    assert all(1 <= len(rank) <= max(1, 2 * depth(shards)) for rank in nodes)
    leaves = {(i, i + 1): str(i) for i in range(shards)}

    def add(left, right):
        return f"({left}+{right})"

    whole = summed(leaves, (0, shards), add)
    parts = {node: summed(leaves, node, add) for rank in nodes for node in rank}
    assert summed(parts, (0, shards), add) == whole


def fitted(comm, shards=16, **options):
    net = gd.MLP([5, 7, 2], activation="tanh", dropout=0.2, seed=0)
    keys = {"epochs": 2, "batch_size": 20, "seed": 1, "clip_norm": 0.5, "accumulate": 2, **options}
    history = net.fit(X, Y, "mse", validation_data=(X, Y), metrics="r2", comm=comm, shards=shards, **keys)
    return net.params.tobytes(), {**history.to_dict(), "seconds": None}


@pytest.mark.parametrize(("size", "shards"), [(2, 2), (3, 7), (5, 16), (7, 16), (8, 16), (16, 16), (6, 33)])
def test_many_ranks(size, shards):
    found = on_ranks(size, lambda comm: fitted(comm, shards))
    alone = fitted(None, shards)
    assert all(one == alone for one in found), found


@settings(deadline=None, max_examples=15)
@given(
    st.integers(1, 6), st.integers(6, 20), st.sampled_from([1, 3, 20, 100]), st.sampled_from(list(gd.OPTIMIZERS)[:10])
)
def test_any_optimizer_and_batch(size, shards, batch_size, kind):
    def fit(comm):
        net = gd.LinearModel(5, 2, seed=0, dtype="float64")
        optimizer = kind(learning_rate=0.01)
        net.fit(X[:23], Y[:23], "mae", optimizer=optimizer, epochs=1, batch_size=batch_size, comm=comm, shards=shards)
        return net.params.tobytes()

    assert set(on_ranks(size, fit)) == {fit(None)}


def test_seconds_are_rank_0s():
    """A limit of time ends a fit on all ranks in the same epoch."""

    def fit(comm):
        net = gd.LinearModel(5, 2, seed=0)
        history = net.fit(X, Y, "mse", epochs=100_000, stop=gd.TimeLimit(0.2), comm=comm)
        return history.epochs, tuple(history.seconds)

    found = on_ranks(3, fit)
    assert len(set(found)) == 1
    assert 0 < found[0][0] < 100_000


def test_a_fit_in_a_block_is_spread():
    """So are those that other code makes; what the fit itself says comes first."""

    def fit(comm):
        net = gd.LinearModel(5, 2, seed=0)
        with gd.distributed.spread(comm, shards=4):
            trainer = gd.Trainer(net, "mse", seed=1)
            trainer.fit(X, Y, epochs=1)
            inner = trainer.state_dict()["shards"]
        trainer.fit(X, Y, epochs=1, shards=4)
        return net.params.tobytes(), inner

    found = on_ranks(3, fit)
    assert len(set(found)) == 1
    assert found[0][1] == 4
    assert found[0] == fit(ThreadRank(World(1), 0))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "SGDClassifier", "SGDRegressor"])
def test_estimators(name):
    pytest.importorskip("sklearn")
    sklearn = importlib.import_module("gdcore.sklearn")
    y = Y[:, 0] > 0 if name.endswith("Classifier") else Y[:, 0]

    def fit(comm):
        with gd.distributed.spread(comm, shards=8):
            model = getattr(sklearn, name)(max_iter=3, tol=None if "SGD" in name else 1e-9, random_state=0).fit(X, y)
            parts = getattr(sklearn, name)(random_state=0)
            classes = {"classes": [False, True]} if name.endswith("Classifier") else {}
            for rows in (slice(0, 30), slice(30, 61)):
                parts.partial_fit(X[rows], y[rows], **classes)
        return model.predict(X).tobytes(), model.net_.params.tobytes(), parts.net_.params.tobytes()

    found = on_ranks(3, fit)
    assert len(set(found)) == 1, found
    assert found[0] == fit(ThreadRank(World(1), 0))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "SGDClassifier", "SGDRegressor"])
def test_an_estimators_fit_takes_a_communicator(name):
    """It does what a block of 16 shards does, and a block around it gives way."""
    pytest.importorskip("sklearn")
    sklearn = importlib.import_module("gdcore.sklearn")
    y = Y[:, 0] > 0 if name.endswith("Classifier") else Y[:, 0]

    def fitted(**options):
        model = getattr(sklearn, name)(max_iter=3, tol=None if "SGD" in name else 1e-9, random_state=0)
        return model.fit(X, y, **options).net_.params.tobytes()

    def fit(comm):
        return fitted(comm=comm)

    found = on_ranks(3, fit)
    with gd.distributed.spread(None, shards=16):
        assert set(found) == {fitted()}
    with gd.distributed.spread(None, shards=3):
        assert fit(ThreadRank(World(1), 0)) == found[0]
    with pytest.raises(TypeError, match="comm"):
        fitted(comm=3)


@pytest.mark.filterwarnings("ignore:Maximum number of iteration")
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"learning_rate": "adaptive", "eta0": 0.1}])
def test_several_classes_of_a_linear_classifier(options):
    pytest.importorskip("sklearn")
    classifier = importlib.import_module("gdcore.sklearn").SGDClassifier

    def fit(comm):
        model = classifier(max_iter=4, random_state=0, tol=1e-9, **options).fit(X, np.arange(len(X)) % 3, comm=comm)
        return model.coef_.tobytes(), model.n_iter_

    found = on_ranks(3, fit)
    assert found[0] == found[1] == found[2] == fit(ThreadRank(World(1), 0))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_each_model_of_an_ensemble_is_spread():
    pytest.importorskip("sklearn")
    regressor = importlib.import_module("gdcore.sklearn").MLPRegressor

    def fit(comm, **options):
        model = regressor(max_iter=3, random_state=0, **options).fit(X, Y[:, 0], comm=comm)
        return [one.net_.params.tobytes() for one in (model.estimators_ if options else [model])]

    found = on_ranks(3, lambda comm: fit(comm, n_ensemble=2))
    assert found[0] == found[1] == found[2] == fit(ThreadRank(World(1), 0), n_ensemble=2)
    seeds = np.random.RandomState(0).randint(2**31 - 1, size=2)
    with gd.distributed.spread(None, shards=16):
        alone = [regressor(max_iter=3, random_state=seed).fit(X, Y[:, 0]).net_.params.tobytes() for seed in seeds]
    assert found[0] == alone


def test_a_solver_of_all_rows_is_not_spread():
    pytest.importorskip("sklearn")
    regressor = importlib.import_module("gdcore.sklearn").MLPRegressor
    with gd.distributed.spread(None, shards=2), pytest.raises(ValueError, match="'lbfgs' takes all rows at once: pass"):
        regressor(solver="lbfgs").fit(X, Y[:, 0])


@pytest.mark.parametrize("name", ["comm", "shards"])
def test_an_epoch_is_spread_by_a_block(name):
    with pytest.raises(TypeError, match=rf"no argument '{name}'; fit takes it, and other calls a block: with gdcore"):
        gd.Trainer(gd.LinearModel(5, 2, seed=0), "mse").epoch(X, Y, **{name: 3})


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_that_rank_0_alone_would_refuse(tmp_path):
    def fit(comm):
        return gd.LinearModel(5, 2, seed=0).fit(X, Y, "mse", epochs=1, comm=comm, checkpoint=tmp_path)

    found = on_ranks(3, fit)
    assert isinstance(found[0], OSError)
    assert [type(one) for one in found[1:]] == [RankError, RankError]


def test_one_rank_fails():
    def fit(comm):
        bad = X if comm.rank != 2 else X[:, :3]
        return gd.LinearModel(5, 2, seed=0).fit(bad, Y, "mse", epochs=1, comm=comm)

    found = on_ranks(4, fit)
    assert [type(one) for one in found] == [RankError, RankError, ValueError, RankError]
    assert found[0].rank == 2
    assert str(found[0]) == f"rank 2 failed with ValueError: {found[2]}"


# Arguments


def fit(**options):
    trainer = gd.Trainer(gd.LinearModel(5, 2, seed=0), "mse", options.pop("optimizer", "sgd"), seed=0)
    return trainer.fit(X, Y, **{"epochs": 1, **options})


def alone():
    return ThreadRank(World(1), 0)


class NoCommunicator:
    rank = size = 1


@pytest.mark.parametrize("comm", [0, "MPI.COMM_WORLD", NoCommunicator(), ThreadRank, [alone()]])
def test_what_is_no_communicator(comm):
    with pytest.raises(TypeError, match=r"comm must be a communicator such as mpi4py\.MPI\.COMM_WORLD, got "):
        fit(comm=comm)


@pytest.mark.parametrize("name", ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS"])
def test_a_world_of_one_where_the_launcher_has_started_more(name, monkeypatch):
    monkeypatch.setenv(name, "4")
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", None)
    with pytest.raises(RuntimeError, match=f"comm has 1 process, but {name}=4 says that the launcher has started 4"):
        fit(comm=alone())


def test_a_part_of_a_larger_world_is_good(monkeypatch):
    """`comm.Split` makes parts of one rank."""

    class Loaded:
        COMM_WORLD = ThreadRank(World(4), 0)

    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", Loaded)
    assert fit(comm=alone()).epochs == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shards": 0}, ValueError, "shards must be >= 1"),
        ({"shards": 2.5}, TypeError, "shards"),
        ({"shards": 4, "reduce": "tee"}, ValueError, "reduce must be 'tree' or 'mpi', got 'tee'; did you mean 'tree'"),
        ({"shards": 4, "timeout": 0}, ValueError, "timeout must be > 0"),
        ({"resume": True}, ValueError, "resume=True needs checkpoint="),
        ({"checkpoint": "run.gdc", "checkpoint_every": 0}, ValueError, "checkpoint_every must be >= 1"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be the path of a file, got 3"),
        ({"checkpoint": 3, "resume": True}, TypeError, "checkpoint must be the path of a file, got 3"),
        ({"shards": 4, "optimizer": gd.LBFGS()}, ValueError, r"comm and shards cut mini-batches, and LBFGS\(\) takes"),
    ],
)
def test_wrong_arguments(options, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        fit(**options)
    assert not list(tmp_path.iterdir())


def test_outputs_that_are_summed_need_whole_batches():
    trainer = gd.Trainer(gd.LinearModel(5, 2, seed=0), "mse", "sgd", seed=0)
    trainer.sum_outputs()
    with pytest.raises(ValueError, match="is summed over whole ones"):
        trainer.fit(X, Y, epochs=1, shards=2)
    assert trainer.fit(X, Y, epochs=1).epochs == 1


def test_mpi4py_is_not_imported():
    code = "import sys, gdcore as gd; gd.distributed.spread; assert 'mpi4py' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)}, timeout=60)


def test_no_thread_stays():
    on_ranks(2, lambda comm: gd.LinearModel(5, 2, seed=0).fit(X, Y, "mse", epochs=1, comm=comm, timeout=60))
    for thread in threading.enumerate():
        if thread.name == "gdcore-watchdog":
            thread.join(5)
            assert not thread.is_alive()
