"""scikit-learn's common checks, with no expected failure."""

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks as with_checks

from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

# A weight of 2 equals the row twice exactly where a batch holds all rows, as the checks' 15 or 30 rows are for the
# perceptrons' default; the linear models' default is one row, where it holds in expectation.
ALL = 1000

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:Got `batch_size` larger than sample size:UserWarning",
)


def parametrize_with_checks(estimators):
    """Return scikit-learn's mark; before version 1.9 it holds a generator, which pytest takes with a warning."""
    mark = with_checks(estimators)
    return pytest.mark.parametrize(mark.args[0], list(mark.args[1]), **mark.kwargs)


FULL = {"batch_size": ALL, "learning_rate": "adaptive", "eta0": 0.1, "max_iter": 300}


@parametrize_with_checks(
    [
        MLPClassifier(max_iter=100),
        MLPRegressor(max_iter=100),
        MLPClassifier(solver="lbfgs", max_iter=100),
        MLPRegressor(solver="sgd", learning_rate_init=0.05, clip_norm=1.0, max_iter=100),
        MLPClassifier(hidden_layer_sizes=(), solver="rmsprop", learning_rate_init=0.1),
        SGDClassifier(**FULL),
        SGDClassifier(loss="log_loss", **FULL),
        SGDClassifier(loss="modified_huber", penalty="elasticnet", **FULL),
        SGDRegressor(**FULL),
    ]
)
def test_common_checks(estimator, check):
    check(estimator)


ROW_BY_ROW = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")


@parametrize_with_checks([SGDClassifier(max_iter=5), SGDRegressor(max_iter=5)])
def test_common_checks_row_by_row(estimator, check):
    name = check.func.__name__
    if name not in ROW_BY_ROW:  # holds in expectation alone: see test_weighted_fits.py
        check(estimator)
