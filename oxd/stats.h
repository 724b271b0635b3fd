/* SPDX-License-Identifier: ISC */
/*
 * stats: the counters of a running oxd.
 *
 * One line in stats.def is a counter: the enum, the name in STATUS and the sentence come from it.  Counters only grow,
 * are reset by a restart, and may be added to from any thread.
 */
#ifndef BLUEOX_OXD_STATS_H
#define BLUEOX_OXD_STATS_H

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

enum counter {
#define COUNTER(name, unit, sentence) STAT_##name,
#include "oxd/stats.def"
#undef COUNTER
	STAT_COUNT
};

/* All zeroes is valid. */
struct stats {
	_Atomic uint64_t values[STAT_COUNT];
};

static inline void
stats_add(struct stats *s, enum counter which, uint64_t n)
{
	atomic_fetch_add_explicit(&s->values[which], n, memory_order_relaxed);
}

static inline uint64_t
stats_get(const struct stats *s, enum counter which)
{
	return atomic_load_explicit(&s->values[which], memory_order_relaxed);
}

/* A file could not be opened, for the reason in errno. */
static inline void
stats_note_open(struct stats *s)
{
	if (errno == EMFILE || errno == ENFILE)
		stats_add(s, STAT_files_refused, 1);
}

const char *stat_name(enum counter which);
const char *stat_unit(enum counter which);
const char *stat_sentence(enum counter which);

#endif
