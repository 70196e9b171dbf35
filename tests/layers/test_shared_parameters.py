"""What several threads of Python see of one model: the parameters of whole steps."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd

WIDTH = 300


def equal_columns(rows: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose inputs are all equal: from equal weights, each step leaves equal weights."""
    rng = np.random.default_rng(0)
    return np.repeat(rng.normal(size=(rows, 1)), WIDTH, axis=1), rng.normal(size=(rows, 1))


def weights_seen(net: gd.Sequential) -> np.ndarray:
    return net.predict(np.eye(WIDTH)) - net.predict(np.zeros((1, WIDTH)))


@pytest.mark.parametrize("call", ["epoch", "step"])
def test_a_prediction_sees_whole_steps(call: str) -> None:
    net = gd.MLP([WIDTH, WIDTH, 1], "identity", dtype="float64")
    net.params[:] = 0.01
    X, y = equal_columns()
    trainer = gd.Trainer(net, "mse", gd.SGD(1e-9), batch_size=8)
    many = np.tile(X, (20, 1)), np.tile(y, (20, 1))

    def train() -> None:
        for _ in range(20):
            if call == "epoch":
                trainer.epoch(*many)
            else:
                for _ in range(20):
                    trainer.step(X, y)

    with ThreadPoolExecutor(3) as pool:
        training = pool.submit(train)
        seen = 0
        while not training.done() or not seen:
            outputs = net.predict(np.eye(WIDTH))
            assert np.ptp(outputs) <= 1e-12 * np.abs(outputs).max()
            seen += 1
        training.result()


def by_file(net: gd.Sequential, folder: Path) -> gd.Sequential:
    net.save(folder / "net.gdc")
    return gd.load(folder / "net.gdc")


COPIES: dict[str, Callable[[gd.Sequential, Path], gd.Sequential]] = {
    "copy": lambda net, _: net.copy(),
    "astype": lambda net, _: net.astype("float32"),
    "pickle": lambda net, _: pickle.loads(pickle.dumps(net)),
    "file": by_file,
}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_has_the_parameters_of_whole_steps(way: str, tmp_path: Path) -> None:
    net = gd.MLP([WIDTH, WIDTH, 1], "identity", dtype="float64")
    net.params[:] = 0.01
    X, y = equal_columns()
    trainer = gd.Trainer(net, "mse", gd.SGD(1e-5), batch_size=8)
    many = np.tile(X, (20, 1)), np.tile(y, (20, 1))

    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(lambda: [trainer.epoch(*many) for _ in range(40)])
        seen = 0
        while not training.done() or not seen:
            for name, view in COPIES[way](net, tmp_path).parameters():
                assert np.ptp(view) <= 1e-12 * np.abs(view).max(), name
            seen += 1
        training.result()
    assert net.params[0] != 0.01


class LossBetween(gd.Callback):
    def __init__(self, net: gd.Sequential, X: np.ndarray, y: np.ndarray) -> None:
        self.net, self.X, self.y, self.losses = net, X, y, list[float]()

    def on_epoch_end(self, state: object) -> None:
        self.losses.append(self.net.loss(self.X, self.y, "mse"))


def test_calls_from_within_a_fit_do_not_wait_for_it() -> None:
    net = gd.MLP([3, 1], seed=0)
    X = np.random.default_rng(0).normal(size=(20, 3))
    y = X @ np.ones((3, 1))
    between = LossBetween(net, X, y)
    net.fit(X, y, lambda outputs, y: (float(np.mean((net.predict(X[:1]) - outputs[:1]) ** 2)), 0 * outputs), epochs=1)
    net.fit(X, y, "mse", epochs=2, callbacks=between)
    assert len(between.losses) == 2


def test_a_check_of_a_model_that_changes_meanwhile_has_no_result() -> None:
    net = gd.MLP([3, 2, 1], "tanh", seed=0)
    X, y = np.eye(3), np.ones((3, 1))

    def grad() -> np.ndarray:
        net.params[0] += 1
        return np.zeros(net.n_params)

    with pytest.raises(RuntimeError, match=r"changed during check_gradients.*model\.copy\(\)"):
        gd.check_gradients(net, X, y, "mse", grad=grad)
