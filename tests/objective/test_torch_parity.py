"""`loss_and_grad` against PyTorch's autograd in float64: what was recorded, and live where torch is installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd

TOLERANCE = 1e-10
DATA = Path(__file__).parents[1] / "recorded"
spec = importlib.util.spec_from_file_location("make_torch_gradients", DATA / "make_torch_gradients.py")
maker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(maker)

each_activation = pytest.mark.parametrize("activation", [row.name for row in gd.ACTIVATIONS])
each_loss = pytest.mark.parametrize("loss", maker.LOSSES)


def ours(activation, loss, params, X, y, sizes=maker.SIZES, **options):
    net = gd.MLP(list(sizes), activation, dtype="float64", seed=0)
    net.params = params
    return net.loss_and_grad(X, y, eval(loss, vars(gd)), **options)


def assert_parity(ours, theirs):
    (value, grad), (want, want_grad) = ours, theirs
    assert value == pytest.approx(want, rel=TOLERANCE)
    assert np.linalg.norm(grad - want_grad) <= TOLERANCE * np.linalg.norm(want_grad)


def test_recorded_gradients(isa):
    with np.load(DATA / "torch_gradients.npz") as recorded:
        columns = [recorded[key].tolist() for key in ("activations", "losses", "values", "gradients")]
        for i, (activation, loss, value, grad) in enumerate(zip(*columns, strict=True)):
            assert_parity(ours(activation, loss, *maker.draw_case(loss, i)), (value, grad))


def test_every_pair_is_recorded():
    with np.load(DATA / "torch_gradients.npz") as recorded:
        pairs = set(zip(recorded["activations"], recorded["losses"], strict=True))
    assert pairs == {(row.name, loss) for row in gd.ACTIVATIONS for loss in maker.LOSSES}
    assert {type(eval(loss, vars(gd))) for loss in maker.LOSSES} == set(gd.LOSSES)


@each_activation
@each_loss
def test_live_gradients_of_random_nets(isa, activation, loss):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(sum(map(ord, activation + loss)))
    for seed in range(3):
        sizes = (*rng.integers(1, 40, 2 + seed).tolist(), int(rng.integers(2, 20)))
        params, X, y = maker.draw_case(loss, seed, sizes, int(rng.integers(1, 260)))
        params /= np.sqrt(max(sizes))  # logits of ordinary size
        theirs = maker.loss_and_grad(torch, activation, maker.LOSSES[loss], params, X, y, sizes)
        assert_parity(ours(activation, loss, params, X, y, sizes), theirs)


def test_live_probabilities_and_weights():
    """Class probabilities; sample weights as torch's reduction="none", weighted by hand."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    params, X, _ = maker.draw_case("CrossEntropy()", 0)
    probabilities, weight = rng.dirichlet(np.ones(3), len(X)), rng.random(len(X))

    def weighted(f, z, y):
        values = f.cross_entropy(z, y, reduction="none", label_smoothing=0.1)
        return (torch.tensor(weight) * values).sum() / weight.sum()

    theirs = maker.loss_and_grad(torch, "tanh", weighted, params, X, probabilities)
    call = "CrossEntropy(label_smoothing=0.1)"
    assert_parity(ours("tanh", call, params, X, probabilities, sample_weight=weight), theirs)
