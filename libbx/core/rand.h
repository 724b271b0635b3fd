/* SPDX-License-Identifier: ISC */
/*
 * rand: xoshiro256++ by Blackman and Vigna (https://prng.di.unimi.it/), for ids, spans and sampling.
 *
 * Fast and well distributed, not for secrets.  Each thread has its own, seeded from the kernel.
 */
#ifndef BLUEOX_CORE_RAND_H
#define BLUEOX_CORE_RAND_H

#include <stdbool.h>
#include <stdint.h>

struct rand {
	uint64_t s[4];
};

/* Seeds from getrandom(2), without blocking; false, and seeded from clocks and addresses, when the kernel gave none. */
bool rand_seed(struct rand *r);

static inline uint64_t
rand_rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static inline uint64_t
rand_u64(struct rand *r)
{
	uint64_t result = rand_rotl(r->s[0] + r->s[3], 23) + r->s[0];
	uint64_t t = r->s[1] << 17;
	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rand_rotl(r->s[3], 45);
	return result;
}

/* Evenly in [0, 1). */
static inline double
rand_unit(struct rand *r)
{
	return (double)(rand_u64(r) >> 11) * 0x1.0p-53;
}

#endif
