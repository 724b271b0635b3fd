/* SPDX-License-Identifier: ISC */
/*
 * journal_entry: an entry for systemd's journal, field by field, as the `.log` event that it is too.
 *
 * MESSAGE, PRIORITY, SYSLOG_IDENTIFIER and SYSLOG_FACILITY become what syslog's events have; every other field stands under
 * `fields` by its own name.  Of several with one name the last counts.  Nothing is allocated.
 */
#ifndef BLUEOX_PRELOAD_JOURNAL_ENTRY_H
#define BLUEOX_PRELOAD_JOURNAL_ENTRY_H

#include <stddef.h>

#include "preload/span.h"

enum { JOURNAL_MESSAGE_MAX = 2048 };

struct journal_entry {
	bx_ctx *span;
	int priority; /* -1: none was given */
	bool named;
	size_t field_count;
	size_t message_len;
	char message[JOURNAL_MESSAGE_MAX];
};

/* False when nothing is recorded. */
bool journal_entry_begin(struct journal_entry *e);

/* A field as libsystemd takes it, NAME=value; what it would refuse is left out. */
void journal_entry_field(struct journal_entry *e, const char *field, size_t len);

/* The same for a field whose name is known. */
void journal_entry_set(struct journal_entry *e, const char *name, const char *value, size_t len);
void journal_entry_priority(struct journal_entry *e, int priority);

void journal_entry_end(struct journal_entry *e);

#endif
