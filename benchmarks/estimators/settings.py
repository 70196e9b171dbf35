"""The data sets of the suite, and the settings under which each estimator is fitted.

Design
------
- Beside the data sets of scikit-learn there is one of each kind from other packages, chosen before any was fitted: the
  election of 1996 (944 rows), fragments of glass (214 rows, six classes) and house prices (546 rows).
- Settings are the defaults, and the one or two that change most of what a fit does.
"""

from typing import Any

from ..real.datasets import DataSet, named

DATASETS: tuple[DataSet, ...] = tuple(
    map(named, ("digits", "breast_cancer", "wine", "iris", "diabetes", "anes96", "fgl", "Housing"))
)
QUICK = ("breast_cancer", "iris", "diabetes")
CLASSIFIERS: dict[str, list[dict[str, Any]]] = {
    "MLPClassifier": [{}, {"solver": "sgd", "learning_rate_init": 0.01}, {"early_stopping": True}],
    "SGDClassifier": [{}, {"loss": "log_loss"}],
}
REGRESSORS: dict[str, list[dict[str, Any]]] = {
    "MLPRegressor": [{}, {"early_stopping": True}],
    "SGDRegressor": [{}, {"loss": "huber", "epsilon": 1.0}],
}


def settings_of(dataset: DataSet) -> list[tuple[str, dict[str, Any]]]:
    """Return each estimator's name with each of its settings, for a data set's kind of target."""
    table = CLASSIFIERS if dataset.kind.is_classes else REGRESSORS
    return [(name, options) for name, settings in table.items() for options in settings]
