"""Models: how they print, count, copy, save and start; and what importing the package promises."""

import copy
import doctest
import importlib
import os
import pickle
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels import ISAS, SUPPORTED

MODELS = [
    gd.Sequential(gd.Dense(2, 3)),
    gd.Sequential(gd.Dropout(0.1), gd.Dense(2, 3, "tanh", bias=False), gd.Dropout(), gd.Dense(3, 1), seed=7),
    gd.Sequential(gd.Dense(2, 3, "selu", weight_init="orthogonal", bias_init=gd.Constant(0.5)), dtype="float64"),
    gd.Sequential(gd.Dense(2, 3, weight_init=gd.Normal(0.2)), gd.Dense(3, 2, "relu"), seed=2**64 - 1),
    gd.MLP([4, 5, 6, 1], "gelu", output_activation="sigmoid", dropout=0.25, seed=0),
    gd.LinearModel(3, 1, bias=False, dtype="float64"),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=repr)


@each_model
def test_repr_reads_like_the_call(model):
    twin = eval(repr(model), vars(gd))
    assert repr(twin) == repr(model)
    assert (twin.layers, twin.seed, twin.dtype) == (model.layers, model.seed, model.dtype)
    if model.seed is not None:
        np.testing.assert_array_equal(twin.params, model.params)


def test_repr_of_layers():
    assert repr(gd.Dense(64, 128, "relu")) == "Dense(64, 128, 'relu')"
    assert repr(gd.Dense(np.int64(2), 3, bias=False)) == "Dense(2, 3, bias=False)"
    assert repr(gd.Dropout(np.float64(0.25))) == "Dropout(0.25)"
    assert repr(MODELS[1]).startswith("Sequential(Dropout(0.1), Dense(2, 3, 'tanh', bias=False), Dropout(0.5), ")


@each_model
def test_parameters_are_views_of_the_flat_vector_in_order(model):
    dense = [layer for layer in model.layers if isinstance(layer, gd.Dense)]
    expected = []
    for i, layer in enumerate(dense):
        expected.append((f"dense{i}.weight", (layer.in_features, layer.out_features)))
        if layer.bias:
            expected.append((f"dense{i}.bias", (layer.out_features,)))
    views = model.parameters()
    assert [(name, view.shape) for name, view in views] == expected
    assert model.n_params == len(model.params) == sum(view.size for _, view in views)
    np.testing.assert_array_equal(np.concatenate([view.ravel() for _, view in views]), model.params)
    assert all(np.shares_memory(view, model.params) for _, view in views)
    assert model.params.dtype == model.dtype
    assert model.params.ctypes.data % 64 == 0
    other = np.arange(model.n_params)
    assert [view.ravel()[0] for _, view in model.parameters(other)] == [
        model.n_params - sum(v.size for _, v in views[i:]) for i in range(len(views))
    ]


def test_writing_a_view_changes_what_the_model_computes():
    net = gd.LinearModel(2, dtype="float64", seed=0)
    views = dict(net.parameters())
    views["dense0.weight"][...] = [[2.0], [3.0]]
    views["dense0.bias"][...] = 1
    np.testing.assert_array_equal(net.predict([[1, 0], [0, 1], [1, 1]]), [[3], [4], [6]])
    net.params[2] = 5
    np.testing.assert_array_equal(net.predict([[0, 0]]), [[5]])


def test_assigning_params_copies_into_the_vector():
    net = gd.MLP([2, 3, 1], seed=0)
    trainer, vector, given = gd.Trainer(net, "mse"), net.params, np.arange(13.0)
    net.params = given
    given[0] = 99
    assert net.params is vector
    np.testing.assert_array_equal(vector, np.arange(13))
    net.params = list(range(13))
    net.params *= 0.5
    assert net.params is vector
    np.testing.assert_array_equal(vector, np.arange(13) / 2)
    before = net.loss([[1, 1]], [0], "mse")
    assert trainer.step([[1.0, 1.0]], [0.0]) == before


def test_summary_counts(capsys):
    MODELS[1].summary()
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert [line.split()[-1] for line in lines if not line.startswith("-")] == ["parameters", "0", "6", "0", "4", "10"]
    assert len({len(line) for line in lines}) == 1
    for part in ("Dense(2, 3, 'tanh', bias=False)", "(n, 3)", "total", "float32"):
        assert part in printed
    gd.LinearModel(1024, 1024).summary()
    assert "1,049,600" in capsys.readouterr().out


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    ".copy()": gd.Sequential.copy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "astype": lambda model: model.astype(model.dtype),
}


