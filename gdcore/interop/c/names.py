"""Names that C takes for a function, and text that may stand in its comments."""

from __future__ import annotations

import re

from ...base import checks

KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm alignas
alignof bool constexpr false nullptr static_assert thread_local true typeof typeof_unqual and and_eq bitand bitor
catch class compl concept consteval constinit const_cast co_await co_return co_yield decltype delete dynamic_cast
explicit export friend mutable namespace new noexcept not not_eq operator or or_eq private protected public
reinterpret_cast requires static_cast template this throw try typeid typename using virtual wchar_t xor xor_eq
char8_t char16_t char32_t main
"""
"""Keywords of C, of C++ and of newer versions of both, and the name of a program's own function."""
MATH = """
abs acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs fdim floor fma
fmax fmin fmod frexp gamma hypot ilogb isfinite isinf isnan isnormal j0 j1 jn ldexp lgamma llrint llround log log10
log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow remainder remquo rint round scalbln scalbn
signbit signgam sin sinh sqrt tan tanh tgamma trunc y0 y1 yn
"""
"""What math.h declares, which the header includes; each but for a few also with the suffix f or l."""
LONGEST = 40
"""Names of functions and arrays begin with that of the model; C99 promises to tell apart the first 63 letters."""


def identifier(value: object) -> str:
    """Check and return a name that a C function may have.

    Raises
    ------
    TypeError, ValueError
        For what is no name, and for names that C, C++ or their libraries keep for themselves.
    """
    checks.text("name", value)
    name = str(value)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        letters = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
        meant = letters if re.match(r"[A-Za-z]", letters) else f"model_{letters}".rstrip("_")
        raise ValueError(
            "name must be a C identifier, of letters without accents, digits and underscores, "
            f"got {checks.short(name)}: pass {meant[:LONGEST]!r}"
        )
    if len(name) > LONGEST:
        raise ValueError(f"name must have at most {LONGEST} letters, got {len(name)}: pass a shorter one")
    math = MATH.split()
    if name in KEYWORDS.split() or name in math or (name[-1] in "fl" and name[:-1] in math):
        raise ValueError(f"name {name!r} is taken by C or its library: pass another, such as '{name}_model'")
    if name.startswith("_"):
        raise ValueError(f"name must not begin with an underscore, got {name!r}: pass 'model{name}'")
    return name


def comment(text: str) -> str:
    r"""Return a text that may stand in a comment of C: in ASCII, on one line, without an end of the comment.

    Examples
    --------
    >>> comment("a*/b"), comment("m² / s"), comment("x??/")
    ('a* /b', 'm\\xb2 / s', 'x? ?/')
    """
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    plain = re.sub(r"\?(?=\?)", "? ", plain)
    plain = re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match[0]):02x}", plain)
    return plain.replace("*/", "* /").replace("/*", "/ *").rstrip("\\")
