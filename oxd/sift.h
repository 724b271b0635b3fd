/* SPDX-License-Identifier: ISC */
/*
 * sift: a frame that is being made goes through the rules, and a list is made of what they left out.
 *
 * The frame is the last thing in its buf, and not sealed yet.  Without rules it stays as it is and costs nothing.  Ingest thread.
 */
#ifndef BLUEOX_OXD_SIFT_H
#define BLUEOX_OXD_SIFT_H

#include "oxd/left_out.h"
#include "oxd/rules.h"
#include "oxd/stats.h"

struct sift {
	struct rules *rules; /* owned; NULL: everything is kept */
	struct stats *stats; /* borrowed */
	/* Of the newest frame of a program, and of clients; both lists are the caller's to go through, and to empty. */
	struct left_out of_program, of_clients;
	struct buf other;
};

/* Leaves in the frame what is kept of a program's events, and returns how many those are. */
uint32_t sift_program(struct sift *s, struct buf *b, size_t frame_at, const char *program);

/* The same for events of version 3 clients, which may be of several hosts. */
uint32_t sift_clients(struct sift *s, struct buf *b, size_t frame_at);

/* From now on by these, which may be NULL; takes them over. */
void sift_use(struct sift *s, struct rules *rules);

void sift_fini(struct sift *s);

#endif
