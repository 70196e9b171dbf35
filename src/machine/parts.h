/* Sums of doubles whose bits are the same for every vector width and in every loop. */
#ifndef GDCORE_PARTS_H
#define GDCORE_PARTS_H

/* The sum of eight running parts, doubles or vectors of them, in one fixed tree. */
#define EIGHT_PARTS(part) \
    ((((part)[0] + (part)[4]) + ((part)[2] + (part)[6])) + (((part)[1] + (part)[5]) + ((part)[3] + (part)[7])))

static inline double eight_parts(const double *part)
{
    return EIGHT_PARTS(part);
}

/* sum + a b with two roundings. Otherwise the compiler fuses them in some loops and not in others. */
static inline double plus_product(double sum, double a, double b)
{
    const volatile double term = a * b;
    return sum + term;
}

#endif
