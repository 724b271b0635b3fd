/* SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "libbx/core/mp.h"
#include "preload/oxrun_summary.h"

/* What is not UTF-8 is shown byte by byte, as if it were Latin 1. */
static void
json_string(struct buf *out, const char *text)
{
	bool utf8 = mp_is_utf8(text, strlen(text));
	buf_putc(out, '"');
	for (const uint8_t *p = (const uint8_t *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_printf(out, "\\%c", *p);
		else if (*p < ' ' || (*p >= 0x80 && !utf8))
			buf_printf(out, "\\u%04x", *p);
		else
			buf_putc(out, (char)*p);
	}
	buf_putc(out, '"');
}

static void
json_text_member(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "\"%s\":", key);
	if (text)
		json_string(out, text);
	else
		buf_puts(out, "null");
}

static void
json_program(struct buf *out, const struct tally_program *p)
{
	buf_putc(out, '{');
#define PUT(member, key, heading) buf_printf(out, "\"" key "\":%" PRIu64 ",", p->member);
	TALLY_COUNTS(PUT)
#undef PUT
	buf_printf(out, "\"sql_time\":%.9g,\"slowest\":%.9g,\"memcache_time\":%.9g}", p->sql_seconds, p->slowest,
	    p->cache_seconds);
}

static void
json_programs(struct buf *out, const struct tally *t)
{
	buf_puts(out, "\"programs\":{");
	for (size_t i = 0; i < t->program_count; i++) {
		if (i)
			buf_putc(out, ',');
		json_string(out, t->programs[i].name);
		buf_putc(out, ':');
		json_program(out, &t->programs[i]);
	}
	struct tally_program all = summary_all(t);
	buf_puts(out, "},\"all\":");
	json_program(out, &all);
}

static void
json_lists(struct buf *out, const struct tally *t)
{
	buf_puts(out, ",\"slowest\":[");
	for (size_t i = 0; i < t->slowest_count; i++) {
		buf_printf(out, "%s{\"time\":%.9g,", i ? "," : "", t->slowest[i].seconds);
		json_text_member(out, "program", t->slowest[i].program);
		buf_putc(out, ',');
		json_text_member(out, "query", t->slowest[i].query);
		buf_putc(out, '}');
	}
	buf_puts(out, "],\"errors\":[");
	for (size_t i = 0; i < t->error_count; i++) {
		buf_printf(out, "%s{\"count\":%" PRIu64 ",", i ? "," : "", t->errors[i].count);
		json_text_member(out, "program", t->errors[i].program);
		buf_putc(out, ',');
		json_text_member(out, "error", t->errors[i].text);
		buf_putc(out, '}');
	}
	buf_printf(out, "],\"errors_left_out\":%" PRIu64, t->errors_left_out);
}

void
summary_json(const struct summary *s, struct buf *out)
{
	buf_putc(out, '{');
	json_text_member(out, "command", s->command);
	buf_putc(out, ',');
	json_text_member(out, "name", s->name);
	buf_putc(out, ',');
	json_text_member(out, "id", s->id);
	buf_putc(out, ',');
	json_text_member(out, "log_path", s->log_path);
	if (WIFSIGNALED(s->end.status))
		buf_printf(out, ",\"signal\":%d", WTERMSIG(s->end.status));
	else
		buf_printf(out, ",\"exit_status\":%d", WEXITSTATUS(s->end.status));
	buf_printf(out, ",\"duration\":%.9g,\"events\":%" PRIu64 ",\"dropped\":%" PRIu64 ",",
	    (double)s->end.duration_ns / 1e9, s->tally.events, summary_dropped(&s->tally));
	json_programs(out, &s->tally);
	json_lists(out, &s->tally);
	buf_puts(out, "}\n");
}
