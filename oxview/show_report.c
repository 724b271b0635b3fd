/* SPDX-License-Identifier: ISC */
/* show_report: ties a source, a report and a file. */
#include "oxview/show_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/clock.h"
#include "oxview/repeats.h"
#include "oxview/source_open.h"
#include "oxview/wholefile.h"

/* What the page says that it shows. */
static struct report_head
head_of(const struct conf *c)
{
	const char *sources[] = {
	    [FROM_STDIN] = "standard input",
	    [FROM_FILES] = c->file_count == 1 ? c->files[0] : "several files",
	    [FROM_LOGDIR] = c->log_path,
	    [FROM_LIVE] = c->host,
	};
	return (struct report_head){
	    .source = sources[c->source],
	    .where = c->where,
	    .start_date = c->start_date,
	    .end_date = c->end_date,
	    .id = c->id,
	    .types = &c->type_names,
	    .errors_only = c->errors_only,
	    .made_ns = clock_wall_ns(),
	    .symbols_wait_ns = c->symbols_wait_ns,
	};
}

/* Reads everything once.  False: what went wrong has been told, and there will be no report. */
static bool
read_all(const struct conf *c, struct report *report, struct trouble *trouble, uint64_t *repeated)
{
	struct source_env env = {.select = &c->select, .trouble = trouble};
	struct repeats repeats = {0};
	struct event ev;
	if (!c->all && !repeats_init(&repeats, c->remember))
		trouble_add(trouble, "out of memory for repeats: they are shown");
	unsigned long before = trouble->count;
	struct source *source = source_open(c, &env);
	bool ok = source != NULL;
	if (!source && trouble->count == before)
		trouble_add(trouble, "out of memory");
	while (ok && source_next(source, &ev))
		if (!(repeats.lines && repeats_seen(&repeats, &ev)) && !report_add(report, &ev)) {
			trouble_add(trouble, "out of memory for --html");
			ok = false;
		}
	*repeated = repeats.count;
	source_free(&source);
	repeats_fini(&repeats);
	return ok;
}

/* What cannot be read is told by the first reading already. */
static bool
read_again(const struct conf *c, struct report *report)
{
	struct buf lines = {0};
	struct trouble quiet = {.lines = &lines};
	uint64_t repeated;
	bool ok = conf_reads_once(c) || !report_again(report) || read_all(c, report, &quiet, &repeated);
	buf_fini(&lines);
	return ok;
}

static void
write_page(struct report *report, const struct report_head *head, struct wholefile *file, struct trouble *trouble)
{
	struct out out;
	out_init(&out, file->fd, false);
	bool written = report_write_page(report, head, &out);
	out_flush(&out);
	if (out.error)
		trouble_add(trouble, "%s: %s", file->path, strerror(out.error));
	else if (!written)
		trouble_add(trouble, "out of memory for --html");
	else if (!wholefile_finish(file))
		trouble_add(trouble, "%s: %s", file->path, strerror(errno));
	out_fini(&out);
}

void
show_report(const struct conf *c, struct trouble *trouble)
{
	struct wholefile file;
	struct report *report = calloc(1, sizeof *report);
	struct report_head head = head_of(c);
	const char *wrong = wholefile_open(&file, c->html);
	if (wrong)
		trouble_add(trouble, "%s: %s", c->html, wrong);
	else if (!report || !report_init(report))
		trouble_add(trouble, "out of memory for --html");
	else if (read_all(c, report, trouble, &head.repeats) && (report->events > 0 || trouble->count == 0) &&
		 read_again(c, report))
		write_page(report, &head, &file, trouble);
	wholefile_abandon(&file);
	if (report)
		report_fini(report);
	free(report);
}
