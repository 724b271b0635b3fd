/* SPDX-License-Identifier: ISC */
/*
 * ring_file: one program's ring, as oxd sees it from outside.
 *
 * Another process owns the file and may write anything into it, truncate it or vanish at any moment.  So it is never
 * mapped, only read with pread; nothing in it is believed that was not compared with a bound; and oxd writes three
 * words of it only.  Rules D1 to D4 and R1 to R4 of doc/PROMISE.md.  All calls come from the ingest thread.
 */
#ifndef BLUEOX_OXD_RING_FILE_H
#define BLUEOX_OXD_RING_FILE_H

#include <uthash.h>

#include "libbx/core/buf.h"
#include "libbx/core/ringfile.h"
#include "oxd/positions.h"

enum { RING_FILE_NAME = RING_NAME_LEN + 6 }; /* hex digits, .ring, NUL */

struct audit_ring;

struct ring_file {
	char name[RING_FILE_NAME];
	int fd;
	uint64_t capacity;
	struct ring_key key;
	char program[65];
	uint32_t pid;
	bool same_pidns;           /* the pid is one of our own namespace */
	bool other_boot;           /* its program cannot live any more */
	struct position *position; /* borrowed from the table; its `to` is P of the rules */
	uint64_t tail_due;         /* to be written once the batch is in the journal; 0: none */
	bool gone;                 /* nobody has it mapped any more (R2 succeeded) */
	bool closed;               /* somebody who could write has closed it: a hint to look, nothing more */
	bool kept;                 /* the kernel will not say, and nothing else does: drained, never taken away */
	unsigned probes_due;       /* look so many times soon whether it is gone */
	uint64_t leaving_at; /* its last record in the journal; once that is synced the file goes; 0: not leaving */
	uint64_t target;     /* a flush waits until `to` is here */
	int64_t idle_since_ns;
	int64_t next_probe_ns;
	int64_t next_report_ns;
	double reported_s;        /* when drops were reported last; 0: not yet */
	struct audit_ring *audit; /* borrowed; NULL until there was something to count */
	UT_hash_handle hh;        /* by name */
};

/* What a program's header says about its drops, read now. */
struct ring_drops {
	struct drop_totals totals;
	double first, last; /* 0 when not told, or told as nonsense */
	uint64_t events;    /* that it has written in all */
};

bool ring_file_is_name(const char *name);

/*
 * Opens it and finds where to go on: the furthest of what the journal says and the ring's own tail.  BX_EBAD: it is no
 * ring and should be set aside.  BX_EVERSION: a newer libbx made it.  BX_EIO with errno: it could not be opened.
 */
enum bx_err ring_file_open(
    int rings_fd, const char *name, const uint8_t boot_id[16], struct positions *positions, struct ring_file **out);
void ring_file_close(struct ring_file **r);

/* D1: how many bytes wait.  BX_EBAD: the head is impossible. */
enum bx_err ring_file_waiting(struct ring_file *r, uint64_t *bytes);

/* What one visit found. */
struct ring_visit {
	uint64_t from, to;
	uint32_t events;   /* in the frame */
	uint32_t bad_maps; /* left out */
	uint32_t too_big;  /* left out */
	bool ended;        /* nothing behind `to` can be read, ever */
};

/*
 * D2: reads at most about `most` of the `waiting` bytes and adds their events to a started frame.  Nothing has moved
 * yet: the caller journals the frame, sets position->to, and has the tail written after the batch.  BX_EBAD: damaged.
 */
enum bx_err ring_file_visit(struct ring_file *r, uint64_t waiting, uint64_t most, struct buf *window, struct buf *frame,
    size_t frame_at, struct ring_visit *out);

/* D4, after journal_write(). */
void ring_file_write_tail(struct ring_file *r);

/* Tells a live writer to take another ring. */
void ring_file_ask_to_leave(struct ring_file *r);

bool ring_file_drops(struct ring_file *r, struct ring_drops *out);

/* R2 and R3: true when nobody has the file open or mapped any more.  Sets `gone`. */
bool ring_file_probe(struct ring_file *r);

#endif
