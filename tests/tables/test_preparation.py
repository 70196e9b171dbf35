"""What columns mean, and what a network is given of them."""

import numpy as np
import pytest

from gdcore.tables import Forced, Preparation, Problem, Settings, Table, TableError, Target

N = 40
WORDS = ["oak", "elm"]


def table(**columns):
    return Table.from_columns({name: values for name, values in columns.items()})


def left_out(values, name="x", **options):
    found = Preparation.of(table(**{name: values, "other": [0.5, 1.5] * (len(values) // 2)}), **options)
    return dict(found.left_out).get(name)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, 2.5] * 20, "number"),
        (["1.5", "2"] * 20, "number"),
        (WORDS * 20, "category"),
        ([True, False] * 20, "number"),
        (["yes", "no"] * 20, "category"),
        (["2024-01-31", "2023/12/01"] * 20, "date"),
        (["2024-01-31T12:00:00Z", "2023-12-01"] * 20, "date"),
        (["31.01.2024", "01.12.2023"] * 20, "category"),
        ([7, 8] * 20, "number"),
    ],
)
def test_kinds(values, kind):
    [feature] = Preparation.of(table(x=values)).features
    assert feature.kind == kind


@pytest.mark.parametrize(
    ("values", "name", "reason"),
    [
        ([3] * N, "x", "it is 3 in every row"),
        (["DE"] * N, "x", "it is 'DE' in every row"),
        ([None] * N, "x", "it has no values"),
        (list(range(5, 5 + N)), "x", "it numbers the rows"),
        ([7 * i % 41 for i in range(N)], "user_id", "by its name and values it tells rows apart"),
        ([f"text {i}" for i in range(N)], "x", "every row has a text of its own"),
        ([f"text {i % 30}" for i in range(N)], "x", "it has 30 different texts"),
        (
            [f"1,{i}00" for i in range(N)],
            "x",
            "its numbers are written with more than digits, as '1,000' is: write them plainly to use it",
        ),
        (
            ["12 %", "7.5 %"] * 20,
            "x",
            "its numbers are written with more than digits, as '12 %' is: write them plainly to use it",
        ),
    ],
)
def test_columns_that_say_nothing(values, name, reason):
    assert left_out(values, name) == reason


def test_types_that_are_given():
    assert left_out(list(range(N)), forced=Forced(numeric=frozenset("x"))) is None
    assert left_out([1.5, 2.5] * 20, forced=Forced(drop=frozenset("x"))) == "as you asked"
    found = Preparation.of(table(x=["02", "10"] * 20), forced=Forced(categorical=frozenset("x")))
    assert found.inputs == ("x=02", "x=10")
    with pytest.raises(TableError, match="no column 'y'"):
        Preparation.of(table(x=[1, 2]), forced=Forced(drop=frozenset("y")))
    with pytest.raises(TableError, match=r"row 0, column 'x' is 'oak', no number"):
        Preparation.of(table(x=WORDS * 20), forced=Forced(numeric=frozenset("x")))


ZIPS = ["01067", "10115", "80331", "01067"]


def test_digits_with_leading_zeros_are_codes():
    data = table(zip=[*ZIPS * 10], phone=["+49301", "0301"] * 20, y=[float(i) for i in range(N)])
    problem = Problem(data, "y")
    assert problem.preparation.inputs[:3] == ("zip=01067", "zip=10115", "zip=80331")
    assert problem.notes == [
        "zip: digits such as '01067' are taken for codes: pass --numeric zip if they are numbers",
        "phone: digits such as '+49301' are taken for codes: pass --numeric phone if they are numbers",
    ]
    some = problem.preparation.transform(table(zip=["80331", "10115"], phone=["0301", "+49301"]))
    assert some.X[:, :3].tolist() == [[0, 0, 1], [0, 1, 0]]
    assert some.notes == ()
    forced = Problem(data, "y", Settings(forced=Forced(numeric=frozenset({"zip"}), categorical=frozenset({"phone"}))))
    assert (forced.preparation.features[0].kind, forced.notes) == ("number", [])
    assert forced.preparation.transform(table(zip=["01067"], phone=["0301"])).X[0, 0] == 1067
    target = Target.of(table(y=ZIPS), "y")
    assert (target.classes, target.why) == (("01067", "10115", "80331"), "digits such as '01067' are taken for codes")


