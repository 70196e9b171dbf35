/* NumPy's default generator of each of many seeds: PCG64, XSL-RR (O'Neill, 2014), begun as `SeedSequence` begins it.
 *
 * Design
 * ------
 * - A generator made for one seed takes longer to set up than a small model's initial weights to draw. Here the states of
 *   all seeds are an array, and NumPy's distributions draw from it as from one generator: so many numbers from each
 *   state, then from the next.
 * - What NumPy's next versions make of a seed is theirs: the caller compares with NumPy's own generator. */
#ifndef GDCORE_STREAMS_H
#define GDCORE_STREAMS_H

#include <stddef.h>
#include <stdint.h>

typedef unsigned __int128 word128;

typedef struct {
    word128 state, step;
} stream;

typedef struct {
    stream *of;             /* (n,), one for each seed */
    ptrdiff_t n, at;        /* the one that is drawn from */
    ptrdiff_t each, left;   /* numbers drawn from each before the next one, and from this one */
} seed_streams;

typedef struct {            /* the part of NumPy's C interface that a bit generator hands over */
    void *state;
    uint64_t (*next_uint64)(void *);
    uint32_t (*next_uint32)(void *);
    double (*next_double)(void *);
    uint64_t (*next_raw)(void *);
} bit_generator;

#define PCG_FACTOR (((word128)0x2360ED051FC65DA4u << 64) | 0x4385DF649FCCF645u)
enum { POOL = 4 };

static inline uint32_t seed_word(uint32_t word, uint32_t *hash, uint32_t factor)
{
    word ^= *hash;
    *hash *= factor;
    word *= *hash;
    return word ^ word >> 16;
}

/* Begin the stream of a seed. */
static void begin_stream(uint64_t seed, stream *to)
{
    uint32_t pool[POOL], hash = 0x43b0d7e5u;
    uint64_t word[POOL];
    for (int i = 0; i < POOL; i++)
        pool[i] = seed_word(i < 2 ? (uint32_t)(seed >> 32 * i) : 0, &hash, 0x931e8875u);
    for (int i = 0; i < POOL; i++)
        for (int j = 0; j < POOL; j++)
            if (j != i) {
                const uint32_t mixed = 0xca01f9ddu * pool[j] - 0x4973f715u * seed_word(pool[i], &hash, 0x931e8875u);
                pool[j] = mixed ^ mixed >> 16;
            }
    hash = 0x8b51f9ddu;
    for (int i = 0; i < POOL; i++) {
        const uint32_t low = seed_word(pool[2 * i % POOL], &hash, 0x58f38dedu);
        word[i] = low | (uint64_t)seed_word(pool[(2 * i + 1) % POOL], &hash, 0x58f38dedu) << 32;
    }
    to->step = ((word128)word[2] << 64 | word[3]) << 1 | 1;
    to->state = (to->step + ((word128)word[0] << 64 | word[1])) * PCG_FACTOR + to->step;
}

static uint64_t streams_word(void *state)
{
    seed_streams *all = state;
    stream *own = all->of + all->at;
    own->state = own->state * PCG_FACTOR + own->step;
    if (--all->left == 0)
        all->at = (all->at + 1) % all->n, all->left = all->each;
    const uint64_t word = (uint64_t)(own->state >> 64) ^ (uint64_t)own->state;
    const unsigned turn = (unsigned)(own->state >> 122);
    return word >> turn | word << (-turn & 63);
}

static double streams_real(void *state) { return (double)(streams_word(state) >> 11) / 9007199254740992.0; }

/* Not PCG64's halves: a distribution that asks for 32 bits, as none does that is drawn here, would draw other numbers. */
static uint32_t streams_half(void *state) { return (uint32_t)(streams_word(state) >> 32); }

#endif
