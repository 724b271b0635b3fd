/* SPDX-License-Identifier: ISC */
/*
 * wrap_journal: a line or an entry for systemd's journal is a `.log` event too.
 *
 * Programs call the forms `_with_location`, which is what the macros of sd-journal.h make of the others.  The real call
 * comes first, and one that libsystemd refuses makes no event; but for the two that take a list of formats, each followed by
 * its own arguments: they are noted and then jumped to (journal.S).  libsystemd calls the real vprintf for these, so a
 * second reading of the same arguments here risks nothing that the first does not.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION /* else the header makes macros of the names that are defined here */
#include <errno.h>
#include <printf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>

#include "preload/journal_entry.h"
#include "preload/real.h"

/* ---- where in the source it was ---------------------------------------------------------------------------------- */

struct location {
	const char *file, *line, *func; /* CODE_FILE=..., CODE_LINE=..., and a bare name; NULL: the form without */
};

static void
set_location(struct journal_entry *e, const struct location *at)
{
	if (at->file)
		journal_entry_field(e, at->file, strlen(at->file));
	if (at->line)
		journal_entry_field(e, at->line, strlen(at->line));
	if (at->func)
		journal_entry_set(e, "CODE_FUNC", at->func, strlen(at->func));
}

/* ---- one line ---------------------------------------------------------------------------------------------------- */

/* Takes the caller's errno for %m, and leaves errno as the real call left it. */
static void
note_line(int priority, const struct location *at, int errno_before, const char *format, va_list args)
{
	struct journal_entry e;
	char text[JOURNAL_MESSAGE_MAX];
	int after = errno;
	errno = errno_before;
	int n = vsnprintf(text, sizeof text, format, args);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	while (len > 0 && memchr(" \t\n\r", text[len - 1], 4))
		len--;
	if (len && journal_entry_begin(&e)) { /* the journal takes no empty line either */
		journal_entry_priority(&e, priority);
		journal_entry_set(&e, "MESSAGE", text, len);
		if ((size_t)n >= sizeof text)
			span_set(e.span, "msg_size", n);
		set_location(&e, at);
		journal_entry_end(&e);
	}
	errno = after;
}

static int
print(void *caller, int priority, const char *format, va_list args)
{
	bool inner = false;
	const struct real_journal *real = real_journal(caller, &inner);
	if (!real || !real->sd_journal_printv)
		return -ENOSYS;
	int before = errno;
	va_list again;
	va_copy(again, args);
	int done = real->sd_journal_printv(priority, format, args);
	if (done >= 0 && !inner && span_on(KIND_LOG))
		note_line(priority, &(struct location){0}, before, format, again);
	va_end(again);
	return done;
}

static int
print_at(void *caller, int priority, const struct location *at, const char *format, va_list args)
{
	bool inner = false;
	const struct real_journal *real = real_journal(caller, &inner);
	if (!real || !real->sd_journal_printv_with_location)
		return -ENOSYS;
	int before = errno;
	va_list again;
	va_copy(again, args);
	int done = real->sd_journal_printv_with_location(priority, at->file, at->line, at->func, format, args);
	if (done >= 0 && !inner && span_on(KIND_LOG))
		note_line(priority, at, before, format, again);
	va_end(again);
	return done;
}

WRAPPER int
sd_journal_printv(int priority, const char *format, va_list args)
{
	return print(CALLER, priority, format, args);
}

WRAPPER int
sd_journal_print(int priority, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int done = print(CALLER, priority, format, args);
	va_end(args);
	return done;
}

WRAPPER int
sd_journal_printv_with_location(
    int priority, const char *file, const char *line, const char *func, const char *format, va_list args)
{
	return print_at(CALLER, priority, &(struct location){file, line, func}, format, args);
}

WRAPPER int
sd_journal_print_with_location(
    int priority, const char *file, const char *line, const char *func, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int done = print_at(CALLER, priority, &(struct location){file, line, func}, format, args);
	va_end(args);
	return done;
}

