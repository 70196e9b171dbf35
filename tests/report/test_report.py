"""Reports: what stands in the page, in what form, and every way to ask for one that cannot be made."""

import re

import numpy as np
import pytest
from pages import sound
from table_folder import QUICK, enter, run

import gdcore as gd
from gdcore.report.answers import calibration
from gdcore.report.html import element, table
from gdcore.report.importance import importances
from gdcore.report.style import CSS
from gdcore.report.subject import Input
from gdcore.tables.numbers import epochs_from_1

pytest.importorskip("matplotlib")

HOSTILE = "<script>alert(1)</script>"
SECTIONS = (
    "data",
    "model",
    "training",
    "quality",
    "hardest",
    "columns",
    "preflight",
    "gradient",
    "diagnosis",
    "settings",
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    return tmp_path


def page(path="report.html"):
    with open(path, encoding="utf-8") as file:
        return sound(file.read())


def trained(loss="mse", outputs=1, y=None, epochs=5, n=200, **options):
    X, values = gd.datasets.friedman(n)
    y = values[:, 0] if y is None else y(X, values[:, 0])
    net = gd.Sequential(gd.Standardize.from_data(X), gd.Dense(10, 8, "relu"), gd.Dense(8, outputs), seed=0)
    trainer = gd.Trainer(net, loss, batch_size=32, seed=0, **options)
    return trainer, X, y, trainer.fit(X, y, epochs=epochs)


def test_a_training_on_a_table(capsys):
    arguments = ["--impute", "--report", "report.html", "--epochs", "30"]
    assert run("train", "houses.csv", "--target", "price", *arguments) == 0
    assert "report.html" in capsys.readouterr().out
    found = page()
    assert tuple(one["id"] for one in found.all("section")) == SECTIONS
    for said in (
        "price from houses.csv",
        "1 missing value filled by",
        "it is 'DE' in every row",
        "root mean squared error",
        epochs_from_1(gd.load("model.gdc").facts["stop_reason"]),
        "gdcore train houses.csv --target price --impute --report report.html --epochs 30",
        "all 24 validation rows",
        "On 24 validation rows; these rows also chose the epoch that is kept: on new rows expect a little less.",
        "epochs are counted from 1 on this page",
        gd.__version__,
    ):
        assert said in found.text
    rows = re.findall(r"line (\d+)\b", " ".join(found.texts))
    assert len(rows) >= 10
    assert all(3 <= int(row) <= 130 for row in rows)


def test_a_training_on_classes_and_a_report_of_the_saved_model(capsys):
    assert run("train", "kinds.csv", "--target", "kind", "--report", "report.html", *QUICK) == 0
    found = page()
    assert "Confusion matrix" in found.text
    assert "the probability of yes" in found.text
    assert "preflight" not in {one["id"] for one in found.all("section")}  # --no-preflight
    first = found.text
    assert run("evaluate", "model.gdc", "kinds.csv", "--report", "report.html", "--json") == 0
    found = page()
    assert "gdcore evaluate model.gdc kinds.csv" in found.text
    assert "on 48 rows of kinds.csv" in found.text
    assert found.text != first
    assert "chose the epoch" not in found.text
    capsys.readouterr()
    assert run("evaluate", "model.gdc", "kinds.csv", "--report", "report.html") == 0
    assert "report      report.html, " in capsys.readouterr().out


def test_epochs_are_counted_from_1_everywhere():
    X, y = gd.datasets.friedman(150)
    net = gd.MLP([10, 64, 1], seed=0)
    losses = [1e4 / (1 + i) for i in range(9)]
    worse = [0.5, 0.4, 0.1, *np.linspace(0.5, 4, 6)]
    history = gd.History(
        losses, worse, [0.1] * 9, "val_loss has not improved for 6 epochs: the best, 0.1, was in epoch 2"
    )
    trainer = gd.Trainer(net, "mse", seed=0)
    history.report("report.html", trainer, X, y, validation_data=(X[:50], y[:50]))
    text = page().text
    assert re.search(r"best epoch\s*the 3rd, with a loss of 0.1", text)
    assert "the best, 0.1, was in the 3rd epoch" in text
    assert "the validation loss was lowest in the 3rd epoch, with 0.1" in text
    assert "best val_loss, epoch 3" in text
    assert "the validation loss has risen since the 3rd epoch from 0.1" in text
    assert "best epoch: 3;" in text
    assert not re.search(r"epoch 2\b", text)


def test_large_numbers_of_a_layer_have_no_commas():
    X, _ = gd.datasets.friedman(50)
    net = gd.Sequential(gd.Dense(10, 1), gd.ScaledTarget((354090.123456,), (2.123456789,)), seed=0)
    trainer = gd.Trainer(net, "mse")
    trainer.fit(X, X[:, 0], epochs=1).report("report.html", trainer, X, X[:, 0])
    assert "ScaledTarget(mean=(354090,), std=(2.12346,))" in page().text


def test_names_and_values_are_escaped(tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{x:.3f},{x:.3f},{'&amp; <b>' if x > 0 else HOSTILE}" for x in rng.normal(size=60)]
    (tmp_path / "bad.csv").write_text(f'{HOSTILE},"$x_1$ ""\'<i>",--><svg/onload=alert(1)>\n' + "\n".join(rows))
    report = ["--report", "report.html", *QUICK]
    assert (
        run("train", "bad.csv", "--target", "--><svg/onload=alert(1)>", *report) == 2
    )  # argparse takes it for an option
    assert run("train", "bad.csv", "--target=--><svg/onload=alert(1)>", *report) == 0
    found = page()
    for name in (HOSTILE, "$x_1$ \"'<i>", "--><svg/onload=alert(1)>", "&amp; <b>"):
        assert name in found.text
    history = gd.History([1.0, 0.5], [], [0.1, 0.1], HOSTILE)
    history.report("report.html", title=HOSTILE)
    assert HOSTILE in page().text


def test_from_python_with_validation_data_and_preflight(folder):
    trainer, X, y, _ = trained()
    flight = gd.preflight(trainer.model, X, y, "mse")
    net = gd.Sequential(*trainer.model.layers, seed=0)
    again = gd.Trainer(net, "mse", gd.Adam(0.01), batch_size=32, seed=0)
    history = again.fit(X, y, epochs=8, validation_data=(X[:50], y[:50]), metrics="mae")
    told = history.report("report.html", again, X, y, validation_data=(X[:50], y[:50]), preflight=flight, title="Mine")
    assert told == "report.html"
    found = page()
    assert tuple(one["id"] for one in found.all("section")) == SECTIONS
    assert "all 50 validation rows" in found.text
    r2 = net.evaluate(X[:50], y[:50], "r2")["r2"]
    assert f"{r2:.4f}" in found.text
    code = re.search(r"trainer = .*?history = trainer.fit\(.*?\)\)", found.text)[0].replace(" history =", "\nhistory =")
    names = {"gd": gd, "X": X, "y": y, "X_validation": X[:50], "y_validation": y[:50]}
    exec(code, names)
    assert names["history"].loss == history.loss
    np.testing.assert_array_equal(names["trainer"].model.params, net.params)


def test_from_python_with_a_model_of_tables():
    table = gd.tables.read_table("kinds.csv")
    model = gd.tables.train(table, "kind", gd.tables.Settings(rate=0.01, epochs=5))
    model.history.report("report.html", model, table)
    assert "kind from kinds.csv" in page().text
    with pytest.raises(TypeError, match="X must be a"):
        model.history.report("report.html", model, [[1.0]])
    with pytest.raises(TypeError, match="leave them out"):
        model.history.report("report.html", model, table, [1.0])


def test_a_data_frame_brings_its_names():
    pandas = pytest.importorskip("pandas")
    X, y = gd.datasets.friedman(100)
    frame = pandas.DataFrame(X, columns=[f"measure {i}" for i in range(10)])
    net = gd.MLP([10, 4, 1], seed=0)
    history = net.fit(frame, y, "mse", epochs=3, seed=0)
    history.report("report.html", net, frame, y, validation_data=(frame[:40], y[:40]))
    assert "measure 7" in page().text
    with pytest.raises(ValueError, match="the model was fitted on 'measure 0'"):
        history.report("report.html", net, frame[frame.columns[::-1]], y)


def test_a_history_alone_has_its_curves():
    _, _, _, history = trained()
    history.report("report.html")
    assert [one["id"] for one in page().all("section")] == ["training", "settings"]


def test_the_same_run_has_the_same_page(folder):
    trainer, X, y, history = trained()
    texts = []
    for _ in range(2):
        history.report("report.html", trainer, X, y)
        texts.append((folder / "report.html").read_bytes())
    assert texts[0] == texts[1]


CASES = {
    "mse": ("mse", 1, None),
    "two numbers": ("mse", 2, lambda X, y: np.stack([y, -y], 1)),
    "counts": ("poisson", 1, lambda X, y: np.floor(np.abs(y))),
    "three classes": ("cross_entropy", 3, lambda X, y: (y > 12).astype(int) + (y > 16)),
    "shares": ("cross_entropy", 2, lambda X, y: np.stack([X[:, 0], 1 - X[:, 0]], 1)),
    "twenty classes": ("cross_entropy", 20, lambda X, y: (X[:, 0] * 20).astype(int)),
    "two classes": ("bce", 1, lambda X, y: (y > 14).astype(float)),
    "margins": ("hinge", 1, lambda X, y: np.where(y > 14, 1, -1)),
    "several labels": ("bce", 2, lambda X, y: np.stack([y > 14, y > 10], 1).astype(float)),
    "own": (lambda z, y: (float(((z - y) ** 2).mean()), 2 * (z - y) / z.size), 1, lambda X, y: y[:, None]),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_target(case):
    loss, outputs, y = CASES[case]
    trainer, X, targets, history = trained(loss, outputs, y)
    history.report("report.html", trainer, X, targets)
    found = page()
    assert {"quality", "hardest", "columns", "gradient"} <= {one["id"] for one in found.all("section")}
    expected = {
        "two numbers": "Scores of each output",
        "twenty classes": "The classes that are mixed up most",
        "margins": "A loss of margins has no probabilities",
        "several labels": "this loss is neither",
        "own": "this loss is neither",
    }
    assert expected.get(case, "Scores") in found.text
    worst = r"differs from differences of the loss by [\d.e-]+; their roundoff and truncation allow [\d.e-]+"
    assert re.search(worst, found.text)


def test_a_fit_that_diverged_has_a_page():
    X, y = gd.datasets.friedman(100)
    line = gd.LinearModel(10, dtype="float64")
    with pytest.raises(gd.DivergedError) as raised:
        line.fit(1e3 * X, y, "mse", optimizer=gd.SGD(1.0), epochs=100, seed=0)
    raised.value.history.report("report.html", gd.Trainer(line, "mse"), X, y)
    page()


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("no/report.html",), ValueError, "there is no folder"),
        ((".",), ValueError, "is a folder: add a file's name"),
        (
            ("kinds.csv",),
            ValueError,
            "kinds.csv exists and is no report of gdcore: pass another name, or delete it first",
        ),
        (("r.html", None, [[1.0]]), TypeError, "got data and no model: pass history.report(path, model, X, y)"),
        (("r.html", "net"), TypeError, "model must be a"),
        (("r.html", gd.LinearModel(1)), ValueError, "pass the trainer in its place"),
        (
            ("r.html", gd.Trainer(gd.LinearModel(1), "mse"), [[1.0]]),
            TypeError,
            "got X without y: pass both, or neither",
        ),
        (("r.html", gd.Trainer(gd.LinearModel(1), "mse"), [[1.0, 2.0]], [1.0]), ValueError, "X has 2 features"),
    ],
)
def test_errors(arguments, error, said):
    with pytest.raises(error, match=re.escape(said)):
        gd.History([1.0], [], [0.1], "").report(*arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["train", "kinds.csv", "--target", "kind", "--report", "kinds.csv"],
            "a file that this command reads or writes",
        ),
        (
            ["train", "kinds.csv", "--target", "kind", "--report", "model.gdc", "--out", "./model.gdc"],
            "reads or writes",
        ),
        (["train", "kinds.csv", "--target", "kind", "--report", "no/r.html"], "--report: there is no folder"),
        (["train", "kinds.csv", "--target", "kind", "--report", "houses.csv"], "is no report of gdcore"),
        (["evaluate", "model.gdc", "kinds.csv", "--report", "kinds.csv"], "reads or writes"),
    ],
)
def test_the_command_refuses_before_it_trains(arguments, said, capsys):
    assert run(*arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_without_matplotlib_one_sentence_before_the_training(monkeypatch, capsys):
    def absent(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("gdcore.base.optional.import_module", absent)
    assert run("train", "kinds.csv", "--target", "kind", "--report", "report.html") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith("gdcore train: --report needs matplotlib")
    assert "pip install 'gdcore[plot]'" in line
    with pytest.raises(ImportError, match=r"history\.report needs matplotlib"):
        gd.History([1.0], [], [0.1], "").report("report.html")


def test_columns_that_say_nothing_bring_nothing():
    X = np.random.default_rng(0).normal(size=(300, 3))
    y = 3 * X[:, 0] + X[:, 2]
    inputs = [Input("large", (0,)), Input("none", (1,)), Input("small", (2,))]
    found = importances(lambda Z: -float(((3 * Z[:, 0] + Z[:, 2] - y) ** 2).mean()), X, inputs)
    assert [one.name for one in found] == ["large", "small", "none"]
    assert found[-1].mean == found[-1].spread == 0
    assert found[0].mean == pytest.approx(2 * 9 * X[:, 0].var(), rel=0.2)


def test_calibration_of_probabilities_that_are_right():
    rng = np.random.default_rng(0)
    said = rng.uniform(size=100_000)
    found = calibration(said, (rng.uniform(size=len(said)) < said).astype(float))
    assert found.rows.sum() == len(said)
    assert found.error < 0.01
    assert calibration(np.full(5, 0.5), np.ones(5)).rows.tolist() == [5]


def test_markup_is_made_of_escaped_texts():
    assert element("p", "<b>", class_='"x"').text == '<p class="&quot;x&quot;">&lt;b&gt;</p>'
    assert "<td>&lt;i&gt;</td>" in table("c", ("a", "b"), [("r", "<i>")]).text


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return np.dot((0.2126, 0.7152, 0.0722), linear)


def test_colours_have_the_contrast_that_WCAG_asks_of_texts():
    schemes = re.findall(r":root \{([^}]*)\}", CSS)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        for ground in ("paper", "raised"):
            for name in ("ink", "muted", "series", "good", "bad"):
                high, low = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)


def reported(X, y, **options):
    net = gd.MLP([X.shape[1], 4, 1], seed=0)
    trainer = gd.Trainer(net, "mse", gd.Adam(1e-3), batch_size=16, seed=0)
    trainer.fit(X, y, epochs=2).report("report.html", trainer, X, y, **options)
    return page().text


def test_numbers_that_differ_by_roundoff_have_a_histogram():
    rng = np.random.default_rng(0)
    assert "Residuals" in reported(1e-12 * rng.normal(size=(80, 4)), 1e-20 * rng.normal(size=80))
    assert "Residuals" in reported(rng.normal(size=(80, 4)), np.full(80, 3e9))


def test_of_equal_targets_the_columns_are_judged_by_the_loss():
    text = reported(np.random.default_rng(0).normal(size=(80, 4)), np.ones(80))
    assert "how far the loss rises" in text
    assert "worse by nan" not in text


def test_signs_of_scores_are_kept():
    rng = np.random.default_rng(0)
    text = reported(rng.normal(size=(80, 4)), 1000 + rng.normal(size=80))
    assert re.search(
        r"The R² is -[\d,.]+ with all columns\. Without column \d it is (worse|better) by [\d,.e+-]+, the most", text
    )
    assert not re.search(r"(worse|better) by -", text)


def test_letters_that_matplotlib_lacks_are_left_to_the_browser():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["\u540d\u524d", "\U0001d11e"])
    assert "\u540d\u524d" in reported(X, X.to_numpy()[:, 0])


def test_refused_validation_data_are_named():
    with pytest.raises(ValueError, match=r"^validation_data: X has no rows"):
        reported(np.eye(3), np.arange(3.0), validation_data=(np.empty((0, 3)), np.empty(0)))
