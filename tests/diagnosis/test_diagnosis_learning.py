"""What a diagnosis says of runs that have learned nothing, or little, and what it measures that by."""

import numpy as np
import pytest
from diagnosis_cases import exclusive_or, followed, line_data, prices, sine_of_a_line, unscaled_prices

import gdcore as gd
from gdcore.data.samples import checked_samples
from gdcore.diagnosis.learning import teachable
from gdcore.objective.ideal import best_constant, ideal_outputs, raw_loss

HARDLY = "hardly better than a constant"


def samples(y, loss, k=1, weight=None):
    return checked_samples(np.zeros((len(y), 1)), y, weight, n_in=1, n_out=k, dtype="float64", loss=loss)


rng = np.random.default_rng(0)
REAL, COUNTS, YES = rng.normal(5, 3, 101), rng.poisson(3, 101).astype(float), (rng.random(101) < 0.3).astype(float)
WEIGHT = rng.integers(1, 5, 101).astype(float)


@pytest.mark.parametrize(
    ("loss", "y", "closed"),
    [
        (gd.MeanSquaredError(), REAL, np.mean),
        (gd.MeanAbsoluteError(), REAL, np.median),
        (gd.Quantile(0.9), REAL, lambda y: np.quantile(y, 0.9, method="inverted_cdf")),
        (gd.Huber(1e3), REAL, np.mean),
        (gd.Poisson(), COUNTS, lambda y: np.log(np.mean(y))),
        (gd.BinaryCrossEntropy(), YES, lambda y: np.log(np.mean(y) / (1 - np.mean(y)))),
        (gd.SquaredHinge(), 2 * YES - 1, np.mean),
        (gd.SquaredEpsilonInsensitive(0.0), REAL, np.mean),
        (gd.EpsilonInsensitive(0.0), REAL, np.median),
        (gd.Perceptron(), 2 * YES - 1, lambda y: 0.0),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_best_constant_is_the_closed_form_of_its_loss(loss, y, closed, weighted):
    """A weight of 3 counts as the row three times."""
    data = samples(y, loss, weight=WEIGHT if weighted else None)
    repeated = np.repeat(y, WEIGHT.astype(int)) if weighted else y
    found = best_constant(data, loss, 1)
    assert found.item() == pytest.approx(closed(repeated), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", gd.LOSSES)
def test_no_constant_and_no_outputs_are_better(kind):
    loss = kind()
    k = 3 if loss.target == "class" else 1
    of_kind = {"real": REAL, "nonnegative": COUNTS, "unit": YES, "sign": 2 * YES - 1, "class": COUNTS.astype(int) % 3}
    data = samples(of_kind[loss.target], loss, k, WEIGHT)
    best = best_constant(data, loss, k)
    ideal = ideal_outputs(data, loss, k)
    constant = raw_loss(data, loss, np.tile(best, (101, 1)))[0]
    if loss == gd.Perceptron():  # outputs of 0 have no loss
        assert raw_loss(data, loss, ideal)[0] == constant == 0
    else:
        assert raw_loss(data, loss, ideal)[0] < constant
    for shift in (-0.3, 0.2):
        other = best.copy()
        other[0] += shift
        assert constant <= raw_loss(data, loss, np.tile(other, (101, 1)))[0] + 1e-12
        assert raw_loss(data, loss, ideal)[0] <= raw_loss(data, loss, ideal + shift * np.eye(1, k))[0] + 1e-12


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_classes_shares_with_smoothing(smoothing):
    loss = gd.CrossEntropy(smoothing)
    data = samples(np.array([0, 0, 1, 2]), loss, 3)
    shares = (1 - smoothing) * np.array([0.5, 0.25, 0.25]) + smoothing / 3
    np.testing.assert_allclose(best_constant(data, loss, 3), np.log(shares))


def test_the_numbers_are_those_of_the_loss_and_of_the_constant():
    _, y = prices()
    finding = unscaled_prices().to_dict()[HARDLY]
    evidence = finding["evidence"]
    assert evidence["loss_of_best_constant"] == pytest.approx(np.var(y), rel=1e-6)
    assert evidence["loss"] > 10 * np.var(y)
    assert evidence["share_learned"] == pytest.approx(1 - evidence["loss"] / np.var(y), rel=1e-6)
    assert evidence["share_a_line_explains"] > 0.9
    assert finding["summary"].endswith(f"that of the mean of y alone {np.var(y):.4g}")
    assert "standardize y" in finding["remedy"]


@pytest.mark.parametrize("seed", range(20))
def test_no_plateau_of_exclusive_or_is_passed_over(seed):
    found = exclusive_or(seed, 500)
    assert {HARDLY, "still falling"} & set(found.kinds), found
    found = exclusive_or(seed, 6000)
    assert found.problems or "still falling" in found.kinds, found


def test_noise_that_nothing_tells_of_is_noted_and_no_problem():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(200, 4)), rng.normal(size=200)
        net = gd.LinearModel(4, seed=seed)
        found = followed(net, X, y, "mse", gd.SGD(0.05), epochs=20)
        assert found.ok, found
        assert "nothing was found in the inputs" in found.to_dict()[HARDLY]["summary"]


def test_a_linear_model_is_told_of_hidden_layers_where_none_explains_more():
    assert "gdcore.MLP" in sine_of_a_line().to_dict()["underfitting"]["remedy"]


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "log_cosh", gd.Quantile(0.2)])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
def test_the_scale_of_targets_is_named_where_it_stood_in_the_way(loss, scale):
    X, y = prices(size=0.0, spread=scale)
    found = followed(gd.MLP([3, 16, 1], seed=0), X, y, loss, gd.Adam(0.003), epochs=40)
    assert ("badly scaled targets" in found.kinds) == (scale != 1.0), found
    assert "too slow" not in found.kinds


