"""Misspelled names are answered with the nearest one, whatever they are names of."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels import choose
from gdcore.base.checks import known_name

X = np.random.default_rng(0).normal(size=(8, 3))
NET = gd.MLP([3, 4, 1], seed=0)


def fit(**options):
    NET.copy().fit(X, X[:, 0], **{"loss": "mse", "epochs": 1} | options)


MISSPELLED = [
    (lambda: gd.MLP([3, 4, 1], activation="rleu"), "'rleu'", "'relu'"),
    (lambda: gd.Dense(3, 1, weight_init="he_norml"), "'he_norml'", "'he_normal'"),
    (lambda: gd.MLP([3, 1], dtype="flaot64"), "'flaot64'", "'float64'"),
    (lambda: fit(loss="hubr"), "'hubr'", "'huber'"),
    (lambda: fit(optimizer="adm"), "'adm'", "'adam'"),
    (lambda: gd.minimize(lambda x: (x @ x, 2 * x), [1.0], optimizer="lbgfs"), "'lbgfs'", "'lbfgs'"),
    (lambda: fit(metrics="r22"), "'r22'", "'r2'"),
    (lambda: fit(record="weigth_norm"), "'weigth_norm'", "'weight_norm'"),
    (lambda: fit(stop=gd.EarlyStopping(monitor="los")), "'los'", "'loss'"),
    (lambda: fit(stop=gd.EarlyStopping(monitor="val_lss"), validation_data=(X, X[:, 0])), "'val_lss'", "'val_loss'"),
    (lambda: fit(optimizer=gd.SGD(gd.schedules.ReduceOnPlateau(0.1, monitor="lss"))), "'lss'", "'loss'"),
    (lambda: gd.EarlyStopping(mode="mim"), "'mim'", "'min'"),
    (lambda: gd.LossThreshold(1, mode="maxi"), "'maxi'", "'max'"),
    (lambda: gd.schedules.ReduceOnPlateau(0.1, threshold_mode="real"), "'real'", "'rel'"),
    (lambda: gd.schedules.StepDecay(0.1, 5, per="epochs"), "'epochs'", "'epoch'"),
    (lambda: gd.check_gradients(NET, X, X[:, 0], "mse", mode="direction"), "'direction'", "'directions'"),
    (lambda: gd.check_gradients(NET, X, X[:, 0], "mse", wrt="input"), "'input'", "'inputs'"),
    (lambda: gd.Trainer(NET, "mse", layer_rates={"dnse0": 0.1}), "'dnse0'", "'dense0'"),
]


@pytest.mark.parametrize(("call", "received", "meant"), MISSPELLED)
def test_the_nearest_name_is_told(call, received, meant):
    with pytest.raises(ValueError, match=f"{received}.*did you mean {meant}\\?$"):
        call()


def test_a_word_for_a_rate():
    with pytest.raises(TypeError, match=re.escape("a schedule, got 'cosine': pass a record such as")):
        gd.SGD("cosine")


@pytest.mark.parametrize(("wanted", "end"), [("v33", "; did you mean 'v3'?"), ("avx512", ": unset it")])
def test_instruction_sets(wanted, end):
    with pytest.raises(ImportError, match=re.escape(f"GDCORE_ISA must be one of base, v3, v4, got {wanted!r}{end}")):
        choose(("base", "v3"), wanted)


COMMANDS = [
    (
        ["chek", "x.py:model"],
        "unknown command 'chek'; known: train, predict, evaluate, diagnose, export, demo, info, check, claims, bench; "
        "did you mean 'check'?",
    ),
    (["demo", "--sede", "3"], "unrecognized arguments: --sede 3; did you mean '--seed'?"),
    (["info", "--version2"], "unrecognized arguments: --version2; did you mean '--version'?"),
    (["check", "x.py:model", "--mode", "direction"], "did you mean 'directions'?"),
    (["bench", "stepp"], "did you mean 'step'?"),
]


@pytest.mark.parametrize(("arguments", "said"), COMMANDS)
def test_the_command_line(arguments, said):
    ended = subprocess.run(
        [sys.executable, "-m", "gdcore", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr


@pytest.mark.parametrize(
    ("said", "meant"), [("housing", "Housing"), ("HOUSING", "Housing"), ("iris", "iris"), ("A", "A")]
)
def test_a_known_name_in_any_case(said, meant):
    assert known_name("data set", said, ["Housing", "iris", "a", "A"]) == meant