/* ---- an error of the system's ------------------------------------------------------------------------------------ */

static void
note_perror(const struct location *at, int error, const char *message)
{
	struct journal_entry e;
	char text[JOURNAL_MESSAGE_MAX], why[256], number[16];
	int after = errno;
	if (journal_entry_begin(&e)) {
		const char *said = strerror_r(error, why, sizeof why);
		int n = snprintf(
		    text, sizeof text, "%s%s%s", message ? message : "", message && *message ? ": " : "", said);
		int digits = snprintf(number, sizeof number, "%d", error);
		journal_entry_priority(&e, LOG_ERR);
		journal_entry_set(&e, "MESSAGE", text, n > 0 && (size_t)n < sizeof text ? (size_t)n : strlen(text));
		set_location(&e, at);
		journal_entry_set(&e, "ERRNO", number, (size_t)digits);
		journal_entry_end(&e);
	}
	errno = after;
}

WRAPPER int
sd_journal_perror(const char *message)
{
	bool inner = false;
	const struct real_journal *real = real_journal(CALLER, &inner);
	int error = errno, done = real && real->sd_journal_perror ? real->sd_journal_perror(message) : -ENOSYS;
	if (done >= 0 && !inner)
		note_perror(&(struct location){0}, error, message);
	return done;
}

WRAPPER int
sd_journal_perror_with_location(const char *file, const char *line, const char *func, const char *message)
{
	bool inner = false;
	const struct real_journal *real = real_journal(CALLER, &inner);
	int error = errno, done = real && real->sd_journal_perror_with_location
				      ? real->sd_journal_perror_with_location(file, line, func, message)
				      : -ENOSYS;
	if (done >= 0 && !inner)
		note_perror(&(struct location){file, line, func}, error, message);
	return done;
}

/* ---- fields, ready made ------------------------------------------------------------------------------------------ */

static void
note_fields(const struct location *at, const struct iovec *fields, int count)
{
	struct journal_entry e;
	int after = errno;
	if (journal_entry_begin(&e)) {
		for (int i = 0; i < count; i++)
			journal_entry_field(&e, fields[i].iov_base, fields[i].iov_len);
		set_location(&e, at);
		journal_entry_end(&e);
	}
	errno = after;
}

WRAPPER int
sd_journal_sendv(const struct iovec *fields, int count)
{
	bool inner = false;
	const struct real_journal *real = real_journal(CALLER, &inner);
	int done = real && real->sd_journal_sendv ? real->sd_journal_sendv(fields, count) : -ENOSYS;
	if (done >= 0 && !inner)
		note_fields(&(struct location){0}, fields, count);
	return done;
}

WRAPPER int
sd_journal_sendv_with_location(
    const char *file, const char *line, const char *func, const struct iovec *fields, int count)
{
	bool inner = false;
	const struct real_journal *real = real_journal(CALLER, &inner);
	int done = real && real->sd_journal_sendv_with_location
		       ? real->sd_journal_sendv_with_location(file, line, func, fields, count)
		       : -ENOSYS;
	if (done >= 0 && !inner)
		note_fields(&(struct location){file, line, func}, fields, count);
	return done;
}

/* ---- fields, a format each --------------------------------------------------------------------------------------- */

#ifdef __x86_64__

/* The registers that may hold arguments, as journal.S saves them: a va_list's reg_save_area. */
struct regs {
	uint64_t integers[6];
	unsigned char vectors[8][16];
};

/* What a va_list is, by the processor's ABI. */
struct list {
	unsigned gp_offset, fp_offset;
	void *overflow, *regs;
};
_Static_assert(sizeof(struct list) == sizeof(va_list), "System V ABI, x86-64, 3.5.7");

enum { ARGUMENTS_MAX = 128 };

