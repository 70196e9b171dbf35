/* The number that every kernel works in: float or double, one per compiled module (-DREAL=...). */
#ifndef GDCORE_REAL_H
#define GDCORE_REAL_H

#include <stddef.h>
#include <stdint.h>

typedef REAL real;

/* 1 or 0, in #if too: the preprocessor cannot compare type names, so it pastes one to a known prefix. */
#define GDCORE_IS_float 1
#define GDCORE_IS_double 0
#define GDCORE_PASTE_(a, b) a##b
#define GDCORE_PASTE(a, b) GDCORE_PASTE_(a, b)
#define REAL_IS_FLOAT GDCORE_PASTE(GDCORE_IS_, REAL)

/* ONE_COPY: before a large function that gains nothing by a copy for one of its callers.
 *
 * UNROLL: before a loop of at most n passes whose number the compiler can know: no loop. What it makes is a vector's
 * body, or lives in registers, so Clang 14 must not leave it for later, as it does where it is asked in GCC's words. */
#if defined(__clang__)
#define UNROLL(n) _Pragma("clang loop unroll(full)")
#define ONE_COPY __attribute__((noinline))
#else
#define PRAGMA_(text) _Pragma(#text)
#define UNROLL(n) PRAGMA_(GCC unroll n)
#define ONE_COPY __attribute__((noinline, noclone))
#endif

#if REAL_IS_FLOAT
#define real_abs __builtin_fabsf
#else
#define real_abs __builtin_fabs
#endif

#endif
