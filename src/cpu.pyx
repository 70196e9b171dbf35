# cython: language_level=3
"""Which instruction sets this machine has."""

cdef extern from *:
    """
    #if defined(__x86_64__)
    static int has_v3(void) { __builtin_cpu_init(); return __builtin_cpu_supports("x86-64-v3") != 0; }
    static int has_v4(void) { __builtin_cpu_init(); return __builtin_cpu_supports("x86-64-v4") != 0; }
    #else
    static int has_v3(void) { return 0; }
    static int has_v4(void) { return 0; }
    #endif
    """
    bint has_v3()
    bint has_v4()


def supported():
    """Names of the instruction sets that this machine runs, from the plainest to the best."""
    names = ["base"]
    if has_v3():
        names.append("v3")
    if has_v4():
        names.append("v4")
    return tuple(names)
