"""Signals in the middle of a call: handlers that use the model, Ctrl-C behind another thread and in wide layers."""

import os
import subprocess
import sys

import pytest

from gdcore._kernels import SUPPORTED

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

COMMON = """
import os, signal, threading, time
import numpy as np, gdcore as gd
signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(0)

def after(seconds, sent):
    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Timer(seconds, send).start()
"""

REENTERS = """
from gdcore.objective.build import objective_of
X, y = rng.random((4000, 128), "float32"), rng.random((4000, 128), "float32")
net = gd.MLP([128, 256, 128], "tanh", seed=0)
network, probe = net.stack.bind(trains=True), objective_of(net.stack, X, y, "mse").probe()
grads, direction = np.zeros(net.n_params, "float32"), np.ones(net.n_params, "float32")
calls = {
    "predict": lambda: network.predict(X),
    "loss": lambda: network.loss("mean_squared_error", 0.0, X, y, grads=grads),
    "value": lambda: probe.value(),
    "curvature": lambda: probe.hessian_vector(direction, grads),
}
said = []

def handler(*_):
    for other in ("predict", "loss") if name in ("predict", "loss") else ("value", "curvature"):
        try:
            calls[other]()
        except RuntimeError as error:
            said.append(str(error))

signal.signal(signal.SIGALRM, handler)
for name, call in calls.items():
    call()
    said.clear()
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.05)
    end = time.perf_counter() + 60
    while not said and time.perf_counter() < end:
        call()
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert said and all("interrupted a call of the model" in one for one in said), (name, said)
    call()
"""

WAITS = """
X, y = rng.random((1000, 512)), rng.random((1000, 512))
net = gd.MLP([512, 512, 512], "tanh", seed=0, dtype="float64")
trainer = gd.Trainer(net, "mse", gd.SGD(1e-3), batch_size=500)
run = trainer._run
long = threading.Thread(target=lambda: run.epoch((X, y, None, None), np.arange(600_000) % 1000, 500), daemon=True)
long.start()
time.sleep(0.3)
sent = []
after(0.3, sent)
try:
    trainer._state.network.predict(X)
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0])
    assert long.is_alive()
    os._exit(0)
os._exit(1)
"""

WIDE = """
gd.set_num_threads(1)
X, y = rng.random((1024, 256)), rng.random((1024, 8))
net = gd.MLP([256, 2048, 1024, 8], "gelu", seed=0, dtype="float64")
trainer = gd.Trainer(net, "mse", gd.Adam(1e-4), batch_size={batch})
direction = rng.random(net.n_params)
sent, calls = [], {{
    "fit": lambda: trainer.fit(X, y, epochs=1000),
    "predict": lambda: net.predict(X),
    "gradient": lambda: net.loss_and_grad(X, y, "mse"),
    "curvature": lambda: net.hessian_vector(X, y, "mse", direction),
    "check": lambda: gd.check_gradients(net, X[:200], y[:200], "mse"),
}}
call, latencies = calls["{call}"], []
trainer.step(X[:8], y[:8])
for delay in (0.2, 0.23, 0.31):
    sent.clear()
    steps = trainer.steps_done
    after(delay, sent)
    try:
        while True:
            call()
    except KeyboardInterrupt:
        latencies.append(time.perf_counter() - sent[0])
    assert np.isfinite(net.params).all()
print(min(latencies))
"""

SPARSE = """
from gdcore._kernels.sparse_rows import SparseRows
n, k = 3000, 200_000
columns = np.sort(rng.integers(0, k // 100, (n, 100)) + k // 100 * np.arange(100), axis=1).astype(np.int32)
X = SparseRows(rng.normal(size=n * 100), columns.ravel(), np.arange(0, n * 100 + 1, 100), k)
y = rng.normal(size=n)

def trainer():
    net = gd.LinearModel(k, seed=0, dtype="float64")
    return gd.Trainer(net, "mse", gd.SGD(1e-3), batch_size={batch}, l1=1e-5, l2=1e-4, seed=1)

sent, latencies = [], []
for delay in (0.2, 0.23, 0.31):
    one, other = trainer(), trainer()
    sent.clear()
    after(delay, sent)
    try:
        one.fit(X, y, epochs=10_000)
    except KeyboardInterrupt:
        latencies.append(time.perf_counter() - sent[0])
    other.fit(X, y, max_steps=one.steps_done)
    np.testing.assert_allclose(one.model.params, other.model.params, rtol=1e-9, atol=1e-14)
    assert not one._run.torn
    one.state_dict()
print(min(latencies))
"""


def run(body, isa):
    done = subprocess.run(
        [sys.executable, "-c", COMMON + body],
        env=os.environ | {"GDCORE_ISA": isa},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_handler_that_calls_what_it_interrupted_is_told_so():
    run(REENTERS, SUPPORTED[-1])


def test_ctrl_c_is_answered_behind_the_call_of_another_thread():
    """Within 20 ms on an idle machine; the other call takes many seconds."""
    assert float(run(WAITS, "base")) < 1.0


@pytest.mark.parametrize("isa", SUPPORTED)
@pytest.mark.parametrize(
    ("call", "batch"),
    [
        ("fit", 8),
        ("fit", 256),
        ("fit", 1024),
        ("predict", 1),
        ("gradient", 1),
        ("curvature", 1),
        ("check", 1),
    ],
)
def test_ctrl_c_is_answered_within_wide_layers(call, batch, isa):
    """Within 100 ms on an idle machine, where a batch takes up to seconds; the bound here is for a busy one."""
    assert float(run(WIDE.format(call=call, batch=batch), isa)) < 0.5


@pytest.mark.parametrize("batch", [1, 100, 3000])
def test_ctrl_c_finds_whole_steps_on_sparse_rows(batch):
    """Rows of the weight that have waited for their penalties have caught up then."""
    assert float(run(SPARSE.format(batch=batch), SUPPORTED[-1])) < 0.5
