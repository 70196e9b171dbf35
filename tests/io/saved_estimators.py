"""Estimators to save: each solver, loss and kind of target, with everything that a fit may leave."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import gdcore as gd
from gdcore.sklearn import MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
CLASSES = np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])
SEVERAL = (X[:, :2] > 0).astype(int)
NUMBERS = np.abs(X[:, 0] + 0.5 * X[:, 1])
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 0, "batch_size": 16}


def own_loss(outputs, y):
    return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / y.size


def own_metric(outputs, y):
    return 0.5


CUSTOM = {"own_loss": own_loss, "own_metric": own_metric}
LABELS = {
    "texts": np.array(["low", "é", "ζ"])[CLASSES],
    "objects": np.array(["low", "é", "ζ"], object)[CLASSES],
    "bools": CLASSES > 1,
    "integers": CLASSES * 7 - 3,
    "bytes": CLASSES.astype(np.int8),
    "unsigned": CLASSES.astype(np.uint64),
    "floats": CLASSES.astype(np.float64),
}


def estimators():
    """Name -> (estimator, y)."""
    yield "adam", MLPClassifier(**SMALL), LABELS["texts"]
    stop = {"early_stopping": True, "validation_fraction": 0.2}
    state = {**SMALL, "random_state": np.random.RandomState(3), "average": gd.EMA(0.9), **stop}
    weights = {"low": 1, "é": 2.0, "ζ": 0.5}
    yield "average", MLPClassifier(**state, class_weight=weights, dropout=0.2, warm_start=True), LABELS["texts"]
    records = {"activation": [gd.LeakyReLU(0.2)], "weight_init": gd.HeNormal(), "metrics": ["accuracy", own_metric]}
    rates = {"solver": gd.AdamW(gd.schedules.Cosine(0.01, 50)), "n_iter_no_change": np.inf}
    loss = gd.CrossEntropy(label_smoothing=0.1)
    yield "records", MLPClassifier(**SMALL, **records, **rates, loss=loss), LABELS["integers"]
    yield "several", MLPClassifier(**SMALL, solver="sgd", learning_rate="adaptive", warm_start=True), SEVERAL
    yield "lbfgs", MLPClassifier(**SMALL, solver="lbfgs", class_weight="balanced"), LABELS["bools"]
    plateau = gd.schedules.ReduceOnPlateau(0.01, patience=1)
    yield "plateau", MLPRegressor(**SMALL, solver="sgd", learning_rate=plateau), SEVERAL + 0.5
    yield "cosine", MLPRegressor(**SMALL, solver="sgd", learning_rate=gd.schedules.Cosine(0.01, 9)), NUMBERS
    yield "inverse", MLPRegressor("poisson", **SMALL, solver="sgd", learning_rate="invscaling"), NUMBERS
    yield "own_loss", MLPRegressor(own_loss, **SMALL, clip_norm=0.5, l1=0.01), NUMBERS
    linear = {"max_iter": 5, "random_state": 0}
    yield "hinge", SGDClassifier(**linear), LABELS["texts"]
    yield "huber", SGDClassifier("modified_huber", average=True, **linear), LABELS["bools"]
    yield "perceptron", SGDClassifier("perceptron", learning_rate="adaptive", eta0=0.1, **linear, **stop), CLASSES
    yield "elastic", SGDRegressor("epsilon_insensitive", penalty="elasticnet", epsilon=0.05, **linear), NUMBERS
    rate = gd.schedules.Polynomial(0.1, 99)
    yield "scaled", SGDRegressor("squared_epsilon_insensitive", learning_rate=rate, warm_start=True, **linear), NUMBERS


def fitted(est, y, data=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return est.fit(data, y)


def state_of(est):
    """What a fitted estimator holds but for times, as a file keeps it: numbers, arrays, lists and dicts."""
    found = {name: value for name, value in vars(est).items() if name not in est.get_params(deep=False)}
    found.pop("_context", None)
    found["net_"] = [repr(est.net_), est.net_.params]
    trainer, history = found["trainer_"], found["history_"]
    if trainer is not None:
        settings = repr((trainer.loss, trainer.optimizer, trainer.batch_size, trainer.l1, trainer.l2, trainer.average))
        found["trainer_"] = [settings.partition(" at 0x")[0], trainer.model is est.net_, trainer.state_dict()]
    found["history_"] = None if history is None else {**history.to_dict(), "seconds": None}
    found["_record"] = vars(found["_record"])
    if found.get("classes_") is not None:
        found["_labels"] = found["_labels"]._asdict()
    return {name: listed(value) for name, value in found.items()}


def listed(value):
    """An array of objects as a list, whose texts can be compared."""
    if isinstance(value, dict):
        return {name: listed(each) for name, each in value.items()}
    return ["object", *value] if isinstance(value, np.ndarray) and value.dtype == object else value
