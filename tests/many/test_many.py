"""What `fit_many` returns: predictions, histories, files; how it ends; what is built on it."""

import pickle
import sys
import warnings

import numpy as np
import pytest

import gdcore as gd
from gdcore.many.records import Records

NET = gd.MLP([2, 4, 1], activation="tanh", seed=3, dtype="float64")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 2))
Y = X[:, 0] - 0.5 * X[:, 1]


@pytest.fixture(scope="module")
def many():
    return gd.fit_many(NET, X, Y, "mse", n_models=4, epochs=5, batch_size=8, validation_split=0.25, metrics="r2")


def test_a_sequence_of_models(many):
    assert len(many) == 4
    assert many.seeds == [3, 4, 5, 6]
    assert [model.seed for model in many] == many.seeds
    np.testing.assert_array_equal(many[-1].params, many[3].params)
    assert len(many[1:3]) == 2
    with pytest.raises(IndexError, match="there is no model 4; they are numbered from 0 to 3"):
        many[4]
    model = many[0]
    model.params[:] = 0  # a copy
    assert many.params[0].any()
    assert repr(many).startswith("Many(4 models of Dense(2, 4, 'tanh') - Dense(4, 1), epochs=5, loss=")


def test_predictions(many):
    outputs = many.predict(X)
    for i, model in enumerate(many):
        np.testing.assert_array_equal(outputs[i], model.predict(X))
    mean, std = many.predict_mean_std(X)
    np.testing.assert_allclose(mean, outputs.mean(axis=0))
    np.testing.assert_allclose(std, outputs.std(axis=0, ddof=1))
    np.testing.assert_allclose(many.quantile(X, [0.0, 1.0]), [outputs.min(axis=0), outputs.max(axis=0)])
    np.testing.assert_allclose(many.loss(X, Y), [model.loss(X, Y, "mse") for model in many])
    np.testing.assert_array_equal(many.predict(np.stack([X] * 4)), outputs)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", gd.Quantile([0.1, 0.5, 0.9])], ids=str)
@pytest.mark.parametrize("form", ["shared", "array", "list", "lengths", "sparse", "weights", "frames"])
def test_answers_are_those_of_each_model(loss, form):
    dropped = gd.Sequential(gd.Dense(2, 4, "tanh"), gd.Dropout(0.5), gd.Dense(4, 3), seed=0)
    rng, rates = np.random.default_rng(1), [0.1, 0.2, 0.3]
    labels = loss == "cross_entropy"
    targets = lambda n: rng.integers(0, 3, n) if labels else rng.normal(size=(n, 3))  # noqa: E731
    models = gd.fit_many(dropped, rng.normal(size=(24, 2)), targets(24), loss, n_models=3, dropout=rates, epochs=2)
    counts = [7, 9, 8] if form == "lengths" else [8] * 3
    X, y, weight = [rng.normal(size=(n, 2)) for n in counts], [targets(n) for n in counts], [None] * 3
    given_X, given_y, given_weight = X, y, None
    if form == "shared":
        X, y = [X[0]] * 3, [y[0]] * 3
        given_X, given_y = X[0], y[0]
    elif form == "array":
        given_X, given_y = np.stack(X), np.stack(y)
    elif form == "weights":
        weight = given_weight = [rng.random(n) for n in counts]
    elif form == "sparse":
        X = given_X = [pytest.importorskip("scipy.sparse").csr_array(own) for own in X]
    elif form == "frames":
        frame = pytest.importorskip("pandas").DataFrame
        given_X = [frame(own, columns=["a", "b"]) for own in X]
    outputs = models.predict(given_X)
    losses = models.loss(given_X, given_y, sample_weight=given_weight)
    for i, model in enumerate(models):
        np.testing.assert_array_equal(outputs[i], model.predict(X[i]))
        assert losses[i] == model.loss(X[i], y[i], models.losses[i], sample_weight=weight[i])
    X = [rng.normal(size=(n, 2)) for n in counts]
    with pytest.raises(ValueError, match="model 1: X contains NaN in row 2"):
        models.predict([X[0], np.where(np.arange(len(X[1]))[:, None] == 2, np.nan, X[1]), X[2]])
    with pytest.raises(ValueError, match="model 2: y has shape"):
        models.loss(X, [y[0], y[1], y[2][:1]])


