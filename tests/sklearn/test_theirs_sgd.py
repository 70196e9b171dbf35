"""scikit-learn's test_sgd.py on gdcore's linear models."""

import pytest

pytest.importorskip("sklearn")

from theirs_sklearn import load, marked

REFUSED: dict[str, str] = {}

module = load(
    "sklearn.linear_model.tests.test_sgd",
    {
        "@pytest.mark.no_check_spmatrix": "@(lambda test: test)",
        "linear_model.SGDClassifier": "theirs_sklearn.SGDClassifier",
        "linear_model.SGDRegressor": "theirs_sklearn.SGDRegressor",
        "from sklearn import datasets, linear_model, metrics": "import theirs_sklearn\nfrom sklearn import datasets, linear_model, metrics",
    },
)
globals().update(marked(module, REFUSED))


@pytest.fixture
def global_random_seed():
    return 42
