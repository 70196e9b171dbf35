"""The extension table: kernels.pyx once per (instruction set, precision), and cpu.pyx.

`cythonize` merges the flags of extensions that share a source, so it is called once per variant with a
build directory of its own, and the flags are set on what it returns.
"""

import os
import platform
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

COMMON = ["-O3", "-g0", "-pthread", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fno-plt"]
X86 = platform.machine().lower() in ("x86_64", "amd64")
ISAS = {"base": []}
if X86:
    ISAS["v3"] = ["-march=x86-64-v3"]
    ISAS["v4"] = ["-march=x86-64-v4", "-mprefer-vector-width=512"]
PRECISIONS = {"float32": "float", "float64": "double"}
SOURCES = sorted(glob("src/*"))


def extension(name: str, source: str, flags: list[str], macros: dict[str, str]) -> Extension:
    """Translate one source for one variant and give it that variant's flags."""
    template = Extension(name, [source], depends=SOURCES)
    [ext] = cythonize([template], build_dir=f"build/{name}", include_path=["src"], quiet=True)
    ext.include_dirs = ["src"]
    ext.extra_compile_args = COMMON + flags
    ext.extra_link_args = ["-pthread"]
    ext.define_macros = [*macros.items(), ("GDCORE_FLAGS", '"' + " ".join(COMMON + flags) + '"')]
    return ext


EXTENSIONS = [extension("gdcore._kernels.cpu", "src/cpu.pyx", [], {})] + [
    extension(f"gdcore._kernels.{isa}_{dtype}", "src/kernels.pyx", flags, {"REAL": ctype})
    for isa, flags in ISAS.items()
    for dtype, ctype in PRECISIONS.items()
]

setup(ext_modules=EXTENSIONS, options={"build_ext": {"parallel": os.cpu_count() or 1}})
