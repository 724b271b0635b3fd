/* SPDX-License-Identifier: ISC */
/*
 * audit: where every event went, by host and program, since this oxd started.
 *
 * Three parties count by themselves: the program in its ring's header (written, dropped for want of room), the ingest
 * thread (found in rings and messages, left out by which rule, kept), the log writer (written to log files).  So that the
 * sums agree says something: written + dropped by the program = logged + dropped, by reason + under way.
 *
 * Bounded: hosts and programs beyond the first thousand are counted together.  Any thread.
 */
#ifndef BLUEOX_OXD_AUDIT_H
#define BLUEOX_OXD_AUDIT_H

#include <pthread.h>
#include <uthash.h>

#include "libbx/core/buf.h"
#include "libbx/core/event.h"
#include "oxd/record.h"

struct audit_entry; /* lives as long as the audit */
struct audit_ring;

struct audit {
	pthread_mutex_t lock;
	char host[256]; /* our own */
	uint8_t origin[FRAME_ORIGIN];
	bool forwards; /* nothing is logged here: audit_logged() is told of what was sent upstream */
	/* under lock */
	struct audit_entry *entries;
	struct audit_ring *rings;
};

void audit_init(struct audit *a, const uint8_t origin[FRAME_ORIGIN]);
void audit_fini(struct audit *a);

/* The entry of a program on this host; of a host's version 3 clients. */
struct audit_entry *audit_program(struct audit *a, const char *program);
struct audit_entry *audit_clients(struct audit *a, struct bytes host);

/* From now on frames from this ring are that program's. */
void audit_ring(struct audit *a, const struct ring_key *key, struct audit_entry *entry);

/* What one of the parties has counted. */
void audit_written(struct audit *a, struct audit_entry *entry, uint64_t events); /* by a program, into its ring */
void audit_found(struct audit *a, struct audit_entry *entry, uint64_t events);   /* by intake */
void audit_kept(struct audit *a, struct audit_entry *entry, uint64_t events);    /* journaled */
void audit_logged(struct audit *a, const struct record *rec, const struct frame *frame);

/*
 * Left out, by this reason and, where there is one, rule.  `by_program`: dropped before intake found it, and told in the
 * log already; what intake itself drops is told when audit_report() is asked.
 */
void audit_dropped(struct audit *a, struct audit_entry *entry, const char *reason, const char *rule, uint64_t events,
    uint64_t bytes, bool by_program);

/* One after the other: what intake has dropped and nobody has told of.  False when there is no more. */
struct audit_report {
	char program[128];
	char reason[32];
	char rule[512]; /* empty: none */
	uint64_t count, bytes;
	double first, last;
};
bool audit_report(struct audit *a, struct audit_report *out);

/* A MessagePack array, one map a host and program. */
void audit_encode(struct audit *a, struct buf *out);

#endif
