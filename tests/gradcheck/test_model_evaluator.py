"""The checker's evaluator of a model, and what compiled differences refuse."""

import itertools

import numpy as np
import pytest
from cases import draw_targets

import gdcore as gd
from gdcore.data.samples import Samples
from gdcore.gradcheck.model.model_evaluator import ModelEvaluator
from gdcore.objective.objective import Objective


def evaluator(activation, loss, dropout=0.0, key=0, l1=0.0, seed=0):
    rng = np.random.default_rng(seed)
    net = gd.MLP([3, 6, 5, 2], activation, dropout=dropout, dtype="float64", seed=seed)
    net.params += 0.1 * rng.normal(size=net.n_params)
    kind = loss if isinstance(loss, gd.losses.Loss) else gd.MeanSquaredError()
    y = draw_targets(kind, rng, 80, 2)
    target, labels = (None, y) if y.ndim == 1 else (y, None)
    if kind is not loss:
        target = labels = None
    data = Samples(rng.normal(size=(80, 3)), target, labels, None, y)
    return net, data, ModelEvaluator(Objective(net.stack, data, loss, l1, 0.0, key))


def mse(z, y):
    return float(np.mean((z - y) ** 2)), 2 * (z - y) / z.size


@pytest.mark.parametrize("key", [0, 77])
@pytest.mark.parametrize("loss", [gd.MeanSquaredError(), gd.CrossEntropy(), mse], ids=str)
def test_the_evaluator_and_the_models_own_loss(loss, key):
    """Dropout and losses in Python too: against whole losses, whose roundoff is larger."""
    net, data, found = evaluator("selu", loss, 0.4, key, l1=0.01)
    own = Objective(net.stack, data, loss, 0.01, 0.0, key).value

    assert found.value == pytest.approx(own(net.params), rel=1e-13)
    rng = np.random.default_rng(1)
    indices, direction = rng.integers(0, net.n_params, 40), rng.normal(size=net.n_params)
    places, steps = net.params[indices] + rng.normal(size=40), 0.1 * rng.normal(size=10)
    at, along = found.at(indices, places), found.along(direction, steps)
    for i, place, got in zip(indices, places, at.values, strict=True):
        params = net.params.copy()
        params[i] = place
        assert got == pytest.approx(own(params) - own(net.params), abs=1e-13 * found.value)
    for step, got in zip(steps, along.values, strict=True):
        assert got == pytest.approx(own(net.params + step * direction) - own(net.params), abs=1e-13 * found.value)
    np.testing.assert_array_equal(found.x, net.params)


def test_penalties_alone():
    net, data, _ = evaluator("tanh", gd.MeanSquaredError())
    found = ModelEvaluator(Objective(net.stack, data, None, 0.5, 2.0))
    assert found.value == pytest.approx(net.stack.network(False).penalty(0.5, 2.0))
    w = net.params[0]
    values, noise, patterns = found.at(np.array([0, 0, 18]), np.array([-w, 2 * w, 9.0]))  # 18 is a bias
    np.testing.assert_allclose(values, [0, abs(w) / 2 + 3 * w * w, 0], atol=noise.max())
    assert patterns[0] != found.pattern == patterns[1] == patterns[2]


def test_a_loss_that_varies_or_is_not_finite_is_refused():
    count = itertools.count()
    with pytest.raises(ValueError, match="loss is not deterministic: two calls"):
        evaluator("tanh", lambda z, y: (1.0 + next(count), 0 * z))
    with pytest.raises(ValueError, match="the loss is nan; expected a finite number"):
        evaluator("tanh", lambda z, y: (float("nan"), 0 * z))
