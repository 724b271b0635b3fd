/* SPDX-License-Identifier: ISC */
/*
 * real: the functions that the wrappers stand in front of, found by who calls.
 *
 * A process may hold two copies of libpq, and one that was opened RTLD_LOCAL is invisible to RTLD_NEXT.  So a call goes
 * to the library that its caller would have reached without us: the object around the return address is looked up, and
 * the name is searched in that object's own dependency tree (RTLD_NEXT for the main program).  Each caller is resolved
 * once; then a look-up is _dl_find_object() and a short scan, without locks.
 *
 * The caller also tells whose call it is.  libpq and libmemcached call their own public functions, so one PQexec would
 * be two events; a call that comes from the library itself, or from here (the library tail-jumped out of the function
 * that a wrapper had called), is *inner* and the wrappers stay silent.  What a callback of the application calls from
 * inside the library is the application's, and is seen.  Nothing is counted up and down, so nothing is left wrong when
 * the host longjmps, throws, is cancelled or forks in the middle.
 *
 * Safe from any thread, before the constructor too.  A caller's first call takes the loader's lock; errno is kept.  Where a
 * call comes from is remembered too, by its address: objects that call are pinned, so that it never is another's.
 */
#ifndef BLUEOX_PRELOAD_REAL_H
#define BLUEOX_PRELOAD_REAL_H

#include <stdarg.h>
#include <stdbool.h>

#include <libmemcached/memcached.h>
#include <postgresql/libpq-fe.h>
#include <signal.h>
#include <syslog.h>

#ifndef SD_JOURNAL_SUPPRESS_LOCATION
#define SD_JOURNAL_SUPPRESS_LOCATION /* its macros would rename members of the tables */
#endif
#include <systemd/sd-journal.h>

__sighandler_t bsd_signal(int number, __sighandler_t handler); /* <signal.h> shows it to old programs alone */
void __syslog_chk(int priority, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format, va_list args);

/* What libpq 16 and 17 added, whatever header there is. */
typedef struct pg_cancel_conn PGcancelConn;
PGresult *PQclosePrepared(PGconn *pg, const char *name);
PGresult *PQclosePortal(PGconn *pg, const char *name);
int PQsendClosePrepared(PGconn *pg, const char *name);
int PQsendClosePortal(PGconn *pg, const char *name);
PGresult *PQchangePassword(PGconn *pg, const char *user, const char *password);
int PQsetChunkedRowsMode(PGconn *pg, int rows);
int PQsendPipelineSync(PGconn *pg);
PGcancelConn *PQcancelCreate(PGconn *pg);
int PQcancelBlocking(PGcancelConn *cancel);
int PQcancelStart(PGcancelConn *cancel);
PostgresPollingStatusType PQcancelPoll(PGcancelConn *cancel);
void PQcancelReset(PGcancelConn *cancel);
void PQcancelFinish(PGcancelConn *cancel);
char *PQcancelErrorMessage(const PGcancelConn *cancel);

/*
 * The tables: one member a line of real.def, NULL where the library does not have it.  In libpq's a wrapped function that
 * is not there is one that does nothing and returns 0 or NULL, which is a failure to whoever calls it.
 */
#include "preload/real.def"
#define REAL_MEMBER(group, name) __typeof__(name) *name;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset() is old, and so is who calls it */
struct real_pq {
	REAL_PQ(REAL_MEMBER, REAL_MEMBER, REAL_MEMBER, REAL_MEMBER)
};
struct real_memcached {
	REAL_MEMCACHED(REAL_MEMBER, REAL_MEMBER, REAL_MEMBER)
};
struct real_journal {
	REAL_JOURNAL(REAL_MEMBER, REAL_MEMBER, REAL_MEMBER)
};
struct real_libc {
	REAL_LIBC(REAL_MEMBER, REAL_MEMBER, REAL_MEMBER)
};
#pragma GCC diagnostic pop
#undef REAL_MEMBER

/* What is seen outside of the object: a wrapper, and nothing else. */
#define WRAPPER __attribute__((visibility("default")))

/* As that, for a NEWER line, whose function in C is called newer_NAME. */
#define NEWER_WRAPPER(name) __asm__(".symver newer_" #name ", " #name "@BLUEOX_NEWER, remove")

/* The object that a wrapper was called from. */
#define CALLER __builtin_return_address(0)

/*
 * The library that `caller` reaches, or NULL when there is none in the process (the call cannot be carried out then; of
 * libpq it is a table of functions that do nothing).  *inner tells that the call is not to be recorded: it is the
 * library's own, or the library lacks what an event needs.
 */
const struct real_pq *real_pq(void *caller, bool *inner);
const struct real_memcached *real_memcached(void *caller, bool *inner);
const struct real_journal *real_journal(void *caller, bool *inner);

/* As real_pq(), for what may be called in a signal handler: once a libpq is known it never takes the loader's lock. */
const struct real_pq *real_pq_in_handler(void *caller, bool *inner);

/* libc is one, whoever calls.  Resolved at the constructor, so that a signal handler never meets the loader's lock. */
const struct real_libc *real_libc(void);

#endif
