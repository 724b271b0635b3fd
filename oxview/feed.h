/* SPDX-License-Identifier: ISC */
/*
 * feed: events out of a stream of bytes that may be damaged.
 *
 * A log is MessagePack maps one after the other, without marks between them.  The feed takes one whole map after the
 * other.  Where there is none it says so, with the offset, and looks for the next byte from which an event of the usual
 * form parses whole; so one damaged byte costs the event it lies in.  Memory is bounded by the largest event.
 *
 * The stream may be packed with zstd, gzip or bzip2; offsets then count what comes out.
 *
 * One thread.  Blocks in read(2) and nowhere else; `before_wait` is called before a read that may have to wait.
 */
#ifndef BLUEOX_OXVIEW_FEED_H
#define BLUEOX_OXVIEW_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/event.h"
#include "libbx/core/logread.h"
#include "libbx/core/logseek.h"
#include "oxview/plan.h"
#include "oxview/trouble.h"

enum {
	FEED_WINDOW = 256 * 1024,          /* usual size of what is read at once */
	FEED_EVENT_MAX = 16 * 1024 * 1024, /* a longer event is taken for damage */
	FEED_DAMAGES_TOLD = 20,            /* one by one; the rest of a file's in one line at its end */
};

struct feed {
	struct logread in;       /* what the bytes come from, unpacked */
	const char *name;        /* borrowed: what messages call the stream */
	struct trouble *trouble; /* borrowed */
	void (*before_wait)(void *context);
	void *context;

	/* window: 0 .. at consumed | at .. end not yet | end .. cap free */
	uint8_t *window;
	size_t at, end, cap;
	uint64_t base; /* offset in the stream of window[0] */
	bool regular;  /* a file, which never waits */
	bool eof;
	bool follows;          /* set by whoever opened a plain file: its end is not the end */
	struct filter *finder; /* set by whoever opened it, borrowed: events are read through it; NULL: none */
	bool waiting;          /* feed_next() was false only because there is no more now */
	struct plan plan;      /* owned; what to read of the stream; no ranges: all of it */
	struct logseek seek;
	size_t next_range;
	uint64_t stop;         /* where the range at hand ends */
	unsigned long damages; /* places where bytes were skipped */
	uint64_t untold_bytes; /* skipped at places that were not told one by one */
};

/*
 * Takes over fd.  `window` is the size of the buffer to start with, FEED_WINDOW unless many feeds are open at once.
 * False when there is no memory.
 */
bool feed_open(struct feed *f, int fd, const char *name, size_t window, struct trouble *trouble);

/* The same, but reads only what the plan says, which is taken over. */
bool feed_open_plan(
    struct feed *f, int fd, const char *name, size_t window, struct plan *plan, struct trouble *trouble);

/* The same, and begins at this offset, behind the end is the end.  Where it cannot be gone to is told, and is an end too. */
bool feed_open_at(struct feed *f, int fd, const char *name, size_t window, uint64_t offset, struct trouble *trouble);
void feed_close(struct feed *f);

/* Goes on to where an event of the usual form can be read, as it does after damage.  False: none begins before `limit`. */
bool feed_find(struct feed *f, uint64_t limit);

/* Where the next event is expected. */
uint64_t feed_offset(const struct feed *f);

/*
 * The next event, which lives until the next call.  False at the end; damage, a torn end and errors of read(2) have then
 * been told to trouble.
 */
bool feed_next(struct feed *f, struct event *ev);

#endif
