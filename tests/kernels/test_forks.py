"""After a fork: a child finds every lock free and the pool anew, and a call that a handler forked in ends in both."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is not to be had here")

COMMON = """
import os, signal, threading, time
import numpy as np, gdcore as gd
gd.set_num_threads(2)
rng = np.random.default_rng(0)
X, y = rng.random((1200, 256), "float32"), rng.random((1200, 256), "float32")

def new_trainer():
    return gd.Trainer(gd.MLP([256, 512, 256], "tanh", seed=0), "mse", gd.SGD(1e-3), batch_size=600, seed=0)

def in_child(work):
    pid = os.fork()
    if pid == 0:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    return pid
"""

BESIDE_A_THREAD = """
network = new_trainer().stack.bind(trains=True)

def use(calls):
    for _ in range(calls):
        network.loss("mean_squared_error", 0.0, X, y)
        network.predict(X)

threading.Thread(target=use, args=(1_000_000,), daemon=True).start()
time.sleep(0.2)
ends = []
for i in range(10):
    time.sleep(0.003 * i)
    ends.append(os.waitpid(in_child(lambda: (use(2), new_trainer().epoch(X, y))), 0)[1])
print(ends)
os._exit(any(ends))
"""

IN_A_HANDLER = """
reference = new_trainer()
for _ in range(6):
    reference.epoch(X, y)
trainer, children, here = new_trainer(), [], os.getpid()

def as_expected():
    assert np.array_equal(trainer.model.params, reference.model.params)
    trainer.model.predict(X)

def fork(*_):
    pid = os.fork()
    if pid:
        children.append(pid)
        if len(children) < 5:    # only now, as a fork may take longer than the timer
            signal.setitimer(signal.ITIMER_REAL, 0.01)

signal.signal(signal.SIGALRM, fork)
signal.setitimer(signal.ITIMER_REAL, 0.01)
for _ in range(6):
    trainer.epoch(X, y)
signal.setitimer(signal.ITIMER_REAL, 0)
if os.getpid() != here:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(60)
as_expected()
if os.getpid() == here:
    ends = [os.waitpid(pid, 0)[1] for pid in children]
    print(ends)
    assert children and not any(ends)
"""


@pytest.mark.parametrize("body", [BESIDE_A_THREAD, IN_A_HANDLER], ids=["beside a thread", "in a handler"])
def test_a_child_goes_on(body):
    command = [sys.executable, "-W", "ignore", "-c", COMMON + body]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
