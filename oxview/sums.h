/* SPDX-License-Identifier: ISC */
/*
 * sums: events counted, by the values of some fields and by stretches of time, and how their numbers are spread.
 *
 * Every group is held in memory; when they come to more than was allowed, adding fails and nothing is shown.  Groups
 * are the same in whatever order events come, so sums of parts of the events can be merged.
 */
#ifndef BLUEOX_OXVIEW_SUMS_H
#define BLUEOX_OXVIEW_SUMS_H

#include "libbx/core/event.h"
#include "libbx/core/paths.h"
#include "oxview/hist.h"

/* What is to be summed.  The first `by` paths make the groups, the rest are numbers. */
struct sums_spec {
	const char *paths; /* text for paths_parse; NULL: none */
	size_t by, numbers;
	double stretch; /* seconds; 0: time does not matter */
	uint64_t memory_bytes;
};

struct sums_group {
	uint64_t hash, count;
	double time;        /* where its stretch starts; NaN: its events have no time, or it does not matter */
	struct hist *hists; /* one a number, in the same piece of memory; NULL when there are none */
	uint32_t key_len;
	uint8_t key[]; /* one MessagePack object a field, or SUMS_MISSING; in front, when time matters, its stretch */
};

enum { SUMS_MISSING = 0xc1 };

struct sums {
	struct sums_spec spec;
	struct paths *paths;        /* owned */
	struct sums_group **groups; /* owned, and each of them */
	size_t count, cap;
	uint32_t *table; /* owned: place of a group + 1, by hash; a power of two long */
	size_t table_size;
	uint64_t used_bytes;
	struct buf key; /* of the event at hand */
	bool full;      /* memory_bytes, or the machine's memory, was used up */
};

/* False: out of memory. */
bool sums_init(struct sums *s, const struct sums_spec *spec);
void sums_fini(struct sums *s);

/* False when memory is used up. */
bool sums_add(struct sums *s, const struct event *ev);

/*
 * The same in two steps, for who does not know yet whether the event counts: its group (NULL: memory is used up) and its numbers
 * (PATHS_MAX of them at most); and then that it does.  A group that nothing came to counts for nothing, in merges.
 */
struct sums_group *sums_find(struct sums *s, const struct event *ev, double *numbers);
bool sums_count(struct sums *s, struct sums_group *g, const double *numbers);

bool sums_merge(struct sums *to, const struct sums *from);

/*
 * Sorts the groups: by time where it matters, then the most events first, then by their values.  Call once, behind the
 * last add.
 */
void sums_finish(struct sums *s);

/* The value of field i of a group; absent where its events have none. */
struct bytes sums_value(const struct sums *s, const struct sums_group *g, size_t i);

#endif
