/* SPDX-License-Identifier: ISC */
/*
 * blueox.h: the whole public interface of libbx.
 *
 * BlueOx collects wide events.  A program opens a context, sets fields, and ends it; that makes one event:
 *
 *     #include <blueox.h>
 *
 *     int main(void)
 *     {
 *             bx_configure_default();
 *             BX_CONTEXT("request") {
 *                     bx_set("user", "ada");
 *                     bx_set("response.status", 200);
 *                     BX_CONTEXT(".cache")
 *                             bx_set("hit", true);
 *             }
 *     }
 *
 * Build with: cc prog.c $(pkg-config --cflags --libs libbx).  C11 or later, C++14 or later.
 *
 * What holds for every function here, unless its own comment says otherwise:
 *
 *  - It may be called from any thread, from a signal handler, before bx_configure_default() and after bx_shutdown().
 *  - It does not block, exit, abort, print, change errno, a signal mask or a signal disposition, start a thread, or
 *    keep a file descriptor open.  When something cannot be done the event (or the field) is dropped and counted:
 *    bx_stats().
 *  - Texts and bytes are copied; the caller keeps what it passed.
 *  - NULL for a context is allowed and does nothing.
 *
 * With BX_DISABLE defined before the header is included nothing of this is left in the program: every call is checked by
 * the compiler and then gone, its arguments are NOT evaluated, no symbol of libbx is needed, and what is returned is
 * what recording that is off returns.  Blocks of BX_CONTEXT() and BX_TIMEIT() run.  (bx_stats() and bx_traceparent()
 * still fill in what they are given, with nothing.  The address of a function cannot be taken then.)
 *
 * Once bx_end() has returned 1 the event survives the death of this process, however it dies, and is found in the log
 * exactly once; doc/PROMISE.md says what that covers.
 */
