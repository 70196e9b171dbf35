"""A header of C, compiled by each compiler of the machine and called by ctypes."""

import ctypes
import shutil
import subprocess

import numpy as np

COMPILERS = [name for name in ("gcc", "clang", "clang-19", "clang-14") if shutil.which(name)]
STRICT = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wdouble-promotion")
C_TYPES = {"float32": "float", "float64": "double"}


def command(compiler, *flags):
    done = subprocess.run([compiler, *map(str, flags)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Compiled:
    """The functions of a header for a model of n_in inputs and n_out outputs."""

    def __init__(self, header, folder, name="model", dtype="float32", compiler=None, gradient=False, flags=()):
        real = C_TYPES[dtype]
        calls = [f"void predict_rows(const {real} *x, {real} *y, long n) {{ for (long i = 0; i < n; i++) "]
        calls[0] += f"{name}(x + i * {name}_n_in, y + i * {name}_n_out); }}"
        if gradient:
            calls.append(
                f"void gradients(const {real} *x, {real} *y, {real} *g) "
                f"{{ {name}_with_gradient(x, y, ({real}(*)[{name}_n_in])g); }}"
            )
        (folder / "model.h").write_text(header, encoding="ascii")
        prototypes = [call.partition("{")[0].strip() + ";" for call in calls]
        source = "\n".join(['#include "model.h"', '#include "model.h"', *prototypes, *calls])
        (folder / "model.c").write_text(source + "\n", encoding="ascii")
        library = folder / "model.so"
        library.unlink(missing_ok=True)
        command(compiler or COMPILERS[0], *STRICT, *flags, "-shared", "-fPIC", folder / "model.c", "-o", library, "-lm")
        self.library, self.dtype = ctypes.CDLL(str(library)), np.dtype(dtype)

    def predict(self, X, n_out):
        X = np.ascontiguousarray(X, self.dtype)
        y = np.full((len(X), n_out), np.nan, self.dtype)
        self.library.predict_rows(_pointer(X), _pointer(y), ctypes.c_long(len(X)))
        return y

    def gradient(self, x, n_out):
        x = np.ascontiguousarray(x, self.dtype)
        y, found = np.full(n_out, np.nan, self.dtype), np.full((n_out, len(x)), np.nan, self.dtype)
        self.library.gradients(_pointer(x), _pointer(y), _pointer(found))
        return y, found


def _pointer(array):
    return ctypes.c_void_p(array.ctypes.data)
