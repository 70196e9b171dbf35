"""Estimators under joblib's backends for Dask and for Ray: the same search as in this process."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import gdcore

pytest.importorskip("sklearn")

PROGRAM = """
import contextlib
import sys

import joblib
import numpy as np
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


@contextlib.contextmanager
def dask():
    from distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
        yield


@contextlib.contextmanager
def ray():
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, logging_level="error")
    register_ray()
    yield
    ray.shutdown()


if __name__ == "__main__":
    here = search(1)
    with {"dask": dask, "ray": ray}[sys.argv[1]](), joblib.parallel_config(sys.argv[1]):
        there = search(2)
    assert all(np.array_equal(a, b) for a, b in zip(here, there, strict=True))
    print("the same")
"""


# Of Dask, dask is looked for: tests/distributed has the other name.
@pytest.mark.parametrize(("engine", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_search_on_workers(engine, package, tmp_path):
    if find_spec(engine) is None:
        pytest.skip(f"needs {engine.capitalize()}: pip install {package}")
    script = tmp_path / "search.py"
    script.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), engine],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(gdcore.__file__).parents[1],
        env={**os.environ, "PYTHONPATH": str(Path(gdcore.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "the same"
