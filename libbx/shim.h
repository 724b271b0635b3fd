/* SPDX-License-Identifier: ISC */
/*
 * shim: the few calls of libbx that only our own preload object makes.
 *
 * They stand behind a private symbol version, may change with every release, and keep the rules of blueox.h: never
 * block, print, exit, or touch errno.
 */
#ifndef BLUEOX_SHIM_H
#define BLUEOX_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/blueox.h"

/*
 * From the shim's constructor: loading it counts as bx_configure_default(), but a program that makes no event shall not
 * pay for it.  `begin` is called when the program's own code is about to make one, or configures; it calls
 * bx__process_begin() if the process is to be recorded, and returns false while another thread is about it.
 */
void bx__process_offer(bool (*begin)(void));

/* The process as its shim knows it. */
struct bx__process {
	const char *name;   /* its type (`psql`, `nightly.psql`), copied */
	int64_t start_mono; /* when it began, ns; 0: now */
	int64_t start_wall;
	bool tcp; /* BLUEOX_HOST counts */
	const char *(*setting)(
	    const char *variable); /* what is said of a variable that the environment lacks; or NULL */
	uint32_t (*bad_settings)(
	    void); /* how many there are besides libbx's own, asked when it has read these; or NULL */
};

/*
 * Counts as bx_configure_default() and makes the process itself a context: whatever is opened while this thread has no
 * context of its own lies under it.  BLUEOX_ID and TRACEPARENT are read for its id and parent.  Nothing is allocated or
 * opened; safe before constructors have run.  Returns 0, or -1 when recording stays off, also because the program has
 * shut down what was offered.  A second call, from a shim loaded twice, changes nothing and returns -1.
 */
int bx__process_begin(const struct bx__process *p);

/*
 * The process context's own event, to be filled and ended with bx_done() when the process leaves: NULL unless this
 * process (not its parent) has emitted something, and at most once.  Its start is the process's start.
 */
bx_ctx *bx__process_event(void);

/* One field of an error's own map. */
struct bx__error_field {
	const char *key;
	const char *text; /* NULL: left out */
};

struct bx__error {
	const char *error_class; /* "pq" */
	const char *code;        /* "42P01"; NULL: left out */
	const char *message;     /* NULL: left out */
	size_t message_len;
	const struct bx__error_field *fields;
	size_t field_count;
	void *const *frames; /* a stack that was taken before; NULL: it is taken now */
	int frame_count;
	/* An address in the caller's object, which is never unloaded: its innermost frames are left out. */
	const void *skip_object;
	bool fresh; /* the context has no `error` yet, which saves looking for one */
};

/* Sets `error` on a context, with stack and fingerprint.  The message is cut at 4 KiB. */
void bx__ctx_error(bx_ctx *ctx, const struct bx__error *error);

/* Sets a stack at `key`, without an error: these frames, or (NULL) those of now. */
void bx__ctx_stack(bx_ctx *ctx, const char *key, void *const *frames, int count, const void *skip_object);

/* The stack of now, for later: the innermost frames outside of libbx and of that object. */
int bx__stack_now(void **frames, int max, const void *skip_object);

/*
 * As bx_new(), for a name of which BX__NAME_KNOWN() is `known` and whose text stays where it is for the life of the
 * process; *start_ns is when it began, by the monotonic clock.
 */
bx_ctx *bx__ctx_new(const char *name, uint32_t known, int64_t *start_ns);

/* As bx_done(), at that moment of the monotonic clock, which the caller has read anyway. */
int bx__ctx_done(bx_ctx *ctx, int64_t end_ns);

/* Ends it without its event, which is counted as dropped (`inert`) if there would have been one. */
void bx__ctx_drop(bx_ctx *ctx);

/*
 * Fields that the caller writes itself, in one go: returns where `count` of them may be written, key and value, as
 * MessagePack, in `most` bytes together; or NULL, when the context records nothing or has no room (counted).  Keys have no
 * dot and are new to the context.  Between the two calls the caller only writes; *end* is where it came to.
 */
uint8_t *bx__fields_open(bx_ctx *ctx, size_t most, uint32_t count);
void bx__fields_close(const uint8_t *end, uint32_t count);

/* The same for the last fields, and bx__ctx_done(). */
int bx__fields_close_done(const uint8_t *end, uint32_t count, int64_t end_ns);

/* A field whose value is a list of texts, left out whole when there is no room for it. */
void bx__ctx_texts(bx_ctx *ctx, const char *key, const struct bx_slice *texts, size_t count);

enum { BX__TRACEPARENT = 56 };

/*
 * Writes the W3C traceparent that puts another process's events under this context, NUL-terminated.  False, and empty,
 * when the context is none, or its id is not one that W3C knows (given by hand, not 32 hex digits).
 */
bool bx__ctx_traceparent(bx_ctx *ctx, char out[BX__TRACEPARENT]);

enum { BX__FRAMES = 64 };

/* Opens libunwind, unless a signal handler may be what asks; true when it is open. */
bool bx__stack_prepare(void);

/* Makes this thread's ring before there is an event, for a process that will be where none can be made. */
void bx__ring_prepare(void);

/* In the handler of a fault, with its third argument: the stack where the fault was; see stack_take_interrupted(). */
int bx__stack_interrupted(const void *context, void *pcs[BX__FRAMES]);

/* True in a child that shares its parent's memory (vfork): what is emitted here would be the parent's. */
bool bx__borrowed(void);

/*
 * For the handler of a fault that ends the process: a `.crash` event of this thread with the contexts that it has open,
 * to be filled and ended with bx_done().  Comes out of the middle of libbx too, which must not be gone back to.  NULL:
 * nothing is recorded.
 */
bx_ctx *bx__crash_begin(void);

/* True while this thread is inside libbx's own publishing: a signal handler came in the middle of it. */
bool bx__busy(void);

#endif
