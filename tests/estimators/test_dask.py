"""Estimators under joblib's backend for Dask: the same search as in this process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gdcore

pytest.importorskip("sklearn")
pytest.importorskip("dask", reason="needs Dask: pip install distributed")  # tests/distributed has the other name

PROGRAM = """
import joblib
import numpy as np
from distributed import Client
from sklearn.model_selection import GridSearchCV

from gdcore.sklearn import MLPClassifier


def search(n_jobs):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4))
    net = MLPClassifier(hidden_layer_sizes=(6,), max_iter=8, random_state=0)
    with_rates = GridSearchCV(net, {"learning_rate_init": [0.001, 0.01, 0.1]}, cv=3, n_jobs=n_jobs)
    with_rates.fit(X, (X[:, 0] > X[:, 1]).astype(int))
    weights = np.concatenate([weight.ravel() for weight in with_rates.best_estimator_.coefs_])
    return with_rates.cv_results_["split0_test_score"], weights


if __name__ == "__main__":
    here = search(1)
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None), joblib.parallel_config("dask"):
        there = search(2)
    assert all(np.array_equal(a, b) for a, b in zip(here, there, strict=True))
    print("the same")
"""


def test_a_search_on_workers_of_dask(tmp_path):
    script = tmp_path / "search.py"
    script.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(gdcore.__file__).parents[1],
        env={**os.environ, "PYTHONPATH": str(Path(gdcore.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "the same\n"
