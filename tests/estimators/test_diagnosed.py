"""`diagnose` and `check_gradients` of the estimators: scikit-learn's words and units, and sparse rows."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse

import gdcore as gd
import gdcore.diagnosis
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor
from gdcore.sklearn.diagnosed import PHRASES, in_their_words, linear_words, network_words

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y, YR = (X[:, 0] > 0).astype(int), X @ [1.0, 2.0, 3.0, 4.0]
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}

SLOW = [
    (
        MLPRegressor(**SMALL, solver="sgd", learning_rate_init=1e-6),
        "learning_rate_init",
        1e-6,
        "raise learning_rate_init",
    ),
    (MLPRegressor(**SMALL, learning_rate_init=1e-6), "learning_rate_init", 1e-6, "raise learning_rate_init"),
    (MLPRegressor(**SMALL, solver=gd.Adam(1e-6)), "learning_rate", 1e-6, "solver=Adam with a larger rate"),
    (SGDRegressor(max_iter=5, learning_rate="constant", eta0=1e-5), "eta0", 1e-5, "raise eta0"),
    (SGDRegressor(max_iter=5, eta0=1e-5), "last_rate", 1e-5 / 300**0.25, "raise eta0"),
    (SGDRegressor(max_iter=5, learning_rate="adaptive", eta0=1e-5), "last_rate", 1e-5, "raise eta0"),
]


@pytest.mark.parametrize(("model", "name", "rate", "remedy"), SLOW)
def test_a_slow_rate_is_the_users_own(model, name, rate, remedy):
    found = model.fit(X, YR).diagnose(X, YR).to_dict()["too slow"]
    assert found["evidence"][name] == pytest.approx(rate, rel=1e-9)
    assert found["remedy"].startswith(f"{remedy}: ")
    assert "find_learning_rate" not in found["remedy"]


def test_a_rate_that_falls_by_itself():
    model = SGDRegressor(max_iter=5, learning_rate="optimal", alpha=1e20, penalty=None).fit(X, YR)
    found = model.diagnose(X, YR).to_dict()["rate fell to nothing"]
    assert found["evidence"]["last_rate"] == pytest.approx(1 / (1e20 * (1e20**-0.75 + 299)), rel=1e-9)
    assert found["remedy"] == "learning_rate='constant', or one that falls more slowly"


def test_the_suggested_rate_is_in_their_units():
    """The largest stable rate of scikit-learn's loss, half the squared error, is twice that of gdcore's."""
    model = SGDRegressor(max_iter=5, learning_rate="constant", eta0=1e-5, penalty=None, random_state=0).fit(X, YR)
    found = model.diagnose(X, YR).to_dict()["too slow"]
    A = np.c_[X, np.ones(60)]
    bound = 2 / np.linalg.eigvalsh(A.T @ A / 60).max()
    assert found["evidence"]["largest_stable_rate"] == pytest.approx(bound, rel=1e-6)
    assert found["remedy"] == f"raise eta0: about {bound / 2:.3g}"


def test_a_diverging_run_names_their_arguments():
    model = SGDClassifier(max_iter=5, random_state=0, loss="log_loss").fit(100 * X, Y)
    found = model.diagnose(100 * X, Y).to_dict()
    assert found["diverging"]["remedy"].startswith("learning_rate='constant' with a smaller eta0 (")
    assert "StandardScaler" in found["badly scaled inputs"]["remedy"]


def test_words_of_every_rate():
    for rate in ("constant", "invscaling", "adaptive"):
        for solver in ("sgd", "SGD", "adam", "adamw"):
            words = network_words(solver, rate, 0.5)
            assert words.set_to(0.1) == f"learning_rate_init={0.2 if solver.lower() == 'sgd' else 0.1}"
    for rate in ("constant", "invscaling", "adaptive", "optimal"):
        assert linear_words(rate, 0.5).set_to(0.1).endswith("eta0=0.2")
    for words in (
        network_words("sgd", gd.schedules.Cosine(0.1, 9), 0.5),
        linear_words(gd.schedules.Cosine(0.1, 9), 0.5),
    ):
        assert words.set_to(0.1) == "learning_rate=Cosine(0.2, …)"


def test_no_remedy_has_a_name_that_estimators_lack():
    """Every text in the rules, as an estimator says it."""
    foreign = re.compile(
        r"gdcore\.|Standardize|Log1p|EarlyStopping|ScaledTarget|\bl2\b|find_learning_rate|learning_rate\b"
    )
    folder, seen = Path(gdcore.diagnosis.__file__).parent, []
    for name in ("fading", "nothing", "optimum", "overfit", "rates", "samples", "signal", "targets", "units", "check"):
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
                finding = gd.Finding("kind", "", {}, node.value)
                for linear in (False, True):
                    said = in_their_words(gd.Diagnosis((finding,)), linear=linear).findings[0].remedy
                    assert not foreign.search(said), said
                    seen.append(said)
                seen.append(node.value)
    assert all(any(ours in text for text in seen) for ours, _ in PHRASES)
    assert not any("dropout" in text or "solver" in text for text in seen[1::3])


@pytest.mark.parametrize(
    ("model", "y"), [(MLPClassifier(**SMALL), Y), (SGDClassifier(max_iter=5), Y), (SGDRegressor(max_iter=5), YR)]
)
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
def test_sparse_rows_are_diagnosed(model, y, kind):
    model.fit(X, y)
    rows = kind(X)
    assert str(model.diagnose(rows, y)) == str(model.diagnose(X, y))
    assert str(model.check_gradients(rows, y)) == str(model.check_gradients(X, y))


def test_large_sparse_rows_are_refused_as_everywhere():
    wide = sparse.csr_array((np.ones(20), (np.arange(20), np.arange(20))), shape=(20, 10**6))
    y = np.arange(20) % 2
    model = SGDClassifier(max_iter=2).fit(wide, y)
    for call in (model.diagnose, model.check_gradients):
        with pytest.raises(
            TypeError, match=r"X is a sparse matrix.*pass X.toarray\(\), for example of some of its rows"
        ):
            call(wide, y)


@pytest.mark.parametrize("kind", [MLPClassifier, SGDClassifier])
def test_rare_classes_are_the_users(kind):
    """Ten classes of a tenth are none of them rare, also where each is compared with the rest."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 4))
    even = np.arange(600) % 10
    assert "class imbalance" not in kind(max_iter=5, random_state=0).fit(rows, even).diagnose(rows, even).kinds
    for names in (np.array(["no", "yes"]), np.array(["a", "b", "rare"])):
        k = len(names)
        labels = np.where(np.arange(600) % 40 == 0, names[-1], names[np.arange(600) % (k - 1)])
        model = kind(max_iter=5, random_state=0).fit(rows, labels)
        found = model.diagnose(rows, labels).to_dict()["class imbalance"]
        share = (labels == names[-1]).mean()
        assert found["summary"] == (
            f"class {names[-1]} has {share:.2%} of the weight of all samples, {1 / k:.0%} would be its share"
        )
        assert found["remedy"].startswith("class_weight='balanced'; collect more of it")
        weights = np.where(labels == names[-1], 20.0, 1.0)
        assert "class imbalance" not in model.diagnose(rows, labels, weights).kinds