@pytest.mark.parametrize("n", [6, 40, 300])
def test_codes_that_tell_rows_apart_are_left_out(n):
    reason = left_out([f"{i * 7:05d}" for i in range(n)])
    assert reason == f"{n} different codes, such as '00000', in {n} rows; --numeric overrules"


@pytest.mark.parametrize("values", [["0", "1", "10"], ["-1", "+1"], ["0.5", "01"], ["+0.5", "+2"], ["0e1", "05"]])
def test_numbers_that_are_no_codes(values):
    assert isinstance(table(x=values).columns["x"], np.ndarray)


def test_a_few_texts_among_numbers_are_refused_with_the_place():
    values = [str(i * 1.5) for i in range(N)]
    values[17] = "twelve"
    with pytest.raises(TableError, match=r"row 17, column 'x' is 'twelve', where nearly all other rows have numbers"):
        Preparation.of(table(x=values))


def test_infinity_is_refused_with_the_place():
    with pytest.raises(TableError, match="row 1, column 'x' is inf"):
        Preparation.of(table(x=[1.0, np.inf, 2.0])).transform(table(x=[1.0, np.inf, 2.0]))


def test_inputs_by_hand():
    found = Preparation.of(table(x=[1, 2, 4], kind=["b", "a", "b"], day=["1970-01-02", "1970-01-01", "1970-01-11"]))
    assert found.inputs == ("x", "kind=a", "kind=b", "day")
    X = found.transform(table(day=["1970-01-03"], kind=["a"], x=[7], other=["?"])).X
    assert X.tolist() == [[7, 1, 0, 2]]


def test_scaling_leaves_rare_levels_small():
    data = table(x=[1.0, 3.0] * 50, kind=["rare", *["usual"] * 99])
    found = Preparation.of(data)
    X = found.transform(data).X
    scale = found.scaling(X)
    scaled = (X - np.array(scale.mean)) / np.array(scale.std)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled[:, 0].std(), 1)
    assert np.abs(scaled).max() < 2


def test_missing_values():
    data = table(x=[1, None, 3, 8], kind=["a", "b", None, "b"])
    with pytest.raises(TableError, match=r"2 missing values \('x' 1, 'kind' 1; the first in row 1\): pass --impute"):
        Preparation.of(data)
    found = Preparation.of(data, impute=True)
    filled = found.transform(data)
    assert filled.X[1, 0] == 3
    assert filled.X[2].tolist() == [3, 0, 1]
    assert filled.notes == ("x: 1 missing value filled by 3", "kind: 1 missing value filled by 'b'")
    complete = Preparation.of(table(x=[1, 2]))
    with pytest.raises(TableError, match=r"row 0, column 'x' has no value \(and 1 more rows\): fill it in, or train"):
        complete.transform(table(x=[None, None, 1]))


def test_unseen_levels_are_told_and_are_none_of_the_levels():
    found = Preparation.of(table(kind=["a", "b"]))
    given = found.transform(table(kind=["c", "b", "d", "c"]))
    assert given.X.tolist() == [[0, 0], [0, 1], [0, 0], [0, 0]]
    assert given.notes == (
        "kind: 'c', 'd' were not seen in training (row 0 first, 3 rows): taken as none of its levels",
    )


def test_levels_that_look_like_numbers_in_a_file_of_numbers():
    found = Preparation.of(table(code=["01", "02", "A"] * 5))
    assert found.transform(table(code=["1", "2"])).X.tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("values", [["x", "1"], ["2024-01-31", "soon"]])
