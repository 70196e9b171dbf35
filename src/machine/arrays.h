/* Numbers of other formats, converted into those of the kernels.
 *
 * A format is a letter of Python's struct module.
 */
#ifndef GDCORE_ARRAYS_H
#define GDCORE_ARRAYS_H

#include <math.h>
#include "machine/real.h"

/* Converts n numbers that are `step` bytes apart. Returns whether no finite number has become infinite. */
typedef int convert_numbers(const char *from, ptrdiff_t step, ptrdiff_t n, void *to);

/* The loop, for a step that the compiler may know. */
#define CONVERT_ALL(source, target, fits, step)                          \
    for (ptrdiff_t i = 0; i < n; i++) {                                  \
        const source value = *(const source *)(from + i * (step));       \
        const target converted = (target)value;                          \
        all &= fits;                                                     \
        ((target *)to)[i] = converted;                                   \
    }
#define CONVERT(name, source, target, fits)                                      \
    static int name(const char *from, ptrdiff_t step, ptrdiff_t n, void *to)     \
    {                                                                            \
        int all = 1;                                                             \
        if (step == sizeof(source))                                              \
            CONVERT_ALL(source, target, fits, sizeof(source))                    \
        else                                                                     \
            CONVERT_ALL(source, target, fits, step)                              \
        return all;                                                              \
    }
#define CONVERT_FLOAT(name, source) CONVERT(name##_to_real, source, real, (isinf(converted) == 0) | (isinf(value) != 0))
#define CONVERT_INTEGER(name, source)       \
    CONVERT(name##_to_real, source, real, 1) \
    CONVERT(name##_to_label, source, int64_t, 1)

CONVERT_FLOAT(float, float)
CONVERT_FLOAT(double, double)
CONVERT_INTEGER(schar, signed char)
CONVERT_INTEGER(uchar, unsigned char)
CONVERT_INTEGER(short, short)
CONVERT_INTEGER(ushort, unsigned short)
CONVERT_INTEGER(int, int)
CONVERT_INTEGER(uint, unsigned int)
CONVERT_INTEGER(long, long)
CONVERT_INTEGER(longlong, long long)

static const struct number_format {
    char letter;
    char is_real, is_label;    /* whether it is the kernels' own */
    convert_numbers *to_real, *to_label;
} NUMBER_FORMATS[] = {
    {'f', REAL_IS_FLOAT, 0, float_to_real, NULL},
    {'d', !REAL_IS_FLOAT, 0, double_to_real, NULL},
    {'l', 0, sizeof(long) == sizeof(int64_t), long_to_real, long_to_label},
    {'q', 0, sizeof(long long) == sizeof(int64_t), longlong_to_real, longlong_to_label},
    {'i', 0, 0, int_to_real, int_to_label},
    {'I', 0, 0, uint_to_real, uint_to_label},
    {'h', 0, 0, short_to_real, short_to_label},
    {'H', 0, 0, ushort_to_real, ushort_to_label},
    {'b', 0, 0, schar_to_real, schar_to_label},
    {'B', 0, 0, uchar_to_real, uchar_to_label},
};

/* The kernels' own format. */
#define REAL_FORMAT (REAL_IS_FLOAT ? "f" : "d")

/* The row of a format, or NULL for one that is not in the table. A sign before the letter says the byte order, and that an
 * `l` has four bytes; without one, and behind an @, all is the machine's own. */
static inline const struct number_format *find_format(const char *format)
{
    const char own = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
    const int standard = format && (*format == '=' || *format == own);
    if (!format)
        return NULL;
    format += standard || *format == '@';
    const char letter = standard && *format == 'l' ? 'i' : standard && *format == 'L' ? 'I' : *format;
    for (size_t i = 0; letter && !format[1] && i < sizeof NUMBER_FORMATS / sizeof *NUMBER_FORMATS; i++)
        if (letter == NUMBER_FORMATS[i].letter)
            return &NUMBER_FORMATS[i];
    return NULL;
}

#endif
