/* SPDX-License-Identifier: ISC */
/*
 * log: a line of a program's log as a sub-event.
 *
 * Threshold and type may change while others log: each is one word.  A type that was once configured stays where it is,
 * so that who is just reading it may go on.
 */
#include "include/blueox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libbx/core/name.h"
#include "libbx/error.h"
#include "libbx/process.h"

enum { TYPES = 8 };

struct log_type {
	_Atomic int state;
	char name[NAME_MAX_LEN + 1];
};

enum { TYPE_FREE, TYPE_WRITING, TYPE_READY };

static struct log_type types[TYPES];
static _Atomic(const char *) type_now; /* NULL: ".log" */
static _Atomic int threshold_now = BX_INFO;

static const char *const words[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

/* A name that is none would lose every line. */
static bool
may_be_a_type(const char *name, size_t n)
{
	char resolved[NAME_MAX_LEN + 1];
	struct name_result result;
	return n <= NAME_MAX_LEN && name_resolve(name, NULL, 0, resolved, &result);
}

static const char *
keep_type(const char *name)
{
	size_t n = strnlen(name, NAME_MAX_LEN + 1);
	if (!may_be_a_type(name, n))
		return NULL;
	for (int i = 0; i < TYPES; i++) {
		int state = TYPE_FREE;
		if (atomic_compare_exchange_strong(&types[i].state, &state, TYPE_WRITING)) {
			memcpy(types[i].name, name, n + 1);
			atomic_store(&types[i].state, TYPE_READY);
			return types[i].name;
		}
		if (state == TYPE_READY && strcmp(types[i].name, name) == 0)
			return types[i].name;
	}
	return NULL;
}

static int
level_within(int level)
{
	return level < BX_EMERG ? BX_EMERG : level > BX_DEBUG ? BX_DEBUG : level;
}

int
bx_log_configure(enum bx_level threshold, const char *type_name)
{
	const char *kept = type_name ? keep_type(type_name) : atomic_load(&type_now);
	if (type_name && !kept)
		return -1;
	atomic_store(&type_now, kept);
	atomic_store(&threshold_now, level_within((int)threshold));
	return 0;
}

static int
emit(int level, const char *name, const char *text, size_t n)
{
	const char *type = atomic_load_explicit(&type_now, memory_order_acquire);
	bx_ctx *c = bx_new(type ? type : ".log");
	if (!c)
		return 0;
	if (name)
		bx_ctx_set(c, "name", name);
	bx_ctx_set(c, "level", words[level]);
	bx_ctx_set(c, "msg", bx_strn(text, n));
	if (level <= BX_ERR)
		bx__ctx_error(c,
		    &(struct bx__error){.error_class = "log", .code = words[level], .message = text, .message_len = n});
	return bx_done(c);
}

int
bx_log(enum bx_level given, const char *name, const char *format, ...)
{
	char text[ERROR_MESSAGE_MAX];
	int level = level_within((int)given), kept = errno;
	if (!config_on() || level > atomic_load_explicit(&threshold_now, memory_order_relaxed))
		return 0;
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	int emitted = emit(level, name, text, error_text_cut(text, len, ERROR_MESSAGE_MAX - 8));
	errno = kept;
	return emitted;
}
