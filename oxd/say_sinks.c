/* SPDX-License-Identifier: ISC */
/* say_sinks: libsystemd speaks to the journal; a line of JSON is made here. */
#include "oxd/say_sinks.h"

/* Without: the journal would be told lines of this file, which help nobody. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "oxd/json.h"

enum { FIELDS = 4 + SAY_ABOUTS, FIELD_MAX = 2200 };

static const char journal_socket[] = "/run/systemd/journal/socket";

bool
say_journal_is_there(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char rest;
	return stream && sscanf(stream, "%llu:%llu%c", &dev, &ino, &rest) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

static void
write_text(const struct say_message *m)
{
	char line[FIELD_MAX + 100];
	int n = snprintf(line, sizeof line - 1, "%s: %s: %.*s", m->program, say_level_name(m->level),
	    (int)(m->text_len < FIELD_MAX ? m->text_len : FIELD_MAX), m->text);
	if (n > 0)
		say_write_line(line, (size_t)n < sizeof line - 1 ? (size_t)n : sizeof line - 2);
}

void
say_to_journal(const struct say_message *m)
{
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	char text[FIELDS][FIELD_MAX];
	struct iovec fields[FIELDS];
	int count = 0;
	snprintf(text[count++], FIELD_MAX, "MESSAGE=%.*s", (int)m->text_len, m->text);
	snprintf(text[count++], FIELD_MAX, "PRIORITY=%d", priorities[m->level]);
	snprintf(text[count++], FIELD_MAX, "SYSLOG_IDENTIFIER=%s", m->program);
	if (m->held_back)
		snprintf(text[count++], FIELD_MAX, "BLUEOX_HELD_BACK=%llu", (unsigned long long)m->held_back);
	for (int i = 0; i < SAY_ABOUTS; i++)
		if (m->about[i])
			snprintf(
			    text[count++], FIELD_MAX, "BLUEOX_%s=%s", say_about_name((enum say_about)i), m->about[i]);
	for (int i = 0; i < count; i++)
		fields[i] = (struct iovec){text[i], strlen(text[i])};
	/* libsystemd takes a journal that is not there for success. */
	if (access(journal_socket, F_OK) != 0 || sd_journal_sendv(fields, count) < 0)
		write_text(m);
}

static void
add_pair(struct buf *line, const char *key, const char *value, size_t n)
{
	buf_printf(line, ",\"%s\":", key);
	json_add_text(line, value, n);
}

static void
add_lower(struct buf *line, const char *name, const char *value)
{
	char key[32];
	size_t n = strnlen(name, sizeof key - 1);
	for (size_t i = 0; i < n; i++)
		key[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	key[n] = '\0';
	add_pair(line, key, value, strlen(value));
}

void
say_to_json(const struct say_message *m)
{
	struct buf line = {0};
	buf_printf(&line, "{\"time\":%.6f", clock_seconds(clock_wall_ns()));
	add_lower(&line, "PROGRAM", m->program);
	add_lower(&line, "LEVEL", say_level_name(m->level));
	add_pair(&line, "message", m->text, m->text_len);
	if (m->held_back)
		buf_printf(&line, ",\"held_back\":%llu", (unsigned long long)m->held_back);
	for (int i = 0; i < SAY_ABOUTS; i++)
		if (m->about[i])
			add_lower(&line, say_about_name((enum say_about)i), m->about[i]);
	buf_puts(&line, "}");
	size_t n = line.len;
	buf_putc(&line, '\n');
	if (line.err == BX_OK)
		say_write_line((char *)line.data, n);
	else
		write_text(m);
	buf_fini(&line);
}

void
say_choose(enum say_format format)
{
	if (format == SAY_FORMAT_JSON)
		say_through(say_to_json);
	else
		say_through(format == SAY_FORMAT_AUTO && say_journal_is_there() ? say_to_journal : NULL);
}
