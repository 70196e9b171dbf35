/* What the machine's multipliers can do at best: multiply-adds that never leave the registers.

Design
------
- A multiply-add takes four cycles and two may start in each, so eight chains at least must be on their way; sixteen
  registers hold twelve and what they are multiplied with.
- Every chain is x -> x * shrink + grow, which settles: no number becomes subnormal or infinite. The compiler may neither
  shorten a chain (no -ffast-math), nor drop it, for its end is returned, nor make one of two, for each starts elsewhere.
  Nor may it know the factors: a chain that starts where it settles would be no work. */
#ifndef GDCORE_PEAK_H
#define GDCORE_PEAK_H

#include "machine/vector.h"

enum { CHAINS = 12, CHAIN_FLOPS = 2 * CHAINS * LANES };

static real multiply_adds(int64_t repeats)
{
    static volatile real shrink = 0.5, grow = 0.5;
    vector sum[CHAINS], total = {0};
    const vector by = shrink - (vector){0}, plus = grow - (vector){0};
    for (int j = 0; j < CHAINS; j++)
        sum[j] = (real)j - (vector){0};
    for (int64_t i = 0; i < repeats; i++)
        UNROLL(12)
        for (int j = 0; j < CHAINS; j++)
            sum[j] = sum[j] * by + plus;
    for (int j = 0; j < CHAINS; j++)
        total += sum[j];
    return total[0];
}

#endif
