from itertools import pairwise

import numpy as np
import pytest
from mpi_jobs import ROOT
from pipeline_jobs import SCRIPT, job, launched

import gdcore as gd
from gdcore.distributed import Pipeline
from gdcore.distributed.pipeline_cut import balanced, cut
from gdcore.distributed.pipeline_schedule import bubble, makespan, schedule, slots_of


def samples(n, loss, outputs, dtype="float32"):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, 12)).astype(dtype)
    y = rng.integers(0, outputs, n) if loss == "cross_entropy" else rng.uniform(0.1, 0.9, (n, outputs)).astype(dtype)
    return X, y


def layers():
    return [gd.Dense(12, 32, "tanh"), gd.Dropout(0.2), gd.Dense(32, 32, "relu"), gd.LayerNorm(32), gd.Dense(32, 3)]


# One process


@pytest.mark.parametrize("optimizer", [*(kind for kind in gd.OPTIMIZERS)], ids=lambda kind: kind.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whole_batches_have_the_bits_of_a_trainer(isa, columns, optimizer, dtype):
    X, y = samples(100, "cross_entropy", 3, dtype)
    net = gd.Sequential(*layers(), seed=3, dtype=dtype)
    options = {"batch_size": 32, "l2": 1e-3, "seed": 9}
    pipe = Pipeline(net, loss="cross_entropy", optimizer=optimizer(), micro_batches=1, **options)
    trainer = gd.Trainer(net, "cross_entropy", optimizer(), **options)
    history, expected = pipe.fit(X, y, epochs=3), trainer.fit(X, y, epochs=3)
    assert (pipe.gather().params == net.params).all()
    assert history.loss == expected.loss
    np.testing.assert_allclose(history.gradient_norm, expected.gradient_norm, rtol=1e-5)
    assert pipe.steps_done == trainer.steps_done == 12
    assert pipe.epochs_done == 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_micro_batches_have_the_bits_of_the_shards_of_a_fit(isa, columns, dtype):
    X, y = samples(150, "cross_entropy", 3, dtype)
    net = gd.Sequential(*layers(), seed=3, dtype=dtype)
    options = {"batch_size": 64, "l1": 1e-4, "l2": 1e-3, "clip_value": 0.05, "seed": 9}
    for m in (3, 8):
        pipe = Pipeline(net, loss="cross_entropy", optimizer=gd.AdamW(0.01), micro_batches=m, shards=m, **options)
        trainer = gd.Trainer(net.copy(), "cross_entropy", gd.AdamW(0.01), **options)
        history, expected = pipe.fit(X, y, epochs=3), trainer.fit(X, y, epochs=3, shards=m)
        np.testing.assert_array_equal(pipe.gather().params, trainer.model.params)
        np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-12)
        assert history.clipped_steps == expected.clipped_steps


def test_large_layers_have_the_bits_of_a_fit_as_it_is(isa):
    X = np.random.default_rng(0).standard_normal((96, 300), dtype=np.float32)
    net = gd.Sequential(gd.Dense(300, 512, "relu"), gd.Dropout(0.1), gd.Dense(512, 300), seed=0)
    pipe = Pipeline(net, loss="mse", micro_batches=3, shards=3, batch_size=48)
    pipe.fit(X, X, epochs=2)
    net.fit(X, X, "mse", epochs=2, batch_size=48, shards=3)
    np.testing.assert_array_equal(pipe.gather().params, net.params)


@pytest.mark.parametrize("loss", gd.LOSSES, ids=lambda kind: kind.name)
def test_micro_batches_sum_to_the_gradient_of_the_batch(loss):
    X, y = samples(64, loss.name, 3)
    if loss.target == "sign":
        y = np.where(y > 0.5, 1, -1).astype(np.float32)
    many, one = (
        Pipeline(layers(), loss=loss(), optimizer=gd.SGD(0.01), micro_batches=m, seed=0, batch_size=64) for m in (7, 1)
    )
    for _ in range(3):
        assert many.step(X, y) == pytest.approx(one.step(X, y), rel=1e-5)
    np.testing.assert_allclose(many.gather().params, one.gather().params, rtol=1e-4, atol=1e-5)


