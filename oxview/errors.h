/* SPDX-License-Identifier: ISC */
/*
 * errors: events that tell of something that went wrong, gathered by fingerprint (fault.h).
 *
 * Of each group little is kept: how many, when, where, and what the first event that came said of it.  When a fingerprint is
 * asked for, of the groups that it may mean the three latest events are kept too.  When memory is used up groups that are
 * not there yet are left out, and counted; those that are there go on.
 */
#ifndef BLUEOX_OXVIEW_ERRORS_H
#define BLUEOX_OXVIEW_ERRORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oxview/fault.h"

enum { FAULT_NAMES = 8, FAULT_SAMPLES = 3, FAULT_SAMPLE_MOST = 1024 * 1024 };

struct fault_names {              /* different ones, in the order in which they came */
	char *names[FAULT_NAMES]; /* owned */
	size_t count;
	bool more;
};

struct fault_sample {
	double when;
	uint8_t *raw; /* owned; the whole event */
	size_t n;
};

struct fault_group {
	char print[FAULT_PRINT_MAX + 1];
	uint64_t hash, count;
	double first, last; /* seconds since the epoch; NaN: no event told */
	struct fault_names hosts, types;
	struct fault fault;                         /* of the first that came, cut; borrows from kept */
	uint8_t *kept;                              /* owned */
	uint64_t said;                              /* hash of class, code and message of it */
	bool varied;                                /* others said something else */
	bool cut;                                   /* the stack was too large to keep */
	struct fault_sample samples[FAULT_SAMPLES]; /* the latest first */
	size_t sample_count;
};

enum errors_order { ERRORS_BY_COUNT, ERRORS_BY_FIRST, ERRORS_BY_LAST };

struct errors {
	const char *wanted;          /* borrowed: how the print starts, or the one in the event; NULL: all */
	struct fault_group **groups; /* owned, and each of them */
	size_t count, cap;
	uint32_t *table; /* owned: place of a group + 1, by hash; a power of two long */
	size_t table_size;
	uint64_t memory_bytes, used_bytes;
	uint64_t events, left_out; /* errors seen, and those whose group had no room */
};

/* False: out of memory. */
bool errors_init(struct errors *e, const char *wanted, uint64_t memory_bytes);
void errors_fini(struct errors *e);

void errors_add(struct errors *e, const struct event *ev);

/* Behind the last add.  Ascending, or the other way round; equal ones by print. */
void errors_sort(struct errors *e, enum errors_order order, bool reverse);

/* The group that `wanted` means: the only one, or the one that is called exactly so.  NULL: none, or more than one. */
const struct fault_group *errors_one(const struct errors *e);

#endif
