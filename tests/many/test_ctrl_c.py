"""Ctrl-C ends fit_many at once and keeps what was done, in one thread and in two."""

import signal
import subprocess
import time

import pytest
from interruptible import interruptible

PROGRAM = """
import sys, time
import numpy as np
import gdcore as gd

X = np.random.default_rng(0).normal(size=(20000, 20)).astype("f4")
net = gd.MLP([20, 64, 64, 1])
print("begins", flush=True)
try:
    gd.fit_many(net, X, X[:, 0], "mse", n_models=50, epochs=500, threads={threads}, {validated})
except gd.InterruptedFits as error:
    many = error.many
    counts = [np.isfinite(column).sum(axis=1) == many.epochs for column in many.columns.values()]
    print(many.epochs.max() > 0, np.isfinite(many.params).all(), np.all(counts), error, flush=True)
"""


@pytest.mark.parametrize("validated", ["", "validation_split=0.5"])
@pytest.mark.parametrize("threads", [1, 2])
def test_what_was_done_is_kept(threads, validated):
    command = interruptible(PROGRAM.format(threads=threads, validated=validated))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begins\n"
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        began = time.perf_counter()
        told = process.stdout.readline()
        assert time.perf_counter() - began < 5  # 100 ms, but for other work on the machine
        process.wait(30)
    assert told.startswith("True True True 0 of 50 models are trained")
