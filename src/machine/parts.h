/* Sums of doubles in eight running parts, added in one fixed tree: the same bits for every vector width. */
#ifndef GDCORE_PARTS_H
#define GDCORE_PARTS_H

/* The sum of eight running parts. */
static inline double eight_parts(const double *part)
{
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

#endif
