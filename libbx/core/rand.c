/* SPDX-License-Identifier: ISC */
/* rand: seeding. */
#include "libbx/core/rand.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static uint64_t
splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15ULL);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

bool
rand_seed(struct rand *r)
{
	int kept = errno;
	bool ok = getrandom(r->s, sizeof r->s, GRND_NONBLOCK) == (ssize_t)sizeof r->s;
	errno = kept;
	if (ok && (r->s[0] | r->s[1] | r->s[2] | r->s[3]))
		return true;
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	uint64_t x = (uint64_t)ts.tv_nsec ^ ((uint64_t)ts.tv_sec << 32) ^ (uint64_t)(uintptr_t)r;
	clock_gettime(CLOCK_REALTIME, &ts);
	x ^= splitmix(&x) + (uint64_t)ts.tv_nsec;
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&x);
	return false;
}