def test_answers_of_shapes_and_of_a_scaled_target():
    nets = [gd.Sequential(gd.Dense(2, k), gd.Dense(k, 1), seed=k) for k in (3, 4, 3)]
    scaled = gd.Sequential(gd.Dense(2, 1), gd.ScaledTarget((3.0,), (2.0,)), seed=0)
    for models in (gd.fit_many(nets, X, Y, "mse", epochs=1), gd.fit_many(scaled, X, Y, "mse", n_models=3, epochs=1)):
        for own_X, own_y in (
            (X, Y),
            (np.stack([X, X + 1, X - 1]), np.stack([Y, 2 * Y, Y])),
            ([X, X[1:], X], [Y, Y[1:], Y]),
        ):
            outputs, losses = models.predict(own_X), models.loss(own_X, own_y)
            for i, model in enumerate(models):
                rows, y = (own_X, own_y) if own_X is X else (own_X[i], own_y[i])
                np.testing.assert_array_equal(outputs[i], model.predict(rows))
                assert losses[i] == model.loss(rows, y, "mse")


def test_networks_of_unlike_depths_have_the_gradient_norms_of_their_own_layers():
    nets = [gd.MLP([2, *[3] * depth, 1], seed=depth) for depth in (1, 3, 2)]
    models = gd.fit_many(nets, X, Y, "mse", epochs=2, record="layer_gradient_norm")
    for i, net in enumerate(nets):
        history = net.copy().fit(X, Y, "mse", epochs=2, record="layer_gradient_norm", seed=net.seed)
        assert models.history(i).layer_gradient_norm == history.layer_gradient_norm
        assert len(history.layer_gradient_norm) == len(net.layers)


def test_the_best_and_some(many):
    last = many.columns["val_loss"][:, -1]
    assert many.best() == many.best("val_loss") == last.argmin()
    assert many.best("val_r2") == many.values("val_r2").argmax()
    some = many.select([2, 0])
    np.testing.assert_array_equal(some.params, many.params[[2, 0]])
    assert some.history(1) == many.history(0)
    assert some.seeds == [5, 3]
    assert len(many.select(last < np.sort(last)[2])) == 2
    with pytest.raises(ValueError, match=r"unknown column 'los'.*did you mean 'loss'"):
        many.best("los")


def test_a_table_with_a_row_for_each_model(many):
    table = many.table()
    assert {len(column) for column in table.values()} == {4}
    np.testing.assert_array_equal(table["val_loss"], many.columns["val_loss"][:, -1])
    pytest.importorskip("pandas")
    assert list(many.to_frame().columns) == list(table)


@pytest.mark.parametrize("way", ["pickle", "file"])
def test_files_and_pickles(many, tmp_path, way):
    if way == "pickle":
        found = pickle.loads(pickle.dumps(many))
    else:
        many.save(tmp_path / "many.gdc")
        found = gd.load(tmp_path / "many.gdc")
    np.testing.assert_array_equal(found.params, many.params)
    assert found.history(2) == many.history(2)
    assert repr(found) == repr(many)
    assert found.losses == many.losses
    np.testing.assert_array_equal(found[1].predict(X), many[1].predict(X))


@pytest.mark.parametrize("ids", [list("aabb") * 6, [2, 2, 9, 9] * 6], ids=["text", "numbers"])
def test_files_with_ids_and_shapes(tmp_path, ids):
    one = gd.fit_many([NET, gd.LinearModel(2, dtype="float64")], X, Y, gd.Quantile(np.array([0.1, 0.9])), groups=ids)
    gd.save(one, tmp_path / "many.gdc")
    found = gd.load(tmp_path / "many.gdc")
    assert found.ids.tolist() == one.ids.tolist()
    assert found.losses == one.losses
    np.testing.assert_array_equal(found.vector, one.vector)


def test_a_damaged_file_is_refused(many, tmp_path):
    path = tmp_path / "many.gdc"
    many.save(path)
    text = path.read_bytes()
    path.write_bytes(text.replace(b'"shape_of"', b'"shape_xf"'))
    with pytest.raises(gd.FileFormatError):
        gd.load(path)