def test_targets_that_were_learned_at_their_own_scale_are_left_in_peace():
    X, y = prices(size=152.0, spread=77.0)
    assert followed(gd.LinearModel(3, seed=0), X, y, "mse", gd.SGD(0.05), epochs=40).ok
    assert followed(gd.MLP([3, 16, 1], seed=0), X, y, "mse", gd.Adam(0.03), epochs=200).ok
    assert gd.diagnose(gd.LinearModel(3), X, y, "mse", optimizer=gd.SGD(0.05)).ok
    assert not gd.diagnose(gd.MLP([3, 16, 1], seed=0), X, y, "mse").ok


def test_a_column_that_another_one_outweighs_is_named():
    X, _ = line_data(300)
    Y = np.c_[100 * X[:, 0], 1e-3 * X[:, 1]]
    found = followed(gd.MLP([3, 16, 2], seed=0), X, Y, "mse", gd.Adam(0.03), epochs=150)
    assert found.to_dict()["badly scaled targets"]["evidence"]["columns"] == [1]


def test_a_trainer_and_weights_say_the_same_as_a_fit_of_repeated_rows():
    X, y = prices(120)
    weight = np.random.default_rng(1).integers(1, 4, 120)
    findings = []
    for rows in (True, False):
        Xr, yr = (np.repeat(X, weight, axis=0), np.repeat(y, weight)) if rows else (X, y)
        given = {} if rows else {"sample_weight": weight}
        net = gd.MLP([3, 8, 1], dtype="float64", seed=0)
        trainer = gd.Trainer(net, "mse", gd.Adam(), batch_size=len(Xr))
        history = trainer.fit(Xr, yr, epochs=10, **given)
        findings.append(gd.diagnose(net, Xr, yr, "mse", history, optimizer=gd.Adam(), **given))
    a, b = findings
    assert a.kinds == b.kinds
    for name in ("loss", "loss_of_best_constant", "share_learned"):
        assert a.to_dict()[HARDLY]["evidence"][name] == pytest.approx(b.to_dict()[HARDLY]["evidence"][name], rel=1e-9)


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_with_class_weights_the_constant_is_that_of_balanced_classes(loss):
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.1).astype(int)
    X = rng.normal(size=(400, 2)) + 2 * y[:, None]
    net = gd.LinearModel(2, 1 if loss == "bce" else 2, weight_init="zeros", seed=0)
    history = net.fit(X, y, loss=loss, optimizer=gd.SGD(1e-6), epochs=5, class_weight="balanced")
    found = gd.diagnose(net, X, y, loss, history, optimizer=gd.SGD(1e-6), class_weight="balanced").to_dict()[HARDLY]
    assert found["problem"]
    assert found["evidence"]["loss_of_best_constant"] == pytest.approx(np.log(2), rel=1e-6)