/* Moves on past the arguments of one format.  False: past some of them we do not know how. */
static bool
skip_arguments(const char *format, va_list args)
{
	int types[ARGUMENTS_MAX];
	size_t n = parse_printf_format(format, ARGUMENTS_MAX, types);
	if (n > ARGUMENTS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		int type = types[i] & ~PA_FLAG_MASK, flags = types[i] & PA_FLAG_MASK;
		if ((flags & PA_FLAG_PTR) || type == PA_STRING || type == PA_WSTRING || type == PA_POINTER)
			(void)va_arg(args, void *);
		else if (type == PA_DOUBLE && (flags & PA_FLAG_LONG_DOUBLE))
			(void)va_arg(args, long double);
		else if (type == PA_DOUBLE || type == PA_FLOAT)
			(void)va_arg(args, double);
		else if (type == PA_INT && (flags & (PA_FLAG_LONG | PA_FLAG_LONG_LONG)))
			(void)va_arg(args, long);
		else if (type == PA_INT || type == PA_CHAR || type == PA_WCHAR)
			(void)va_arg(args, int);
		else
			return false;
	}
	return true;
}

/* A call that begins with what is no field is refused as a whole, and makes no event. */
static void
note_formats(const struct location *at, int error, const char *format, va_list args)
{
	struct journal_entry e;
	char text[JOURNAL_MESSAGE_MAX];
	bool begun = false;
	while (format) {
		va_list again;
		va_copy(again, args); /* NOLINT(clang-analyzer-valist.Uninitialized): filled from registers */
		errno = error;        /* for %m */
		int n = vsnprintf(text, sizeof text, format, again);
		va_end(again);
		size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
		if (!begun && (!memchr(text, '=', len) || !journal_entry_begin(&e)))
			return;
		begun = true;
		journal_entry_field(&e, text, len);
		format = skip_arguments(format, args) ? va_arg(args, const char *) : NULL;
	}
	if (!begun)
		return;
	set_location(&e, at);
	journal_entry_end(&e);
}

static int
no_send(void)
{
	return -ENOSYS;
}

static const char *
text_in(uint64_t reg)
{
	return (const char *)(uintptr_t)reg; /* NOLINT(performance-no-int-to-ptr) */
}

/* Notes a call, of which the first `fixed` arguments stand before those of the list; where it goes on. */
static void *
note_send(struct regs *regs, void *overflow, const struct location *at, unsigned fixed, bool seen, void *real)
{
	int kept = errno;
	if (real && seen && span_on(KIND_LOG)) {
		struct list list = {.gp_offset = fixed * 8, .fp_offset = sizeof regs->integers, overflow, regs};
		va_list args;
		/* What va_start() would have made of the caller's registers. */
		/* cppcheck-suppress va_list_usedBeforeStarted */
		memcpy(args, &list, sizeof list);
		/* cppcheck-suppress va_list_usedBeforeStarted */
		note_formats(at, kept, text_in(regs->integers[fixed - 1]), args);
	}
	errno = kept;
	return real ? real : (void *)(uintptr_t)no_send;
}

/* From journal.S.  What they return is jumped to. */
void *journal_note_send(struct regs *regs, void *overflow, void *caller);
void *journal_note_send_with_location(struct regs *regs, void *overflow, void *caller);

void *
journal_note_send(struct regs *regs, void *overflow, void *caller)
{
	bool inner = false;
	const struct real_journal *real = real_journal(caller, &inner);
	return note_send(
	    regs, overflow, &(struct location){0}, 1, !inner, real ? (void *)(uintptr_t)real->sd_journal_send : NULL);
}

void *
journal_note_send_with_location(struct regs *regs, void *overflow, void *caller)
{
	bool inner = false;
	const struct real_journal *real = real_journal(caller, &inner);
	const struct location at = {text_in(regs->integers[0]), text_in(regs->integers[1]), text_in(regs->integers[2])};
	return note_send(
	    regs, overflow, &at, 4, !inner, real ? (void *)(uintptr_t)real->sd_journal_send_with_location : NULL);
}

#endif