def test_a_model_that_diverges_harms_no_other():
    rates = np.array([0.01, 1e6, 0.02])
    with pytest.warns(gd.ModelsDivergedWarning, match="1 of 3 models diverged .*: model 1; the first one: "):
        several = gd.fit_many(NET, X, Y, "mse", seeds=range(3), optimizer=gd.SGD(rates), epochs=200, batch_size=8)
    assert several.diverged.tolist() == [False, True, False]
    assert np.isfinite(several.params).all()
    assert several.best() != 1
    assert np.isnan(several.columns["loss"][1, several.epochs[1] :]).all()
    for i in (0, 2):
        single = gd.Sequential(*NET.layers, seed=i, dtype="float64")
        single.fit(X, Y, "mse", optimizer=gd.SGD(float(rates[i])), epochs=200, batch_size=8, seed=i)
        np.testing.assert_array_equal(several.params[i], single.params)


def test_each_model_stops_by_itself():
    limits = np.array([1e9, 0.3, 0.0])
    several = gd.fit_many(
        NET, X, Y, "mse", seeds=range(3), epochs=60, optimizer=gd.Adam(0.05), stop=gd.LossThreshold(limits)
    )
    assert several.epochs[0] == 1
    assert 1 < several.epochs[1] < several.epochs[2] == 60
    assert np.isfinite(several.columns["loss"]).sum(axis=1).tolist() == several.epochs.tolist()
    assert several.history(0).epochs == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_keeps_what_is_done(threads):
    calls = []

    def interrupts(end):
        calls.append(end)
        if len(calls) == 8:
            raise KeyboardInterrupt

    with pytest.raises(gd.InterruptedFits, match="of 6 models are trained") as caught:
        gd.fit_many(NET, X, Y, "mse", seeds=range(6), epochs=3, stop=interrupts, threads=threads)
    found = caught.value.many
    assert isinstance(caught.value, KeyboardInterrupt)
    assert 0 < (found.epochs == 3).sum() < 6
    whole = gd.fit_many(NET, X, Y, "mse", seeds=range(6), epochs=3)
    done = found.epochs == 3
    np.testing.assert_array_equal(found.params[done], whole.params[done])
    assert any("interrupted" in reason for reason in found.stop_reasons)


def test_progress_tells_how_many_models_are_done(capsys, monkeypatch):
    monkeypatch.setattr("gdcore.many.progress.find_spec", lambda name: None)
    gd.fit_many(NET, X, Y, "mse", n_models=20, epochs=1, progress=True, stop=lambda end: False)  # one by one
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("20/20 models")


def test_output_activations_out_of_reach_are_told_once():
    net = gd.Sequential(gd.Dense(2, 1, "sigmoid"))
    with pytest.warns(gd.OutputRangeWarning) as told:
        gd.fit_many(net, X, 10 * Y, "mse", n_models=5, epochs=1)
    assert len(told) == 1


def test_ensembles_average_outputs_and_probabilities(many):
    ensemble = gd.Ensemble(many)
    np.testing.assert_allclose(ensemble.predict(X), many.predict(X).mean(axis=0))
    classes = (X[:, 0] > 0).astype(int)
    for net, loss in ((gd.Sequential(gd.Dense(2, 2)), "cross_entropy"), (gd.LinearModel(2), "bce")):
        several = gd.fit_many(net, X, classes, loss, n_models=3, epochs=20, optimizer=gd.Adam(0.1))
        expected = np.mean([model.predict_proba(X) for model in several], axis=0)
        np.testing.assert_allclose(gd.Ensemble(several).predict_proba(X), expected, rtol=1e-5)
        np.testing.assert_array_equal(gd.Ensemble(several).classify(X), expected.argmax(axis=1))
    hinge = gd.fit_many(gd.LinearModel(2), X, 2 * classes - 1, "hinge", n_models=3, epochs=20)
    np.testing.assert_array_equal(gd.Ensemble(hinge).classify(X), np.where(hinge.predict(X).mean(0)[:, 0] > 0, 1, -1))


