"""Bad input of fit_many and what is built on it: the error, its message, and that nothing was trained."""

import re
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context

import numpy as np
import pytest

import gdcore as gd

NET = gd.MLP([3, 4, 1], activation="tanh")
X, Y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8.0)
NAN = np.where(np.arange(8) == 5, np.nan, Y)
IDS = np.array(list("aabbccdd"))


def fit(**options):
    given = {"net": NET, "X": X, "y": Y, "loss": "mse", "n_models": 3, "epochs": 1} | options
    return gd.fit_many(**given)


BAD = [
    ({"n_models": None}, ValueError, "the number of models is unknown: pass n_models=, seeds=, groups=, rows="),
    ({"n_models": 0}, ValueError, "n_models must be >= 1, got 0"),
    ({"seeds": range(4)}, ValueError, "n_models is for 3 models, but seeds for 4: pass one entry for each model"),
    ({"seeds": 3}, TypeError, "seeds must be one integer for each model, such as range.500., got 3"),
    ({"optimizer": gd.Adam(np.ones(2))}, ValueError, "n_models is for 3 models, but optimizer for 2"),
    ({"l2": np.zeros(5)}, ValueError, "n_models is for 3 models, but l2 for 5"),
    ({"l2": np.array([0.0, -1.0, 0.0])}, ValueError, "model 1: l2 must be >= 0, got -1.0"),
    ({"net": gd.MLP([3, 4, 1], dropout=0.1), "dropout": [0.1]}, ValueError, "but dropout for 1"),
    ({"X": np.zeros((2, 8, 3))}, ValueError, "n_models is for 3 models, but X for 2"),
    ({"X": [X, X, X[:, :2]], "y": [Y] * 3}, ValueError, "model 2: X has 2 features, but the model expects 3"),
    ({"y": [Y, NAN, Y]}, ValueError, "model 1: y contains NaN in row 5"),
    ({"y": [Y, Y[:4], Y]}, ValueError, r"model 1: y has shape \(4,\)"),
    ({"n_models": None, "groups": IDS, "y": NAN}, ValueError, "the model of group 'c': y contains NaN in row 5"),
    ({"n_models": None, "groups": IDS[:3]}, ValueError, r"groups has shape \(3,\); expected \(8,\)"),
    ({"groups": IDS, "rows": [[0]] * 3}, ValueError, "pass groups or rows, not both"),
    ({"rows": [[0], [], [1]]}, ValueError, r"rows\[1\] has no rows; expected at least one"),
    ({"rows": [[0], [8], [1]]}, ValueError, r"rows\[1\] has the row 8; expected rows from 0 to 7"),
    ({"rows": [[0], [0.5], [1]]}, TypeError, r"rows\[1\] has dtype float64; expected row numbers or a mask"),
    ({"rows": [[0], [0]]}, ValueError, "n_models is for 3 models, but rows for 2"),
    ({"X": [X] * 3, "rows": [[0]] * 3}, ValueError, r"rows needs one X \(n, d\) that all models share"),
    ({"params": np.zeros((2, 21))}, ValueError, "but params for 2"),
    ({"params": np.zeros(5)}, ValueError, r"params\[0\] has shape \(5,\); expected \(21,\)"),
    ({"loss": None}, TypeError, "fit_many needs a loss"),
    ({"executor": 3}, TypeError, "executor must be a concurrent.futures.Executor, got 3"),
    ({"threads": 0}, ValueError, "threads must be >= 1, got 0"),
    ({"lr": 1}, TypeError, r"fit_many\(\) has no argument 'lr'"),
    ({"epochs": 10**12}, MemoryError, "3 models need .* GiB for their parameters and histories, but .* GiB are free"),
    (
        {"sample_weight": np.arange(8) // 4 * 1.0, "rows": [[4], [0, 1], [5]]},
        ValueError,
        "model 1 has no row with",
    ),
    ({"validation_data": (X, NAN)}, ValueError, "validation_data: y contains NaN in row 5"),
    ({"net": []}, ValueError, "net has no models; expected one for all, or a list with one for each"),
    ({"n_models": None, "seeds": []}, ValueError, "seeds is for 0 models; expected at least one"),
    ({"callbacks": 3}, TypeError, "callbacks must be one or several instances of gdcore.Callback, got 3"),
    ({"dropout": 0.5}, ValueError, "dropout is the rate of the model's Dropout layers, but it has none"),
    ({"y": np.zeros((8, 3))}, ValueError, r"y has shape \(8, 3\); expected \(8, 1\) or \(8,\)"),
    (
        {"n_models": None, "groups": np.arange(8).astype("datetime64[D]")},
        TypeError,
        r"groups has ids of dtype datetime64\[D\], which files cannot hold: convert with groups.astype\(str\)",
    ),
    ({"n_models": None, "groups": np.arange(8) * 1j}, TypeError, "groups has ids of dtype complex128"),
    ({"n_models": None, "groups": IDS.astype("S1")}, TypeError, r"groups has ids of dtype \|S1"),
    ({"n_models": None, "groups": np.array([date(2024, 1, 1)] * 8)}, TypeError, "groups has ids of type date, which"),
    (
        {"n_models": None, "groups": np.array([1, "a"] * 4, object)},
        TypeError,
        "groups has ids of the types int and str",
    ),
    ({"validation_split": 2.0}, ValueError, r"validation_split must be in \(0, 1\), got 2.0"),
    ({"net": [NET, NET]}, ValueError, "n_models is for 3 models, but net for 2"),
    ({"net": [NET, 5, NET]}, TypeError, "model 1: model must be a gdcore.Sequential"),
    ({"net": [NET, NET, gd.MLP([4, 1])]}, ValueError, "model 2: X has 3 features, but the model expects 4"),
    ({"net": [NET, NET, NET.astype("float64")]}, ValueError, "net has models of float32 and float64: train them in"),
    ({"optimizer": ["sgd", "sdg", "sgd"]}, ValueError, "model 1: unknown optimizer 'sdg'.*did you mean 'sgd'"),
    ({"loss": ["mse", "mse", "msee"]}, ValueError, "model 2: unknown loss 'msee'"),
    (
        {"net": gd.MLP([3, 4, 1], dropout=0.1), "dropout": [0, 1.5, 0]},
        ValueError,
        "model 1: dropout must be in",
    ),
    ({"n_models": 10**12}, MemoryError, "1,000,000,000,000 models need .* GiB for their parameters and histories, but"),
    ({"net": gd.MLP([3, 9000, 9000, 1]), "n_models": 900}, MemoryError, "900 models need .* GiB"),
    ({"l2": [0.0, float("nan"), 0.0]}, ValueError, "model 1: l2 must be finite, got nan"),
    ({"batch_size": [1, 0, 2]}, ValueError, "model 1: batch_size must be >= 1, got 0"),
    ({"sample_weight": [np.ones(8), -np.ones(8), np.ones(8)]}, ValueError, "model 1: sample_weight has -1 in row 0"),
    ({"X": [X, X[:0], X], "y": [Y, Y[:0], Y]}, ValueError, "model 1: X has no rows; expected at least one sample"),
    (
        {"validation_data": ([X, X * np.nan, X], [Y] * 3)},
        ValueError,
        "validation_data: model 1: X contains NaN",
    ),
    ({"stop": gd.EarlyStopping(patience=[1, 2])}, ValueError, "n_models is for 3 models, but stop for 2"),
    ({"params": np.full((3, 21), np.nan)}, ValueError, r"params\[0\] contains NaN"),
    ({"n_models": None, "groups": [None, *"abbccdd"]}, ValueError, "groups has no id in row 0; remove the row"),
    ({"n_models": None, "groups": IDS, "sample_weight": NAN}, ValueError, "the model of group 'c': sample_weight"),
]


@pytest.mark.parametrize(("options", "kind", "message"), BAD, ids=[message[:40] for *_, message in BAD])
def test_fit_many_refuses(options, kind, message):
    with pytest.raises(kind, match=message):
        fit(**options)


def test_arrays_are_for_fit_many_alone():
    rates = gd.Adam(np.array([0.1, 0.2]))
    with pytest.raises(TypeError, match=r"optimizer must be one record, got Adam\(<2 numbers>\): arrays are for"):
        gd.Trainer(NET.copy(), "mse", rates)
    with pytest.raises(ValueError, match=r"model 1: learning_rate must be > 0, got -1\.0"):
        gd.Adam(np.array([0.1, -1.0]))
    with pytest.raises(ValueError, match="SGD has arrays of 2 and 3 entries: pass one entry for each model"):
        gd.SGD(np.ones(2), momentum=np.ones(3))


def test_functions_that_no_process_can_get_are_told():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, pytest.raises(TypeError) as caught:
        fit(stop=lambda end: None, executor=pool)
    told = r"the executor cannot send the fits to its workers \(.*\): define functions in a module, or"
    assert re.match(told, str(caught.value))


def test_a_small_group_is_a_batch_of_its_own():
    ids = np.array(list("aaaaaaab"))
    for drop_last in (False, True):
        many = fit(n_models=None, groups=ids, seeds=range(2), batch_size=4, drop_last=drop_last)
        alone = gd.Sequential(*NET.layers, seed=1)
        alone.fit(X[7:], Y[7:], "mse", seed=1, epochs=1, batch_size=4, drop_last=drop_last)
        np.testing.assert_array_equal(many.of("b").params, alone.params)


MANY = fit(n_models=None, groups=IDS)
ASKED = [
    (lambda: MANY.of("z"), ValueError, "there is no model of group 'z'; known: 'a', 'b', 'c', 'd'"),
    (lambda: MANY.predict(X, groups=IDS[:, None]), ValueError, r"groups has shape \(8, 1\); expected \(n,\)"),
    (lambda: MANY.predict(X, groups=IDS[:2]), ValueError, "groups has 2 ids, but X has 8 rows"),
    (lambda: MANY.predict([X, X]), ValueError, "many is for 4 models, but X for 2: pass one entry for each model"),
    (lambda: MANY.loss([X] * 4, [Y] * 3), ValueError, "many is for 4 models, but y for 3"),
    (lambda: MANY.select([1.5]), TypeError, "the number of a model must be an integer, got"),
    (lambda: MANY.select(["a"]), TypeError, "indices has text; expected numbers of models, or a mask"),
    (lambda: MANY.select(5), TypeError, r"indices must be numbers of models, such as \[0, 3\], or a mask, got 5"),
    (lambda: MANY.select([[0, 1]]), ValueError, r"indices has shape \(1, 2\); expected numbers of models"),
    (lambda: MANY.params_of(99), IndexError, "there is no model 99; they are numbered from 0 to 3"),
    (lambda: MANY.history(7), IndexError, "there is no model 7"),
    (lambda: MANY.quantile(X, 2), ValueError, r"q must be in \[0, 1\], got 2"),
]


@pytest.mark.parametrize(("ask", "kind", "message"), ASKED, ids=[message[:40] for *_, message in ASKED])
def test_many_refuses(ask, kind, message):
    with pytest.raises(kind, match=message):
        ask()


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (lambda: gd.Adam([0.1, 0.2]), [gd.Adam(0.1), gd.Adam(0.2)]),
        (lambda: gd.SGD(0.1, momentum=[0, 0.5]), [gd.SGD(0.1), gd.SGD(0.1, 0.5)]),
        (lambda: gd.Adam(betas=[(0.5, 0.6), (0.7, 0.8)]), [gd.Adam(betas=(0.5, 0.6)), gd.Adam(betas=(0.7, 0.8))]),
        (lambda: gd.Adam(betas=([0.5, 0.7], 0.9)), [gd.Adam(betas=(0.5, 0.9)), gd.Adam(betas=(0.7, 0.9))]),
        (lambda: gd.Quantile([0.1, 0.9]), [gd.Quantile(0.1), gd.Quantile(0.9)]),
        (lambda: gd.EarlyStopping(patience=[1, 2]), [gd.EarlyStopping(patience=1), gd.EarlyStopping(patience=2)]),
        (
            lambda: gd.SGD(gd.schedules.MultiStep([0.1, 0.2], [3, 5])),
            [gd.SGD(gd.schedules.MultiStep(rate, (3, 5))) for rate in (0.1, 0.2)],
        ),
    ],
)
def test_a_list_is_taken_as_an_array(made, wanted):
    assert list(made()) == wanted
    with pytest.raises(TypeError, match=r"must be one record, got .*: arrays are for gdcore\.fit_many"):
        gd.Trainer(NET.copy(), *(made(), "sgd") if isinstance(wanted[0], gd.losses.Loss) else ("mse", made()))


