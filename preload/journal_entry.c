/* SPDX-License-Identifier: ISC */
#include "preload/journal_entry.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "preload/log_names.h"

enum { FIELDS_MAX = 64, NAME_MAX_BYTES = 64 /* as the journal's */, VALUE_MAX = 4096 };

#define UNDER "fields."

bool
journal_entry_begin(struct journal_entry *e)
{
	e->priority = -1;
	e->named = false;
	e->field_count = e->message_len = 0;
	e->span = span_on(KIND_LOG) ? span_begin(".log") : NULL;
	return e->span != NULL;
}

void
journal_entry_priority(struct journal_entry *e, int priority)
{
	if (priority < LOG_EMERG || priority > LOG_DEBUG)
		return;
	e->priority = priority;
	span_set(e->span, "level", log_level_name(priority));
}

static size_t
without_trailing_space(const char *s, size_t n)
{
	while (n > 0 && memchr(" \t\n\r", s[n - 1], 4))
		n--;
	return n;
}

static void
set_message(struct journal_entry *e, const char *value, size_t len)
{
	len = without_trailing_space(value, len);
	span_set_cut(e->span, "msg", value, len, JOURNAL_MESSAGE_MAX - 4);
	if (len > JOURNAL_MESSAGE_MAX - 4)
		span_set(e->span, "msg_size", len);
	e->message_len = len < JOURNAL_MESSAGE_MAX - 4 ? len : JOURNAL_MESSAGE_MAX - 4;
	memcpy(e->message, value, e->message_len);
}

static int
number_of(const char *s, size_t n)
{
	int value = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9' || value > 1000)
			return -1;
		value = 10 * value + (s[i] - '0');
	}
	return n ? value : -1;
}

static void
set_other(struct journal_entry *e, const char *name, size_t name_len, const char *value, size_t len)
{
	char key[sizeof UNDER + NAME_MAX_BYTES];
	if (e->field_count++ >= FIELDS_MAX)
		return;
	memcpy(key, UNDER, sizeof UNDER - 1);
	memcpy(key + sizeof UNDER - 1, name, name_len);
	key[sizeof UNDER - 1 + name_len] = '\0';
	span_set_cut(e->span, key, value, len, VALUE_MAX);
}

static bool
is_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'A' && name[i] <= 'Z') && !(name[i] >= '0' && name[i] <= '9') && name[i] != '_')
			return false;
	return len > 0 && len <= NAME_MAX_BYTES && name[0] > '9';
}

static void
set(struct journal_entry *e, const char *name, size_t name_len, const char *value, size_t len)
{
	static const char *const known[] = {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "SYSLOG_FACILITY"};
	size_t which = 0;
	while (which < 4 && !(strlen(known[which]) == name_len && memcmp(known[which], name, name_len) == 0))
		which++;
	switch (which) {
	case 0:
		set_message(e, value, len);
		break;
	case 1:
		journal_entry_priority(e, number_of(value, len));
		break;
	case 2:
		span_set_cut(e->span, "name", value, len, VALUE_MAX);
		e->named = true;
		break;
	case 3:
		span_set(e->span, "facility", log_facility_name(number_of(value, len)));
		break;
	default:
		if (is_name(name, name_len))
			set_other(e, name, name_len, value, len);
	}
}

void
journal_entry_field(struct journal_entry *e, const char *field, size_t len)
{
	const char *equals = field ? memchr(field, '=', len) : NULL;
	if (!equals)
		return;
	size_t name_len = (size_t)(equals - field);
	set(e, field, name_len, equals + 1, len - name_len - 1);
}

void
journal_entry_set(struct journal_entry *e, const char *name, const char *value, size_t len)
{
	set(e, name, strlen(name), value, len);
}

void
journal_entry_end(struct journal_entry *e)
{
	if (!e->named)
		bx__set_text(e->span, "name", BX__KEY("name"), program_invocation_short_name);
	if (e->priority >= 0 && e->priority <= LOG_ERR) {
		struct bx__error error = {.error_class = "log",
		    .code = log_level_name(e->priority),
		    .message = e->message,
		    .message_len = e->message_len};
		span_set_error(e->span, &error);
	}
	span_end(e->span);
}