#ifndef BLUEOX_H
#define BLUEOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#include <type_traits>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast" /* what C and C++ share here is written once */
extern "C" {
#endif

#define BX_VERSION "0.1.0"

#ifdef __cplusplus /* what a field of a struct is when it is left out */
#define BX__UNSET = nullptr
#define BX__ZERO  = 0
#define BX__EMPTY = {}
#else
#define BX__UNSET
#define BX__ZERO
#define BX__EMPTY
#endif

/* A context.  An opaque handle, not an address: it may be kept past bx_done(), where it is recognised as stale. */
typedef struct bx_ctx bx_ctx;

/* ---- turning it on --------------------------------------------------------------------------------------------- */

/*
 * Turns recording on, with events going to the oxd of this host through shared memory (or, where BLUEOX_HOST is set,
 * as by bx_configure() with it).  The run directory is BLUEOX_RUN_DIR, else /run/blueox, else /dev/shm/blueox-<uid>;
 * BLUEOX_RING_SIZE (default 256k, 0 disables) and BLUEOX_EVENT_MAX (default 64k, at most 512k and a quarter of the
 * ring) bound what a thread and an event may take; all rings of a process stay within 8 MiB (16 threads that emit at
 * once get rings of the default size, 64 more get 64k), or where that is less within an eighth of its memory cgroup's
 * limit, but 1 MiB at least.  Nothing is opened until the first event.  The environment is read once in the life of a
 * process; a value that is not understood is counted (bad_settings) and the default stands.  In a setuid program it is
 * not read and recording stays off.
 *
 * Returns 0, or -1 when recording is off (the ring size is 0, or setuid).  Calling it again while recording is on does
 * nothing.  It may wait for another thread that is turning recording on or off at this moment; in a signal handler that
 * interrupted just that it does nothing and returns -1.
 */
int bx_configure_default(void);

/*
 * For a host without an oxd: turns recording on, with events going to an oxd elsewhere.  One thread of libbx_tcp.so.1,
 * which is opened by this call and never otherwise, sends them and keeps each until that oxd has it on disk; what is not
 * acknowledged yet dies with the process.  bx_end() is as fast as ever and waits for nothing.
 *
 * `host` is a name, an address, or any form of BLUEOX_HOST; `port` is the collection port there, 0 for the usual 3514.
 * BLUEOX_SEND_MEMORY (default 8m) bounds what may wait, beside the rings; beyond it events are dropped and counted.  At
 * exit, and in bx_shutdown(), the process waits up to BLUEOX_LINGER (default 2s) for what is on its way.  Called again it
 * moves to the other host with all that is waiting.  A forked child starts a thread of its own at its first event.
 *
 * The thread has all signals blocked and a table of descriptors of its own: the program may close whatever it likes.
 *
 * Returns 0, or -1 when recording is off: no address, libbx_tcp.so.1 is not there or is another release's, BLUEOX_RING_SIZE
 * is 0, setuid, or a fully static program.  It is off after any -1, also where it was on before.  That nobody answers there is no error, and is seen in bx_stats().  Not for signal handlers.
 */
int bx_configure(const char *host, int port);

/*
 * Turns recording off.  Contexts still open, or stopped, are not emitted, also not when recording is turned on again.  Safe to call
 * twice, from atexit, in a forked child, and while other threads emit.  Waits as bx_configure_default() does.
 */
void bx_shutdown(void);

/* True after a bx_configure_default() that worked, until bx_shutdown(). */
bool bx_configured(void);

/* ---- contexts -------------------------------------------------------------------------------------------------- */

/*
 * What the compiler knows of a context's name that is a literal of one part: `request` (its length) or `.sql` (the same
 * and BX__NAME_UNDER).
 */
#define BX__NAME_UNKNOWN 0xffffffffU
#define BX__NAME_UNDER   0x100U
#define BX__NAME_MAX     31U
#define BX__NAME_KNOWN(name)                                                                                           \
	(__builtin_constant_p(__builtin_strlen(name)) ? bx__name_known((name), __builtin_strlen(name))                 \
						      : BX__NAME_UNKNOWN)

static inline uint32_t
bx__name_known(const char *name, size_t n)
{
	size_t under = name[0] == '.';
	if (n <= under || n > BX__NAME_MAX || name[0] == '^' || __builtin_strchr(name + under, '.'))
		return BX__NAME_UNKNOWN;
	return (uint32_t)(n - under) + (under ? BX__NAME_UNDER : 0U);
}

/*
 * Opens a context and makes it this thread's current one.  Names: `request` is a name of its own, unless an open
 * context's name is a proper prefix of it (`request` open, then `request.db` lies under it); `.sql` lies under the
 * current context; `^.sql` under the outermost.  doc/SEMANTICS.md has all cases.  A mistaken name (`..x`, `^x`, empty)
 * gives a context that records nothing, and is counted.
 *
 * Every bx_begin() needs its bx_end() on the same thread; BX_CONTEXT() pairs them by itself.  Returns the context, or
 * NULL when recording is off or memory is short (the pairing holds all the same).
 */
bx_ctx *bx_begin(const char *name);
bx_ctx *bx__begin(const char *name, uint32_t known);
#define bx_begin(name) bx__begin((name), BX__NAME_KNOWN(name))

/*
 * Ends the current context of this thread and emits its event.  Returns 1 when the event is in a ring, 0 when it is
 * not: recording is off, no context is open, the context is inert, or the event was dropped and counted.
 */
int bx_end(void);

/* The current context of this thread, or NULL. */
bx_ctx *bx_current(void);

/*
 * An open context of this thread: "." the current one, ".." the one before it, "^" the outermost, else the innermost
 * one whose whole name is this.  NULL when there is none.
 */
bx_ctx *bx_find(const char *name);

/*
 * Empties this thread's stack and emits nothing: for the top of a loop that is reached by longjmp() or that must start
 * clean.  Contexts of bx_begin() and BX_CONTEXT() are over; those of bx_new() are stopped, and still somebody's to end.
 * After a siglongjmp() out of a handler that had interrupted libbx itself, this thread records nothing until it calls
 * this, with the signal mask as it was (sigsetjmp(env, 1)).  Not for handlers: there it does nothing where it can tell,
 * which it cannot for handlers with SA_RESETHAND, or with SA_NODEFER and SA_ONSTACK but no alternate stack.
 */
void bx_clear(void);

/*
 * For event loops, where one thread works on many requests in turn: bx_new() makes a context, named and parented by
 * what is current now, with its start time now, but on no thread's stack.  bx_start() pushes it on the calling thread's
 * stack, bx_stop() takes it off wherever it lies there, bx_done() emits it (stopping it first if need be) and ends the
 * handle.  Between stop and start a context may move to another thread; only one thread may use it at a time.
 *
 * bx_new() returns NULL as bx_begin() does.  bx_done() returns as bx_end() does; a handle that is done emits nothing.
 */
bx_ctx *bx_new(const char *name);
void bx_start(bx_ctx *ctx);
void bx_stop(bx_ctx *ctx);
int bx_done(bx_ctx *ctx);

/*
 * Whether a context is recorded is decided when it is made, with probability `rate` (0 never, 1 always):
 *
 *     {".", r}     for this context alone; also with its own name in place of the dot
 *     {"..", r}    once for each parent and name: of one request either all such sub-events are recorded or none
 *     {"^", r}     once for each outermost context and name
 *     {"NAME", r}  once for each open context of that (whole) name
 *
 * Where there is no such parent the rate is for the context alone.  What lies under a context that is not recorded is
 * not recorded either, and costs a few nanoseconds.  A rule in BLUEOX_SAMPLE that fits the name takes precedence.
 */
struct bx_sample {
	const char *scope BX__UNSET; /* NULL: always recorded */
	double rate BX__ZERO;
};

/*
 * What BX_CONTEXT() and bx_new_with() can be told.  Set fields by name, in C++ in this order; those left out are as zero,
 * and `reserved` stays so.
 */
struct bx_options {
	const char *name BX__UNSET;
	const char *id BX__UNSET; /* any text, cut at 200 bytes; NULL inherits the parent's, or makes a new one */
	struct bx_sample sample BX__EMPTY;
	/*
	 * The value of a W3C `traceparent` header that came with the work: its trace id becomes the id (unless `id` is given,
	 * then the header is not looked at) and its span the parent.  A malformed one is as if it were not there, and is
	 * counted (bad_traceparents).  Whether the caller sampled is not asked: this side decides for itself.
	 */
	const char *traceparent BX__UNSET;
	uintptr_t reserved[2] BX__EMPTY;
};

/* As bx_new(options->name), with the other options. */
bx_ctx *bx_new_with(const struct bx_options *options);

/*
 * Writes the W3C `traceparent` header value that puts the work of another service under the current context.  False, and
 * an empty text, when nothing is open or its id is not 32 hex digits of lower case (one that was given by hand).  The
 * sampled flag says whether the context is recorded.
 */
enum { BX_TRACEPARENT_BYTES = 56 };
bool bx_traceparent(char out[BX_TRACEPARENT_BYTES]);

/* ---- fields ---------------------------------------------------------------------------------------------------- */

/* Bytes with a length: bx_set("payload", bx_bytes(p, n)) stores bin, bx_set("name", bx_strn(s, n)) text. */
struct bx_slice {
	const void *p;
	size_t n;
	bool text;
};

static inline struct bx_slice
bx_bytes(const void *p, size_t n)
{
	struct bx_slice s = {p, n, false};
	return s;
}

static inline struct bx_slice
bx_strn(const char *p, size_t n)
{
	struct bx_slice s = {p, n, true};
	return s;
}

/*
 * bx_set(key, value) sets a field of the current context, bx_ctx_set(ctx, key, value) of that one.  Values: any integer
 * type and enumeration, bool, float, double (long double as double), char * (NULL is nil), bx_bytes(), bx_strn(); in C++
 * also std::string, std::string_view and nullptr.  Anything else, other pointers above all, does not compile.  In C
 * before C23 the word `true` is an int: (bool)true, or a variable of type bool, stores a bool.  A bit-field is cast to the
 * type it is to have.  A dot in the key nests:
 * bx_set("response.status", 200) makes {response: {status: 200}}.  Setting a key again replaces it.  Text that is not
 * UTF-8 is stored as bin.  Past BLUEOX_EVENT_MAX the field is left out whole and the event's `truncated` counts it.  A
 * field on no context, or on one that is done, is ignored and counted.
 */
#ifdef __cplusplus
#define BX__CURRENT (reinterpret_cast<bx_ctx *>(static_cast<uintptr_t>(1)))
#else
#define BX__CURRENT ((bx_ctx *)(uintptr_t)1)
#endif

/*
 * What the compiler knows of a key that is a literal, so that no call has to find it out: its length and one of 64 bits
 * by hash.  All ones: nothing, for keys that are long, dotted, or not literals.
 */
#define BX__KEY_UNKNOWN 0xffffffffU
#define BX__KEY_MAX     31U
#define BX__KEY_BITS    8 /* the length stands above them */
#define BX__KEY(key)                                                                                                   \
	(__builtin_constant_p(__builtin_strlen(key)) ? bx__key_known((key), __builtin_strlen(key)) : BX__KEY_UNKNOWN)

static inline uint32_t
bx__key_bit(const char *key, size_t n)
{
	const unsigned char *k = (const unsigned char *)key;
	uint32_t mix = (uint32_t)n * 0x9e3779b1U;
	if (n > 0)
		mix += k[0] * 0x85ebca77U + k[n / 2] * 0xc2b2ae3dU + k[n - 1] * 0x27d4eb2fU;
	return mix >> 26;
}

static inline uint32_t
bx__key_known(const char *key, size_t n)
{
	if (n > BX__KEY_MAX || __builtin_strchr(key, '.'))
		return BX__KEY_UNKNOWN;
	return (uint32_t)n << BX__KEY_BITS | bx__key_bit(key, n);
}

void bx__set_int(bx_ctx *ctx, const char *key, uint32_t known, int64_t value);
void bx__set_uint(bx_ctx *ctx, const char *key, uint32_t known, uint64_t value);
void bx__set_bool(bx_ctx *ctx, const char *key, uint32_t known, bool value);
void bx__set_float(bx_ctx *ctx, const char *key, uint32_t known, float value);
void bx__set_double(bx_ctx *ctx, const char *key, uint32_t known, double value);
void bx__set_text(bx_ctx *ctx, const char *key, uint32_t known, const char *value);
void bx__set_slice(bx_ctx *ctx, const char *key, uint32_t known, struct bx_slice value);

/*
 * bx_append(key, value) adds an item to the list at `key`, bx_add(key, number) adds to the number there; bx_ctx_append()
 * and bx_ctx_add() do so on the context that is given.  Both start from nothing, and both replace a field of another
 * kind, as bx_set() does: after bx_set("a", "x") and bx_append("a", 1), `a` is the list [1]; after bx_set("a", "x") and
 * bx_add("a", 1) it is 1.  An item may be all that a field may be.  A sum of integers is an integer as long as 64 bits
 * hold it (signed or unsigned), and a float from there on; with a float in it, it is a float.  bool counts as 0 or 1.
 * An item or a sum for which there is no room is left out whole and counted in `truncated`; the field stays as it was.
 */
void bx__append_int(bx_ctx *ctx, const char *key, uint32_t known, int64_t value);
void bx__append_uint(bx_ctx *ctx, const char *key, uint32_t known, uint64_t value);
void bx__append_bool(bx_ctx *ctx, const char *key, uint32_t known, bool value);
void bx__append_float(bx_ctx *ctx, const char *key, uint32_t known, float value);
void bx__append_double(bx_ctx *ctx, const char *key, uint32_t known, double value);
void bx__append_text(bx_ctx *ctx, const char *key, uint32_t known, const char *value);
void bx__append_slice(bx_ctx *ctx, const char *key, uint32_t known, struct bx_slice value);
void bx__add_int(bx_ctx *ctx, const char *key, uint32_t known, int64_t value);
void bx__add_uint(bx_ctx *ctx, const char *key, uint32_t known, uint64_t value);
void bx__add_double(bx_ctx *ctx, const char *key, uint32_t known, double value);

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/*
 * Sets the field `error` of the current context to {class, code, message, stack, print}: what kind of error, which one,
 * what it said, the call stack (module, build id and offset of each frame; never symbolized in the process), and a
 * fingerprint of class and stack, equal for equal errors.  `code` may be NULL.  The message is formatted as by printf,
 * cut at 4 KiB.  Not for signal handlers, since it formats.
 *
 * The first stack in a process opens libunwind, which allocates.  Where a signal handler may be what asks for it (a signal
 * that has a handler is blocked, or we are on an alternate stack) the event goes without, which is counted
 * (stacks_refused), as does who asks while another thread opens it, and the next stack tries again.  BLUEOX_STACKS=early opens it when recording is turned on, for
 * programs whose threads all block what they handle.
 */
void bx_error(const char *error_class, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sets the current call stack at `key`, without an error: {modules, frames}, as in an error. */
void bx_stack(const char *key);

/* ---- logging --------------------------------------------------------------------------------------------------- */

/* As syslog's priorities.  In events: emerg alert crit err warning notice info debug. */
enum bx_level { BX_EMERG, BX_ALERT, BX_CRIT, BX_ERR, BX_WARNING, BX_NOTICE, BX_INFO, BX_DEBUG };

/*
 * Emits a sub-event `.log` of the current context: {name, level, msg}, for BX_ERR and worse with an `error` of class `log`
 * and a stack.  `name` says which part of the program logs, NULL leaves it out.  The message is formatted as by printf
 * (%m is the caller's errno), cut at 4 KiB.  Nothing is done, and nothing formatted, above the threshold.  Returns as
 * bx_end() does.  Not for signal handlers.
 */
int bx_log(enum bx_level level, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Sets the least urgent level that is emitted (at first BX_INFO) and the type of the events (at first ".log"; NULL leaves
 * it).  May be called while others log.  Returns 0, or -1, with nothing changed, when the type is no name, is longer than 255 bytes or
 * the ninth different one of this process.
 */
int bx_log_configure(enum bx_level threshold, const char *type_name);

/* ---- what happened --------------------------------------------------------------------------------------------- */

/* Counters of this process since it started (or was forked). */
struct bx_counters {
	uint64_t events;            /* in a ring */
	uint64_t dropped_ring_full; /* oxd did not keep up, or is not there */
	uint64_t dropped_no_ring;   /* no ring could be made: no run directory, no space, limits */
	uint64_t dropped_too_big;   /* larger than a quarter of the ring of the thread that ends it */
	uint64_t dropped_in_signal; /* a signal handler came while this thread was writing */
	uint64_t dropped_inert;     /* no memory for the context */
	uint64_t fields_ignored;    /* set on no context, or on one that is done */
	uint64_t fields_left_out;   /* past BLUEOX_EVENT_MAX, or a quarter of the ring */
	uint64_t bad_names;         /* contexts with a mistaken name */
	uint64_t rings;             /* rings that this process holds now */
	uint64_t bad_settings;      /* variables of the environment that were not, or not wholly, understood */
	uint64_t bad_handles;       /* starts, stops and ends of a context that is over, or on another thread's stack */
	uint64_t bad_traceparents;  /* headers that were malformed */
	uint64_t stacks_refused;    /* stacks left out: in a signal handler or about a fork, where one could hang */
	uint64_t sampled_out; /* contexts that sampling was against, not those below; other threads add 64 at once */

	/* with an oxd elsewhere, else 0 */
	uint64_t unacknowledged; /* of `events`, those that it has not acknowledged; lost if this process died now */
	uint64_t
	    dropped_rejected; /* it refused them, did not acknowledge them within BLUEOX_LINGER, or they were damaged */
	uint64_t send_failures; /* connections that broke or could not be made, and threads that could not be started */
};

/* Fills in what the library knows of the counters that the caller was compiled with; the rest is zero.  Also while
 * recording is off. */
static inline void bx_stats(struct bx_counters *out);

/* ---- for the macros below; not to be called by hand -------------------------------------------------------------- */

struct bx__scope {
	bx_ctx *ctx;
	int once;
};

struct bx__timer {
	const char *key;
	uint32_t known;
	int once;
	int64_t start_ns;
};

void bx__stats(struct bx_counters *out, size_t size);

static inline void
bx_stats(struct bx_counters *out)
{
	bx__stats(out, sizeof *out);
}

struct bx__scope bx__enter(const struct bx_options *options, uint32_t known);
void bx__leave(struct bx__scope *scope);
struct bx__timer bx__timer_start(const char *key, uint32_t known);
void bx__timer_stop(struct bx__timer *timer);

#ifdef __cplusplus
}
#endif

#define BX__JOIN2(a, b)   a##b
#define BX__JOIN(a, b)    BX__JOIN2(a, b)
#define BX__FIRST(a, ...) a

#ifdef __cplusplus

/* Overloads for each type: `verb` the family, `how` its member that takes it. */
#define BX__TAKER(verb, type, how, cast)                                                                               \
	inline void bx__##verb(bx_ctx *ctx, const char *key, uint32_t known, type value)                               \
	{                                                                                                              \
		bx__##verb##_##how(ctx, key, known, static_cast<cast>(value));                                         \
	}
#define BX__TAKERS_OF_INTEGERS(verb)                                                                                   \
	BX__TAKER(verb, char, int, int64_t)                                                                            \
	BX__TAKER(verb, signed char, int, int64_t)                                                                     \
	BX__TAKER(verb, short, int, int64_t)                                                                           \
	BX__TAKER(verb, int, int, int64_t)                                                                             \
	BX__TAKER(verb, long, int, int64_t)                                                                            \
	BX__TAKER(verb, long long, int, int64_t)                                                                       \
	BX__TAKER(verb, unsigned char, uint, uint64_t)                                                                 \
	BX__TAKER(verb, unsigned short, uint, uint64_t)                                                                \
	BX__TAKER(verb, unsigned int, uint, uint64_t)                                                                  \
	BX__TAKER(verb, unsigned long, uint, uint64_t)                                                                 \
	BX__TAKER(verb, unsigned long long, uint, uint64_t)
#define BX__TAKERS(verb)                                                                                               \
	BX__TAKERS_OF_INTEGERS(verb)                                                                                   \
	BX__TAKER(verb, bool, bool, bool)                                                                              \
	BX__TAKER(verb, float, float, float)                                                                           \
	BX__TAKER(verb, double, double, double)                                                                        \
	BX__TAKER(verb, long double, double, double)                                                                   \
	BX__TAKER(verb, const char *, text, const char *)                                                              \
	BX__TAKER(verb, struct bx_slice, slice, struct bx_slice)
BX__TAKERS(set)
BX__TAKERS(append)
BX__TAKERS_OF_INTEGERS(add)
BX__TAKER(add, bool, uint, uint64_t)
BX__TAKER(add, float, double, double)
BX__TAKER(add, double, double, double)
BX__TAKER(add, long double, double, double)
#undef BX__TAKERS
#undef BX__TAKERS_OF_INTEGERS

/* Strings of every kind (without their headers), enumerations by their underlying type; and no pointer becomes a bool. */
#define BX__TAKERS_OF_OBJECTS(verb)                                                                                    \
	BX__TAKER(verb, char *, text, const char *)                                                                    \
	BX__TAKER(verb, decltype(nullptr), text, const char *)                                                         \
	template <class T>                                                                                             \
	inline auto bx__##verb(bx_ctx *ctx, const char *key, uint32_t known, const T &value)                           \
	    ->decltype(bx_strn(value.data(), value.size()), typename T::traits_type::int_type(), void())               \
	{                                                                                                              \
		bx__##verb##_slice(ctx, key, known, bx_strn(value.data(), value.size()));                              \
	}                                                                                                              \
	template <class T>                                                                                             \
	inline typename std::enable_if<std::is_enum<T>::value>::type bx__##verb(                                       \
	    bx_ctx *ctx, const char *key, uint32_t known, T value)                                                     \
	{                                                                                                              \
		bx__##verb(ctx, key, known, static_cast<typename std::underlying_type<T>::type>(value));               \
	}                                                                                                              \
	template <class T> void bx__##verb(bx_ctx *ctx, const char *key, uint32_t known, T *value) = delete;
BX__TAKERS_OF_OBJECTS(set)
BX__TAKERS_OF_OBJECTS(append)
template <class T> void bx__add(bx_ctx *ctx, const char *key, uint32_t known, T *value) = delete;
#undef BX__TAKERS_OF_OBJECTS
#undef BX__TAKER

#define BX__CALL(verb, ctx, key, value)        bx__##verb((ctx), (key), BX__KEY(key), (value))
#define BX__CALL_NUMBER(verb, ctx, key, value) bx__##verb((ctx), (key), BX__KEY(key), (value))

#ifdef BX_DISABLE
#define bx_scope                    bx_scope_off /* a class of its own: other files of the program may not be disabled */
#define bx__timed                   bx__timed_off
#define bx__enter(options, known)   (static_cast<void>(options), static_cast<void>(known), bx__scope{nullptr, 1})
#define bx__leave(scope)            static_cast<void>(scope)
#define bx__timer_start(key, known) (static_cast<void>(key), static_cast<void>(known), bx__timer{nullptr, 0, 1, 0})
#define bx__timer_stop(timer)       static_cast<void>(timer)
#endif

/*
 * Ends its context on every way out of the scope that holds it, exceptions included.  The arguments are those of
 * BX_CONTEXT(): a name, or bx_options.  It belongs to the thread that made it.
 */
class bx_scope
{
      public:
	explicit bx_scope(const bx_options &options, uint32_t known = BX__NAME_UNKNOWN)
	    : scope_(bx__enter(&options, known))
	{
	}
	explicit bx_scope(const char *name, uint32_t known = BX__NAME_UNKNOWN) : bx_scope(named(name), known)
	{
	}
	~bx_scope()
	{
		bx__leave(&scope_);
	}
	bx_scope(const bx_scope &) = delete;
	bx_scope &operator=(const bx_scope &) = delete;
	bool
	once()
	{
		return scope_.once-- > 0;
	}
	bx_ctx *
	context() const
	{
		return scope_.ctx;
	}

      private:
	static bx_options
	named(const char *name)
	{
		bx_options options;
		options.name = name;
		return options;
	}
	bx__scope scope_;
};

class bx__timed
{
      public:
	bx__timed(const char *key, uint32_t known) : timer_(bx__timer_start(key, known))
	{
	}
	~bx__timed()
	{
		bx__timer_stop(&timer_);
	}
	bx__timed(const bx__timed &) = delete;
	bx__timed &operator=(const bx__timed &) = delete;
	bool
	once()
	{
		return timer_.once-- > 0;
	}

      private:
	bx__timer timer_;
};

/*
 * A name alone is a plain argument.  Options after it are designated initializers, which C++ has since C++20, and which
 * g++ and clang++ take as an extension before.
 */
#define BX__NAME(name) name
#define BX__DESIGNATED(...)                                                                                            \
	bx_options                                                                                                     \
	{                                                                                                              \
		.name = __VA_ARGS__                                                                                    \
	}
#define BX__SEVENTH(a, b, c, d, e, f, g, ...) g
#define BX__OPTIONS(...)                                                                                               \
	BX__SEVENTH(                                                                                                   \
	    __VA_ARGS__, BX__DESIGNATED, BX__DESIGNATED, BX__DESIGNATED, BX__DESIGNATED, BX__DESIGNATED, BX__NAME, 0)  \
	(__VA_ARGS__)
#define BX__CONTEXT(serial, ...)                                                                                       \
	for (bx_scope BX__JOIN(bx__scope_, serial){                                                                    \
		 BX__OPTIONS(__VA_ARGS__), BX__NAME_KNOWN(BX__FIRST(__VA_ARGS__, 0))};                                 \
	     BX__JOIN(bx__scope_, serial).once();)
#define BX__TIMEIT(serial, key)                                                                                        \
	for (bx__timed BX__JOIN(bx__timer_, serial){(key), BX__KEY(key)}; BX__JOIN(bx__timer_, serial).once();)

#else

#define BX__INTEGERS(verb)                                                                                             \
	char : bx__##verb##_int,                                                                                       \
	       signed char : bx__##verb##_int,                                                                         \
			     short : bx__##verb##_int,                                                                 \
				     int : bx__##verb##_int,                                                           \
					   long : bx__##verb##_int,                                                    \
						  long long : bx__##verb##_int,                                        \
							      unsigned char : bx__##verb##_uint,                       \
									      unsigned short : bx__##verb##_uint,      \
											       unsigned int            \
	    : bx__##verb##_uint,                                                                                       \
	      unsigned long : bx__##verb##_uint,                                                                       \
			      unsigned long long : bx__##verb##_uint
#define BX__CALL(verb, ctx, key, value)                                                                                \
	_Generic((value),                                                                                              \
	    BX__INTEGERS(verb),                                                                                        \
	    bool: bx__##verb##_bool,                                                                                   \
	    float: bx__##verb##_float,                                                                                 \
	    double: bx__##verb##_double,                                                                               \
	    long double: bx__##verb##_double,                                                                          \
	    char *: bx__##verb##_text,                                                                                 \
	    const char *: bx__##verb##_text,                                                                           \
	    struct bx_slice: bx__##verb##_slice)((ctx), (key), BX__KEY(key), (value))
#define BX__CALL_NUMBER(verb, ctx, key, value)                                                                         \
	_Generic((value), BX__INTEGERS(verb), bool                                                                     \
		 : bx__##verb##_uint, float                                                                            \
		 : bx__##verb##_double, double                                                                         \
		 : bx__##verb##_double, long double                                                                    \
		 : bx__##verb##_double)((ctx), (key), BX__KEY(key), (value))

#define BX__OPTIONS(...) ((const struct bx_options){.name = __VA_ARGS__})
#define BX__CONTEXT(serial, ...)                                                                                       \
	for (struct bx__scope BX__JOIN(bx__scope_, serial) __attribute__((cleanup(bx__leave))) =                       \
		 bx__enter(&BX__OPTIONS(__VA_ARGS__), BX__NAME_KNOWN(BX__FIRST(__VA_ARGS__, 0)));                      \
	     BX__JOIN(bx__scope_, serial).once-- > 0;)
#define BX__TIMEIT(serial, key)                                                                                        \
	for (struct bx__timer BX__JOIN(bx__timer_, serial)                                                             \
		 __attribute__((cleanup(bx__timer_stop))) = bx__timer_start((key), BX__KEY(key));                      \
	     BX__JOIN(bx__timer_, serial).once-- > 0;)

#endif

#define bx_ctx_set(ctx, key, value)    BX__CALL(set, ctx, key, value)
#define bx_ctx_append(ctx, key, value) BX__CALL(append, ctx, key, value)
#define bx_ctx_add(ctx, key, number)   BX__CALL_NUMBER(add, ctx, key, number)
#define bx_set(key, value)             bx_ctx_set(BX__CURRENT, key, value)
#define bx_append(key, value)          bx_ctx_append(BX__CURRENT, key, value)
#define bx_add(key, number)            bx_ctx_add(BX__CURRENT, key, number)

/*
 * BX_CONTEXT("request") { ... } opens a context for the block and ends it on every way out: the end, return, goto, a C++
 * exception.  `break` and `continue` leave the block and no more: the macro is a loop that runs once, so a loop around it
 * goes on.  For the same reason the compiler wants a return after a block that always returns.  Options follow the name: BX_CONTEXT("job", .id = job_id) { ... }; before C++20 they are an extension of g++ and
 * clang++.  The name is evaluated once.  longjmp() out of the block does not end it, nor does pthread_exit() or
 * cancellation in a C program built without -fexceptions; see bx_clear().
 */
#define BX_CONTEXT(...) BX__CONTEXT(__COUNTER__, __VA_ARGS__)

/* BX_TIMEIT("query_time") { ... } sets the field, when the block is left, to the seconds spent in it. */
#define BX_TIMEIT(key) BX__TIMEIT(__COUNTER__, key)

/* ---- all of it gone ---------------------------------------------------------------------------------------------- */

#ifdef BX_DISABLE
static inline bx_ctx *
bx__off_ctx(void)
{
	return (bx_ctx *)0;
}

static inline int
bx__off_int(int value)
{
	return value;
}

static inline int
bx__off_text(char *out)
{
	out[0] = '\0';
	return 0;
}

static inline void
bx__off_stats(struct bx_counters *out)
{
	__builtin_memset(out, 0, sizeof *out);
}

/* In the dead half the call as it is, for the compiler to check; a macro is not expanded in itself. */
#define BX__OFF(call)          (0 ? (call) : (void)0)
#define BX__OFF_CTX(call)      (0 ? (call) : bx__off_ctx())
#define BX__OFF_INT(call, off) (0 ? (call) : bx__off_int(off))

#undef bx_begin
#define bx_configure(host, port)      BX__OFF_INT(bx_configure((host), (port)), -1)
#define bx_configure_default()        BX__OFF_INT(bx_configure_default(), -1)
#define bx_shutdown()                 BX__OFF(bx_shutdown())
#define bx_configured()               BX__OFF_INT(bx_configured(), 0)
#define bx_begin(name)                BX__OFF_CTX(bx_begin(name))
#define bx_end()                      BX__OFF_INT(bx_end(), 0)
#define bx_current()                  BX__OFF_CTX(bx_current())
#define bx_find(name)                 BX__OFF_CTX(bx_find(name))
#define bx_clear()                    BX__OFF(bx_clear())
#define bx_new(name)                  BX__OFF_CTX(bx_new(name))
#define bx_new_with(options)          BX__OFF_CTX(bx_new_with(options))
#define bx_start(ctx)                 BX__OFF(bx_start(ctx))
#define bx_stop(ctx)                  BX__OFF(bx_stop(ctx))
#define bx_done(ctx)                  BX__OFF_INT(bx_done(ctx), 0)
#define bx_traceparent(out)           (0 ? bx_traceparent(out) : bx__off_text(out))
#define bx_error(...)                 BX__OFF(bx_error(__VA_ARGS__))
#define bx_stack(key)                 BX__OFF(bx_stack(key))
#define bx_log(...)                   BX__OFF_INT(bx_log(__VA_ARGS__), 0)
#define bx_log_configure(least, type) BX__OFF_INT(bx_log_configure((least), (type)), 0)
#define bx_stats(out)                 (0 ? bx_stats(out) : bx__off_stats(out))

#undef bx_ctx_set
#undef bx_ctx_append
#undef bx_ctx_add
#define bx_ctx_set(ctx, key, value)    BX__OFF(BX__CALL(set, ctx, key, value))
#define bx_ctx_append(ctx, key, value) BX__OFF(BX__CALL(append, ctx, key, value))
#define bx_ctx_add(ctx, key, number)   BX__OFF(BX__CALL_NUMBER(add, ctx, key, number))

#undef BX__CONTEXT
#undef BX__TIMEIT
#ifdef __cplusplus
inline int
bx__off_use(const bx_options &)
{
	return 0;
}
inline int
bx__off_use(const char *)
{
	return 0;
}
#else
static inline int
bx__off_use(struct bx_options options)
{
	(void)options;
	return 0;
}
#endif
static inline int
bx__off_key(const char *key)
{
	(void)key;
	return 0;
}
#define BX__CONTEXT(serial, ...)                                                                                       \
	for (int BX__JOIN(bx__once_, serial) = 0 ? bx__off_use(BX__OPTIONS(__VA_ARGS__)) : 1;                          \
	     BX__JOIN(bx__once_, serial)-- > 0;)
#define BX__TIMEIT(serial, key)                                                                                        \
	for (int BX__JOIN(bx__once_, serial) = 0 ? bx__off_key(key) : 1; BX__JOIN(bx__once_, serial)-- > 0;)
#endif

#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

#endif
