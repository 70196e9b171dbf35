"""Models to PyTorch and back, and modules of PyTorch that gdcore can and cannot take."""

import re

import numpy as np
import pytest

import gdcore as gd
from gdcore.interop import from_torch, to_torch
from gdcore.interop.torch.forms import FORMS
from interop.models import ACTIVATIONS, drawn, near, scaled, with_activation

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def test_every_activation_has_a_form():
    assert list(FORMS) == [row.name for row in gd.ACTIVATIONS]


def test_state_dict_of_arrays_needs_no_torch(rng):
    net = drawn(gd.MLP([3, 5, 2], activation="tanh", dtype="float64"), rng)
    state = {name: array.T for name, array in net.parameters()}
    again = from_torch(state, "tanh")
    assert repr(again.layers) == repr(net.layers)
    assert (again.params == net.params).all()


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        ({}, ValueError, "the state dict is empty"),
        ({"weight": np.ones((2, 2), int)}, TypeError, "weight has dtype int64; expected float32 or float64"),
        ({"0.weight": np.ones(3)}, ValueError, "has '0.weight' of shape (3,); expected weights (n_out, n_in)"),
        ({"a.weight": np.ones((3, 2)), "b.bias": np.ones(3)}, ValueError, "has 'b.bias' of shape (3,)"),
        ({"a.weight": np.ones((3, 2)), "b.weight": np.ones((1, 3))}, TypeError, "pass activation="),
        ({"a.weight": np.ones((3, 2), "f4"), "a.bias": np.ones(3)}, ValueError, "dtypes float32 and float64"),
    ],
)
def test_state_dicts_that_are_none(state, error, message):
    with pytest.raises(error, match=re.escape(message)):
        from_torch(state)


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(ImportError, match=r"to_torch needs torch .*: pip install 'gdcore\[torch\]'"):
        to_torch(gd.LinearModel(2))
    with pytest.raises(ImportError, match=r"from_torch needs torch .*: pip install 'gdcore\[torch\]'"):
        from_torch(3)


@each_dtype
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_every_activation_there_and_back(activation, dtype, rng):
    torch = pytest.importorskip("torch")
    net = with_activation(activation, dtype, rng)
    if FORMS.get(str(activation), ()) is None:
        with pytest.raises(TypeError, match=r"which torch\.nn does not have"):
            to_torch(net)
        return
    module = to_torch(net)
    X = (3 * rng.normal(size=(100, 4))).astype(dtype)
    with torch.no_grad():
        found = module(torch.from_numpy(X)).numpy()
    assert found.dtype == dtype
    assert near(found, net.predict(X), dtype)
    again = from_torch(module)
    assert again.layers == net.layers
    assert again.dtype == dtype
    assert (again.params == net.params).all()


def test_an_activation_without_a_module(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(FORMS, "gelu", None)
    with pytest.raises(TypeError, match=r"cannot express the activation 'gelu', which torch\.nn does not have"):
        to_torch(gd.MLP([2, 3, 1], activation="gelu"))


@each_dtype
def test_scaling_layers_and_dropout(dtype, rng, tmp_path):
    torch = pytest.importorskip("torch")
    net, X = scaled(dtype, rng)
    module = to_torch(net)
    rows = torch.from_numpy(X.astype(dtype))
    with torch.no_grad():
        assert near(module(rows), net.predict(X), dtype)
    assert not module.training
    assert any(isinstance(each, torch.nn.Dropout) and each.p == 0.3 for each in module)
    again = from_torch(module)
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in net.layers]
    assert near(again.predict(X), net.predict(X), dtype)
    torch.save(module, tmp_path / "module.pt")
    whole = torch.load(tmp_path / "module.pt", weights_only=False)
    with torch.no_grad():
        assert (whole(rows) == module(rows)).all()
        assert (torch.export.export(module, (rows,)).module()(rows) == module(rows)).all()
    torch.save(module.state_dict(), tmp_path / "state.pt")
    fresh = to_torch(drawn(net, rng))
    fresh.load_state_dict(torch.load(tmp_path / "state.pt"))
    with torch.no_grad():
        assert (fresh(rows) == module(rows)).all()


def test_scaling_between_dense_layers(rng):
    torch = pytest.importorskip("torch")
    inner = gd.MinMax((0.0, -1.0), (2.0, 5.0), -1.0, 0.5)
    net = drawn(gd.Sequential(gd.Dense(3, 2, "tanh"), inner, gd.Dense(2, 1), dtype="float64"), rng)
    X = rng.normal(size=(20, 3))
    again = from_torch(to_torch(net))
    assert near(again.predict(X), net.predict(X), "float64")
    with torch.no_grad():
        assert near(to_torch(net)(torch.from_numpy(X)), net.predict(X), "float64")


