"""The extension table: kernels.pyx once per (instruction set, precision), and cpu.pyx.

An extension is translated just before it is compiled, while others are compiled.

`pip install .` and `pip install -e .` build in folders of their own. What one of them has compiled stands in build/kept
for the other, under a hash of all that it was made from.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from glob import glob
from pathlib import Path

import Cython
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

# What CFLAGS say of optimization comes before these flags, so it would be overruled.
OPTIMIZATION = [] if re.search(r"(^|\s)-O\S*", os.environ.get("CFLAGS", "")) else ["-O3"]
# A loop of a few instructions that begins anywhere else takes up to 6 % longer (Zen 4), by chance from build to build.
ALIGNMENT = ["-falign-loops=32"]
COMMON = [*OPTIMIZATION, *ALIGNMENT, "-g0", "-pthread", "-fno-math-errno", "-fno-trapping-math", "-fno-plt"]
# Names of functions, which a profiler would show, take 2 % of the wheel.
LINK = ["-pthread", *(["-Wl,--strip-all"] if sys.platform == "linux" else [])]
# The platform that is built for, which is not this machine's where a wheel is cross-compiled.
X86 = sysconfig.get_platform().lower().endswith(("x86_64", "amd64"))
ISAS = {"base": []}
if X86:
    ISAS["v3"] = ["-march=x86-64-v3"]
    ISAS["v4"] = ["-march=x86-64-v4", "-mprefer-vector-width=512"]
PRECISIONS = {"float32": "float", "float64": "double"}
# Without docstrings: six copies of them would take 40 KB of a wheel; the sources and the stubs have them.
TRANSLATION = ["--no-docstrings", "--include-dir", "src"]
SOURCES = sorted(path for path in glob("src/**", recursive=True) if os.path.isfile(path))


def extension(name: str, source: str, flags: list[str], macros: dict[str, str]) -> Extension:
    """Describe one variant of a source: its name, flags and macros."""
    return Extension(
        name,
        [source],
        depends=SOURCES,
        include_dirs=["src"],
        extra_compile_args=COMMON + flags,
        extra_link_args=LINK,
        define_macros=[*macros.items(), ("GDCORE_FLAGS", '"' + " ".join(COMMON + flags) + '"')],
    )


def translate(ext: Extension, source: str) -> str:
    """Translate an extension's source into C, and return its path.

    In a process of its own, since Cython's compiler has global state: threads of one process can't translate at once.
    """
    path = Path("build", ext.name, source).with_suffix(".c")
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [*TRANSLATION, "--module-name", ext.name, "--output-file", str(path)]
    command = [sys.executable, "-m", "cython", *options, source]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise CompileError(f"{source} cannot be translated for {ext.name}:\n{done.stdout}")
    return str(path)


def compiler_version() -> str:
    """What the C compiler says of itself, or its name where it says nothing."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    try:
        said = subprocess.run([*shlex.split(command), "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        said = ""
    return command + said


class BuildOnce(build_ext):
    """Compile an extension, or take what another command has compiled from the same."""

    def finalize_options(self) -> None:
        """Compile on all cores. `pip install -e` would lose an option that is given to `setup`."""
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extension(self, ext: Extension) -> None:
        built = Path(self.get_ext_fullpath(ext.name))
        kept = Path("build/kept", f"{ext.name}-{self.key(ext)}{built.suffix}")
        if kept.exists() and not self.force:
            built.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept, built)
            return
        [source] = ext.sources
        ext.sources = [translate(ext, source)]
        try:
            super().build_extension(ext)
        finally:
            ext.sources = [source]
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob(f"{ext.name}-*"):
            old.unlink()
        partial = kept.with_suffix(".partial")
        shutil.copyfile(built, partial)
        partial.replace(kept)

    def key(self, ext: Extension) -> str:
        """A hash of what the extension is made from: sources, flags, compiler, Cython and Python."""
        flags = [os.environ.get(name, "") for name in ("CFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED", "ARCHFLAGS")]
        parts = [sys.version, str(sysconfig.get_config_var("EXT_SUFFIX")), Cython.__version__, compiler_version()]
        parts += [*TRANSLATION, *flags, *ext.extra_compile_args, *ext.extra_link_args, repr(ext.define_macros)]
        parts += [Path(path).read_text() for path in SOURCES]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


EXTENSIONS = [extension("gdcore._kernels.cpu", "src/cpu.pyx", [], {})] + [
    extension(f"gdcore._kernels.{isa}_{dtype}", "src/kernels.pyx", flags, {"REAL": ctype})
    for isa, flags in ISAS.items()
    for dtype, ctype in PRECISIONS.items()
]

setup(
    ext_modules=EXTENSIONS,
    cmdclass={"build_ext": BuildOnce},
)
