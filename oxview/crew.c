/* SPDX-License-Identifier: ISC */
/* crew: pieces are handed out by number; `turn` is the number of the piece that may touch what all share. */
#include "oxview/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oxview/crew_files.h"
#include "oxview/feed.h"
#include "oxview/lane.h"

enum {
	PIECE = 2 * 1024 * 1024,
	WORTH_IT = 4 * PIECE,    /* less is read sooner than threads are started */
	RECORDS_MAX = 64 * 1024, /* and then the thread waits for its turn */
	NUMBERS_MAX = 512 * 1024,
	TEXT_MAX = 4 * 1024 * 1024,
	HANDS_MAX = 16,
	AHEAD = 8, /* events whose place among the repeats is fetched beforehand */
};

/* An event that is wanted, until its piece has its turn. */
struct record {
	uint64_t hash; /* repeats.h; 0: it is never a repeat */
	union {
		struct sums_group *group; /* NULL: it was a repeat */
		size_t text_end;
	};
};

struct piece {
	uint64_t number;
	size_t file;
	uint64_t from, to; /* events that begin between them; to: UINT64_MAX is the end of the file */
};

struct crew {
	const struct conf *conf;
	struct crew_files files;
	atomic_bool stop;      /* no more is wanted */
	atomic_bool no_memory; /* or no more of it allowed */

	pthread_mutex_t lock; /* of what follows up to `turn` */
	pthread_cond_t turned;
	uint64_t issued;  /* pieces that were handed out */
	size_t next_file; /* what comes next: this file from here */
	uint64_t next_from;
	uint64_t turn;

	/* whose turn it is, only: */
	struct show *show;
	struct trouble *trouble;
	uint64_t border;      /* where the file at hand has been read to */
	size_t files_through; /* files that have been read to their end */
};

struct hand {
	struct crew *crew;
	pthread_t thread;
	struct select select;
	struct filter *filter; /* owned, as what follows */
	struct paths *columns;
	struct sums sums;
	struct filter *finder; /* one of these */
	struct buf text;
	struct record *records;
	double *numbers; /* of each record, as many as the sums have */
	size_t count, cap;

	/* the piece at hand */
	struct piece piece;
	struct feed feed;
	bool open;
	uint64_t start; /* its first event; UINT64_MAX: none begins in it */
	bool in_turn;
	struct trouble trouble; /* goes to lines */
	struct buf lines;
};

/* ---- handing out, and turns -------------------------------------------------------------------------------------- */

static bool
take_piece(struct crew *c, struct piece *p)
{
	pthread_mutex_lock(&c->lock);
	bool more = !c->stop && c->next_file < c->files.count;
	if (more) {
		const struct crew_file *file = &c->files.files[c->next_file];
		*p = (struct piece){c->issued++, c->next_file, c->next_from, c->next_from + PIECE};
		c->next_from = p->to;
		if (!file->can_seek || p->to >= file->size) {
			p->to = UINT64_MAX;
			c->next_file++;
			c->next_from = 0;
		}
	}
	pthread_mutex_unlock(&c->lock);
	return more;
}

static void
wait_for_turn(struct hand *h)
{
	struct crew *c = h->crew;
	pthread_mutex_lock(&c->lock);
	while (c->turn != h->piece.number)
		pthread_cond_wait(&c->turned, &c->lock);
	pthread_mutex_unlock(&c->lock);
	h->in_turn = true;
	if (h->piece.from == 0)
		c->border = 0;
}

/* `through`: the file was read to its end, whatever other pieces of it there are. */
static void
pass_turn(struct hand *h, bool through)
{
	struct crew *c = h->crew;
	pthread_mutex_lock(&c->lock);
	if (through) {
		c->files_through = h->piece.file + 1;
		if (c->next_file == h->piece.file) {
			c->next_file++;
			c->next_from = 0;
		}
	}
	c->turn++;
	h->in_turn = false;
	pthread_cond_broadcast(&c->turned);
	pthread_mutex_unlock(&c->lock);
}

/* ---- what is found in a piece ------------------------------------------------------------------------------------ */

static bool
fail_memory(struct hand *h)
{
	h->crew->no_memory = true;
	h->crew->stop = true;
	return false;
}

static bool
room_for_record(struct hand *h)
{
	size_t numbers = h->sums.spec.numbers;
	if (h->count < h->cap)
		return true;
	size_t cap = h->cap ? 2 * h->cap : 1024;
	struct record *records = realloc(h->records, cap * sizeof *records);
	if (!records)
		return false;
	h->records = records;
	double *more = numbers ? realloc(h->numbers, cap * numbers * sizeof *more) : NULL;
	if (numbers && !more)
		return false;
	h->numbers = more;
	h->cap = cap;
	return true;
}