def test_a_list_of_numbers_is_no_value_for_each_model_of_a_pair():
    with pytest.raises(TypeError, match=r"betas must be a tuple of two numbers, got \[0.9, 0.99\]"):
        gd.Adam(betas=[0.9, 0.99])
    assert gd.Adam([0.1, 0.2], [0.9, 0.99])[1] == gd.Adam(0.2, (0.9, 0.99))
    with pytest.raises(ValueError, match="SGD has an array without entries"):
        gd.SGD([])


def test_what_is_built_on_it_refuses():
    with pytest.raises(ValueError, match="folds must be at most the number of rows, 8, got 9"):
        gd.cross_validate(NET, X, Y, "mse", folds=9)
    with pytest.raises(ValueError, match="folds must be at most the number of groups, 4, got 5"):
        gd.cross_validate(NET, X, Y, "mse", folds=5, groups=IDS)
    with pytest.raises(ValueError, match="which groups cannot change: leave groups out, or pass a number of folds"):
        gd.cross_validate(NET, X, Y, "mse", folds=[([0, 1], [2])], groups=IDS)
    with pytest.raises(ValueError, match=r"unknown axis of the grid 'learning_rat'.*did you mean 'learning_rate'"):
        gd.sweep(NET, X, Y, "mse", grid={"learning_rat": [1]})
    for name, meant in {"lr": "learning_rate", "eta0": "learning_rate", "alpha": "l2"}.items():
        with pytest.raises(
            ValueError, match=rf"unknown axis of the grid '{name}'; known: .*; did you mean '{meant}'\?"
        ):
            gd.sweep(NET, X, Y, "mse", grid={name: [1]}, optimizer="sgd")
    with pytest.raises(ValueError, match=r"grid\['l2'\] must have one value or more, each once"):
        gd.sweep(NET, X, Y, "mse", grid={"l2": [1, 1]})
    with pytest.raises(ValueError, match="seeds has 1 more than once, and equal models tell nothing"):
        gd.sweep(NET, X, Y, "mse", grid={"l2": [0, 1]}, seeds=[1, 0, 1])
    with pytest.raises(TypeError, match=r"many must be the models of gdcore.fit_many, got \[\]"):
        gd.Ensemble([])


