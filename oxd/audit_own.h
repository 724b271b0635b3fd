/* SPDX-License-Identifier: ISC */
/*
 * audit_own: what the two files of the account share.  audit.c counts and answers; audit_state.c writes it down and reads
 * it back.  All of it under lock.
 */
#ifndef BLUEOX_OXD_AUDIT_OWN_H
#define BLUEOX_OXD_AUDIT_OWN_H

#include "oxd/audit.h"

struct audit_reason {
	char reason[32];
	char *rule; /* owned; NULL: none */
	uint64_t count, bytes;
	uint64_t untold, untold_bytes;
	double first, last; /* of what is untold */
	struct audit_reason *next;
};

struct audit_entry {
	char *host, *program; /* in key */
	uint64_t written;     /* as journaled */
	uint64_t live;        /* and by rings' headers since */
	uint64_t found, kept, read[AUDIT_READERS];
	struct audit_reason *reasons;
	unsigned reason_count;
	uint32_t index; /* in the snapshot that is being written */
	UT_hash_handle hh;
	char key[]; /* host, a zero byte, program, a zero byte */
};

struct audit_entry *audit_find_or_add(struct audit *a, struct bytes host, const char *program);
struct audit_reason *audit_find_or_add_reason(struct audit_entry *e, const char *reason, const char *rule);
struct audit_ring *audit_find_or_add_ring(struct audit *a, const struct ring_key *key, struct audit_entry *entry);

/* The ring's program has written so much, durably told. */
void audit_ring_counted(struct audit_ring *r, uint64_t written);

/* A ring that has gone, all of whose events a reader has told of durably, is not asked for again. */
void audit_forget_rings(struct audit *a);

/* Everything as before the first record. */
void audit_reset(struct audit *a);

#endif
