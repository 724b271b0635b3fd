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
#include "oxview/haul.h"
#include "oxview/lane.h"

enum {
	PIECE = 2 * 1024 * 1024,
	WORTH_IT = 4 * PIECE, /* less is read sooner than threads are started */
	HANDS_MAX = 16,
	KEPT_MAX = 2, /* pieces of one thread that wait for their turn */
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

/* A piece that a thread has read, or reads. */
struct task {
	struct piece piece;
	struct haul haul;
	uint64_t start, end; /* its first event, and behind its last; start is UINT64_MAX: none begins in it */
	bool opened;
	bool in_turn;
	bool joined;            /* it had its turn while it was read, and fitted */
	struct trouble trouble; /* goes to lines */
	struct buf lines;
};

struct hand {
	struct crew *crew;
	pthread_t thread;
	struct select select;
	struct filter *filter; /* owned, as what follows */
	struct paths *columns;
	struct sums sums;
	struct filter *finder; /* one of these */
	struct task tasks[KEPT_MAX];
	size_t oldest, kept; /* of those that wait for their turn */
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

static bool
has_turn(struct crew *c, const struct task *t)
{
	pthread_mutex_lock(&c->lock);
	bool now = c->turn == t->piece.number;
	pthread_mutex_unlock(&c->lock);
	return now;
}

static void
wait_for_turn(struct crew *c, struct task *t)
{
	if (t->in_turn)
		return;
	pthread_mutex_lock(&c->lock);
	while (c->turn != t->piece.number)
		pthread_cond_wait(&c->turned, &c->lock);
	pthread_mutex_unlock(&c->lock);
	t->in_turn = true;
	if (t->piece.from == 0)
		c->border = 0;
}

/* `through`: the file was read to its end, whatever other pieces of it there are. */
static void
pass_turn(struct crew *c, struct task *t, bool through)
{
	pthread_mutex_lock(&c->lock);
	if (through) {
		c->files_through = t->piece.file + 1;
		if (c->next_file == t->piece.file) {
			c->next_file++;
			c->next_from = 0;
		}
	}
	c->turn++;
	t->in_turn = false;
	pthread_cond_broadcast(&c->turned);
	pthread_mutex_unlock(&c->lock);
}

/* ---- a piece ----------------------------------------------------------------------------------------------------- */

static bool
fail_memory(struct crew *c)
{
	c->no_memory = true;
	c->stop = true;
	return false;
}

static bool
note(struct hand *h, struct task *t, const struct event *ev)
{
	const struct crew *c = h->crew;
	uint64_t hash = c->show->repeats.lines ? repeats_hash(ev) : 0;
	return c->conf->sums ? haul_add_sums(&t->haul, hash, &h->sums, ev)
			     : haul_add_text(&t->haul, hash, c->conf, h->columns, ev);
}

/* Opens the file of the piece from this offset; what is wrong goes to `trouble`.  False: it is not open. */
static bool
open_at(struct hand *h, const struct task *t, struct feed *feed, uint64_t offset, struct trouble *trouble)
{
	const char *path = h->crew->files.files[t->piece.file].path;
	int fd = lane_open(path);
	if (fd < 0) {
		trouble_add(trouble, "%s: %s", path, strerror(errno));
		return false;
	}
	if (!feed_open_at(feed, fd, path, FEED_WINDOW, offset, trouble)) {
		feed_close(feed);
		return fail_memory(h->crew);
	}
	feed->finder = h->finder;
	return true;
}

/* In turn: what was guessed is right, and nothing was wrong. */
static bool
fits(const struct crew *c, const struct task *t)
{
	return t->opened && t->lines.len == 0 && t->trouble.count == 0 && t->start == c->border;
}

/* In turn: what all share takes what was found. */
static void
hand_over(struct crew *c, struct task *t)
{
	if (c->conf->sums)
		haul_sift(&t->haul, &c->show->repeats);
	else if (!c->stop && !haul_print(&t->haul, c->show))
		c->stop = true;
}

static void
tally(struct hand *h, struct task *t)
{
	if (h->crew->conf->sums && !haul_tally(&t->haul, &h->sums))
		fail_memory(h->crew);
	haul_clear(&t->haul);
}

static void settle_all(struct hand *h);

/* Events that begin before `to`.  Where there are too many to be kept, they have their turn early; false: in vain. */
static bool
read_on(struct hand *h, struct task *t, struct feed *feed, uint64_t to)
{
	struct event ev;
	while (!h->crew->stop && feed_offset(feed) < to && feed_next(feed, &ev)) {
		if (!select_event(&h->select, &ev))
			continue;
		if (!note(h, t, &ev))
			return fail_memory(h->crew);
		if (!haul_is_full(&t->haul))
			continue;
		if (!t->in_turn) {
			settle_all(h);
			wait_for_turn(h->crew, t);
			if (!fits(h->crew, t))
				return false;
			feed->trouble = h->crew->trouble;
			t->joined = true;
		}
		hand_over(h->crew, t);
		tally(h, t);
	}
	return true;
}

/* The file from where it has been read to, in turn, as one thread would. */
static void
read_rest(struct hand *h, struct task *t)
{
	struct feed feed;
	haul_clear(&t->haul);
	if (!open_at(h, t, &feed, h->crew->border, h->crew->trouble))
		return;
	read_on(h, t, &feed, UINT64_MAX);
	feed_close(&feed);
	hand_over(h->crew, t);
}

static void
read_piece(struct hand *h, struct task *t)
{
	const struct piece *p = &t->piece;
	struct feed feed;
	buf_clear(&t->lines);
	t->trouble = (struct trouble){.lines = &t->lines};
	t->in_turn = t->joined = false;
	t->opened = open_at(h, t, &feed, p->from, &t->trouble);
	if (!t->opened)
		return;
	t->start = p->from > 0 && !feed_find(&feed, p->to) ? UINT64_MAX : feed_offset(&feed);
	if (t->start < p->to)
		read_on(h, t, &feed, p->to);
	t->end = feed_offset(&feed);
	feed_close(&feed);
}

/* Waits for the turn of a piece that was read, and has it. */
static void
settle(struct hand *h, struct task *t)
{
	struct crew *c = h->crew;
	const struct piece *p = &t->piece;
	wait_for_turn(c, t);
	bool through = false;
	if (c->stop || p->file < c->files_through || c->border >= p->to) {
		haul_clear(&t->haul); /* it is done, or nobody wants it */
	} else if (t->joined || fits(c, t)) {
		c->border = t->end;
		hand_over(c, t);
	} else {
		read_rest(h, t);
		through = true;
	}
	pass_turn(c, t, through);
	tally(h, t);
}

static void
settle_oldest(struct hand *h)
{
	struct task *t = &h->tasks[h->oldest];
	h->oldest = (h->oldest + 1) % KEPT_MAX;
	h->kept--;
	settle(h, t);
}

static void
settle_all(struct hand *h)
{
	while (h->kept > 0)
		settle_oldest(h);
}

/* A piece whose turn has not come waits, and its thread goes on. */
static void *
work(void *context)
{
	struct hand *h = context;
	for (;;) {
		while (h->kept == KEPT_MAX || (h->kept > 0 && has_turn(h->crew, &h->tasks[h->oldest])))
			settle_oldest(h);
		struct task *t = &h->tasks[(h->oldest + h->kept) % KEPT_MAX];
		if (!take_piece(h->crew, &t->piece))
			break;
		read_piece(h, t);
		h->kept++;
	}
	settle_all(h);
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
	for (size_t i = 0; i < KEPT_MAX; i++) {
		haul_fini(&h->tasks[i].haul);
		buf_fini(&h->tasks[i].lines);
	}
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