def test_what_inputs_tell_is_told_from_chance():
    loss = gd.MeanSquaredError()
    for n in (20, 60, 300):
        shares = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            X, y = rng.normal(size=(n, 3)), rng.normal(size=n)
            shares.append(teachable(X, samples(y, loss), loss).share)
        assert np.mean(np.array(shares) > 0.1) <= 0.05
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    parity = bits.sum(axis=1) % 2
    assert teachable(bits.astype(float), samples(parity.astype(float), loss), loss).share > 0.9


@pytest.mark.parametrize(
    "schedule",
    [
        gd.schedules.StepDecay(0.01, 10),
        gd.schedules.MultiStep(0.01, (50, 90, 110, 120, 130, 140)),
        gd.schedules.Exponential(0.05, 0.9),
        gd.schedules.Cosine(0.05, 50),
        gd.schedules.Polynomial(0.05, 60),
        gd.schedules.InverseScaling(0.05, 3.0),
        gd.schedules.OneCycle(0.003, 150),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
@pytest.mark.parametrize("known", [True, False])
def test_any_schedule_that_ends_training_by_counting_updates_is_named(schedule, known):
    X, y = line_data(1000, noise=0)
    net, rule = gd.MLP([3, 32, 1], "sigmoid", seed=0), gd.Adam(schedule)
    history = net.fit(X, 10 * y, loss="mse", optimizer=rule, batch_size=10, epochs=20)
    found = gd.diagnose(net, X, 10 * y, "mse", history, optimizer=rule if known else None)
    finding = found.to_dict()["rate fell to nothing"]
    assert "per='epoch'" in finding["remedy"]
    assert finding["evidence"]["last_loss"] > 0
    if known:
        assert finding["remedy"].startswith(type(schedule).__name__)
        assert "too slow" not in found.kinds


@pytest.mark.parametrize(
    "schedule",
    [
        gd.schedules.Cosine(0.02, 2000),
        gd.schedules.Exponential(0.02, 0.8, per="epoch"),
        gd.schedules.StepDecay(0.02, 7, per="epoch"),
        gd.schedules.OneCycle(0.05, 2000),
    ],
)
def test_a_rate_that_falls_as_it_should_is_left_in_peace(schedule):
    X, y = line_data(1000)
    found = followed(gd.MLP([3, 32, 1], "tanh", seed=0), X, y, "mse", gd.Adam(schedule), batch_size=10, epochs=20)
    assert found.ok, found


def history_of(val, train):
    return gd.History(loss=list(train), val_loss=list(val))


def overfitting(val, train):
    X, y = line_data(200)
    net = gd.LinearModel(3, dtype="float64")
    net.params = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0].ravel()
    return "overfitting" in gd.diagnose(net, X, y, "mse", history_of(val, train)).kinds


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_overfitting_is_a_rise_beyond_noise_while_training_falls(noise):
    rng = np.random.default_rng(0)
    t = np.arange(60.0)
    size = np.var(line_data(200)[1])

    def noisy(values):
        return size * (np.asarray(values) + noise * rng.normal(size=60))

    falls = 0.7 + 0.3 * np.exp(-t / 8) - 0.004 * t
    assert overfitting(noisy(0.6 + 0.25 * np.exp(-t / 4) + 0.004 * t), noisy(falls))  # a steady rise
    assert not overfitting(noisy(0.6 + 0.25 * np.exp(-t / 4)), noisy(falls))
    assert not overfitting(noisy(0.6 + 0.25 * np.exp(-t / 4) + 0.0004 * t), noisy(falls))  # next to nothing
    assert not overfitting(noisy(0.6 + 0.004 * t), noisy(0.7 + 0.004 * t))  # both rise: it diverges


@pytest.mark.parametrize("loss", ["mse", "poisson"])
@pytest.mark.parametrize(("restore", "patience"), [(True, 20), (True, 1000), (False, 1000)])
def test_what_a_criterion_has_restored_is_not_overfitted(loss, restore, patience):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10))
    counts = rng.poisson(np.exp(1.5 + 0.3 * X[:, :1])).astype(float)
    y = counts if loss == "poisson" else X[:, :1] + rng.normal(size=(200, 1))
    net = gd.MLP([10, 64, 1], "tanh", seed=0)
    history = net.fit(
        X[:60],
        y[:60],
        loss=loss,
        optimizer=gd.Adam(0.01),
        epochs=200,
        validation_data=(X[60:], y[60:]),
        stop=gd.EarlyStopping(patience=patience, restore_best=restore),
    )
    assert ("overfitting" in gd.diagnose(net, X[:60], y[:60], loss, history).kinds) != restore