def test_folds_are_single_fits_of_the_other_rows():
    found = gd.cross_validate(NET, X, Y, "mse", folds=4, metrics="r2", epochs=4)
    tested = np.concatenate(found.test_rows)
    assert sorted(tested) == list(range(24))
    for i, test in enumerate(found.test_rows):
        rest = np.setdiff1d(np.arange(24), test)
        single = gd.Sequential(*NET.layers, seed=i, dtype="float64")
        single.fit(X[rest], Y[rest], "mse", epochs=4, seed=i)
        np.testing.assert_array_equal(found.many.params[i], single.params)
        np.testing.assert_allclose(found.values["val_loss"][i], single.loss(X[test], Y[test], "mse"))
        np.testing.assert_allclose(found.predict(X)[test], single.predict(X[test]))
    assert found.mean["val_r2"] == np.mean(found.values["val_r2"])
    assert repr(found).startswith("CrossValidation(4 folds, val_loss=")
    for other in (X[:5], np.concatenate([X, X])):
        told = rf"^X has {len(other)} rows, but the folds are of 24: pass the rows that were cross-validated; Ensemble"
        with pytest.raises(ValueError, match=told):
            found.predict(other)
    assert gd.Ensemble(found.many).predict(X[:5]).shape == (5, 1)


def test_folds_keep_groups_together():
    shops = np.random.default_rng(0).permutation(np.repeat(list("abcdefg"), [6, 5, 4, 3, 3, 2, 1]))
    found = gd.cross_validate(NET, X, Y, "mse", folds=3, groups=shops, epochs=1)
    of = [set(shops[test]) for test in found.test_rows]
    assert sum(map(len, of)) == len(set(shops)) == len(set.union(*of))
    assert sorted(map(len, found.test_rows)) == [8, 8, 8]
    again = gd.cross_validate(NET, X, Y, "mse", folds=3, groups=shops.tolist(), epochs=1)
    assert all(map(np.array_equal, found.test_rows, again.test_rows))
    alone = np.arange(24)
    drawn = [gd.cross_validate(NET, X, Y, "mse", folds=3, groups=alone, seed=s, epochs=1).test_rows for s in (0, 1)]
    assert not np.array_equal(drawn[0][0], drawn[1][0])


def test_folds_of_classes_and_of_splitters():
    labels = np.repeat([0, 1], [16, 8])
    net = gd.Sequential(gd.Dense(2, 2))
    found = gd.cross_validate(net, X, labels, "cross_entropy", folds=4, epochs=1)
    assert [np.bincount(labels[test]).tolist() for test in found.test_rows] == [[4, 2]] * 4
    pairs = [(np.arange(12), np.arange(12, 24)), (np.arange(12, 24), np.arange(12))]
    assert len(gd.cross_validate(net, X, labels, "cross_entropy", folds=pairs, epochs=1).many) == 2
    selection = pytest.importorskip("sklearn.model_selection")
    found = gd.cross_validate(net, X, labels, "cross_entropy", folds=selection.KFold(3), epochs=1)
    assert [len(test) for test in found.test_rows] == [8, 8, 8]


def test_a_bootstrap_does_not_depend_on_its_number():
    three, two = (gd.bootstrap(NET, X, Y, "mse", n_models=n, epochs=2, seed=5) for n in (3, 2))
    np.testing.assert_array_equal(three.params[:2], two.params)
    assert np.isfinite(three.columns["val_loss"]).all()
    assert not np.array_equal(three.params[0], three.params[1])


