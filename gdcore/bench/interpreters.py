"""Libraries in environments of their own: other interpreters for the processes of the runner.

Design
------
- Two releases of a library cannot stand in one environment, and a new release may need another Python than an old one.
  Each library has a process of its own, so it can have an interpreter of its own.
- The other interpreter gets the source folders of this one's path, so gdcore and the adapters are the same; its
  installed packages are its own. Where its Python is of another version, gdcore must have been compiled for that too.
- GDCORE_ISA=v3 is said to compare libraries on AVX2, so the peers are held to it as well, each by its own variable. A
  peer's process does not read GDCORE_ISA: in its environment gdcore may be compiled for another instruction set.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from ..base import checks
from .library import Entry

INSTALLED = ("site-packages", "dist-packages")
AVX2_ALONE = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "GDCORE_BENCH_ISA": "v3",
}
"""What holds NumPy, OpenBLAS and PyTorch to AVX2; the adapter of JAX reads the last line."""
FIND = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"


def source_folders() -> list[str]:
    """Return the folders of this interpreter's path that hold neither its own library nor installed packages."""
    own = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    here = (Path(folder or os.getcwd()) for folder in [*sys.path, str(Path(__file__).parents[2])])
    found = (
        str(folder)
        for folder in here
        if folder.is_dir()
        and not any(part in INSTALLED for part in folder.parts)
        and not any(folder.is_relative_to(library) for library in own)
    )
    return list(dict.fromkeys(found))


def search_path(entry: Entry) -> str:
    """Return the PYTHONPATH of a library's process."""
    return os.pathsep.join(source_folders() if entry.python else [folder or os.getcwd() for folder in sys.path])


def environment_of(entry: Entry) -> dict[str, str]:
    """Return the variables of a library's process: its path, and AVX2 for the peers where gdcore is held to that."""
    variables = os.environ | {"PYTHONPATH": search_path(entry)}
    if entry.needs == "gdcore":
        return variables
    return variables | (AVX2_ALONE if variables.pop("GDCORE_ISA", "").strip().lower() == "v3" else {})


def is_installed(entry: Entry) -> bool:
    """Return whether the module that a library needs can be found by its interpreter."""
    if not entry.python:
        return find_spec(entry.needs) is not None
    command = [entry.python, "-P", "-c", FIND, entry.needs]
    return subprocess.run(command, env=environment_of(entry), check=False).returncode == 0


def with_interpreters(libraries: Sequence[Entry], options: Sequence[str]) -> list[Entry]:
    """Return the libraries with other interpreters for some of them, and with further releases beside them.

    Parameters
    ----------
    libraries : sequence of Entry
    options : sequence of str
        "NAME=PYTHON" each: the interpreter of the library NAME; or, for a NAME-TEXT that is not a library, that of a
        further row of the library NAME, which stands behind it.

    Raises
    ------
    ValueError
        For an option without "=", an unknown library, or an interpreter that is not there.

    Examples
    --------
    >>> import sys
    >>> entries = with_interpreters([Entry("jax", "adapters:Jax", "jax")], [f"jax-0.4.31={sys.executable}"])
    >>> [entry.name for entry in entries]
    ['jax', 'jax-0.4.31']
    """
    found = list(libraries)
    for option in options:
        name, equals, python = option.partition("=")
        if not equals:
            raise ValueError(f"--python: expected NAME=PYTHON, got {option!r}: such as jax-0.4.31=/path/to/bin/python")
        if not os.access(python, os.X_OK) or Path(python).is_dir():
            raise ValueError(f"--python: there is no program {python!r}; expected the interpreter of an environment")
        names = [entry.name for entry in found]
        base = name if name in names else name.partition("-")[0]
        place = names.index(checks.known_name("library", base, names))
        if base == name:
            found[place] = replace(found[place], python=python)
        else:
            found.insert(place + 1, replace(found[place], name=name, python=python))
    return found


def in_suite(contenders: Sequence[Entry], libraries: Sequence[Entry]) -> list[Entry]:
    """Return a suite's contenders with the interpreters of their libraries, each followed by its further releases."""
    pythons = {entry.name: entry.python for entry in libraries}
    adapters = {entry.name: entry.adapter for entry in libraries}
    names = {entry.name for entry in contenders}
    found = []
    for entry in contenders:
        found.append(replace(entry, python=pythons.get(entry.library or entry.name, entry.python)))
        adapter = adapters.get(entry.name, entry.adapter)
        same = (other for other in libraries if other.adapter == adapter and other.name not in names)
        releases = [other for other in same if other.name.startswith(f"{entry.name}-")]
        found += [replace(entry, name=other.name, python=other.python) for other in releases]
    return found
