"""Calls by other libraries' habits: one sentence each, with the right spelling, and a TypeError."""

import inspect
import pickle
import re

import numpy as np
import pytest

import gdcore as gd
from gdcore.base.calls import call_message, explains_calls
from gdcore.base.habits import ALIASES, ELSEWHERE, HABITS, NAMES

NET = gd.MLP([3, 4, 2], seed=0)
X, Y = np.ones((6, 3)), np.ones((6, 2))
HERE = {name: value for name, value in vars(gd).items() if name in gd.__all__}


def fit(**options):
    return NET.fit(X, Y, "mse", **options)


def trainer(**options):
    return gd.Trainer(NET, "mse", **options)


ROWS = [
    (lambda: fit(lr=0.01), "fit() has no argument 'lr'; the rate is the optimizer's: optimizer=gdcore.Adam(0.01)"),
    (lambda: fit(learning_rate=0.5), "fit() has no argument 'learning_rate'; the rate is the optimizer's: optimizer="),
    (lambda: fit(verbose=1), "fit() has no argument 'verbose'; progress=True shows"),
    (lambda: fit(early_stopping=True), "pass a criterion: stop=gdcore.EarlyStopping(patience=10)"),
    (lambda: fit(patience=3), "stop=gdcore.EarlyStopping(patience=3)"),
    (lambda: fit(tol=1e-4), "stop=gdcore.RelativeChange(0.0001)"),
    (lambda: fit(n_iter=5), "fit() has no argument 'n_iter'; it is spelled epochs"),
    (lambda: fit(max_iter=5), "it is spelled epochs"),
    (lambda: fit(nb_epoch=5), "it is spelled epochs"),
    (lambda: fit(optim="adam"), "it is spelled optimizer"),
    (lambda: fit(solver="lbfgs"), "it is spelled optimizer"),
    (lambda: fit(alpha=1e-4), "it is spelled l2, a penalty"),
    (lambda: fit(weight_decay=1e-4), "optimizer=gdcore.AdamW(weight_decay=0.0001)"),
    (lambda: fit(momentum=0.9), "optimizer=gdcore.SGD(0.01, momentum=0.9)"),
    (lambda: fit(hidden_layer_sizes=(5,)), "a model has the layers: gdcore.MLP("),
    (lambda: fit(validation_fraction=0.1), "it is spelled validation_split"),
    (lambda: fit(validation_splt=0.1), "did you mean 'validation_split'?"),
    (lambda: fit(random_state=0), "it is spelled seed"),
    (lambda: fit(sample_weights=None), "did you mean 'sample_weight'?"),
    (lambda: fit(n_jobs=2), "gdcore.set_num_threads says"),
    (lambda: fit(device="cuda"), "gdcore computes on the CPU: leave it out"),
    (lambda: fit(nothing_like_it=1), "it has X, y, loss, optimizer, epochs"),
    (lambda: NET.fit(x=X, y=Y, loss="mse"), "fit() has no argument 'x'; it is spelled X"),
    (lambda: NET.fit(X, Y, loss_fn="mse"), "it is spelled loss"),
    (lambda: NET.fit(X), "fit(X, y, loss) needs y"),
    (lambda: NET.fit(X, Y, "mse", "adam"), "fit() takes 3 arguments by place (X, y, loss), got 4: pass the others"),
    (lambda: NET.fit(X, Y, "mse", y=Y), "fit(X, y, loss) was given y twice, by place and by name"),
    (lambda: NET.hessian_vector(X, Y, "mse"), "hessian_vector(X, y, loss, v) needs v"),
    (lambda: trainer(lr=0.1), "Trainer() has no argument 'lr'; the rate is the optimizer's"),
    (lambda: trainer(epochs=3), "Trainer() has no argument 'epochs'; fit takes it: fit(X, y, epochs=3)"),
    (lambda: trainer(shufle=True), "did you mean 'shuffle'?"),
    (lambda: gd.Trainer(NET), "Trainer(model, loss, optimizer) needs loss"),
    (lambda: trainer().fit(X, Y, batch_size=3), "it when it is made, and a model's own fit: batch_size=3"),
    (lambda: trainer().fit(X, Y, lr=3), "the rate is the optimizer's, which a Trainer and a model's fit take"),
    (lambda: trainer().fit(X, Y, "mse"), "got 3: the loss is the Trainer's, Trainer(model, loss)"),
    (lambda: trainer().fit(X), "fit(X, y) needs y"),
    (lambda: trainer().epoch(X), "epoch(X, y, sample_weight) needs y"),
    (lambda: gd.MLP(5, 32, 1), "2 arguments by place (sizes, activation), got 3: the sizes are one list"),
    (lambda: gd.MLP(hidden_layer_sizes=(9,)), "the sizes of all layers are one list, input and output included"),
    (lambda: gd.MLP([3, 2], epochs=4), "MLP() has no argument 'epochs'; fit takes it"),
    (lambda: gd.MLP([3, 2], lr=4), "the rate is the optimizer's, which a Trainer and a model's fit take"),
    (lambda: gd.MLP([3, 2], max_iter=9), "another call takes it: it is spelled epochs"),
    (lambda: gd.MLP([3, 2], alpha=0.1), "another call takes it: it is spelled l2, a penalty"),
    (lambda: gd.MLP([3, 2], early_stopping=True), "another call takes it: pass a criterion: stop=gdcore."),
    (lambda: gd.MLP([3, 2], act="relu"), "it is spelled activation"),
    (lambda: gd.LinearModel(3, fit_intercept=False), "it is spelled bias"),
    (lambda: gd.Sequential(layers=[]), "the layers are given by place: Sequential(Dense(64, 10))"),
    (lambda: gd.Sequential(gd.Dense(1, 1), loss="mse"), "a Trainer takes it when it is made"),
    (lambda: gd.Dense(10), "needs out_features: inputs and outputs stand first, as in Dense(64, 10)"),
    (lambda: gd.Dense(units=10), "it is spelled out_features, after in_features: Dense(64, 10)"),
    (lambda: gd.Dense(input_dim=3, out_features=1), "it is spelled in_features"),
    (lambda: gd.Dense(3, 1, use_bias=False), "it is spelled bias"),
    (lambda: gd.Dense(3, 1, kernel_initializer="zeros"), "it is spelled weight_init"),
    (lambda: gd.Dense(3, 1, dropout=0.5), "a layer of its own, after this one: gdcore.Dropout(0.5)"),
    (lambda: gd.Dropout(p=0.5), "it is spelled rate"),
    (lambda: gd.Standardize(X), "Standardize(mean, std) needs std: Standardize.from_data(X) measures them"),
    (lambda: gd.MinMax(X), "MinMax.from_data(X) measures them"),
    (lambda: gd.ScaledTarget(Y), "ScaledTarget.from_data(y) measures them"),
    (lambda: gd.Log1p(X), "in_features must be an integer, got a ndarray of shape (6, 3): use from_data(X)"),
    (lambda: gd.Adam(lr=0.1), "Adam() has no argument 'lr'; it is spelled learning_rate"),
    (lambda: gd.Adam(NET.parameters(), lr=0.1), "it is spelled learning_rate"),
    (lambda: gd.Adam(params=NET.parameters()), "an optimizer is given to fit or Trainer with the model"),
    (lambda: gd.Adam(beta_1=0.8), "both are one tuple: betas=(0.8, 0.999)"),
    (lambda: gd.RMSprop(epsilon=1e-3), "it is spelled eps"),
    (lambda: gd.SGD(0.1, 0.9, 0.0, 0.0, False, 1), "SGD() takes 5 arguments by place"),
    (lambda: gd.schedules.Cosine(0.1), "needs period"),
    (lambda: gd.schedules.Cosine(0.1, T_max=9), "it is spelled period"),
    (lambda: gd.schedules.StepDecay(0.1, gama=9), "did you mean 'gamma'?"),
    (lambda: gd.schedules.Cosine(0.1, 9, eta_min=0.1), "it is spelled end"),
    (lambda: gd.schedules.StepDecay(optimizer="sgd", step_size=3), "a schedule is the optimizer's rate: gdcore."),
    (lambda: gd.check_gradients(NET, X, Y, "mse", eps=1e-6), "the checker finds its own steps and bounds"),
    (lambda: gd.minimize(len, [0.0], args=(1,)), "let fun hold them"),
    (lambda: gd.EarlyStopping(n_iter_no_change=3), "it is spelled patience"),
    (lambda: gd.Huber(beta=1.0), "it is spelled delta"),
    (lambda: gd.CrossEntropy(from_logits=True), "every loss takes raw outputs"),
    (lambda: gd.MeanSquaredError(reduction="mean"), "the loss is a mean over samples and outputs"),
    (lambda: gd.EarlyStopping(restore_best_weights=True), "it is spelled restore_best"),
    (lambda: gd.Zeros(3), "Zeros() takes no arguments by place, got 1"),
    (lambda: gd.metrics.TopK(n=3), "it has k"),
    (lambda: gd.check_gradients(NET, X, Y), "check_gradients(model, X, y, loss) needs loss"),
    (lambda: gd.check_gradient(lambda v: 0.0, x=[0.0]), "needs grad"),
    (lambda: gd.minimize(lambda v: v, [0.0], maxiter=3), "it is spelled max_steps"),
    (lambda: gd.minimize(func=len, x0=[0.0]), "it is spelled fun"),
    (lambda: gd.minimize(lambda v: v), "minimize(fun, x0) needs x0"),
    (lambda: gd.diagnose(NET, X, Y), "needs loss"),
    (lambda: gd.find_learning_rate(NET, X, Y, "mse", max_lr=3), "it is spelled high"),
    (lambda: gd.learning_rate_bound(NET, X), "needs y and loss"),
    (lambda: gd.Checkpoint("run.gdc", monitor="val_loss"), "it is spelled best_of"),
    (lambda: gd.Checkpoint("run.gdc", save_best_only=True), "name what is to be best: best_of='val_loss'"),
    (lambda: gd.Checkpoint(filepath="run.gdc"), "it is spelled path"),
    (lambda: gd.softmax(axis=0), "softmax(outputs, axis) needs outputs"),
    (lambda: NET.evaluate(X, Y, verbose=0), "evaluate() has no argument 'verbose'"),
    (lambda: NET.score(X, Y, normalize=True), "it has X, y, loss, sample_weight"),
    (lambda: NET.predict_proba(X, batch_size=3), "predict_proba() has no argument 'batch_size'"),
    (lambda: NET.loss(X, Y, "mse", absurd_word=1), "loss() has no argument 'absurd_word'; it has X, y, loss"),
    (lambda: NET.loss(X, Y, loss_fn="mse"), "loss() has no argument 'loss_fn'; it is spelled loss"),
    (lambda: NET.loss_and_grad(X, Y, "mse", weight_decay=1), "it is spelled l2, a penalty"),
    (lambda: NET.loss_and_grad(X), "loss_and_grad(X, y, loss) needs y and loss"),
    (lambda: NET.astype(precision="float64"), "astype() has no argument 'precision'; it has dtype"),
    (lambda: NET.predict(X, verbose=0), "predict() got an unexpected keyword argument 'verbose'"),
    (lambda: trainer().step(X, Y, absurd_word=1), "step() got an unexpected keyword argument 'absurd_word'"),
    (lambda: gd.History().plot(absurd_word=1), "plot() has no argument 'absurd_word'; it has ax, metrics"),
    (lambda: gd.schedules.Cosine(0.1, 9).plot(steps=3), "did you mean 'n_steps'?"),
    (lambda: gd.Standardize.from_data(data=X), "it is spelled X"),
    (lambda: gd.ScaledTarget.from_data(targets=Y), "it is spelled y"),
    (lambda: gd.Log1p.from_data(), "from_data(X) needs X"),
    (lambda: fit(callbacks=[gd.EarlyStopping()]), "EarlyStopping() ends a fit: pass it as stop=EarlyStopping()"),
]