static bool
note(struct hand *h, const struct event *ev)
{
	const struct crew *c = h->crew;
	if (!room_for_record(h))
		return false;
	struct record *r = &h->records[h->count];
	r->hash = c->show->repeats.lines ? repeats_hash(ev) : 0;
	if (c->conf->sums) {
		double numbers[PATHS_MAX];
		r->group = sums_find(&h->sums, ev, numbers);
		if (!r->group)
			return false;
		size_t n = h->sums.spec.numbers;
		if (n)
			memcpy(h->numbers + h->count * n, numbers, n * sizeof *numbers);
	} else {
		show_text(c->conf, h->columns, ev, &h->text);
		r->text_end = h->text.len;
		if (h->text.err != BX_OK)
			return false;
	}
	h->count++;
	return true;
}

static bool
is_full(const struct hand *h)
{
	return h->count >= RECORDS_MAX || h->text.len >= TEXT_MAX || h->count * h->sums.spec.numbers >= NUMBERS_MAX;
}

static void
forget(struct hand *h)
{
	h->count = 0;
	buf_clear(&h->text);
}

static bool
is_repeat(struct hand *h, size_t i)
{
	struct repeats *repeats = &h->crew->show->repeats;
	if (i + AHEAD < h->count)
		repeats_fetch(repeats, h->records[i + AHEAD].hash);
	return repeats_seen_hash(repeats, h->records[i].hash);
}

/* In turn: prints what was not printed before, up to the limit. */
static void
print(struct hand *h)
{
	struct crew *c = h->crew;
	struct show *s = c->show;
	size_t from = 0, to = 0; /* what is to be printed in one go */
	for (size_t i = 0; i < h->count && !c->stop; i++) {
		size_t end = h->records[i].text_end;
		if (s->repeats.lines && is_repeat(h, i)) {
			out_put(s->out, h->text.data + from, to - from);
			from = to = end;
			continue;
		}
		to = end;
		s->shown++;
		if (c->conf->limit && s->shown >= c->conf->limit)
			c->stop = true;
	}
	if (!out_put(s->out, h->text.data + from, to - from))
		c->stop = true;
}

/* In turn: what is a repeat loses its group. */
static void
sift(struct hand *h)
{
	for (size_t i = 0; h->crew->show->repeats.lines && i < h->count; i++)
		if (is_repeat(h, i))
			h->records[i].group = NULL;
}

static void
tally(struct hand *h)
{
	size_t n = h->sums.spec.numbers;
	for (size_t i = 0; i < h->count; i++) {
		struct sums_group *group = h->records[i].group;
		if (group && !sums_count(&h->sums, group, h->numbers + i * n)) {
			fail_memory(h);
			break;
		}
	}
}

/* ---- reading a piece --------------------------------------------------------------------------------------------- */

static const char *
path_of(const struct hand *h)
{
	return h->crew->files.files[h->piece.file].path;
}

/* From this offset; what is wrong goes to `trouble`. */
static bool
open_at(struct hand *h, uint64_t offset, struct trouble *trouble)
{
	int fd = lane_open(path_of(h));
	if (fd < 0) {
		trouble_add(trouble, "%s: %s", path_of(h), strerror(errno));
		return false;
	}
	h->open = feed_open_at(&h->feed, fd, path_of(h), FEED_WINDOW, offset, trouble);
	h->feed.finder = h->finder;
	if (!h->open) {
		feed_close(&h->feed);
		return fail_memory(h);
	}
	return true;
}

static void
close_feed(struct hand *h)
{
	if (h->open)
		feed_close(&h->feed);
	h->open = false;
}

/* In turn: what was guessed is right, and nothing was wrong. */
static bool
fits(const struct hand *h)
{
	return h->open && h->lines.len == 0 && h->trouble.count == 0 && h->start == h->crew->border;
}

static void
spend(struct hand *h)
{
	if (h->crew->conf->sums) {
		sift(h);
		tally(h);
	} else {
		print(h);
	}
	forget(h);
}

/* Events that begin before `to`.  Where there are too many to be kept, the thread takes its turn early; false: in vain. */
static bool
read_on(struct hand *h, uint64_t to)
{
	struct event ev;
	while (!h->crew->stop && feed_offset(&h->feed) < to && feed_next(&h->feed, &ev)) {
		if (!select_event(&h->select, &ev))
			continue;
		if (!note(h, &ev))
			return fail_memory(h);
		if (!is_full(h))
			continue;
		if (!h->in_turn) {
			wait_for_turn(h);
			if (!fits(h))
				return false;
			h->feed.trouble = h->crew->trouble;
		}
		spend(h);
	}
	return true;
}

/* The file from where it has been read to, in turn, as one thread would. */
static void
read_rest(struct hand *h)
{
	close_feed(h);
	forget(h);
	if (!open_at(h, h->crew->border, h->crew->trouble))
		return;
	read_on(h, UINT64_MAX);
	spend(h);
}

