"""scikit-learn's test_mlp.py on gdcore's perceptrons."""

import pytest

pytest.importorskip("sklearn")

from theirs_sklearn import load, marked

REFUSED: dict[str, str] = {}

module = load(
    "sklearn.neural_network.tests.test_mlp",
    {"from sklearn.neural_network import MLPClassifier, MLPRegressor": "from theirs_sklearn import MLPClassifier, MLPRegressor"},
)
globals().update(marked(module, REFUSED))


@pytest.fixture
def global_random_seed():
    return 42
