/* SPDX-License-Identifier: ISC */
/* oxctl_store_read: list, verify, cat and export: what looks at log files and changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libbx/core/indexing.h"
#include "libbx/core/logread.h"
#include "oxd/json.h"
#include "oxd/oxctl_store.h"
#include "oxd/say.h"
#include "oxd/store.h"

enum { STEP = 256 * 1024, EVENT_MAX = 16 * 1024 * 1024 };

/* ---- events of one file ------------------------------------------------------------------------------------------ */

struct walk {
	struct logread in;
	struct buf window;
	size_t at;
	uint64_t base; /* offset of window.data[0] in the unpacked file */
	bool eof;
	char problem[128]; /* why it ended before the end, or empty */
};

static bool
walk_open(struct walk *w, const struct store_dir *d, const struct logdir_file *f)
{
	*w = (struct walk){.base = 0};
	int fd = f->link ? openat(d->fd, f->path, O_RDONLY | O_CLOEXEC) : logdir_open(d->fd, f->path);
	logread_open(&w->in, fd);
	if (fd < 0)
		snprintf(w->problem, sizeof w->problem, "%s", strerror(errno));
	return fd >= 0;
}

static void
walk_close(struct walk *w)
{
	logread_close(&w->in);
	buf_fini(&w->window);
}

static void
walk_fill(struct walk *w)
{
	size_t got = 0;
	buf_drop_front(&w->window, w->at);
	w->base += w->at;
	w->at = 0;
	uint8_t *to = buf_reserve(&w->window, STEP);
	enum bx_err err = to ? logread_read(&w->in, to, STEP, &got) : BX_ENOMEM;
	w->window.len += got;
	w->eof = got == 0;
	if (err == BX_EBAD)
		snprintf(w->problem, sizeof w->problem, "cannot be unpacked (%s: %.60s)", logread_pack_text(w->in.pack),
		    w->in.problem);
	else if (err != BX_OK)
		snprintf(w->problem, sizeof w->problem, "%s", err == BX_EIO ? strerror(errno) : bx_err_text(err));
}

/* False at the end, or where no whole event is; `problem` tells which. */
static bool
walk_next(struct walk *w, struct event *ev)
{
	for (;;) {
		size_t left = w->window.len - w->at, used;
		enum bx_err err = left > 0 ? event_glance(w->window.data + w->at, left, ev, &used) : BX_ESHORT;
		if (err == BX_OK) {
			w->at += used;
			return true;
		}
		if (err == BX_ESHORT && !w->eof && left < EVENT_MAX) {
			walk_fill(w);
			continue;
		}
		if (left > 0 && !w->problem[0])
			snprintf(
			    w->problem, sizeof w->problem, err == BX_ESHORT ? "ends inside an event" : "no event here");
		return false;
	}
}

