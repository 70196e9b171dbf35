"""What a built wheel and sdist must and must not hold: `python check_dist.py DIRECTORY`."""

import re
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

MOST_BYTES = 5_000_000
IN_WHEEL = (
    "gdcore/py.typed",
    "gdcore/datasets/digits.csv.gz",
    "gdcore/datasets/digits_license.txt",
    "gdcore/claims/tables/__init__.py",
    "gdcore/_kernels/cpu.pyi",
    "gdcore/_kernels/base_float32.pyi",
    "gdcore/_kernels/base_float64.pyi",
)
NOT_IN_WHEEL = (".pyx", ".pxi", ".c", ".h", "setup.py")
IN_SDIST = (
    "src/kernels.pyx",
    "src/cpu.pyx",
    "src/machine/real.h",
    "src/layers/",
    "src/losses/",
    "src/updates/",
    "src/network/",
    "src/training/",
    "src/probe/",
    "tests/",
    "benchmarks/",
    "examples/",
    "README.md",
    "LICENSE",
)


def check_wheel(path: Path) -> None:
    """Size, requirements and files of a wheel."""
    assert path.stat().st_size < MOST_BYTES, f"{path.name} has {path.stat().st_size} bytes"
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        metadata = message_from_bytes(wheel.read(next(name for name in names if name.endswith("/METADATA"))))
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert [re.split(r"\W", line)[0] for line in required] == ["numpy"], required
    missing = set(IN_WHEEL) - set(names)
    assert not missing, f"missing in the wheel: {missing}"
    assert any(name.endswith("/licenses/LICENSE") for name in names), "no LICENSE in the wheel"
    modules = {name.split("/")[-1].split(".")[0] for name in names if name.endswith(".so")}
    assert {"cpu", "base_float32", "base_float64"} <= modules, modules
    outside = [name for name in names if not re.match(r"gdcore(/|-)", name) or name.endswith(NOT_IN_WHEEL)]
    assert not outside, f"does not belong into the wheel: {outside}"
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, requires {', '.join(required)}")


def check_sdist(path: Path) -> None:
    """Files of an sdist."""
    with tarfile.open(path) as sdist:
        names = [name.partition("/")[2] for name in sdist.getnames()]
    missing = [wanted for wanted in IN_SDIST if not any(name.startswith(wanted) for name in names)]
    assert not missing, f"missing in the sdist: {missing}"
    strays = [name for name in names if name.endswith((".so", ".pyc", ".c")) or name.startswith("build")]
    assert not strays, f"does not belong into the sdist: {strays}"
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {len(names)} entries")


def main(directory: Path) -> None:
    """Check the one wheel and the one sdist in a directory."""
    [wheel] = directory.glob("*.whl")
    [sdist] = directory.glob("*.tar.gz")
    check_wheel(wheel)
    check_sdist(sdist)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
