# cython: language_level=3
"""Which instruction sets this machine has."""

# v3 and v4 are levels of x86-64's psABI. Clang 14 and GCC 11, the oldest supported, do not know the names of levels,
# nor those of all features. A feature that they know is asked of the compiler, which also looks whether the operating
# system saves its registers. The other features are asked of the processor.
cdef extern from *:
    """
    #if defined(__x86_64__)
    #include <cpuid.h>
    static int has_v3(void)
    {
        unsigned a, b, basic, extended, d;
        __builtin_cpu_init();
        if (!__get_cpuid(1, &a, &b, &basic, &d) || !__get_cpuid(0x80000001u, &a, &b, &extended, &d))
            return 0;
        const unsigned cx16 = 1u << 13, movbe = 1u << 22, osxsave = 1u << 27, f16c = 1u << 29;
        const unsigned lahf = 1, lzcnt = 1u << 5;
        return !(~basic & (cx16 | movbe | osxsave | f16c)) && !(~extended & (lahf | lzcnt))
            && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("ssse3")
            && __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2")
            && __builtin_cpu_supports("avx") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    }
    static int has_v4(void)
    {
        return has_v3()
            && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl");
    }
    #else
    static int has_v3(void) { return 0; }
    static int has_v4(void) { return 0; }
    #endif
    """
    bint has_v3()
    bint has_v4()


def supported():
    """Return the names of the instruction sets that this machine runs, from the plainest to the best."""
    names = ["base"]
    if has_v3():
        names.append("v3")
    if has_v4():
        names.append("v4")
    return tuple(names)
