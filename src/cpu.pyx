# cython: language_level=3
"""Which instruction sets and caches this machine has."""

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
    /* Intel lists the caches in leaf 4, AMD in another leaf of the same form: type, level, and what their size is made
     * of, each less one. */
    static long cache_bytes(int level)
    {
        unsigned leaf = 4, a, b, c, d;
        if (__get_cpuid(0x80000000u, &a, &b, &c, &d) && a >= 0x8000001du
            && __get_cpuid(0x80000001u, &a, &b, &c, &d) && c & 1u << 22)
            leaf = 0x8000001du;
        for (unsigned i = 0; i < 8 && __get_cpuid_count(leaf, i, &a, &b, &c, &d) && a & 31; i++)
            if ((a & 31) != 2 && (int)(a >> 5 & 7) == level)
                return (long)((b >> 22) + 1) * ((b >> 12 & 1023) + 1) * ((b & 4095) + 1) * (c + 1L);
        return 0;
    }
    #else
    static int has_v3(void) { return 0; }
    static int has_v4(void) { return 0; }
    static long cache_bytes(int level) { return 0 * level; }
    #endif
    """
    bint has_v3()
    bint has_v4()
    long cache_bytes(int level)


def supported():
    """Return the names of the instruction sets that this machine runs, from the plainest to the best."""
    names = ["base"]
    if has_v3():
        names.append("v3")
    if has_v4():
        names.append("v4")
    return tuple(names)


def caches():
    """Return the bytes of the data caches of levels 1 to 3 as the processor tells them, 0 where it tells none."""
    return cache_bytes(1), cache_bytes(2), cache_bytes(3)
