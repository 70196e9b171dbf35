"""Which module imports from which, and whose private names it reads: from the source, by `ast`."""

import ast
import re

# From the top to the bottom: a room imports from itself and from the rooms behind it.
ROOMS = (
    "cli", "report", "tables", "sklearn", "interop", "io", "bench", "claims", "diagnosis", "gradcheck", "plot",
    "minimize", "many", "models", "distributed", "training", "objective", "data", "optimizers", "schedules", "metrics",
    "losses", "datasets", "layers", "base", "_kernels",
)  # fmt: skip
TOP, BOTTOM = ("", "__main__"), "_version"
"""The package itself stands above all rooms; its version stands below them."""

NAMEDTUPLE = {"_replace", "_asdict", "_fields", "_make", "_field_defaults"}
"""Public in spite of the underscore, as are those of `sys` and `os`."""


def modules(root):
    """Return name -> (tree, package that it stands in) of each module below the folder gdcore, without "gdcore."."""
    found = {}
    for path in sorted(root.rglob("*.py*")):
        if path.suffix in (".py", ".pyi"):
            parts = path.relative_to(root).with_suffix("").parts
            package = parts[:-1]
            name = ".".join(package if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path)), package
    return found


def imports(tree, package, known):
    """Yield the modules of the package that a module imports from, of those known."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (found for alias in node.names if (found := inside(alias.name)) is not None)
        elif isinstance(node, ast.ImportFrom):
            start = absolute(node.module or "", node.level, package)
            if start is not None:
                for alias in node.names:
                    name = f"{start}.{alias.name}".lstrip(".")
                    yield name if name in known else start
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            given = node.args[0] if node.args else None
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                level = len(given.value) - len(given.value.lstrip("."))
                name = absolute(given.value[level:], level, package)
                if name is not None:
                    yield name
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "later":
            yield ast.literal_eval(node.args[0])  # a room that is not spelled out fails here


def inside(name):
    """Return a module's full name without "gdcore.", or None for another package's."""
    return None if name.partition(".")[0] != "gdcore" else name.partition(".")[2]


def absolute(name, level, package):
    """Return a module's name without "gdcore.", from how a package imports it; None for another package's."""
    if not level:
        return inside(name)
    return ".".join((*package[: len(package) - level + 1], *([name] if name else [])))


def arrows(root):
    """Return pairs (module, module it imports from), without what a module imports of itself."""
    found = modules(root)
    return {
        (name, other)
        for name, (tree, package) in found.items()
        for other in imports(tree, package, found)
        if other != name
    }


def floor(module):
    """Return the number of a module's room, counted from the top."""
    room = module.partition(".")[0]
    return -1 if room in TOP else len(ROOMS) if room == BOTTOM else ROOMS.index(room)


def going_up(found):
    return {(lower, upper) for lower, upper in found if floor(upper) < floor(lower)}


def reached(found, start):
    """Return what a module imports, by whatever way."""
    seen, todo = set(), [start]
    while todo:
        at = todo.pop()
        new = {other for name, other in found if name == at} - seen
        seen |= new
        todo += new
    return seen


def in_circles(found):
    """Return the arrows that lie in a circle."""
    behind = {name: reached(found, name) for name in {name for name, _ in found}}
    return {(name, other) for name, other in found if name in behind.get(other, ())}


def private_reads(tree):
    """Yield line and name of each private attribute of other modules' classes, and of each private import."""
    own = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            own.update(n.name for n in node.body if isinstance(n, ast.FunctionDef))
            own.update(ast.unparse(n.target) for n in node.body if isinstance(n, ast.AnnAssign))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and of_oneself(node):
            own.add(node.attr)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in own | NAMEDTUPLE:
            if not of_oneself(node) and ast.unparse(node.value) not in ("sys", "os"):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and (node.level or inside(node.module) is not None):
            yield from ((node.lineno, alias.name) for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "delattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and is_private(name.value) and ast.unparse(node.args[0]) != "self":
                yield node.lineno, ast.unparse(node)


def of_oneself(node):
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in ("_kernels", BOTTOM)


def imported_by_compiled_code(text):
    """Return the modules of this package that a Cython file imports, and relative imports."""
    names = re.findall(r"^\s*(?:from|c?import)\s+(gdcore[\w.]*|\.[\w.]*)", text, re.MULTILINE)
    return {name for name in names if not re.match(r"gdcore\._kernels\b", name)}
