"""Every compiled module against its stub: names, classes' members and parameters, both ways."""

import ast
import inspect
import types
from pathlib import Path

import pytest

from gdcore import _kernels
from gdcore._kernels import cpu

FOLDER = Path(_kernels.__file__).parent
FULL = "base_float64"
MODULES = [f"{isa}_{dtype}" for isa in _kernels.SUPPORTED for dtype in ("float32", "float64")]


def parameters(node):
    """Names of a stub function's parameters."""
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def described(body):
    """Public names of a stub's body: None for data, parameters for a function, a dict for a class."""
    found = {}
    for node in body:
        if isinstance(node, ast.AnnAssign):
            found[node.target.id] = None
        elif isinstance(node, ast.ClassDef):
            found[node.name] = described(node.body)
        elif isinstance(node, ast.FunctionDef):
            is_property = any(isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list)
            found[node.name] = None if is_property else parameters(node)
    return {name: value for name, value in found.items() if not name.startswith("_")}


def compiled(holder):
    """The same of a compiled module or class."""
    found = {}
    for name, value in vars(holder).items():
        if name.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if isinstance(value, type):
            found[name] = compiled(value)
        else:
            found[name] = list(inspect.signature(value).parameters) if callable(value) else None
    return found


def stub(name):
    return ast.parse((FOLDER / f"{name}.pyi").read_text(encoding="utf-8")).body


@pytest.mark.parametrize("name", MODULES)
def test_kernels_are_as_their_stub_says(name):
    module = _kernels.load(*reversed(name.split("_")))
    assert compiled(module) == described(stub(FULL))


@pytest.mark.parametrize("name", [f"{isa}_{dtype}" for isa in _kernels.ISAS for dtype in ("float32", "float64")])
def test_every_module_has_a_stub(name):
    body = stub(name)
    if name != FULL:
        [statement] = body
        assert isinstance(statement, ast.ImportFrom)
        assert (statement.module, [alias.name for alias in statement.names], statement.level) == (FULL, ["*"], 1)


def test_cpu_is_as_its_stub_says():
    assert compiled(cpu) == described(stub("cpu")) == {"caches": [], "supported": []}


def test_data_have_the_types_of_the_stub():
    module = _kernels.load("float64")
    kinds = {"int": int, "str": str, "tuple[str, ...]": tuple, "dict[str, dict[str, Any]]": dict}
    for node in stub(FULL):
        if isinstance(node, ast.AnnAssign):
            kind = kinds[ast.unparse(node.annotation)]
            assert isinstance(getattr(module, node.target.id), kind), node.target.id


def test_constructors_take_what_the_stub_says():
    classes = {node.name: node for node in stub(FULL) if isinstance(node, ast.ClassDef)}
    module = _kernels.load("float64")
    for name, node in classes.items():
        [init] = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
        wanted = parameters(init)[1:]
        if not wanted:
            getattr(module, name)()
            continue
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            getattr(module, name)(**dict.fromkeys([*wanted, "no_such_parameter"]))
        with pytest.raises(TypeError) as error:
            getattr(module, name)(**dict.fromkeys(wanted))
        assert "keyword" not in str(error.value)
        assert "positional" not in str(error.value)