@each_model
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_has_the_same_parameters_and_shares_none(model, copied):
    model.params[0] = 0.125
    other = copied(model)
    assert repr(other) == repr(model)
    np.testing.assert_array_equal(other.params, model.params)
    X = np.ones((3, model.in_features))
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    other.params += 1
    assert model.params[0] == 0.125
    other.fit(X, np.ones((3, model.out_features)), loss="mse", epochs=1)
    assert (other.predict(X) != model.predict(X)).any()


def test_astype_rounds_the_parameters():
    net = gd.MLP([3, 4, 2], seed=0, dtype="float64")
    single = net.astype("float32")
    assert single.dtype == "float32"
    np.testing.assert_array_equal(single.params, net.params.astype("float32"))
    np.testing.assert_array_equal(single.astype("float64").params, single.params.astype("float64"))
    np.testing.assert_allclose(single.predict(np.ones((2, 3))), net.predict(np.ones((2, 3))), rtol=1e-5)


def test_seeds_fix_the_initial_parameters():
    same, other = gd.MLP([3, 40, 2], seed=1), gd.MLP([3, 40, 2], seed=1)
    np.testing.assert_array_equal(same.params, other.params)
    weights = dict(same.parameters())["dense0.weight"]
    for seed in (0, 2, None):
        assert (dict(gd.MLP([3, 40, 2], seed=seed).parameters())["dense0.weight"] != weights).all()
    start = same.params.copy()
    same.params[:] = 0
    same.reset()
    np.testing.assert_array_equal(same.params, start)
    np.testing.assert_array_equal(gd.MLP([3, 40, 2], seed=1, dtype="float64").params.astype("float32"), start)


def test_initial_weights_suit_the_activation():
    for activation, variance in (("relu", 2 / 400), ("selu", 1 / 400), ("tanh", 2 / 600)):
        views = dict(gd.Sequential(gd.Dense(400, 200, activation), seed=0).parameters())
        assert views["dense0.weight"].var() == pytest.approx(variance, rel=0.03)
        assert (views["dense0.bias"] == 0).all()
    [_, (_, bias)] = gd.Sequential(gd.Dense(2, 3, bias_init=gd.Constant(0.25))).parameters()
    np.testing.assert_array_equal(bias, 0.25)


def test_mlp_and_linear_model_are_sequentials():
    same = gd.Sequential(gd.Dense(64, 128, "relu"), gd.Dropout(0.2), gd.Dense(128, 10), seed=0)
    mlp = gd.MLP([64, 128, 10], activation="relu", dropout=0.2, seed=0)
    assert repr(mlp) == repr(same)
    np.testing.assert_array_equal(mlp.params, same.params)
    linear = gd.LinearModel(3, 2, bias=False, weight_init="ones", seed=0, dtype="float64")
    assert linear.layers == (gd.Dense(3, 2, bias=False, weight_init="ones"),)
    np.testing.assert_array_equal(linear.params, np.ones(6))
    assert [type(layer) for layer in gd.MLP((2, 3, 4, 1)).layers] == [gd.Dense] * 3
    assert gd.MLP([2, 3, 1], "tanh", output_activation="sigmoid", bias=False).layers == (
        gd.Dense(2, 3, "tanh", False),
        gd.Dense(3, 1, "sigmoid", False),
    )


@pytest.mark.parametrize("name", ["ReLU", "TANH", np.str_("gelu")])
def test_an_activations_name_is_taken_in_any_case(name):
    net = gd.Sequential(gd.Dense(2, 3, name), gd.Dense(3, 1), seed=0)
    same = gd.Sequential(gd.Dense(2, 3, str(name).lower()), gd.Dense(3, 1), seed=0)
    np.testing.assert_array_equal(net.predict([[1, -2]]), same.predict([[1, -2]]))
    assert repr(net) == repr(same)


def test_layers_are_frozen_records():
    assert gd.Dense(2, 3) == gd.Dense(2, 3) != gd.Dense(2, 3, "relu")
    assert len({gd.Dense(2, 3), gd.Dense(2, 3), gd.Dropout(0.5), gd.Dropout()}) == 2
    for record in (gd.Dense(2, 3), gd.Dropout(), gd.Adam(), gd.Huber(), gd.EarlyStopping()):
        field = next(iter(record.__dataclass_fields__))
        with pytest.raises(AttributeError, match="cannot assign"):
            setattr(record, field, 1)


