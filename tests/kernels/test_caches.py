"""The sizes of the caches: where they come from, and that no bit depends on them."""

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels import SUPPORTED, cache_sizes, caches, cpu, cut_to, load, using

SIZES = ["4K,4K", "32K,256K", "32K,512K,32M", "48K,2M", "1M,1G"]
PRODUCTS = [  # rows, inputs, outputs: whole tiles, ragged edges, long sums, few rows, rows a power of two apart
    (400, 784, 512),
    (257, 301, 203),
    (64, 1030, 1027),
    (700, 48, 300),
    (13, 600, 257),
    (256, 256, 256),
]


def products(kernels, rows, n_in, n_out):
    """The bytes of the three products of one layer."""
    rng = np.random.default_rng(0)
    of = kernels.DenseProducts(rows, n_in, n_out)
    found = []
    for form, result in enumerate(("delta", "weight", "x")):
        for name in ("x", "weight", "delta"):
            view = getattr(of, name)
            view[...] = rng.normal(size=view.shape)
        of.run(form)
        found.append(np.ascontiguousarray(getattr(of, result)))
    return found


@pytest.mark.parametrize("isa", SUPPORTED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
def test_products_have_the_same_bits_whatever_the_caches(shape, dtype, isa):
    kernels = load(dtype, isa)
    expected = products(kernels, *shape)
    for named in SIZES:
        with cut_to(named):
            found = products(kernels, *shape)
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("isa", SUPPORTED)
@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
def test_products_are_those_of_numpy(shape, isa):
    rows, n_in, n_out = shape
    rng = np.random.default_rng(0)
    of = load("float64", isa).DenseProducts(rows, n_in, n_out)
    x, weight, delta = rng.normal(size=(rows, n_in)), rng.normal(size=(n_in, n_out)), rng.normal(size=(rows, n_out))
    for form, (result, want) in enumerate((("delta", x @ weight), ("weight", x.T @ delta), ("x", delta @ weight.T))):
        of.x[...], of.weight[...], of.delta[...] = x, weight, delta
        of.run(form)
        np.testing.assert_allclose(getattr(of, result), want, rtol=1e-10, atol=1e-10)


def trained(sizes, rows, dtype):
    """Parameters, losses and norms of gradients after steps of an optimizer that streams where it can."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(rows, sizes[0])).astype(dtype), rng.normal(size=(rows, sizes[-1])).astype(dtype)
    net = gd.MLP(sizes, "tanh", dtype=dtype, seed=0)
    trainer = gd.Trainer(net, "mse", gd.SGD(0.01), batch_size=rows)
    history = trainer.fit(X, y, epochs=2)
    return net.params.tobytes() + np.array(history.loss).tobytes() + np.array(history.gradient_norm).tobytes()


@pytest.mark.parametrize("isa", SUPPORTED)
@pytest.mark.parametrize(
    ("sizes", "rows"),
    [([300, 700, 10], 64), ([300, 700, 10], 600), ([128, 301, 301, 5], 900), ([30, 40, 7], 2000)],
    ids=str,
)
def test_training_has_the_same_bits_whatever_the_caches(sizes, rows, isa):
    with using(isa):
        expected = trained(sizes, rows, "float32")
        for named in SIZES:
            with cut_to(named):
                assert trained(sizes, rows, "float32") == expected


def test_networks_stand_while_sizes_change():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 300)).astype("f"), rng.normal(size=(500, 700)).astype("f")
    results = []
    for names in (SIZES[:1] * 5, SIZES):
        net = gd.MLP([300, 700, 700], seed=0)
        trainer = gd.Trainer(net, "mse", "adam")
        for named in names:
            with cut_to(named):
                trainer.step(X, y)
        results.append(net.params)
    np.testing.assert_array_equal(*results)


def test_sizes_are_restored():
    before = cache_sizes()
    with cut_to("32K,512K"):
        assert cache_sizes() == (32768, 524288, 0)
    assert cache_sizes() == before


@pytest.mark.parametrize(
    ("environ", "sizes"),
    [
        ("32K,512K,32M", (32768, 524288, 2**25)),
        ("48k, 2m", (49152, 2**21, 0)),
        ("65536,1M,1G", (65536, 2**20, 2**30)),
    ],
)
def test_the_environment_names_sizes(environ, sizes, tmp_path):
    assert caches.sizes(environ, tmp_path, 0, (0, 0, 0)) == sizes
    assert caches.parsed(caches.shown(sizes)) == sizes


@pytest.mark.parametrize(
    "environ", ["32K", "32K,", "32K,512K,32M,1G", "1K,512K", "-4K,512K", "32KB,1M", "a,b", "4K,2T"]
)
def test_a_bad_environment_is_an_error(environ):
    with pytest.raises(ImportError, match="GDCORE_CACHE must be the sizes"):
        caches.parsed(environ)


def describe(root, *levels):
    for index, (level, kind, size) in enumerate(levels):
        folder = root / "cpu3" / "cache" / f"index{index}"
        folder.mkdir(parents=True)
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("levels", "told", "sizes"),
    [
        (
            [("1", "Data", "32K"), ("1", "Instruction", "64K"), ("2", "Unified", "512K"), ("3", "Unified", "32768K")],
            (1, 2, 3),
            (32768, 524288, 2**25),
        ),
        ([("1", "Data", "32K"), ("2", "Unified", "1M")], (1, 2, 3), (32768, 2**20, 0)),
        ([("1", "Data", "32K"), ("2", "Unified", "")], (49152, 2**20, 0), (49152, 2**20, 0)),
        ([], (49152, 2**20, 2**25), (49152, 2**20, 2**25)),
        ([], (0, 0, 0), caches.DEFAULT),
    ],
)
def test_sizes_come_from_linux_or_the_processor_or_are_usual_ones(levels, told, sizes, tmp_path):
    describe(tmp_path, *levels)
    assert caches.sizes("", tmp_path, 3, told) == sizes


def test_the_processor_tells_sizes_that_are_possible():
    told = cpu.caches()
    assert len(told) == 3
    assert told == (0, 0, 0) or caches.LEAST <= told[0] <= told[1] <= caches.MOST


def test_show_config_names_them():
    assert gd.show_config()["caches"] == f"{caches.shown(cache_sizes())} (GDCORE_CACHE overrides)"
