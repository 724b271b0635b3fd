/* SPDX-License-Identifier: ISC */
/*
 * ring_set: the rings of $RUN/rings, found as they come and forgotten when they have gone.
 *
 * inotify tells of new names and of last mappings that went; a scan at the start, after an overflow and now and then
 * makes up for whatever it did not tell.  What is no ring is moved to $RUN/bad.  Ingest thread only.
 */
#ifndef BLUEOX_OXD_RING_SET_H
#define BLUEOX_OXD_RING_SET_H

#include <stdatomic.h>
#include "oxd/ring_file.h"
#include "oxd/stats.h"

struct ring_set {
	int rings_fd;
	int bad_fd;
	int inotify_fd;
	uint8_t boot_id[16];
	struct ring_file *table;
	struct positions *positions; /* borrowed */
	struct stats *stats;         /* borrowed */
	unsigned bad_count;
	size_t max;           /* rings open at a time, half of them of one user; 0: any */
	_Atomic bool removed; /* the rings directory is not there any more; read by any thread */
	bool scan_due;
	bool all_open; /* the last scan could open every ring that it saw */
	int64_t next_scan_ns;
	int64_t next_look_ns;
};

/* `run_fd` is the run directory, which has `rings` and `bad`.  False with errno. */
bool ring_set_init(struct ring_set *set, int run_fd, struct positions *positions, struct stats *stats);
void ring_set_fini(struct ring_set *set);

/* Opens what is new, takes hints.  Never blocks.  True when there was news. */
bool ring_set_update(struct ring_set *set, int64_t now_ns);

/* Closes a drained ring whose program has gone, removes its file and forgets its position. */
void ring_set_remove(struct ring_set *set, struct ring_file **r);

/* Moves a damaged ring to $RUN/bad, forgets it, and asks its program to take another. */
void ring_set_condemn(struct ring_set *set, struct ring_file **r);

#endif