def test_a_single_row_and_many_give_the_same_outputs():
    net = gd.MLP([3, 17, 2], "silu", seed=0)
    X = np.random.default_rng(0).normal(size=(500, 3))
    whole = net.predict(X)
    assert whole.shape == (500, 2)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(np.vstack([net.predict(x[None]) for x in X]), whole)


MODULES = [
    gd.__name__,
    *(
        module.name
        for module in pkgutil.walk_packages(gd.__path__, "gdcore.")
        if "_kernels." not in module.name and not module.name.endswith("__main__")
    ),
]
NEEDED = {"gdcore.sklearn": "sklearn", "gdcore.interop.torch.modules": "torch"}
"""What modules import at once, of which a user need not have all."""
NAMESPACES = (gd.metrics, gd.plot, gd.schedules)
PUBLIC = {name for module in (gd, *NAMESPACES) for name in module.__all__}


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some save files
    if name.startswith("gdcore.plot."):
        pytest.importorskip("matplotlib").use("Agg")
        from matplotlib import pyplot

        request.addfinalizer(lambda: pyplot.close("all"))
    for room, library in NEEDED.items():
        if f"{name}.".startswith(f"{room}."):
            pytest.importorskip(library)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for example in doctest.DocTestFinder().find(importlib.import_module(name)):
        if example.name.removeprefix(f"{name}.").split(".")[0] in PUBLIC and "gdcore as gd" in example.docstring:
            example.globs = {}  # what help() shows has to run where it is pasted
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("module", [gd, *NAMESPACES], ids=lambda module: module.__name__)
def test_dir_shows_the_public_names_alone(module):
    assert dir(module) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_public_records_have_examples():
    """Whatever a user can make or call from the package shows how."""
    missing = [
        name
        for name in gd.__all__
        if callable(getattr(gd, name)) and not name.endswith("Error") and ">>>" not in (getattr(gd, name).__doc__ or "")
    ]
    assert missing == []


def python(code, cwd=None, **environment):
    """Run code in a fresh interpreter that finds this package, or the one in cwd."""
    root = str(cwd or Path(gd.__file__).parent.parent)
    env = {**os.environ, "PYTHONPATH": root, **environment}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


def test_an_unbuilt_tree_says_what_to_do(tmp_path):
    shutil.copytree(Path(gd.__file__).parent, tmp_path / "gdcore", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    done = python("import gdcore", cwd=tmp_path)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: gdcore's kernels are not built")
    assert "pip install ." in last
    assert "source tree, which" not in last
    (tmp_path / "setup.py").touch()
    (tmp_path / "src").mkdir()
    last = python("import gdcore", cwd=tmp_path).stderr.strip().splitlines()[-1]
    told = f"kernels are not built in {tmp_path}: this is the source tree, which hides an installed gdcore"
    assert told in last
    assert "change to another folder" in last


SHOW = "import gdcore; print(gdcore.show_config()['instruction set'].split()[0])"


@pytest.mark.parametrize("isa", SUPPORTED)
def test_the_environment_chooses_the_instruction_set(isa):
    for value in (isa, f" {isa.upper()} "):
        done = python(SHOW, GDCORE_ISA=value)
        assert done.stdout.strip() == isa, done.stderr


def test_the_best_instruction_set_is_the_default():
    assert python(SHOW, GDCORE_ISA="").stdout.strip() == SUPPORTED[-1]


def test_an_unknown_instruction_set_is_refused():
    done = python("import gdcore", GDCORE_ISA="avx9000")
    assert done.returncode != 0
    assert "ImportError: GDCORE_ISA must be one of base, v3, v4, got 'avx9000': unset it" in done.stderr


def test_an_unsupported_instruction_set_is_refused():
    code = "import gdcore._kernels as k; k.choose(('base', 'v3'), 'v4')"
    message = "ImportError: GDCORE_ISA=v4 is not available here: this build and machine have base, v3"
    assert message in python(code).stderr
    missing = [isa for isa in ISAS if isa not in SUPPORTED]
    for isa in missing:
        assert f"GDCORE_ISA={isa} is not available here" in python("import gdcore", GDCORE_ISA=isa).stderr
