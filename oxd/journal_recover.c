/* SPDX-License-Identifier: ISC */
/* journal_recover: list, drop what is stale, walk, cut the end, sync. */
#include "oxd/journal_recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "oxd/say.h"
#include "oxd/scan.h"

struct walk {
	int dir_fd;
	uint64_t covers;
	const struct journal_replay *replay;
	struct stats *stats;
	struct recovered *out;
	struct scan scan;
};

static int
by_first(const struct segment *a, const struct segment *b)
{
	return a->first < b->first ? -1 : a->first > b->first;
}

/* Takes a file that cannot be a segment out of the way, without losing it. */
static void
set_aside(int dir_fd, const char *name)
{
	char aside[SEGMENT_NAME + 16];
	snprintf(aside, sizeof aside, "%.*s.damaged", SEGMENT_NAME - 1, name);
	if (renameat(dir_fd, name, dir_fd, aside) == 0)
		say(SAY_WARNING, "journal segment %s has no valid header, kept as %s", name, aside);
}

static enum bx_err
list_segments(struct walk *w, char *err, size_t err_cap)
{
	int fd = openat(w->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		snprintf(err, err_cap, "journal directory: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return BX_EIO;
	}
	enum bx_err result = BX_OK;
	for (struct dirent *e; result == BX_OK && (e = readdir(d)) != NULL;) {
		uint64_t first;
		struct segment *s;
		if (!segment_is_name(e->d_name, &first))
			continue;
		result = segment_open(w->dir_fd, e->d_name, &s);
		if (result == BX_OK) {
			LL_PREPEND(w->out->segments, s);
		} else if (result == BX_EBAD) {
			set_aside(w->dir_fd, e->d_name);
			result = BX_OK;
		} else if (result == BX_EVERSION) {
			snprintf(err, err_cap, "journal segment %s was written by a newer oxd, this one cannot read it",
			    e->d_name);
		} else {
			snprintf(err, err_cap, "journal segment %s: %s", e->d_name, strerror(errno));
		}
	}
	closedir(d);
	LL_SORT(w->out->segments, by_first);
	return result;
}

static void
drop_replaced(struct walk *w)
{
	struct segment *s, *other, *next;
	LL_FOREACH(w->out->segments, s)
	{
		if (s->replaces_upto == 0)
			continue;
		LL_FOREACH_SAFE(w->out->segments, other, next)
		{
			if (other->first <= s->first || other->first > s->replaces_upto)
				continue;
			LL_DELETE(w->out->segments, other);
			segment_remove(w->dir_fd, other, false);
			segment_unref(&other);
		}
	}
}

static void
note_lost(struct walk *w, const struct segment *s, uint64_t lo, uint64_t hi)
{
	struct recovered *out = w->out;
	if (hi <= w->covers || lo > hi)
		return;
	stats_add(w->stats, STAT_journal_lost, hi - lo + 1);
	say(SAY_WARNING, "journal segment %s is damaged: records %llu to %llu are lost", s->name,
	    (unsigned long long)lo, (unsigned long long)hi);
	char aside[SEGMENT_NAME + 16];
	snprintf(aside, sizeof aside, "%s.damaged", s->name);
	if (linkat(w->dir_fd, s->name, w->dir_fd, aside, 0) != 0 && errno != EEXIST)
		say(SAY_WARNING, "journal segment %s could not be kept as %s: %s", s->name, aside, strerror(errno));
	if (out->lost_count < RECOVER_LOST_MAX) {
		out->lost[out->lost_count].lo = lo;
		out->lost[out->lost_count].hi = hi;
		out->lost_count++;
	}
}

/* An earlier start has journaled this loss already. */
static void
forget_lost(struct recovered *out, uint64_t lo, uint64_t hi)
{
	for (unsigned i = 0; i < out->lost_count; i++)
		if (out->lost[i].lo == lo && out->lost[i].hi == hi)
			out->lost[i--] = out->lost[--out->lost_count];
}

static void
take(struct walk *w, const struct record *rec)
{
	w->out->last = rec->number;
	if (rec->source.kind == SOURCE_LOST)
		forget_lost(w->out, rec->source.lost.lo, rec->source.lost.hi);
	if (rec->source.kind == SOURCE_LOST && rec->frame.n && rec->source.lost.hi > w->out->doomed)
		w->out->doomed = rec->source.lost.hi;
	if (rec->number > w->covers && w->replay->record)
		w->replay->record(w->replay->arg, rec);
}

/* The end of the last segment: what follows the last whole record never counted, and must never pass for one later. */
static enum bx_err
cut_end(struct walk *w, struct segment *s, uint64_t last, bool torn)
{
	if (torn)
		stats_add(w->stats, STAT_journal_torn, 1);
	s->end = w->scan.at;
	w->out->last = last;
	w->out->ends_open = true;
	return segment_zero_from(s, s->end);
}

static bool
bytes_stand_at_end(struct walk *w)
{
	uint8_t word[4] = {0};
	return w->scan.end - w->scan.at >= sizeof word &&
	       pread(w->scan.fd, word, sizeof word, (off_t)w->scan.at) == (ssize_t)sizeof word &&
	       (word[0] | word[1] | word[2] | word[3]) != 0;
}

static enum bx_err
walk_segment(struct walk *w, struct segment *s)
{
	uint64_t stop = s->next ? s->next->first : UINT64_MAX;
	uint64_t expect = s->first;
	scan_start(&w->scan, s->fd, s->seed, SEGMENT_HEADER, s->bytes);
	while (expect < stop) {
		struct record rec;
		enum bx_err err = scan_next(&w->scan, expect, &rec);
		if (err == BX_EIO || err == BX_ENOMEM)
			return err;
		if (err != BX_OK) {
			bool torn = bytes_stand_at_end(w);
			err = scan_find(&w->scan, expect, &rec);
			if (err != BX_OK && err != BX_ESHORT)
				return err;
			if (err == BX_ESHORT && !s->next)
				return cut_end(w, s, expect - 1, torn);
			uint64_t found = err == BX_OK && rec.number < stop ? rec.number : stop;
			note_lost(w, s, expect, found - 1);
			if (found == stop)
				return BX_OK;
		}
		take(w, &rec);
		expect = rec.number + 1;
	}
	return BX_OK;
}

static enum bx_err
walk_all(struct walk *w, char *err, size_t err_cap)
{
	struct segment *s = w->out->segments;
	if (s && s->first > w->covers + 1) {
		stats_add(w->stats, STAT_journal_lost, s->first - w->covers - 1);
		say(SAY_WARNING, "journal: records %llu to %llu are gone, with the files that held them",
		    (unsigned long long)w->covers + 1, (unsigned long long)s->first - 1);
	}
	LL_FOREACH(w->out->segments, s)
	{
		w->out->count++;
		if (s->next && s->next->first <= w->covers + 1)
			continue;
		enum bx_err e = walk_segment(w, s);
		/* Whoever wrote this may have been killed before its own sync. */
		if (e == BX_OK && fdatasync(s->fd) != 0)
			e = BX_EIO;
		if (e != BX_OK) {
			snprintf(err, err_cap, "journal segment %s: %s", s->name,
			    e == BX_EIO ? strerror(errno) : bx_err_text(e));
			return e;
		}
	}
	if (fsync(w->dir_fd) != 0) {
		snprintf(err, err_cap, "journal directory: %s", strerror(errno));
		return BX_EIO;
	}
	return BX_OK;
}

enum bx_err
journal_recover(int dir_fd, uint64_t covers, const struct journal_replay *replay, struct stats *stats,
    struct recovered *out, char *err, size_t err_cap)
{
	struct walk w = {.dir_fd = dir_fd, .covers = covers, .replay = replay, .stats = stats, .out = out};
	*out = (struct recovered){.last = covers};
	scan_init(&w.scan, NULL);
	enum bx_err result = list_segments(&w, err, err_cap);
	if (result == BX_OK) {
		drop_replaced(&w);
		result = walk_all(&w, err, err_cap);
	}
	scan_fini(&w.scan);
	if (out->last < covers) {
		out->last = covers;
		out->ends_open = false; /* numbers in a segment are dense */
	}
	return result;
}