def test_groups_too_small_for_validation_are_counted_and_named():
    ids = np.array(list("aabcccde"))
    with pytest.raises(
        ValueError, match=r"^3 of 5 groups are too small for validation_split: 'b', 'd', 'e'. Leave these"
    ):
        fit(n_models=None, groups=ids, validation_split=0.5)
    with pytest.raises(
        ValueError, match=r"^4 of 6 groups .*: 'b', 'd', 'e' and 1 more. Leave .*split needs at least 2"
    ):
        fit(n_models=None, groups=np.array(list("aabccdef")), validation_split=0.5)
    with pytest.raises(ValueError, match="the model of group 'a': validation_split must be in"):
        fit(n_models=None, groups=ids, validation_split=2.0)


def test_the_name_of_a_column_is_no_id_for_each_row():
    for call in (fit, lambda n_models, groups: gd.cross_validate(NET, X, Y, "mse", groups=groups)):
        with pytest.raises(TypeError, match=r"groups must be an id for each row of X, shape \(n,\), got 'shop'"):
            call(n_models=None, groups="shop")
    with pytest.raises(TypeError, match="groups must be an id for each row of X"):
        fit(n_models=None, groups=IDS).predict(X, groups="a")


def test_an_id_where_a_number_is_due():
    many = fit(n_models=None, groups=IDS)
    for call in (many.history, many.__getitem__, many.params_of):
        with pytest.raises(TypeError, match=r"must be an integer, got 'c': many.of\('c'\) is the model of a group"):
            call(IDS[4])


def test_masks_of_models_grids_and_folds_that_cannot_be():
    many = gd.fit_many(NET, X, Y, n_models=3, loss="mse", epochs=1)
    with pytest.raises(ValueError, match="indices is a mask of 2 models; expected 3"):
        many.select([True, False])
    assert len(many.select([False, False, False])) == len(many.select([])) == 0
    assert len(many.select(np.array([True, False, True]))) == 2
    with pytest.raises(
        TypeError, match=r"grid\['l2'\] must have one value for each point, got \[0.1, 0.2\] among them"
    ):
        gd.sweep(NET, X, Y, grid={"l2": [[0.1, 0.2], [0.3, 0.4]]}, loss="mse")
    with pytest.raises(TypeError, match=r"folds must be a number, a splitter or pairs .* got 'five'"):
        gd.cross_validate(NET, X, Y, folds="five", loss="mse")