def test_fewer_rows_than_micro_batches():
    X, y = samples(3, "mse", 3)
    pipe = Pipeline(layers(), loss="mse", micro_batches=8, seed=0)
    assert np.isfinite(pipe.step(X, y))


def test_a_list_of_layers_begins_with_the_parameters_of_a_sequential():
    pipe = Pipeline(layers(), loss="mse", seed=4)
    assert (pipe.gather().params == gd.Sequential(*layers(), seed=4).params).all()


def test_scaled_inputs_and_targets_and_a_schedule(columns):
    X, y = samples(90, "mse", 3)
    inner = [gd.Standardize.from_data(X), gd.Dense(12, 16, "tanh"), gd.Dense(16, 3), gd.ScaledTarget.from_data(100 * y)]
    net = gd.Sequential(*inner, seed=0)
    rate = gd.schedules.StepDecay(0.01, step_size=2, gamma=0.5)
    options = {"optimizer": gd.Adam(rate), "batch_size": 30, "seed": 2}
    pipe = Pipeline(net, loss="mse", micro_batches=1, **options)
    trainer = gd.Trainer(net, "mse", options.pop("optimizer"), **options)
    assert pipe.fit(X, 100 * y, epochs=5).loss == trainer.fit(X, 100 * y, epochs=5).loss
    np.testing.assert_array_equal(pipe.predict(X), net.predict(X))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"comm": 3}, TypeError, "comm must be a communicator such as mpi4py.MPI.COMM_WORLD, got 3"),
        ({"loss": lambda z, y: (0.0, z)}, TypeError, "a Pipeline takes a loss of gdcore.LOSSES"),
        ({"stages": 4}, ValueError, "stages must be <= 3, the number of dense layers, got 4"),
        ({"stages": (1, 1)}, ValueError, r"stages \(1, 1\) has 2 dense layers in all; the model has 3"),
        ({"stages": 3}, ValueError, "3 stages need a multiple of 3 processes, got 1: start mpiexec -n 3"),
        ({"shards": 9}, ValueError, "shards must be >= 1, the copies of the pipeline, and <= micro_batches=8, got 9"),
        ({"micro_batches": 0}, ValueError, "micro_batches must be >= 1"),
        ({"model": gd.Dense(2, 2)}, TypeError, "model must be a Sequential, or a list of layers, got "),
        ({"batch_size": 0}, ValueError, "batch_size must be >= 1"),
    ],
)
def test_bad_arguments(options, error, message):
    given = {"model": layers(), "comm": None, "loss": "mse", **options}
    with pytest.raises(error, match=message):
        Pipeline(given.pop("model"), given.pop("comm"), **given)


def test_bad_samples():
    X, y = samples(32, "mse", 3)
    pipe = Pipeline(layers(), loss="mse", batch_size=16)
    with pytest.raises(ValueError, match="xb has 32 rows; expected at most batch_size=16"):
        pipe.step(X, y)
    with pytest.raises(ValueError, match="X has 11 features, but the model expects 12"):
        pipe.fit(X[:, :11], y)
    with pytest.raises(ValueError, match="y has shape"):
        pipe.fit(X, y[:, :2])


