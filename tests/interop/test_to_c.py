"""Headers of C, compiled without a warning, against `predict` and exact gradients."""

import re
import shutil

import numpy as np
import pytest

import gdcore as gd
from gdcore.interop import to_c
from gdcore.interop.c.forms import FORMS
from interop.compiled import COMPILERS, STRICT, Compiled, command
from interop.models import ACTIVATIONS, drawn, near, scaled, with_activation

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler")
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
each_compiler = pytest.mark.parametrize("compiler", COMPILERS)


def jacobian(net, x):
    """Derivatives of the outputs by the inputs, by central differences in float64."""
    wide, n = net.astype("float64"), len(x)
    step = 1e-5 * np.maximum(1, np.abs(x))
    plus, minus = (wide.predict(x + sign * np.diag(step)) for sign in (1, -1))
    return ((plus - minus) / (2 * step[:, None])).T.reshape(-1, n)


def test_every_activation_has_a_form():
    assert list(FORMS) == [row.name for row in gd.ACTIVATIONS]


@each_dtype
@each_compiler
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_every_activation_predicts_and_differentiates(activation, compiler, dtype, rng, tmp_path):
    net = with_activation(activation, dtype, rng)
    header = to_c(net, gradient=True)
    model = Compiled(header, tmp_path, dtype=dtype, compiler=compiler, gradient=True)
    X = rng.normal(size=(200, 4)) * rng.choice([0.01, 1, 8], (200, 1))
    X = X.astype(dtype)
    assert near(model.predict(X, 3), net.predict(X), dtype)
    for x in X[:20]:
        y, found = model.gradient(x, 3)
        assert near(y, net.predict(x[None])[0], dtype)
        assert np.allclose(found, jacobian(net, x.astype(float)), rtol=1e-4, atol=2e-5)


@each_dtype
@each_compiler
def test_scaling_layers(compiler, dtype, rng, tmp_path):
    net, X = scaled(dtype, rng)
    model = Compiled(to_c(net, "price", gradient=True), tmp_path, "price", dtype, compiler, gradient=True)
    assert near(model.predict(X, 2), net.predict(X), dtype)
    for x in X[:10]:
        y, found = model.gradient(x, 2)
        want = jacobian(net, x.astype(dtype).astype(float))
        assert near(y, net.predict(x[None])[0], dtype)
        assert (np.abs(found - want) <= 1e-4 * np.abs(want).max()).all()


@each_dtype
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_probabilities(output, dtype, rng, tmp_path):
    net = drawn(gd.MLP([4, 6, 3], activation="tanh", dtype=dtype), rng, 3)
    model = Compiled(to_c(net, output=output, gradient=True), tmp_path, dtype=dtype, gradient=True)
    X = rng.normal(size=(30, 4)).astype(dtype)

    def proba(X):
        z = net.astype("float64").predict(X)
        return gd.softmax(z) if output == "softmax" else 1 / (1 + np.exp(-z))

    assert near(model.predict(X, 3), proba(X), dtype)
    _, found = model.gradient(X[0], 3)
    steps = 1e-6 * np.eye(4)
    assert np.allclose(found, ((proba(X[0] + steps) - proba(X[0] - steps)) / 2e-6).T, atol=1e-5)


def test_one_layer_and_one_output(rng, tmp_path):
    net = drawn(gd.LinearModel(3), rng)
    model = Compiled(to_c(net, gradient=True), tmp_path, gradient=True)
    y, found = model.gradient([1, 2, 3], 1)
    assert near(y, net.predict([[1, 2, 3]])[0], "float32")
    assert (found[0] == net.parameters()[0][1][:, 0]).all()


def test_the_other_precision(rng, tmp_path):
    net = drawn(gd.MLP([3, 8, 2], activation="silu"), rng)
    X = rng.normal(size=(20, 3)).astype(np.float32)
    model = Compiled(to_c(net, dtype="float64"), tmp_path, dtype="float64")
    assert near(model.predict(X, 2), net.astype("float64").predict(X), "float64")


@each_dtype
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_far_inputs_and_nan(activation, dtype, tmp_path):
    net = gd.Sequential(gd.Dense(1, 1, activation, weight_init="ones"), dtype=dtype)
    model = Compiled(to_c(net), tmp_path, dtype=dtype)
    X = np.array([[-1e30], [-200], [-90], [-17], [-1e-7], [-0.0], [0], [1e-7], [5], [17], [90], [200], [1e30]])
    assert np.allclose(model.predict(X, 1), net.predict(X), rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-30) or (
        activation == "gelu" and near(model.predict(X, 1), net.predict(X), dtype)
    )
    assert np.isnan(model.predict([[np.nan]], 1)).all()


@each_dtype
def test_log1p_keeps_digits(dtype, tmp_path):
    net = gd.Sequential(gd.Log1p(1), gd.Dense(1, 1, weight_init="ones"), dtype=dtype)
    model = Compiled(to_c(net), tmp_path, dtype=dtype)
    eps, largest = np.finfo(dtype).eps, np.finfo(dtype).max
    X = np.concatenate([np.logspace(-30, 30, 997), -np.logspace(-30, -1e-3, 991), [largest, -1 + eps]])[:, None]
    X = X.astype(dtype)
    assert (np.abs(model.predict(X, 1) / np.log1p(X.astype(np.float64)) - 1) < 6 * eps).all()
    assert np.isnan(model.predict([[-1], [-2], [np.nan]], 1)).all()


