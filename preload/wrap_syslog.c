/* SPDX-License-Identifier: ISC */
/*
 * wrap_syslog: a line for the system's log is a `.log` event too.
 *
 * The real call comes first, on the host's own errno and arguments; then the text is formatted once more for us.  That
 * adds nothing to what a signal handler risks: glibc has just formatted the same text with the same code, and here it
 * goes into a fixed buffer on the stack.  No lock is taken and nothing is allocated: the mask, facility and name
 * that openlog() and setlogmask() set are kept here a second time, in words that are read and written whole.
 */
#undef _FORTIFY_SOURCE /* else the header defines the very names that are defined here */
#include "preload/real.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "preload/log_names.h"
#include "preload/span.h"

enum { MESSAGE_MAX = 2048, IDENT_MAX = 64, IDENTS = 4 };

/*
 * openlog() copies its name into the next of a few places and then points to it, so that a handler or thread that logs
 * meanwhile reads a whole one.  Zero: the program's name, as for syslog itself.
 */
static char idents[IDENTS][IDENT_MAX];
static atomic_uint ident_turn;
static _Atomic(const char *) ident_now;
static atomic_int facility_now = LOG_USER;
static atomic_int mask_now = 0xff;

static const char *
facility_name(int priority)
{
	int facility = priority & LOG_FACMASK;
	if (!facility)
		facility = atomic_load_explicit(&facility_now, memory_order_relaxed);
	return log_facility_name(LOG_FAC(facility));
}

static void
emit(int priority, const char *text, size_t len, size_t whole)
{
	const char *ident = atomic_load_explicit(&ident_now, memory_order_acquire);
	const char *level = log_level_name(priority);
	bx_ctx *span = span_begin(".log");
	if (!span)
		return;
	if (!ident)
		ident = program_invocation_short_name;
	span_set(span, "name", ident);
	span_set(span, "level", level);
	span_set(span, "facility", facility_name(priority));
	span_set_cut(span, "msg", text, len, MESSAGE_MAX - 4);
	if (whole > MESSAGE_MAX - 4)
		span_set(span, "msg_size", whole);
	if (LOG_PRI(priority) <= LOG_ERR) {
		struct bx__error error = {.error_class = "log", .code = level, .message = text, .message_len = len};
		span_set_error(span, &error);
	}
	span_end(span);
}

/* After the real call.  Takes the caller's errno for %m, and leaves errno as the real call left it. */
static void
note(int priority, int errno_before, const char *format, va_list args)
{
	char text[MESSAGE_MAX];
	int after = errno;
	if (!span_on(KIND_LOG) ||
	    !(atomic_load_explicit(&mask_now, memory_order_relaxed) & LOG_MASK(LOG_PRI(priority))))
		return;
	errno = errno_before;
	int n = vsnprintf(text, sizeof text, format, args);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (n >= 0)
		emit(priority, text, len, (size_t)n < sizeof text ? len : (size_t)n);
	errno = after;
}

static void
log_plain(int priority, const char *format, va_list args)
{
	const struct real_libc *real = real_libc();
	int before = errno;
	va_list again;
	va_copy(again, args);
	if (real->vsyslog)
		real->vsyslog(priority, format, args);
	note(priority, before, format, again);
	va_end(again);
}

static void
log_checked(int priority, int flag, const char *format, va_list args)
{
	const struct real_libc *real = real_libc();
	int before = errno;
	va_list again;
	va_copy(again, args);
	if (real->__vsyslog_chk)
		real->__vsyslog_chk(priority, flag, format, args);
	note(priority, before, format, again);
	va_end(again);
}

WRAPPER void
vsyslog(int priority, const char *format, va_list args)
{
	log_plain(priority, format, args);
}

WRAPPER void
__vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
	log_checked(priority, flag, format, args);
}

WRAPPER void
syslog(int priority, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	log_plain(priority, format, args);
	va_end(args);
}

WRAPPER void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	log_checked(priority, flag, format, args);
	va_end(args);
}

WRAPPER void
openlog(const char *ident, int option, int facility)
{
	const struct real_libc *real = real_libc();
	if (real->openlog)
		real->openlog(ident, option, facility);
	if (ident) {
		char *copy = idents[atomic_fetch_add(&ident_turn, 1) % IDENTS];
		strncpy(copy, ident, IDENT_MAX - 1);
		atomic_store_explicit(&ident_now, copy, memory_order_release);
	}
	if (facility && !(facility & ~LOG_FACMASK)) /* as glibc takes it */
		atomic_store_explicit(&facility_now, facility, memory_order_relaxed);
}

WRAPPER void
closelog(void)
{
	const struct real_libc *real = real_libc();
	if (real->closelog)
		real->closelog();
	atomic_store_explicit(&ident_now, NULL, memory_order_release);
}

WRAPPER int
setlogmask(int mask)
{
	const struct real_libc *real = real_libc();
	if (mask)
		atomic_store_explicit(&mask_now, mask, memory_order_relaxed);
	return real->setlogmask ? real->setlogmask(mask) : 0xff;
}