def test_the_bits_do_not_depend_on_threads(isa):
    X = np.random.default_rng(0).standard_normal((256, 300), dtype=np.float32)
    found = []
    for threads in (1, 2):
        with gd.num_threads(threads):
            wide = [gd.Dense(300, 512, "relu"), gd.Dropout(0.1), gd.Dense(512, 300)]
            pipe = Pipeline(wide, loss="mse", micro_batches=3, seed=0)
            found.append(([pipe.step(X, X) for _ in range(2)], pipe.gather().params))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_an_update_that_overflows_is_put_back():
    net = gd.Sequential(*layers(), seed=0)
    X, y = samples(32, "mse", 3)
    pipe = Pipeline(net, loss="mse", optimizer=gd.SGD(1e38), micro_batches=2)
    before = pipe.gather().params
    with pytest.raises(gd.DivergedError, match="step 0: the updated parameters are not finite at learning_rate 1e"):
        pipe.step(X, 1e3 * y)
    np.testing.assert_array_equal(pipe.gather().params, before)
    assert pipe.steps_done == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda stage, X, out: stage.forward(2, X, 0, out), "does not fit the stage"),
        (lambda stage, X, out: stage.forward(0, np.vstack([X, X]), 0, out), "does not fit the stage"),
        (lambda stage, X, out: stage.forward(0, X, 0, out[:, :2].copy()), r"expected \(8, 3\)"),
        (lambda stage, X, out: stage.loss(0, 1, out), "the targets do not fit"),
        (lambda stage, X, out: stage.backward(0, X[:4].copy(), 0), "do not fit the micro-batch"),
        (lambda stage, X, out: stage.backward(0, X, 0, out[:, :2].copy()), "do not fit the micro-batch"),
        (lambda stage, X, out: stage.backward(0, X, 0, None, X.copy()), "do not fit the micro-batch"),
    ],
)
def test_a_stage_refuses_what_does_not_fit(call, message, isa):
    stage = Pipeline(layers(), loss="mse", micro_batches=1, batch_size=8)._work.kernel
    X, out = samples(8, "mse", 3)
    stage.forward(0, X, 0, out.copy())
    with pytest.raises(ValueError, match=message):
        call(stage, X, out)
    stage.forward(0, X, 0, out)  # and it is not locked


def test_sparse_inputs_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    X, y = samples(32, "mse", 3)
    pipe = Pipeline(layers(), loss="mse")
    for call in (lambda: pipe.fit(sparse.csr_matrix(X), y), lambda: pipe.predict(sparse.csr_matrix(X))):
        with pytest.raises(TypeError, match=r"a Pipeline takes dense inputs, got a sparse matrix: pass X.toarray\(\)"):
            call()


# Cutting and order


def test_balanced_parts_have_the_least_largest_sum():
    rng = np.random.default_rng(0)
    for _ in range(50):
        sizes = [int(size) for size in rng.integers(1, 20, rng.integers(2, 8))]
        n = int(rng.integers(1, len(sizes) + 1))
        lengths = balanced(sizes, n)
        assert len(lengths) == n
        assert min(lengths) > 0
        assert sum(lengths) == len(sizes)
        assert _largest(sizes, lengths) == min(_largest(sizes, other) for other in _compositions(len(sizes), n))


def _largest(sizes, lengths):
    ends = np.cumsum([0, *lengths])
    return max(sum(sizes[a:b]) for a, b in pairwise(ends))


def _compositions(total, n):
    if n == 1:
        return [(total,)]
    return [(first, *rest) for first in range(1, total - n + 2) for rest in _compositions(total - first, n - 1)]


def test_stages_begin_with_a_dense_layer():
    found = cut(tuple(layers()), (1, 1, 1))
    assert [len(part) for part in found] == [2, 2, 1]
    assert sum(found, ()) == tuple(layers())