@pytest.mark.parametrize("n", [1000, 20000])
def test_standardized_columns_of_what_occurs_seldom_are_on_scale(n):
    rng = np.random.default_rng(0)
    rare = np.zeros((n, 2))
    rare[0, 0], rare[:3, 1] = 1, [2, 5, 1]
    X = np.c_[rng.normal(size=(n, 2)), rare]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    assert "badly scaled inputs" not in gd.diagnose(gd.LinearModel(4), X, X[:, 0], "mse").kinds
    heavy = X.copy()
    heavy[:, 1] = 1 / rng.random(n) ** 2
    heavy[:, 1] /= heavy[:, 1].std()
    for wrong in (X * [1, 1, 300, 1], 60 + X, X * [1, 1e-3, 1, 1], heavy if n > 1000 else 1000 * X):
        assert "badly scaled inputs" in gd.diagnose(gd.LinearModel(4), wrong, X[:, 0], "mse").kinds


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "log_cosh", "quantile"])
@pytest.mark.parametrize("size", [1e-300, 1e30, 1e150, 1e300, 1e308])
def test_targets_of_any_size_are_measured_without_a_warning(loss, size):
    X, y = np.random.default_rng(0).normal(size=(30, 2)), size * np.linspace(-1, 1, 30)
    net = gd.MLP([2, 4, 1], "tanh", output_activation="tanh", dtype="float64", seed=0)
    for history in (None, gd.History(loss=[1.0, 1.0, 1.0, 1.0])):
        assert "diverging" in gd.diagnose(net, X, y, loss, history).kinds or size < 1e308


@pytest.mark.parametrize(
    ("loss", "k", "y"),
    [
        ("mse", 1, np.arange(30.0)),
        ("bce", 1, np.ones(30)),
        ("poisson", 1, np.zeros(30)),
        ("hinge", 1, np.ones(30)),
        ("cross_entropy", 3, np.arange(30) % 3),
        ("cross_entropy", 3, np.eye(3)[np.arange(30) % 3]),
        ("mse", 2, np.c_[np.arange(30.0), np.zeros(30)]),
    ],
    ids=["line", "all ones", "no counts", "one sign", "labels", "probabilities", "a constant column"],
)
@pytest.mark.parametrize("n", [1, 3, 30])
def test_columns_that_do_not_vary_and_few_rows_are_measured(loss, k, y, n):
    for X in (np.ones((n, 2)), np.arange(2.0 * n).reshape(n, 2) / n):
        net = gd.MLP([2, 4, k], "tanh", seed=0)
        found = followed(net, X, y[:n], loss, gd.Adam(), epochs=6)
        assert "outputs out of reach" not in found.kinds
