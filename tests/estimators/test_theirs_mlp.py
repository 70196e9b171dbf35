"""scikit-learn's test_mlp.py on gdcore's perceptrons."""

import pytest

pytest.importorskip("sklearn", minversion="1.9")  # the list below is of the tests of this version

from theirs_sklearn import load, taken

REFUSED = {
    "test_fit": "It sets attributes of a network that does not exist yet; gdcore's own tests have the same step.",
    "test_gradient": "It calls a private method; check_gradients() is the public one.",
    "test_early_stopping_stratified": "The message names the user's label, 1, and not True.",
    "test_mlp_partial_fit_after_fit": "early_stopping works in partial_fit.",
}

module = load(
    "sklearn.neural_network.tests.test_mlp",
    {"from sklearn.neural_network import": "from theirs_sklearn import"},
)
globals().update(taken(module, REFUSED))

pytestmark = pytest.mark.filterwarnings("default")  # as scikit-learn's own configuration has it


@pytest.fixture
def global_random_seed():
    return 42