@pytest.mark.parametrize(("call", "message"), ROWS, ids=[row[1][:40] for row in ROWS])
def test_a_habit_is_answered_in_one_sentence(call, message):
    kept = NET.params.copy()
    with pytest.raises(TypeError, match=re.escape(message)) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    np.testing.assert_array_equal(NET.params, kept)


def public_calls():
    """Every public class with a constructor of its own, every public function and the methods that explain."""
    kinds = [*HERE.values(), *gd.SCHEDULES, *gd.METRICS, gd.plot.losses, gd.plot.loss_plane]
    found = {f"{call.__module__}.{call.__qualname__}": call for call in kinds if callable(call)}
    return [
        call
        for call in found.values()
        if not (isinstance(call, type) and "__init__" not in vars(call))
        and not (isinstance(call, type) and issubclass(call, BaseException))
    ]


@pytest.mark.parametrize("call", public_calls(), ids=lambda call: call.__qualname__)
def test_every_public_call_names_its_arguments(call):
    if call in (gd.get_num_threads, gd.set_num_threads, gd.num_threads, gd.show_config):
        pytest.skip("takes at most one number")
    with pytest.raises(TypeError, match=rf"{call.__name__}\(\) has no argument 'absurd_word'; it has "):
        call(absurd_word=1)


def test_an_unknown_metric_or_loss_by_another_librarys_name():
    for names, known in (("acc", "accuracy"), ("r2_score", "r2")):
        with pytest.raises(ValueError, match=f"did you mean '{known}'"):
            fit(metrics=[names])
    with pytest.raises(ValueError, match="did you mean 'cross_entropy'"):
        gd.Trainer(NET, "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"unknown activation 'softmax'.*ask predict_proba for the softmax$"):
        gd.MLP([3, 2], output_activation="softmax")
    with pytest.raises(ValueError, match="did you mean 'silu'"):
        gd.Dense(1, 1, "swish")


def test_the_tables_name_what_there_is():
    """Each habit leads to an argument that some public call has, and is none that every one has."""
    arguments = {
        name
        for call in (*public_calls(), gd.Sequential.fit, gd.Trainer.fit)
        for name in inspect.signature(call).parameters
    }
    assert set(ALIASES) <= set(HABITS)
    for rows in HABITS.values():
        assert all(isinstance(sentence, str) and (not name or name in arguments) for name, sentence in rows)
    for names, _ in ELSEWHERE:
        assert set(names) <= arguments
    records = [*gd.ACTIVATIONS, *gd.LOSSES, *gd.OPTIMIZERS, *gd.METRICS, *gd.INITIALIZERS]
    here = {record.name for record in records} | {"lbfgs", "cg"}
    here |= {alias for record in records for alias in record.aliases}
    assert set(NAMES.values()) <= here


def test_errors_from_within_a_call_are_left_as_they_are():
    @explains_calls
    def calls(function):
        return function()

    def wants(argument):
        return argument

    with pytest.raises(TypeError, match=r"wants\(\) missing 1 required positional argument"):
        calls(wants)
    with pytest.raises(TypeError, match=r"calls\(function\) needs function"):
        calls()
    assert calls(lambda: 3) == 3
    assert call_message(wants, (1,), {}) is None


def test_signatures_help_and_pickles_are_those_of_what_was_wrapped():
    assert list(inspect.signature(gd.Dense).parameters)[:2] == ["in_features", "out_features"]
    assert inspect.signature(gd.Sequential.fit).parameters["loss"].default is None
    assert gd.MLP.__doc__.startswith("Build a multilayer perceptron")
    for value in (gd.MLP, gd.Adam, gd.Adam(0.1), gd.Dense(1, 2), gd.schedules.Cosine(0.1, 9), gd.softmax):
        assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize(
    ("y", "looks"),
    [
        (np.arange(6) % 3, "class labels 0 … 2"),
        (np.arange(6) % 2, "0 and 1"),
        (np.ones(6, bool), "0 and 1"),
        (np.linspace(0, 5, 6), "numbers from 0 to 5"),
        (np.array(list("ababab")), "names of classes: pass np.unique"),
        (np.sign(np.arange(6) - 2.5), "-1 and 1, which 'hinge' takes too"),
        (np.ones((6, 3)), "rows of 3 numbers"),
        (np.eye(3)[[0, 1, 2, 0, 1, 2]], "probabilities of classes"),
        (None, "None"),
        ([[1], [1, 2]], "[[1], [1, 2]]"),
        (np.zeros((0,)), "a ndarray of shape (0,)"),
        (np.arange(100), "numbers from 0 to 99"),
        (np.array([0.5, np.nan]), "numbers from"),
    ],
    ids=str,
)
def test_a_fit_without_a_loss_names_those_that_go_with_y(y, looks):
    candidates = "^fit needs a loss: loss='mse' for numbers, 'bce' for 0 and 1, 'cross_entropy' for class labels; "
    with pytest.raises(TypeError, match=candidates + re.escape(f"y looks like {looks}")):
        NET.fit(X, y)


def test_what_is_called_in_loops_is_not_wrapped():
    """The frame of a wrapper takes as long as a good part of a small step."""
    for call in (gd.Trainer.step, gd.Sequential.predict):
        assert not hasattr(call, "__wrapped__")
        with pytest.raises(TypeError, match="got an unexpected keyword argument 'absurd_word'"):
            call(NET, absurd_word=1)


def test_the_loss_may_be_given_by_place():
    twins = [gd.LinearModel(1, seed=0) for _ in range(2)]
    twins[0].fit([[1.0], [2.0]], [1.0, 2.0], "mse", epochs=2)
    twins[1].fit([[1.0], [2.0]], [1.0, 2.0], loss="mse", optimizer="adam", epochs=2)
    np.testing.assert_array_equal(twins[0].params, twins[1].params)
