/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { CELL = 48, COLUMNS_MAX = 20 };

static void
seconds_text(char out[CELL], double s)
{
	static const struct {
		double least, scale;
		const char *unit;
	} units[] = {{1, 1, "s"}, {1e-3, 1e3, "ms"}, {0, 1e6, "us"}};
	size_t i = 0;
	while (s < units[i].least)
		i++;
	double v = s * units[i].scale;
	snprintf(out, CELL, "%.*f %s", v >= 100 ? 0 : v >= 10 ? 1 : 2, v, units[i].unit);
}

struct column {
	const char *heading;
	size_t offset; /* in a tally_program */
	bool is_time;
};

#define AT(member) offsetof(struct tally_program, member)
static const struct column columns[] = {
    {"processes", AT(processes), false},
    {"connects", AT(connects), false},
    {"queries", AT(queries), false},
    {"failed", AT(query_errors), false},
    {"in SQL", AT(sql_seconds), true},
    {"slowest", AT(slowest), true},
    {"memcache", AT(cache_calls), false},
    {"hits", AT(hits), false},
    {"misses", AT(misses), false},
    {"failed", AT(cache_errors), false},
    {"in memcache", AT(cache_seconds), true},
    {"log lines", AT(log_lines), false},
    {"err or worse", AT(log_errors), false},
    {"crashes", AT(crashes), false},
    {"others", AT(others), false},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void
cell_text(char out[CELL], const struct column *column, const struct tally_program *p)
{
	const char *at = (const char *)p + column->offset;
	uint64_t count;
	double seconds;
	memcpy(&count, at, sizeof count);
	memcpy(&seconds, at, sizeof seconds);
	if (count == 0) /* the bits of 0.0, too */
		snprintf(out, CELL, "-");
	else if (column->is_time)
		seconds_text(out, seconds);
	else
		snprintf(out, CELL, "%" PRIu64, count);
}

struct tally_program
summary_all(const struct tally *t)
{
	struct tally_program all = {.name = "all"};
	for (size_t i = 0; i < t->program_count; i++) {
		const struct tally_program *p = &t->programs[i];
#define ADD(member, key, heading) all.member += p->member;
		TALLY_COUNTS(ADD)
#undef ADD
		all.sql_seconds += p->sql_seconds;
		all.cache_seconds += p->cache_seconds;
		if (p->slowest > all.slowest)
			all.slowest = p->slowest;
	}
	return all;
}

static void
put_row(struct buf *out, const struct tally_program *p, int name_width, const int widths[COLUMNS])
{
	char cell[CELL];
	buf_printf(out, "  %-*s", name_width, p ? p->name : "");
	for (size_t i = 0; i < COLUMNS; i++) {
		if (!widths[i])
			continue;
		if (p)
			cell_text(cell, &columns[i], p);
		else
			snprintf(cell, sizeof cell, "%s", columns[i].heading);
		buf_printf(out, "  %*s", widths[i], cell);
	}
	buf_putc(out, '\n');
}

/* Columns in which nothing happened are left out. */
static void
put_table(struct buf *out, const struct tally *t)
{
	struct tally_program all = summary_all(t);
	int name_width = (int)strlen(all.name), widths[COLUMNS];
	char cell[CELL];
	for (size_t i = 0; i < t->program_count; i++)
		if ((int)strlen(t->programs[i].name) > name_width)
			name_width = (int)strlen(t->programs[i].name);
	for (size_t i = 0; i < COLUMNS; i++) {
		cell_text(cell, &columns[i], &all);
		widths[i] = strcmp(cell, "-") == 0 ? 0 : (int)strlen(columns[i].heading);
		for (size_t k = 0; widths[i] && k <= t->program_count; k++) {
			cell_text(cell, &columns[i], k < t->program_count ? &t->programs[k] : &all);
			if ((int)strlen(cell) > widths[i])
				widths[i] = (int)strlen(cell);
		}
	}
	put_row(out, NULL, name_width, widths);
	for (size_t i = 0; i < t->program_count; i++)
		put_row(out, &t->programs[i], name_width, widths);
	if (t->program_count > 1)
		put_row(out, &all, name_width, widths);
}

static int
longest_program(const struct tally *t)
{
	int n = 0;
	for (size_t i = 0; i < t->program_count; i++)
		if ((int)strlen(t->programs[i].name) > n)
			n = (int)strlen(t->programs[i].name);
	return n;
}

static void
put_slowest(struct buf *out, const struct tally *t)
{
	char seconds[CELL];
	int width = longest_program(t);
	for (size_t i = 0; i < t->slowest_count; i++) {
		seconds_text(seconds, t->slowest[i].seconds);
		buf_printf(out, "  %-8s %10s  %-*s  %s\n", i ? "" : "slowest", seconds, width, t->slowest[i].program,
		    t->slowest[i].query);
	}
}

static void
put_errors(struct buf *out, const struct tally *t)
{
	int width = longest_program(t);
	for (size_t i = 0; i < t->error_count; i++)
		buf_printf(out, "  %-8s %9" PRIu64 "x  %-*s  %s\n", i ? "" : "errors", t->errors[i].count, width,
		    t->errors[i].program, t->errors[i].text);
	if (t->errors_left_out)
		buf_printf(out, "  %-8s %9" PRIu64 "x  of other kinds\n", "", t->errors_left_out);
}

uint64_t
summary_dropped(const struct tally *t)
{
	return t->dropped > t->dropped_by_programs ? t->dropped : t->dropped_by_programs;
}

static void
put_end(struct buf *out, const struct job_end *end)
{
	if (WIFSIGNALED(end->status))
		buf_printf(out, "killed by signal %d (%s)", WTERMSIG(end->status), strsignal(WTERMSIG(end->status)));
	else
		buf_printf(out, "exit status %d", WEXITSTATUS(end->status));
}

void
summary_command(const struct summary *s, struct buf *out)
{
	const char *quote = strpbrk(s->log_path, " \t\"\\$&;()<>|*?[]#~`") ? "'" : "";
	buf_printf(out, "oxview --log-path %s%s%s", quote, s->log_path, quote);
	if (s->only_id)
		buf_printf(out, " --id %s", s->id);
	buf_puts(out, " --tree");
}

void
summary_text(const struct summary *s, struct buf *out)
{
	char took[CELL];
	seconds_text(took, (double)s->end.duration_ns / 1e9);
	buf_printf(out, "oxrun: %s: ", s->name ? s->name : s->command);
	put_end(out, &s->end);
	buf_printf(out, " after %s, %" PRIu64 " events\n", took, s->tally.events);
	if (s->tally.program_count)
		put_table(out, &s->tally);
	put_slowest(out, &s->tally);
	put_errors(out, &s->tally);
	if (summary_dropped(&s->tally))
		buf_printf(out, "  %" PRIu64 " events were dropped and are in none of these numbers\n",
		    summary_dropped(&s->tally));
}
