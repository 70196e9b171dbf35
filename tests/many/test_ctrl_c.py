"""Ctrl-C ends fit_many at once and keeps what was done: in one thread, in two, and with an executor."""

import os
import signal
import subprocess
import time

import pytest
from interruptible import interruptible

PROGRAM = """
import sys, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import numpy as np
import gdcore as gd

def fit(**options):
    X = np.random.default_rng(0).normal(size=(1000, 20)).astype("f4")
    net = gd.MLP([20, 64, 64, 1])
    print("begins", flush=True)
    try:
        gd.fit_many(net, X, X[:, 0], "mse", n_models=50, epochs=20000, {validated}, **options)
    except gd.InterruptedFits as error:
        told = time.time()
        many = error.many
        counts = [np.isfinite(column).sum(axis=1) == many.epochs for column in many.columns.values()]
        reasons = [reason.startswith("the call was interrupted") for reason in many.stop_reasons]
        print(np.isfinite(many.params).all(), np.all(counts), all(reasons), many.epochs.max() > 0, error)
        print(told, flush=True)

if __name__ == "__main__":
    {call}
"""
CALLS = {
    "one": "fit()",
    "two": "fit(threads=2)",
    "own threads": "fit(executor=ThreadPoolExecutor(2))",
    "processes": "fit(executor=ProcessPoolExecutor(2))",
}


@pytest.mark.parametrize("validated", ["validation_data=None", "validation_split=0.5"])
@pytest.mark.parametrize("call", CALLS)
def test_what_was_done_is_kept(call, validated):
    command = interruptible(PROGRAM.format(call=CALLS[call], validated=validated))
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, **options) as process:
        assert process.stdout.readline() == "begins\n"
        time.sleep(3 if call == "processes" else 1.5)
        began = time.time()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        told, ended = process.stdout.readline(), process.stdout.readline()
        process.communicate(timeout=30)
    assert told.startswith("True True True"), told
    assert "0 of 50 models are trained" in told
    assert call == "processes" or told.startswith("True True True True"), told
    assert float(ended) - began < 5  # 100 ms, but for other work on the machine