static void
do_piece(struct hand *h)
{
	struct crew *c = h->crew;
	const struct piece *p = &h->piece;
	buf_clear(&h->lines);
	h->trouble = (struct trouble){.lines = &h->lines};
	h->start = p->from;
	if (open_at(h, p->from, &h->trouble)) {
		if (p->from > 0 && !feed_find(&h->feed, p->to))
			h->start = UINT64_MAX;
		else
			h->start = feed_offset(&h->feed);
		if (h->start < p->to)
			read_on(h, p->to);
	}
	if (!h->in_turn)
		wait_for_turn(h);
	bool through = false, good = fits(h) || (h->open && h->feed.trouble == c->trouble);
	if (c->stop || p->file < c->files_through || c->border >= p->to) {
		forget(h); /* it is done, or nobody wants it */
	} else if (!good) {
		read_rest(h);
		through = true;
	} else {
		c->border = feed_offset(&h->feed);
		if (!c->conf->sums)
			print(h);
		else
			sift(h);
	}
	pass_turn(h, through);
	if (c->conf->sums)
		tally(h);
	forget(h);
	close_feed(h);
}

static void *
work(void *context)
{
	struct hand *h = context;
	while (take_piece(h->crew, &h->piece))
		do_piece(h);
	return NULL;
}

/* ---- the crew ---------------------------------------------------------------------------------------------------- */

static bool
hand_init(struct hand *h, struct crew *c, unsigned hands)
{
	const struct conf *conf = c->conf;
	struct filter_error err;
	*h = (struct hand){.crew = c, .select = conf->select};
	if (conf->where) {
		h->filter = filter_parse(conf->where, strlen(conf->where), conf->now_ns, &err);
		h->select.where = h->finder = h->filter;
		if (!h->filter)
			return false;
	}
	if (conf->sums) {
		struct sums_spec spec = conf->sums_spec;
		spec.memory_bytes /= hands;
		if (!sums_init(&h->sums, &spec))
			return false;
	}
	if (conf->columns_text) {
		h->columns = paths_parse(conf->columns_text, strlen(conf->columns_text), &err);
		if (!h->columns)
			return false;
	}
	struct paths *paths = conf->sums ? h->sums.paths : h->columns;
	if (!h->finder && paths)
		h->finder = paths_filter(paths);
	return true;
}

static void
hand_fini(struct hand *h)
{
	filter_free(&h->filter);
	paths_free(&h->columns);
	sums_fini(&h->sums);
	buf_fini(&h->text);
	buf_fini(&h->lines);
	free(h->records);
	free(h->numbers);
}

/* The others' sums into those of the first, which become the show's. */
static bool
merge(struct crew *c, struct hand *hands, unsigned count)
{
	struct sums own = c->show->sums;
	c->show->sums = hands[0].sums;
	hands[0].sums = own;
	c->show->sums.spec.memory_bytes = c->conf->sums_spec.memory_bytes;
	for (unsigned i = 1; i < count; i++) {
		if (!sums_merge(&c->show->sums, &hands[i].sums))
			return false;
		sums_fini(&hands[i].sums);
	}
	return true;
}

static bool
work_together(struct crew *c, struct hand *hands, unsigned count)
{
	unsigned started = 1; /* the first is us */
	for (; started < count; started++)
		if (pthread_create(&hands[started].thread, NULL, work, &hands[started]) != 0)
			break;
	work(&hands[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(hands[i].thread, NULL);
	return !c->no_memory && (!c->conf->sums || merge(c, hands, started));
}

static bool
suits(const struct conf *conf)
{
	bool texts = conf->style == STYLE_JSON || conf->style == STYLE_CSV || conf->style == STYLE_MSGPACK;
	return conf->threads > 1 && (conf->source == FROM_FILES || conf->source == FROM_LOGDIR) && !conf->follow &&
	       !conf->sort && !select_uses_index(&conf->select) && (conf->sums || texts);
}

enum crew_result
crew_run(const struct conf *conf, struct show *show)
{
	struct buf lines = {0};
	struct trouble held = {.lines = &lines};
	/* Sums that turn out to be too many are begun again by one thread: nothing may have been told by then. */
	struct crew c = {.conf = conf, .show = show, .trouble = conf->sums ? &held : show->trouble};
	struct hand hands[HANDS_MAX];
	unsigned count = conf->threads < HANDS_MAX ? (unsigned)conf->threads : HANDS_MAX, ready = 0;
	if (!suits(conf) || !crew_files_find(&c.files, conf) || c.files.bytes < WORTH_IT) {
		crew_files_fini(&c.files);
		return CREW_NOT_FOR_IT;
	}
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.turned, NULL);
	bool ok = true;
	while (ok && ready < count)
		ok = hand_init(&hands[ready++], &c, count);
	ok = ok && work_together(&c, hands, count);
	while (ready > 0)
		hand_fini(&hands[--ready]);
	pthread_cond_destroy(&c.turned);
	pthread_mutex_destroy(&c.lock);
	crew_files_fini(&c.files);
	if (ok && conf->sums)
		trouble_retell(show->trouble, &held);
	else if (!ok && conf->sums)
		show_restart(show);
	buf_fini(&lines);
	if (!ok && !conf->sums)
		trouble_add(show->trouble, "out of memory");
	return ok || !conf->sums ? CREW_SHOWN : CREW_NOT_FOR_IT;
}