def test_new_rows_of_another_kind_are_refused(values):
    trained = [1.5, 2.5] * 20 if "1" in values else ["2024-01-31", "2023-12-01"] * 20
    found = Preparation.of(table(x=trained))
    with pytest.raises(TableError, match=r"row \d, column 'x' is '(x|soon)', no (number|date such as 2024-01-31)"):
        found.transform(table(x=values))


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["b", "a"] * 10, "classification", ("a", "b")),
        ([0, 1] * 10, "classification", ("0", "1")),
        ([2, 10] * 10, "classification", ("2", "10")),
        ([1.5, 2.5] * 10, "regression", ()),
        (list(range(20)), "regression", ()),
        ([0, 1, 2], "regression", ()),
    ],
)
def test_tasks(values, task, classes):
    found = Target.of(table(y=values), "y")
    assert (found.task, found.classes) == (task, classes)


@pytest.mark.parametrize(
    ("values", "task", "match"),
    [
        ([None, None], "auto", "column 'y', the target, has no values"),
        ([2.5] * 5, "regression", "is 2.5 in every row: nothing can be learned"),
        (["a"] * 5, "auto", "is 'a' in every row"),
        (["a", "b"], "regression", "row 0, column 'y' is 'a', no number"),
        ([str(i) + "x" for i in range(1001)], "auto", "has 1,001 different values"),
        (
            [f"${i},000" for i in range(1, 99)],
            "auto",
            r"column 'y', the target, has numbers written with more than digits, as '\$1,000' is: write them plainly, "
            "or pass --task classification",
        ),
        (["500", "0 €"] * 9, "auto", "as '0 €' is"),
        (["199\u2019432", "5"] * 9, "auto", "with more than digits"),
        (["199,432.69", "1,5"] * 9, "auto", "as '199,432.69' is"),
        (["1.234,50", "2.000.000"] * 9, "auto", "as '1.234,50' is"),
        ([*map(str, range(30)), "unknown"], "auto", "row 30, column 'y', the target, is 'unknown', where 30 other"),
        (
            ["unknown", "$7", *map(str, range(30))],
            "auto",
            "row 0, .*is 'unknown', where 31 other",
        ),
        ([f"name {i}" for i in range(N)], "auto", "a value of its own in 40 of 40 rows, .*: choose another target"),
        ([f"name {min(i, 30)}" for i in range(N)], "classification", "a value of its own in 30 of 40 rows"),
        (
            [i * 1.5 for i in range(N)],
            "classification",
            "a value of its own in 40 of 40 .*: pass --task regression",
        ),
    ],
)
def test_targets_that_are_refused(values, task, match):
    with pytest.raises(TableError, match=match):
        Target.of(table(y=values), "y", task)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["5 %", "10 %"] * 9, "classification", ("10 %", "5 %")),
        (["1.5", "2.5", "4.5"] * 9, "classification", ("1.5", "2.5", "4.5")),
        (list(range(6)), "classification", tuple("012345")),
        (["under 5", "5", "6"] * 9, "auto", ("5", "6", "under 5")),
        (["a", "b", "c"], "auto", ("a", "b", "c")),
    ],
)
def test_classes_that_look_odd_and_are_taken(values, task, classes):
    assert Target.of(table(y=values), "y", task).classes == classes


def test_a_class_that_training_has_not_seen():
    target = Target.of(table(y=["a", "b"]), "y")
    with pytest.raises(
        TableError, match="row 1, column 'y' is 'c', a class that training has not seen; known: 'a', 'b'"
    ):
        target.encode(table(y=["a", "c"]))


def test_nothing_to_learn_from():
    with pytest.raises(TableError, match=r"no column to learn from \(x: it is 3 in every row\)"):
        Preparation.of(table(x=[3, 3], y=[1, 2]), "y")