def test_a_sweep_compares_means_over_seeds():
    grid = {"learning_rate": [1e-4, 0.02, 1e7], "l2": [0.0, 1.0]}
    with pytest.warns(gd.ModelsDivergedWarning):
        found = gd.sweep(NET, X, Y, "mse", grid=grid, seeds=3, optimizer="sgd", epochs=30, batch_size=8)
    assert found.mean.shape == found.std.shape == found.diverged.shape == (3, 2)
    assert found.best == {"learning_rate": 0.02, "l2": 0.0}
    assert found.diverged[2].all()
    own = found.many.values("loss")[6:9]
    np.testing.assert_allclose([found.mean[1, 0], found.std[1, 0]], [own.mean(), own.std(ddof=1)])
    assert len(found.table()["mean"]) == 6
    assert "best loss=" in repr(found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(gd.SweepBorderWarning, match=r"border of the grid, momentum=0\.9: add values beyond"):
            gd.sweep(NET, X, Y, "mse", grid={"momentum": [0.0, 0.9]}, seeds=2, optimizer="sgd", epochs=30)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_sweep_has_a_picture(axes):
    pytest.importorskip("matplotlib").use("agg")
    grid = dict(
        list({"l2": [0.0, 1.0], "learning_rate": [0.001, 0.01, 3.0], "momentum": [0.0, 0.5, 1.0]}.items())[:axes]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = gd.sweep(NET, X, Y, "mse", grid=grid, seeds=2, optimizer="sgd", epochs=3)
    ax = found.plot()
    assert ax.get_title().startswith("loss, mean over seeds")
    assert (ax.get_ylabel() == "loss") == (axes == 1)
    ax.figure.clear()


def test_records_of_parts_are_put_together():
    whole, part = Records(range(4), 0), Records([2, 1], 3)
    both = {"learning_rate": [1, 1], "gradient_norm": [1, 1], "clipped_steps": [0, 2]}
    part.put(0, gd.History([1.0, 0.5], [2.0, 3.0], [0.1, 0.1], "done", **both))
    whole.put_all(part)
    assert whole.epochs.tolist() == [0, 0, 2, 0]
    assert whole.columns["val_loss"][2, :2].tolist() == [2.0, 3.0]
    assert whole.history(2).val_loss == [2.0, 3.0]
    assert whole.history(1).val_loss == []
    assert np.isnan(whole.last("loss")[0])


def test_columns_are_as_long_as_the_longest_run():
    stop = gd.EarlyStopping(np.array([2, 3, 4]), monitor="loss", min_delta=1e9)
    runs = {
        "compiled": gd.fit_many(NET, X, Y, "mse", n_models=3, epochs=10**8, stop=stop),
        "in threads": gd.fit_many(NET, X, Y, "mse", n_models=3, epochs=10**8, stop=stop, threads=2),
        "one by one": gd.fit_many(NET, X, Y, "mse", n_models=3, epochs=10**8, stop=stop, metrics="r2"),
    }
    for name, many in runs.items():
        assert many.columns["loss"].shape == (3, many.epochs.max()), name
        assert many.epochs.max() < 10, name
        for i, n in enumerate(many.epochs):
            assert len(many.history(i).loss) == n, name
            assert np.isnan(many.columns["loss"][i, n:]).all(), name


def test_room_for_epochs_doubles():
    records, widths = Records(range(2), 0), []
    for epoch in range(1, 12):
        records.grow(epoch, 11)
        widths.append(records.columns["loss"].shape[1])
    assert widths == [1, 2, 4, 4, 8, 8, 8, 8, 11, 11, 11]
    records.columns["loss"][:] = 1.0
    records.epochs[:] = 3, 0
    records.cut()
    np.testing.assert_array_equal(records.columns["loss"], [[1.0] * 3, [np.nan] * 3])


def test_a_loss_that_is_nan_is_one_that_was_asked_for():
    net = gd.MLP([2, 8, 8, 1], seed=0)
    apart = (np.full((3, 2), 3e38), np.zeros(3))
    single = gd.Sequential(*net.layers, seed=0).fit(X, Y, "mse", epochs=2, validation_data=apart, seed=0)
    assert np.isnan(single.val_loss).all()
    for metrics in ((), "r2"):
        many = gd.fit_many(net, X, Y, "mse", seeds=[0], epochs=2, metrics=metrics, validation_data=apart)
        np.testing.assert_array_equal(many.history(0).val_loss, single.val_loss)
        assert many.history(0).weight_norm == []


def test_tables_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    many = gd.fit_many(NET, X, Y, "mse", n_models=2, epochs=1)
    for found in (many, gd.sweep(NET, X, Y, "mse", grid={"l2": [0.1]}, seeds=2, epochs=1)):
        with pytest.raises(ImportError, match=r"^to_frame needs pandas"):
            found.to_frame()