@each_compiler
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_freestanding_needs_exp_and_tanh_alone(activation, compiler, rng, tmp_path):
    net = gd.Sequential(gd.Log1p(2), gd.Dense(2, 3, activation), seed=0)
    header = to_c(net, output="softmax", gradient=True)
    (tmp_path / "model.h").write_text(header)
    (tmp_path / "use.c").write_text('#include "model.h"\nvoid (*keep)(const float *, float *) = model;\n')
    flags = (*STRICT, "-ffreestanding", "-nostdinc", "-fno-builtin", "-I", tmp_path, "-c", tmp_path / "use.c")
    command(compiler, *flags, "-o", tmp_path / "use.o")
    needed = set(re.findall(r"^ +U (\w+)$", command("nm", tmp_path / "use.o"), re.MULTILINE))
    assert needed <= {"expf", "tanhf", "memcpy", "memset"}
    assert needed - {"memcpy", "memset"} <= set(re.findall(r"Needs (.*) of the C", header)[0].split(" and "))


def test_headers_of_two_models_and_cpp(tmp_path, rng):
    for name in ("first", "second", "Second"):
        (tmp_path / f"{name}.h").write_text(to_c(drawn(gd.MLP([2, 4, 1], activation="gelu"), rng), name, gradient=True))
    both = "".join(f'#include "{name}.h"\n' for name in ("first", "second", "Second"))
    both += "int main(void) { float x[2] = {1, 2}, y[1]; first(x, y); "
    for suffix, compiler in ((".c", COMPILERS[0]), (".cpp", "g++")):
        if shutil.which(compiler) is None:
            pytest.skip(f"no {compiler}")
        (tmp_path / f"use{suffix}").write_text(both + "second(x, y); Second(x, y); return 0; }\n")
        strict = STRICT[1:] if suffix == ".cpp" else STRICT
        command(compiler, *strict, tmp_path / f"use{suffix}", "-o", tmp_path / "use", "-lm")
        command(tmp_path / "use")


def test_outputs_may_overwrite_inputs(rng, tmp_path):
    net = drawn(gd.MLP([3, 3]), rng)
    model = Compiled(to_c(net), tmp_path)
    x = rng.normal(size=(1, 3)).astype(np.float32)
    want = model.predict(x, 3)
    pointer = x.ctypes.data
    import ctypes

    model.library.predict_rows(ctypes.c_void_p(pointer), ctypes.c_void_p(pointer), ctypes.c_long(1))
    assert (x == want).all()


def test_extreme_parameters(tmp_path):
    net = gd.LinearModel(4)
    net.params = np.array([1e-45, -1e-40, 3.4e38, -0.0, 1.17549435e-38], np.float32)
    model = Compiled(to_c(net), tmp_path)
    assert (model.predict(np.eye(4), 1) == net.params[:4, None] + net.params[4]).all()


def test_names_of_features_are_harmless(tmp_path):
    pd = pytest.importorskip("pandas")
    names = ["a*/b", "/*", "x??/", "m²", "line\nbreak\\", "@sigmoid(z) REAL 1.0r"]
    net = gd.LinearModel(6)
    frame = pd.DataFrame(np.eye(6), columns=names)
    net.fit(frame, np.ones(6), "mse", epochs=1)
    header = to_c(net)
    Compiled(header, tmp_path)
    assert "a* /b, / *, x? ?/, m\\xb2, line\\x0abreak, @sigmoid(z) REAL 1.0r." in header.replace("\n *", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my model", "name must be a C identifier, of letters without accents, digits and underscores, got 'my model'"),
        ("2nd", "pass 'model_2nd'"),
        ("été", "pass 't'"),
        ("", "pass 'model'"),
        ("int", "name 'int' is taken by C or its library: pass another, such as 'int_model'"),
        ("expf", "is taken by C"),
        ("class", "is taken by C"),
        ("_Model", "must not begin with an underscore, got '_Model': pass 'model_Model'"),
        ("a" * 41, "at most 40 letters, got 41"),
        ("model\n", "pass 'model'"),
    ],
)
def test_names_that_c_does_not_take(name, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        to_c(gd.LinearModel(2), name)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: to_c("net"), TypeError, "model must be a gdcore.Sequential"),
        (lambda: to_c(gd.LinearModel(2), 3), TypeError, "name must be a name, got 3"),
        (lambda: to_c(gd.LinearModel(2), dtype="float16"), ValueError, "dtype must be 'float32' or 'float64'"),
        (lambda: to_c(gd.LinearModel(2), output="softmx"), ValueError, "did you mean 'softmax'?"),
        (lambda: to_c(gd.LinearModel(2), output="softmax"), ValueError, "use output='sigmoid'"),
        (lambda: to_c(gd.LinearModel(2), gradient=1), TypeError, "gradient must be True or False, got 1"),
        (
            lambda: to_c(gd.Sequential(gd.Dense(1, 2), gd.ScaledTarget((0.0, 0.0), (1.0, 1.0))), output="softmax"),
            ValueError,
            "does not go with ScaledTarget",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_numbers_that_do_not_fit():
    net = gd.LinearModel(2, dtype="float64")
    net.params[:] = [1.0, 1e300, 0.0]
    with pytest.raises(ValueError, match=r"weight of layer 0 has 1e\+300 at \[1, 0\], which float32 cannot hold: use"):
        to_c(net, dtype="float32")
    net.params[2] = np.nan
    with pytest.raises(ValueError, match=r"bias of layer 0 has nan at \[0\]; expected finite numbers"):
        to_c(net)