static uint64_t
walk_offset(const struct walk *w)
{
	return w->base + w->at;
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

static void
put_day(struct buf *out, const struct logname *name)
{
	char text[32];
	time_t t = (time_t)name->day_start;
	struct tm tm;
	gmtime_r(&t, &tm);
	strftime(text, sizeof text, name->hourly ? "%Y-%m-%d %H" : "%Y-%m-%d", &tm);
	buf_printf(out, "%-13s", text);
}

static const char *
kind_of(const struct logdir_file *f)
{
	static const char *const kinds[] = {"plain", "zst", "gz", "bz2"};
	return kinds[f->pack];
}

static void
list_json(struct buf *out, const struct store_dir *d, const struct logdir_file *f)
{
	buf_puts(out, "{\"path\":");
	json_add_text(out, f->path, strlen(f->path));
	buf_puts(out, ",\"type\":");
	json_add_text(out, f->name.type, f->name.type_len);
	buf_printf(out,
	    ",\"start\":%lld,\"hourly\":%s,\"part\":%u,\"pack\":\"%s\",\"bytes\":%llu,\"indexed\":%s,\"written\":%s}",
	    (long long)f->name.day_start, f->name.hourly ? "true" : "false", f->name.part, kind_of(f),
	    (unsigned long long)f->size, f->has_index ? "true" : "false", store_dir_lists(d, f) ? "true" : "false");
}

static void
list_text(struct buf *out, const struct store_dir *d, const struct logdir_file *f)
{
	put_day(out, &f->name);
	store_put_size(out, f->size);
	buf_printf(out, "  %-5s  %-5s  %-7s  ", kind_of(f), f->has_index ? "index" : "",
	    store_dir_lists(d, f) ? "written" : "");
	for (const char *p = f->path; *p; p++)
		buf_putc(out, *p >= ' ' && *p < 127 ? *p : '?');
	buf_putc(out, '\n');
}

int
oxctl_store_list(struct store_dir *d, const char *type)
{
	struct buf out = {0};
	uint64_t files = 0, bytes = 0;
	if (d->o->json) {
		buf_puts(&out, "{\"log_path\":");
		json_add_text(&out, d->log_path, strlen(d->log_path));
		buf_puts(&out, ",\"files\":[");
	}
	for (size_t i = 0; i < d->files.count; i++) {
		const struct logdir_file *f = &d->files.files[i];
		if (!store_dir_wants(f, type))
			continue;
		if (d->o->json)
			buf_puts(&out, files ? ",\n" : "\n");
		(d->o->json ? list_json : list_text)(&out, d, f);
		files++;
		bytes += f->size;
	}
	if (d->o->json) {
		buf_printf(&out, "],\"others\":%zu}\n", d->files.others);
	} else {
		store_put_size(&out, bytes);
		buf_printf(&out, " in %llu files of %s", (unsigned long long)files, d->log_path);
		if (d->files.others)
			buf_printf(&out, "; %zu other names there", d->files.others);
		buf_putc(&out, '\n');
	}
	return oxctl_print(&out);
}

/* ---- verify ------------------------------------------------------------------------------------------------------ */

struct verdict {
	struct buf *out;
	bool json;
	uint64_t files, events, wrong;
};

static void
blame(struct verdict *v, const struct logdir_file *f, uint64_t offset, const char *what)
{
	if (v->json) {
		buf_puts(v->out, v->wrong ? ",\n{\"path\":" : "\n{\"path\":");
		json_add_text(v->out, f->path, strlen(f->path));
		buf_printf(v->out, ",\"offset\":%llu,\"wrong\":", (unsigned long long)offset);
		json_add_text(v->out, what, strlen(what));
		buf_putc(v->out, '}');
	} else {
		buf_printf(v->out, "%s: offset %llu: %s\n", f->path, (unsigned long long)offset, what);
	}
	v->wrong++;
}

/* Blocks of the index against the file, up to where the index ends; what lies behind that is no fault. */
static void
verify_index(const struct store_dir *d, struct verdict *v, const struct logdir_file *f)
{
	char stem[LOGNAME_MAX];
	struct index_walk w;
	struct index_entry e;
	struct logread in;
	snprintf(stem, sizeof stem, "%.*s", (int)(strlen(f->path) - strlen(logdir_suffix(f->pack))), f->path);
	enum bx_err err = index_walk_open(&w, d->fd, stem);
	if (err == BX_ESHORT) /* no block is whole yet */
		return;
	uint8_t *block = err == BX_OK ? malloc(INDEX_BLOCK_MAX) : NULL;
	if (!block) {
		blame(v, f, 0,
		    err == BX_OK ? "out of memory" : "its index does not hold; oxctl store reindex makes it anew");
		index_walk_close(&w);
		return;
	}
	logread_open(&in, logdir_open(d->fd, f->path));
	bool holds = true;
	while (holds && index_walk_next(&w, &e)) {
		size_t got = 0;
		holds = logread_full(&in, block, e.length, &got) == BX_OK && got == e.length &&
			index_block_holds(&e, block);
	}
	if (!holds)
		blame(v, f, e.offset, "another block than its index says; damaged, or oxctl store reindex is due");
	else if (w.window.len > w.at)
		blame(v, f, w.covered, "its index ends in something that does not hold");
	index_walk_close(&w);
	logread_close(&in);
	free(block);
}

static void
verify_file(const struct store_dir *d, struct verdict *v, const struct logdir_file *f)
{
	struct walk w;
	struct event ev;
	v->files++;
	walk_open(&w, d, f);
	while (walk_next(&w, &ev))
		v->events++;
	const struct checkpoint_file *live = kept_find(&d->live, f->path);
	bool being_written = d->held && (live ? walk_offset(&w) >= live->len
					      : f->pack == LOGDIR_PLAIN && !f->later_layout &&
						    store_period_end_ns(f) > (int64_t)time(NULL) * 1000000000);
	if (w.problem[0] && !being_written)
		blame(v, f, walk_offset(&w), w.problem);
	walk_close(&w);
	if (f->has_index && !w.problem[0])
		verify_index(d, v, f);
	if (f->twins)
		blame(v, f, 0, "is there packed as well; the plain one is what is read");
}

int
oxctl_store_verify(struct store_dir *d, const char *type)
{
	struct buf out = {0};
	struct verdict v = {.out = &out, .json = d->o->json};
	if (v.json)
		buf_puts(&out, "{\"wrong\":[");
	for (size_t i = 0; i < d->files.count; i++)
		if (store_dir_wants(&d->files.files[i], type))
			verify_file(d, &v, &d->files.files[i]);
	buf_printf(&out,
	    v.json ? "],\"files\":%llu,\"events\":%llu}\n" : "%llu files, %llu events: ", (unsigned long long)v.files,
	    (unsigned long long)v.events);
	if (!v.json && v.wrong)
		buf_printf(&out, "%llu things are wrong\n", (unsigned long long)v.wrong);
	else if (!v.json)
		buf_puts(&out, "all is well\n");
	int printed = oxctl_print(&out);
	return v.wrong ? 1 : printed;
}

/* ---- cat and export ---------------------------------------------------------------------------------------------- */

struct pour {
	const struct store_dir *d;
	bool as_json;
	double from, to;
	int fd;
	char fresh[4096]; /* --out, while it is not whole */
	struct buf out;
	bool failed;
};

static bool
pour_open(struct pour *p)
{
	int64_t ns;
	const struct oxctl *o = p->d->o;
	p->from = -INFINITY;
	p->to = INFINITY;
	if (o->from && !store_read_date("from", o->from, false, &ns))
		return false;
	if (o->from)
		p->from = (double)ns / 1e9;
	if (o->to && !store_read_date("to", o->to, true, &ns))
		return false;
	if (o->to)
		p->to = (double)ns / 1e9;
	p->fd = STDOUT_FILENO;
	if (!o->out)
		return true;
	snprintf(p->fresh, sizeof p->fresh, "%s.new", o->out);
	p->fd = open(p->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (p->fd < 0)
		say(SAY_ERROR, "%s: %s", p->fresh, strerror(errno));
	return p->fd >= 0;
}

static bool
pour_flush(struct pour *p)
{
	size_t done = 0;
	while (done < p->out.len) {
		ssize_t n = write(p->fd, p->out.data + done, p->out.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (errno != EPIPE)
				say(SAY_ERROR, "%s: %s", p->fresh[0] ? p->fresh : "standard output", strerror(errno));
			return false;
		}
		done += (size_t)n;
	}
	buf_clear(&p->out);
	return true;
}

/* False when nothing more can be written. */
static bool
pour_event(struct pour *p, const struct event *ev)
{
	double when = ev->has_end ? ev->end : ev->has_start ? ev->start : NAN;
	bool all = isinf(p->from) && isinf(p->to);
	if (!all && !(when >= p->from && when <= p->to))
		return true;
	if (p->as_json) {
		json_from_mp(ev->raw.p, ev->raw.n, &p->out);
		buf_putc(&p->out, '\n');
	} else {
		buf_put(&p->out, ev->raw.p, ev->raw.n);
	}
	return p->out.len < STEP || pour_flush(p);
}

static bool
pour_file(struct pour *p, const struct logdir_file *f)
{
	struct walk w;
	struct event ev;
	bool ok = true;
	walk_open(&w, p->d, f);
	while (ok && walk_next(&w, &ev))
		ok = pour_event(p, &ev);
	if (w.problem[0]) {
		say(SAY_WARNING, "%s: offset %llu: %s", f->path, (unsigned long long)walk_offset(&w), w.problem);
		p->failed = true;
	}
	walk_close(&w);
	return ok;
}

static bool
pour_close(struct pour *p, bool ok)
{
	if (!p->fresh[0] || p->fd < 0)
		return ok;
	ok = ok && fsync(p->fd) == 0;
	if (close(p->fd) != 0)
		ok = false;
	if (ok && rename(p->fresh, p->d->o->out) == 0)
		return true;
	if (ok)
		say(SAY_ERROR, "%s: %s", p->d->o->out, strerror(errno));
	unlink(p->fresh);
	return false;
}

static int
pour(struct store_dir *d, const char *type, bool as_json)
{
	struct pour p = {.d = d, .as_json = as_json, .fd = -1};
	if (!pour_open(&p))
		return 2;
	bool ok = true;
	for (size_t i = 0; ok && i < d->files.count; i++)
		if (store_dir_wants(&d->files.files[i], type))
			ok = pour_file(&p, &d->files.files[i]);
	ok = ok && pour_flush(&p);
	ok = pour_close(&p, ok);
	buf_fini(&p.out);
	return ok && !p.failed ? 0 : 1;
}

int
oxctl_store_cat(struct store_dir *d, const char *type)
{
	return pour(d, type, false);
}

int
oxctl_store_export(struct store_dir *d, const char *type)
{
	return pour(d, type, true);
}
