/* SPDX-License-Identifier: ISC */
/*
 * oxrun_tally: what the events of a run add up to, program by program.
 *
 * It is fed the events themselves, one at a time and in any order, and keeps counts, the slowest queries and the
 * different errors; nothing in it grows with the number of events but the number of programs does.
 */
#ifndef BLUEOX_PRELOAD_OXRUN_TALLY_H
#define BLUEOX_PRELOAD_OXRUN_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/event.h"

enum { TALLY_TEXT = 160, TALLY_SLOWEST = 3, TALLY_ERRORS = 8 };

/* Everything that is counted for a program: one line a number.  COUNT(member, key in JSON, heading in the table) */
#define TALLY_COUNTS(COUNT)                                                                                            \
	COUNT(processes, "processes", "processes")                                                                     \
	COUNT(connects, "connects", "connects")                                                                        \
	COUNT(queries, "queries", "queries")                                                                           \
	COUNT(query_errors, "query_errors", "failed")                                                                  \
	COUNT(cache_calls, "memcache_calls", "memcache")                                                               \
	COUNT(hits, "memcache_hits", "hits")                                                                           \
	COUNT(misses, "memcache_misses", "misses")                                                                     \
	COUNT(cache_errors, "memcache_errors", "failed")                                                               \
	COUNT(log_lines, "log_lines", "log lines")                                                                     \
	COUNT(log_errors, "log_errors", "err or worse")                                                                \
	COUNT(crashes, "crashes", "crashes")                                                                           \
	COUNT(others, "other_events", "others")

struct tally_program {
	char *name; /* owned */
#define TALLY_MEMBER(member, key, heading) uint64_t member;
	TALLY_COUNTS(TALLY_MEMBER)
#undef TALLY_MEMBER
	double sql_seconds, slowest, cache_seconds;
};

struct tally_slow {
	double seconds;
	char program[TALLY_TEXT], query[TALLY_TEXT];
};

struct tally_error {
	uint64_t count;
	char program[TALLY_TEXT], text[TALLY_TEXT]; /* `pq 42P01: relation "x" does not exist` */
};

struct tally {
	const char *prefix;             /* left out of names; borrowed, NULL: none */
	struct tally_program *programs; /* owned */
	size_t program_count;
	uint64_t events, errors_left_out;
	uint64_t dropped,
	    dropped_by_programs; /* as oxd tells, and as programs say when they leave: the same, or parts of it */
	struct tally_slow slowest[TALLY_SLOWEST]; /* the slowest first */
	size_t slowest_count;
	struct tally_error errors[TALLY_ERRORS]; /* as they came */
	size_t error_count;
	bool out_of_memory;
};

void tally_fini(struct tally *t);

/* Events that an oxd makes of itself count for nothing, but drops that it tells of do. */
void tally_add(struct tally *t, const struct event *ev);

#endif
