"""Pipelines, searches, ensembles and the rest of scikit-learn around the estimators."""

import io
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from theirs_sklearn import since

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
XR, YR = (scale(a) for a in load_diabetes(return_X_y=True))
MLP = MLPClassifier((10,), learning_rate_init=0.03, max_iter=60, random_state=0)
LINEAR = SGDClassifier(loss="log_loss", random_state=0, max_iter=50)
ESTIMATORS = [
    MLP,
    LINEAR,
    MLPRegressor(hidden_layer_sizes=(10,), learning_rate_init=0.03, max_iter=60, random_state=0),
    SGDRegressor(random_state=0),
    MLPClassifier((10,), solver=gd.AdamW(0.03), dropout=0.1, average=gd.EMA(0.9), max_iter=60, random_state=0),
    SGDClassifier(loss="modified_huber", average=True, max_iter=30, random_state=0),
    MLPClassifier((10,), solver="lbfgs", random_state=0),
]


def data(model):
    return (X, Y) if "Classifier" in type(model).__name__ else (XR, YR)


@pytest.mark.parametrize("model", ESTIMATORS, ids=repr)
def test_clone_pickle_joblib(model):
    rows, y = data(model)
    twin = clone(model)
    assert repr(twin) == repr(model)
    twin.fit(rows, y)
    buffer = io.BytesIO()
    joblib.dump(twin, buffer)
    buffer.seek(0)
    for found in (pickle.loads(pickle.dumps(twin)), joblib.load(buffer)):
        assert np.array_equal(found.predict(rows), twin.predict(rows))
        if hasattr(found, "partial_fit"):
            again = pickle.loads(pickle.dumps(twin))
            assert np.array_equal(found.partial_fit(rows, y).net_.params, again.partial_fit(rows, y).net_.params)
    assert "net_" not in vars(clone(twin))


@pytest.mark.parametrize("model", ESTIMATORS, ids=repr)
def test_pipelines_and_cross_validation(model):
    rows, y = data(model)
    pipe = make_pipeline(StandardScaler(), clone(model))
    assert cross_val_score(pipe, rows, y).mean() > (0.85 if rows is X else 0.35)
    assert cross_val_predict(pipe, rows, y).shape == y.shape


def test_set_output():
    pytest.importorskip("pandas")
    pipe = make_pipeline(StandardScaler(), clone(MLP)).set_output(transform="pandas").fit(X, Y)
    assert pipe[-1].n_features_in_ == X.shape[1]
    assert pipe[-1].feature_names_in_.tolist() == ["x0", "x1", "x2", "x3"]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_searches_in_parallel(backend):
    with joblib.parallel_backend(backend):
        grid = GridSearchCV(make_pipeline(StandardScaler(), MLP), {"mlpclassifier__alpha": [1e-4, 1.0]}, n_jobs=2).fit(
            X, Y
        )
        halving = HalvingGridSearchCV(LINEAR, {"alpha": [1e-4, 1e-2]}, n_jobs=2, random_state=0).fit(scale(X), Y)
    alone = GridSearchCV(make_pipeline(StandardScaler(), MLP), {"mlpclassifier__alpha": [1e-4, 1.0]}).fit(X, Y)
    assert np.array_equal(grid.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert grid.best_score_ > 0.9
    assert halving.best_score_ > 0.7


def test_records_are_parameters_of_a_search():
    grid = GridSearchCV(
        MLP, {"solver": ["adam", gd.RMSprop(0.01)], "learning_rate": ["constant", gd.schedules.Cosine(0.03, 300)]}
    )
    assert len(grid.fit(scale(X), Y).cv_results_["params"]) == 4


def test_ensembles():
    rows = scale(X)
    assert CalibratedClassifierCV(LINEAR, cv=3).fit(rows, Y).score(rows, Y) > 0.85
    assert CalibratedClassifierCV(MLP, cv=3).fit(rows, Y).predict_proba(rows).shape == (150, 3)
    stack = StackingClassifier([("mlp", MLP), ("linear", LINEAR)], final_estimator=LogisticRegression()).fit(rows, Y)
    assert stack.score(rows, Y) > 0.9
    assert VotingClassifier([("mlp", MLP), ("linear", LINEAR)], voting="soft").fit(rows, Y).score(rows, Y) > 0.9
    bag = BaggingRegressor(ESTIMATORS[2], n_estimators=3, n_jobs=2, random_state=0).fit(XR, YR)
    assert bag.score(XR, YR) > 0.5
    assert MultiOutputRegressor(SGDRegressor(random_state=0)).fit(XR, np.stack([YR, -YR], 1)).predict(XR).shape == (
        442,
        2,
    )


def test_inspection_and_selection():
    rows = scale(X)
    found = permutation_importance(clone(MLP).fit(rows, Y), rows, Y, n_repeats=3, random_state=0)
    assert found.importances_mean.max() > 0.1
    assert SelectFromModel(LINEAR).fit(rows, Y).transform(rows).shape[1] < 4
    assert RFE(LINEAR, n_features_to_select=2).fit(rows, Y).support_.sum() == 2


@since(1, 7, "before it, a Pipeline asked for weights of its score too")
def test_metadata_routing():
    weight = np.where(Y == 2, 5.0, 1.0)
    with config_context(enable_metadata_routing=True):
        model = clone(MLP).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        result = cross_validate(pipe, X, Y, params={"sample_weight": weight})
    assert result["test_score"].mean() > 0.8


@pytest.mark.parametrize("kind", [SGDClassifier, SGDRegressor])
def test_sparsify_and_densify(kind):
    model = kind(random_state=0)
    with pytest.raises(AttributeError, match="not fitted yet"):
        model.sparsify()
    model.fit(X, Y).coef_[..., 0] = 0
    dense, said = model.coef_.copy(), model.predict(X)
    assert model.sparsify() is model
    for each in (model, pickle.loads(pickle.dumps(model))):
        assert sparse.issparse(each.coef_)
        assert each.coef_.nnz == np.count_nonzero(dense) < dense.size
        assert np.array_equal(each.coef_.toarray(), np.atleast_2d(dense))
        assert np.array_equal(each.predict(X), said)
    model.coef_ = model.coef_
    assert np.array_equal(model.densify().coef_, dense)
    assert isinstance(model.sparsify().fit(X, Y).coef_, np.ndarray)


def test_set_params_and_repr():
    model = MLPClassifier(dropout=0.2).set_params(alpha=0.5)
    assert repr(model) == "MLPClassifier(alpha=0.5, dropout=0.2)"
    with pytest.raises(ValueError, match="Invalid parameter 'dropuot'"):
        model.set_params(dropuot=0.1)


def test_the_example():
    import runpy
    from pathlib import Path

    found = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "from_sklearn.py"))
    assert found["scores"].mean() > 0.95
    assert found["network"].best_validation_score_ > 0.9