def test_the_module_is_independent_and_trains(rng):
    torch = pytest.importorskip("torch")
    net = drawn(gd.MLP([2, 4, 1]), rng)
    before = net.params.copy()
    module = to_torch(net).train()
    module(torch.ones(3, 2)).sum().backward()
    torch.optim.SGD(module.parameters(), 0.1).step()
    assert (net.params == before).all()
    assert not (from_torch(module).params == before).all()


def test_nested_modules_flatten_and_state_dict(rng):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    module = nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(3, 4), nn.ELU(), nn.Dropout(0.1)),
        nn.Identity(),
        nn.Linear(4, 2, bias=False),
    ).eval()
    X = rng.normal(size=(9, 3)).astype(np.float32)
    with torch.no_grad():
        want = module(torch.from_numpy(X))
    net = from_torch(module)
    assert near(net.predict(X), want, "float32")
    assert near(from_torch(module.state_dict(), "elu").predict(X), want, "float32")
    assert repr(from_torch(nn.Linear(2, 1)).layers) == "(Dense(2, 1),)"


def test_tensors_are_inputs(rng):
    torch = pytest.importorskip("torch")
    net, X = gd.LinearModel(3, seed=0), torch.ones(4, 3)
    assert (net.predict(X) == net.predict(X.numpy())).all()


def modules(torch):
    """Module -> the message that it cannot be expressed by."""
    nn = torch.nn
    linear = nn.Linear(2, 2)
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(2, 2)

    return [
        (nn.Sequential(linear, nn.Softmax(dim=1)), "module 1 is a Softmax; from_torch knows Sequential, Linear,"),
        (nn.Sequential(linear, nn.Softmax(dim=1)), "CrossEntropy applies the softmax"),
        (nn.Sequential(linear, nn.PReLU()), "module 1 is a PReLU; .*the nearest is LeakyReLU"),
        (nn.Sequential(linear, nn.ELU(0.5)), "module 1 is ELU.alpha=0.5., but gdcore's 'elu' has alpha=1.0, not 0.5"),
        (nn.Sequential(linear, nn.Softplus(beta=2)), "'softplus' has beta=1.0, not 2"),
        (nn.Sequential(linear, nn.GELU(approximate="tanh")), "'gelu' has approximate='none', not 'tanh'"),
        (nn.Sequential(linear, nn.Hardtanh(0, 1)), "'hardtanh' has min_val=-1.0, not 0"),
        (nn.Sequential(linear, nn.BatchNorm1d(2)), "fold it into the Linear before it"),
        (nn.Sequential(nn.ReLU(), linear), "module 0, a ReLU, stands first"),
        (nn.Sequential(linear, nn.Tanh(), nn.ReLU()), "module 2, a ReLU, stands after Dense"),
        (nn.Sequential(linear, nn.Dropout(0.5), nn.ReLU()), "stands after Dropout"),
        (nn.Sequential(linear, nn.Dropout(1.0)), "leaves nothing"),
        (nn.Sequential(normed), "module 0 is a ParametrizedLinear|has parameters"),
        (Own(), "module itself is a Own; .*pass the Sequential inside it, or its state_dict"),
        (nn.Linear(2, 2).half(), "has dtype torch.float16; expected float32 or float64: pass source.float"),
        (nn.Linear(2, 2, device="meta"), "on the device meta"),
        (nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double()), "dtypes float32 and float64; expected one"),
        (nn.Sequential(nn.Linear(2, 2), nn.Linear(3, 2)), "layer 1 takes 3 features, but the one before it gives 2"),
        (nn.Sequential(), "at least one Dense layer|needs"),
    ]


def test_modules_that_cannot_be_expressed():
    torch = pytest.importorskip("torch")
    for module, message in modules(torch):
        with pytest.raises((TypeError, ValueError), match=message):
            from_torch(module)
    with pytest.raises(TypeError, match="activation='relu' is for a state dict"):
        from_torch(torch.nn.Linear(2, 2), "relu")
    with pytest.raises(TypeError, match=r"source must be a torch\.nn\.Sequential or a state dict, got 3"):
        from_torch(3)
    diverged = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(diverged.weight, np.nan)
    with pytest.raises(ValueError, match="params contains NaN"):
        from_torch(diverged)
