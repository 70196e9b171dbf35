"""Threads: how many, the same bits for any number, after fork and from many Python threads at once."""

import math
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gdcore as gd
from gdcore.base.threads import MOST_THREADS, _quota, default_threads

SHAPES = [  # layers, rows, batch: rows shared out, weights shared out, whole blocks shared out, several rounds
    ([300, 257, 300, 7], 1000, 500),
    ([512, 512, 10], 700, 512),
    ([4, 32, 16, 4], 12_000, 12_000),
    ([33, 47, 1], 9000, 9000),
]


@pytest.fixture(autouse=True)
def _threads_as_they_were():
    before = gd.get_num_threads()
    yield
    gd.set_num_threads(before)


def trained(sizes, n, batch, threads=None, dropout=0.0):
    """Parameters and losses after two epochs."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, sizes[0])), rng.normal(size=(n, sizes[-1]))
    net = gd.MLP(sizes, "tanh", dropout=dropout, seed=0)
    trainer = gd.Trainer(net, "mse", gd.Adam(1e-3), batch_size=batch)
    if threads is not None:
        gd.set_num_threads(threads)
    return net.params.tobytes() + np.array(trainer.fit(X, y, epochs=2).loss).tobytes() + net.params.tobytes()


def test_the_docstring_names_the_most_threads(kernels):
    assert kernels.MAX_THREADS == MOST_THREADS
    assert f"From 1 to {MOST_THREADS}." in gd.set_num_threads.__doc__


@pytest.mark.parametrize("n", [19, 48, 49, 50, 97, 193])
def test_no_thread_is_left_with_a_single_row(n):
    """A row alone is summed in another order than rows together."""
    alone = trained([600, 600, 600, 600, 30], n, n, 1)
    for threads in (2, 3, 4, 8, 16):
        assert trained([600, 600, 600, 600, 30], n, n, threads) == alone


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize(("sizes", "n", "batch"), SHAPES, ids=str)
def test_bits_do_not_depend_on_the_number_of_threads(sizes, n, batch, dropout):
    alone = trained(sizes, n, batch, 1, dropout)
    for threads in (2, 3, 4, 8, 16):
        assert trained(sizes, n, batch, threads, dropout) == alone


@pytest.mark.parametrize("optimizer", [gd.SGD(0.01, momentum=0.9), gd.Adam(1e-3)], ids=str)
def test_a_shared_update_has_the_same_bits(optimizer):
    """Of so many parameters that threads share it; a gradient that is clipped by its norm is kept until then."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 1021)).astype("f"), rng.normal(size=(20, 9)).astype("f")
    results = []
    for threads in (1, 2, 3, 16):
        gd.set_num_threads(threads)
        net = gd.MLP([1021, 1031, 9], seed=0)
        trainer = gd.Trainer(net, "mse", optimizer, clip_norm=0.1)
        for _ in range(3):
            trainer.step(X, y)
        results.append(net.params)
    assert len(results[0]) > 1_048_576
    for found in results[1:]:
        np.testing.assert_array_equal(found, results[0])


def test_threads_may_change_between_steps():
    """And batches grow: the workspace follows, and no bit changes."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(900, 256)).astype("f"), rng.normal(size=(900, 256)).astype("f")
    results = []
    for numbers in ([1] * 6, [1, 4, 2, 8, 1, 3]):
        net = gd.MLP([256, 256, 256], seed=0)
        trainer = gd.Trainer(net, "mse", "adam")
        for threads, rows in zip(numbers, [1, 300, 40, 900, 899, 2], strict=True):
            gd.set_num_threads(threads)
            trainer.step(X[:rows], y[:rows])
        results.append(net.params)
    np.testing.assert_array_equal(*results)


def in_child(queue, threads):
    queue.put(trained(*SHAPES[0], threads))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is not to be had here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_process_trains_after_its_parent_has(method):
    """The pool's threads do not survive a fork; the child must not wait for them."""
    here = trained(*SHAPES[0], threads=2)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=in_child, args=(queue, 2))
    child.start()
    assert queue.get(timeout=60) == here
    child.join(60)
    assert child.exitcode == 0


def test_the_number_may_change_while_another_thread_trains():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 128)).astype("f"), rng.normal(size=(3000, 128)).astype("f")
    trainer = gd.Trainer(gd.MLP([128, 256, 128], seed=0), "mse", gd.SGD(0.01), batch_size=300)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(trainer.fit, X, y, epochs=30)
        n = 0
        while not running.done():
            n = n % 8 + 1
            gd.set_num_threads(n)
        assert running.result().epochs == 30


def test_many_python_threads_train_at_once():
    """Each its own trainer; whoever finds the pool taken works alone."""
    gd.set_num_threads(2)
    alone = [trained(*shape) for shape in SHAPES]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda shape: trained(*shape), SHAPES * 3))
    assert together == alone * 3


def test_one_model_predicts_in_many_threads_at_once():
    net, X = gd.MLP([20, 64, 3], seed=0), np.random.default_rng(0).normal(size=(500, 20)).astype("f")
    want = net.predict(X)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: net.predict(X), range(40)):
            np.testing.assert_array_equal(found, want)


def test_num_threads_is_set_and_restored():
    gd.set_num_threads(3)
    with gd.num_threads(2):
        assert gd.get_num_threads() == 2
        with gd.num_threads(1):
            assert gd.get_num_threads() == 1
        assert gd.get_num_threads() == 2
    with pytest.raises(KeyError), gd.num_threads(1):
        raise KeyError
    assert gd.get_num_threads() == 3


@pytest.mark.parametrize(
    ("n", "exception", "message"),
    [
        (0, ValueError, "n must be >= 1, got 0"),
        (65, ValueError, "n must be <= 64, got 65"),
        (1.5, TypeError, "n must be an integer, got 1.5"),
        (True, TypeError, "n must be an integer, got True"),
    ],
)
def test_bad_numbers_of_threads(n, exception, message):
    before = gd.get_num_threads()
    with pytest.raises(exception, match=message):
        gd.set_num_threads(n)
    assert gd.get_num_threads() == before


@pytest.mark.parametrize(
    ("environ", "affinity", "quota", "threads"),
    [
        ("", 8, math.inf, 8),
        ("", 8, 2.0, 2),
        ("", 8, 1.5, 2),
        ("", 2, 16.0, 2),
        ("", 200, math.inf, 64),
        ("", 4, 0.1, 1),
        ("3", 8, 1.0, 3),
    ],
)
def test_the_default_is_what_the_process_may_use(environ, affinity, quota, threads):
    assert default_threads(environ, affinity, quota) == threads


@pytest.mark.parametrize("environ", ["0", "-1", "two", "1.5", "65", "²"])
def test_a_bad_environment_is_an_error(environ):
    with pytest.raises(ImportError, match="GDCORE_NUM_THREADS must be an integer from 1 to 64"):
        default_threads(environ, 4, math.inf)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, math.inf),
        ({"cpu.max": "max 100000\n"}, math.inf),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"cpu.max": "nonsense"}, math.inf),
    ],
)
def test_the_quota_of_the_control_group(files, quota, tmp_path):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert _quota(tmp_path) == quota
