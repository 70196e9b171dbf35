"""Ctrl-C ends fit_many at once and keeps what was done: in one thread, in two, and with an executor."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from interruptible import interruptible

import gdcore as gd

PROGRAM = """
import sys, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import numpy as np
import gdcore as gd

def fit(epochs, **options):
    X = np.random.default_rng(0).normal(size=(1000, 20)).astype("f4")
    net = gd.MLP([20, 64, 64, 1])
    try:
        gd.fit_many(net, X, X[:, 0], "mse", n_models=50, epochs=epochs, {validated}, **options)
    except gd.InterruptedFits as error:
        told = time.time()
        many = error.many
        counts = [np.isfinite(column).sum(axis=1) == many.epochs for column in many.columns.values()]
        reasons = [reason.startswith("the call was interrupted") for reason in many.stop_reasons]
        print(np.isfinite(many.params).all(), np.all(counts), all(reasons), many.epochs.max() > 0, error)
        print(told, flush=True)

if __name__ == "__main__":
    options = dict({options})
    fit(1, **options)  # imports what fits need, and starts the executor's workers
    print("begins", flush=True)
    fit(20000, **options)
"""
OPTIONS = {
    "one": "",
    "two": "threads=2",
    "own threads": "executor=ThreadPoolExecutor(2)",
    "processes": "executor=ProcessPoolExecutor(2)",
}


@pytest.mark.parametrize("validated", ["validation_data=None", "validation_split=0.5"])
@pytest.mark.parametrize("called", OPTIONS)
def test_what_was_done_is_kept(called, validated):
    command = interruptible(PROGRAM.format(options=OPTIONS[called], validated=validated))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "begins\n"
        time.sleep(1.5)
        began = time.time()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        told, ended = process.stdout.readline(), process.stdout.readline()
        _, errors = process.communicate(timeout=30)
    assert told.startswith("True True True"), f"{told} and exit code {process.returncode}: {errors}"
    assert "0 of 50 models are trained" in told
    assert called == "processes" or told.startswith("True True True True"), told
    assert float(ended) - began < 5  # 100 ms, but for other work on the machine


def test_an_interrupt_while_parts_are_sent_ends_those_that_train():
    class Interrupts(ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            if len(sent) == 2:
                raise KeyboardInterrupt
            sent.append(super().submit(*args, **kwargs))
            return sent[-1]

    sent = []
    X = np.random.default_rng(0).normal(size=(100, 5))
    with Interrupts(2) as executor:
        with pytest.raises(gd.InterruptedFits) as raised:
            gd.fit_many(gd.MLP([5, 8, 1]), X, X[:, 0], "mse", n_models=64, epochs=10**6, executor=executor)
        ended, params = all(one.done() for one in sent), raised.value.many.params.copy()
    assert ended
    assert (raised.value.many.params == params).all()
    assert all(reason.startswith("the call was interrupted") for reason in raised.value.many.stop_reasons)