@pytest.mark.parametrize("stages", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("micro_batches", [1, 2, 3, 8, 20])
def test_the_order_of_work(stages, micro_batches):
    for stage in range(stages):
        actions, held = schedule(stage, stages, micro_batches), set()
        for word in ("forward", "backward"):
            assert [i for name, i in actions if name == word] == list(range(micro_batches))
        for word, i in actions:
            (held.add if word == "forward" else held.remove)(i)
            assert len(held) <= slots_of(stage, stages, micro_batches)
            assert len({j % slots_of(stage, stages, micro_batches) for j in held}) == len(held)
    whole, work = makespan(micro_batches, [1.0] * stages, [2.0] * stages), 3 * micro_batches
    assert 1 - work / whole == pytest.approx(bubble(stages, micro_batches))


# Several processes


def test_the_bits_do_not_depend_on_the_stages():
    one = job(1, "train", 0)[0]
    for n in (2, 3, 4):
        found = job(n, "train", 0)
        assert found[0]["bits"] == one["bits"]
        assert found[0]["apart"] < 1e-5
        for facts in found:
            assert all(facts[name] == one[name] for name in ("loss", "norms", "clipped", "outputs"))
        assert sum(facts["n_params"] for facts in found) == one["n_params"]


@pytest.mark.parametrize(("n", "stages"), [(2, 1), (4, 2), (4, 1)])
def test_the_bits_do_not_depend_on_the_copies(n, stages):
    """Copies of a pipeline share the micro-batches."""
    one, found = job(1, "train", 1, 4)[0], job(n, "train", stages, 4)
    assert found[0]["bits"] == one["bits"]
    for facts in found:
        assert all(facts[name] == one[name] for name in ("loss", "norms", "clipped", "outputs"))


def test_the_number_of_shards_changes_roundoff_alone():
    whole, parts = job(1, "train", 1)[0], job(2, "train", 1)[0]
    assert whole["bits"] != parts["bits"]
    np.testing.assert_allclose(parts["loss"], whole["loss"], rtol=1e-5)


def test_a_model_that_one_process_cannot_hold():
    room = 60 * 2**20  # of 6 x 4 MiB x 4 (parameters, gradient, two slots): 96 MiB in all, 24 for each of four stages
    alone = job(1, "memory", room)
    assert "allocate" in alone[0]["error"] or "memory" in alone[0]["error"]
    found = job(4, "memory", room)
    assert [facts["loss"] for facts in found] == [found[0]["loss"]] * 4
    assert found[0]["loss"][-1] < found[0]["loss"][0]


@pytest.mark.parametrize("n", [2, 3])
def test_the_stages_work_in_the_order_of_the_schedule(n):
    """Whose bubble `test_the_order_of_work` computes; what a stage waits by the clock is the machine's matter."""
    for stage, facts in enumerate(job(n, "order", 1, 2, 8)):
        for m in (1, 2, 8):
            found = facts["found"][str(m)]
            assert [tuple(action) for action in found["actions"]] == schedule(stage, n, m)
            assert 0 <= found["idle"] < 1


def test_a_step_that_diverges_changes_nothing_on_any_rank():
    for facts in job(3, "diverges"):
        assert "training diverged in step 1" in facts["message"]
        assert facts["same"] in (True, None)
        assert facts["steps"] == 1
        assert np.isfinite(facts["loss"])


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("rate", "rank 1 has settings Settings("),
        ("precision", "rank 1 has precision float64, but rank 0 has float32"),
        ("y", "60"),
        ("samples", "rank 1 has samples 60, but rank 0 has 64"),
        ("data", "rank 1 has data with other values"),
        ("parameters", "rank 1 has parameters "),
        ("seed", "rank 1 has seed 1, but rank 0 has 0"),
        ("stages", "3 stages need a multiple of 3 processes, got 2"),
    ],
)
def test_an_error_on_one_rank_is_an_error_on_all(what, message):
    found = job(2, "differ", what)
    assert len(found) == 2
    assert all(message in facts["error"] for facts in found)


def test_a_closed_pipeline_leaves_no_communicator():
    first, second = job(2, "many")
    assert first["loss"] == second["loss"]


def test_bad_arguments_on_one_rank():
    """The program catches the errors; every rank has one, no communicator is left, and the next pipeline is well."""
    first, second = job(2, "bad_arguments")
    assert len(first["found"]) == len(second["found"]) == 5
    for one, other in zip(first["found"], second["found"], strict=True):
        assert one in (f"RankError: rank 1 failed with {other}", other)
    assert "msee" in first["found"][0]
    assert "adan" in first["found"][1]
    assert first["found"][3].startswith("ValueError: rank 1 has seed 1.5, but rank 0 has 5")
    assert first["freed"] == second["freed"] == 5
    assert first["loss"] == second["loss"]


def test_a_rank_that_fails_ends_the_job():
    done = launched(2, SCRIPT, "fails", timeout=20)
    assert done.returncode != 0
    assert "'NoneType' object is not callable" in done.stderr


def test_the_example():
    example = ROOT / "examples" / "layers_over_processes.py"
    one, three = (launched(n, example).stdout.splitlines() for n in (1, 3))
    assert one[0].startswith("stage 1 of 1 has 35,970 of 35,970")
    assert three[0].startswith("stage 1 of 3 has ")
    assert three[1:] == one[1:]
    assert float(one[1].split()[-1]) > 0.9
