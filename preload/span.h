/* SPDX-License-Identifier: ISC */
/*
 * span: the only door from a wrapper to libbx.
 *
 * A span is one event in the making.  NULL is allowed everywhere and does nothing, so a wrapper need not ask twice.
 * Nothing here blocks or changes errno; span_begin() to span_end() may run in a signal handler.
 */
#ifndef BLUEOX_PRELOAD_SPAN_H
#define BLUEOX_PRELOAD_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "include/blueox.h"
#include "libbx/shim.h"
#include "preload/pack.h"
#include "preload/process.h"

/* Wrappers record events of this kind in this process. */
static inline bool
span_on(enum kind kind)
{
	return process_makes(kind);
}

/* Begins an event under what is current on this thread, or under the process itself. */
bx_ctx *span_begin(const char *name);
void span_end(bx_ctx *span);

/* The same by clock readings that are made only once: when it began is told, when it ended is given (0: now). */
#define span_begin_at(name, begin_ns) span_begin_known((name), BX__NAME_KNOWN(name), (begin_ns))
bx_ctx *span_begin_known(const char *name, uint32_t known, int64_t *begin_ns);
void span_end_at(bx_ctx *span, int64_t end_ns);

/* Ends it without its event, which is counted as dropped. */
void span_drop(bx_ctx *span);

/*
 * Several new fields in one go: where `count` of them, of `most` bytes together, may be written with pack_*(), or a NULL `at`
 * when the event takes none.  Between the two nothing is called that is not pack_*().
 */
static inline struct pack
span_open(bx_ctx *span, size_t most, uint32_t count)
{
	return (struct pack){.at = span ? bx__fields_open(span, most, count) : NULL};
}

static inline void
span_close(const struct pack *p)
{
	bx__fields_close(p->at, p->count);
}

/* The same for the last fields, and span_end_at(). */
static inline void
span_close_end(const struct pack *p, int64_t end_ns)
{
	bx__fields_close_done(p->at, p->count, end_ns);
}

/* Any value that bx_ctx_set() takes.  (To C before C23 `true` is an int: write (bool)true.) */
#define span_set(span, key, value) bx_ctx_set(span, key, value)

/* Text with a length, cut at `max` bytes without cutting a UTF-8 character in two. */
void span_set_cut(bx_ctx *span, const char *key, const char *text, size_t len, size_t max);

/* A list of texts. */
void span_set_list(bx_ctx *span, const char *key, const struct bx_slice *texts, size_t count);

/* The error with the stack of the application that called us. */
void span_set_error(bx_ctx *span, const struct bx__error *error);

/* Where an event was asked for, when that call returns before the event is over. */
enum { SPAN_FRAMES = 32 };
struct span_asked {
	int count;
	void *frames[SPAN_FRAMES];
};

/* Notes where we are called from, when events of this kind can be slow at all. */
void span_keep_asked(enum kind kind, struct span_asked *asked);

void span_set_slow(bx_ctx *span, const struct span_asked *asked);

/* Says of an event that took `ns` whether it was slow, and who asked: `asked` where that was kept, else who calls. */
static inline void
span_note_slow(bx_ctx *span, enum kind kind, int64_t ns, const struct span_asked *asked)
{
	if (__builtin_expect(ns >= shim_config.slow_ns[kind], 0) && span)
		span_set_slow(span, asked);
}

/* The monotonic clock, for times inside bodies, which are told in seconds. */
static inline int64_t
span_clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline double
span_seconds(int64_t ns)
{
	return (double)ns / 1e9; /* not * 1e-9, which would add a digit that says nothing */
}

#endif
