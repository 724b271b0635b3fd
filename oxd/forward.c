/* SPDX-License-Identifier: ISC */
/* forward: links to upstreams, one in use and one that is tried out; send, listen, judge. */
#include "oxd/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "libbx/core/clock.h"
#include "libbx/core/mp.h"
#include "oxd/forward_feed.h"
#include "oxd/forward_link.h"
#include "oxd/forward_push.h"
#include "oxd/quarantine.h"
#include "oxd/reader.h"
#include "oxd/say.h"

enum { BUSY_MS = 50, IDLE_MS = 1000, AGAIN_MAX = 5 };
static const int64_t second_ns = 1000000000;
static const int64_t ask_ns = 10 * second_ns;   /* how often earlier upstreams are asked while a backup is in use */
static const int64_t leave_ns = 10 * second_ns; /* how long what is under way is waited for before a change */
static const int64_t stop_ns = 2 * second_ns;   /* and before a stop */
static const int64_t retry_least_ns = second_ns / 2, retry_most_ns = 5 * second_ns;

struct forward {
	struct forward_config cfg;
	int state_fd, event_fd;
	char node[RELAY_NODE_MAX + 1];
	pthread_t thread;
	_Atomic bool stop;
	struct forward_cursor cursor; /* the thread's own, but for its number */

	/* the thread's own */
	struct upstreams list;
	unsigned list_version;
	struct forward_link link, asked; /* the one in use; an earlier one that is asked whether it is there */
	size_t next_place;               /* to be tried */
	int64_t try_at_ns, retry_ns, ask_at_ns;
	int64_t leave_by_ns; /* nothing new is sent until then: the link is going to be changed */
	struct forward_feed feed;
	struct forward_push push;
	struct relaypack pack;
	struct buf out; /* a message that waits for the socket */
	bool out_due;
	struct buf rejected;

	pthread_mutex_t lock;
	/* under lock */
	struct upstreams wanted;
	unsigned wanted_version;
	char at[UPSTREAM_TEXT]; /* whom it talks to, or empty */
	char state[160];
	size_t in_flight;
};

/* ---- saying how it is -------------------------------------------------------------------------------------------- */

static void
set_state(struct forward *f, const char *at, const char *state)
{
	pthread_mutex_lock(&f->lock);
	snprintf(f->at, sizeof f->at, "%s", at);
	snprintf(f->state, sizeof f->state, "%s", state);
	pthread_mutex_unlock(&f->lock);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

static bool
open_at(struct forward *f, struct forward_link *l, size_t place, int64_t now_ns)
{
	static struct say_limit limit;
	const struct upstream *u = &f->list.list[place];
	if (forward_link_open(l, f->cfg.zmq, u, place)) {
		forward_link_begin(l, atomic_load(&f->cursor.number), f->node, now_ns);
		return true;
	}
	say_about(SAY_PEER, u->text);
	say_limited(&limit, SAY_WARNING, "forwarding to %s: %s", u->text, zmq_strerror(errno));
	return false;
}

/* ---- one session after the other --------------------------------------------------------------------------------- */

/* S1: whatever was under way, the next session begins behind the cursor. */
static void
go_back(struct forward *f)
{
	f->out_due = false;
	f->push = (struct forward_push){.events = f->push.events};
	forward_feed_seek(&f->feed, atomic_load(&f->cursor.number));
}

static void
leave(struct forward *f, int64_t now_ns, const char *why)
{
	static struct say_limit limit;
	if (why)
		say_about(SAY_PEER, f->link.upstream.text);
	if (why && f->link.session.state == FORWARD_OPEN)
		say(SAY_WARNING, "forwarding to %s: %s", f->link.upstream.text, why);
	else if (why) /* again and again, as long as it is so */
		say_limited(&limit, SAY_WARNING, "forwarding to %s: %s", f->link.upstream.text, why);
	forward_link_close(&f->link);
	f->leave_by_ns = 0;
	go_back(f);
	f->try_at_ns = now_ns;
}

/* This upstream is of no use now: the next one, and after the last the first again, a little later. */
static void
try_next(struct forward *f, int64_t now_ns, const char *why)
{
	size_t place = f->link.place;
	leave(f, now_ns, why);
	f->next_place = place + 1;
	if (f->next_place < f->list.count)
		return;
	f->next_place = 0;
	f->try_at_ns = now_ns + f->retry_ns;
	f->retry_ns = f->retry_ns * 2 > retry_most_ns ? retry_most_ns : f->retry_ns * 2;
}

static void
open_link(struct forward *f, int64_t now_ns)
{
	if (f->link.socket || f->list.count == 0 || now_ns < f->try_at_ns)
		return;
	if (f->next_place >= f->list.count)
		f->next_place = 0;
	set_state(f, f->list.list[f->next_place].text, "connecting");
	if (open_at(f, &f->link, f->next_place, now_ns))
		go_back(f);
	else
		try_next(f, now_ns, NULL);
}

static void
welcomed(struct forward *f)
{
	set_state(f, f->link.upstream.text, "ok");
	say(SAY_INFO, "forwarding to %s from journal record %llu on", f->link.upstream.text,
	    (unsigned long long)atomic_load(&f->cursor.number) + 1);
	stats_add(f->cfg.stats, STAT_forward_sessions, 1);
	f->retry_ns = retry_least_ns;
	f->next_place = 0;
}

/* ---- the cursor --------------------------------------------------------------------------------------------------- */

/* Everything up to `read` needs nothing more once nothing is under way. */
static void
move_cursor(struct forward *f)
{
	const struct forward_session *s = &f->link.session;
	bool push = f->link.upstream.push;
	if (push || (s->state == FORWARD_OPEN && forward_session_is_quiet(s)))
		forward_cursor_move(&f->cursor, f->feed.read);
	else if (s->acked > s->from)
		forward_cursor_move(&f->cursor, s->acked);
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static bool
keep_rejected(struct forward *f, uint64_t number, uint32_t why)
{
	static struct say_limit limit;
	struct reader r;
	struct record rec;
	char name[QUARANTINE_NAME] = "";
	reader_init(&r, f->cfg.journal, number);
	bool there = reader_next(&r, &rec) == BX_OK && rec.number == number && rec.frame.n > 0;
	bool kept = !there || quarantine_keep(f->state_fd, rec.frame, name);
	if (there && kept) {
		stats_add(f->cfg.stats, STAT_forward_rejected, 1);
		say(SAY_WARNING, "%s does not take journal record %llu (%s): kept as %s", f->link.upstream.text,
		    (unsigned long long)number, relay_why_text(why), name);
		ingest_tell_rejected(f->cfg.ingest, number, rec.frame);
	}
	if (!kept)
		say_limited(
		    &limit, SAY_WARNING, "quarantine in %s: %s; trying again", f->cfg.state_path, strerror(errno));
	reader_fini(&r);
	return kept;
}

/* T3: durable before the cursor passes them.  False: the cursor must not. */
static bool
keep_all_rejected(struct forward *f)
{
	bool ok = f->rejected.err == BX_OK;
	struct relay_ack list = {
	    .rejected_count = (uint32_t)(f->rejected.len / RELAY_REJECTED), .rejected = f->rejected.data};
	for (uint32_t i = 0; ok && i < list.rejected_count; i++) {
		struct relay_rejected one = relaymsg_rejected(&list, i);
		ok = keep_rejected(f, one.n, one.why);
	}
	buf_clear(&f->rejected);
	return ok;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static bool
send_out(struct forward *f)
{
	if (!f->out_due)
		return true;
	if (zmq_send(f->link.socket, f->out.data, f->out.len, ZMQ_DONTWAIT) < 0)
		return false;
	f->out_due = false;
	stats_add(f->cfg.stats, STAT_forward_bytes, f->out.len);
	return true;
}

/*
 * Puts what is synced into the message at hand.  False when the peer cannot read the next one, and has acknowledged
 * everything before that: or it would all be sent again to the next peer, each time.
 */
static bool
gather(struct forward *f)
{
	struct forward_session *s = &f->link.session;
	while (!forward_session_is_full(s) && forward_feed_next(&f->feed)) {
		if (forward_session_too_new(s, f->feed.record.frame))
			return !forward_session_is_quiet(s);
		if (!forward_session_put(s, f->feed.record.number, f->feed.record.frame))
			break;
		forward_feed_done(&f->feed);
	}
	return true;
}

static void
send_frames(struct forward *f, int64_t now_ns)
{
	struct forward_session *s = &f->link.session;
	while (send_out(f) && !f->leave_by_ns && forward_session_may_send(s, now_ns)) {
		if (!gather(f)) {
			s->state = FORWARD_TOO_NEW;
			return;
		}
		uint32_t count = s->count;
		if (count == 0)
			return;
		enum bx_err err = forward_session_pack(s, &f->pack, &f->out, now_ns);
		if (err == BX_ELIMIT && keep_rejected(f, s->first, RELAY_WHY_SIZE)) {
			s->count = 0;
			buf_clear(&s->frames);
			continue;
		}
		if (err != BX_OK) {
			s->state = FORWARD_OVER;
			return;
		}
		stats_add(f->cfg.stats, STAT_forward_frames, count);
		f->out_due = true;
	}
}

/* PUSH has no session: what the socket took is gone. */
static void
send_events(struct forward *f, int64_t now_ns)
{
	struct forward_link *l = &f->link;
	for (;;) {
		bool fresh = !f->feed.has_record;
		if (f->leave_by_ns || !forward_feed_next(&f->feed)) {
			l->stuck_since_ns = 0;
			return;
		}
		uint64_t before = f->push.events;
		bool readable = !fresh || forward_push_begin(&f->push, f->feed.record.frame);
		bool through = !readable || forward_push_go_on(&f->push, l->socket);
		stats_add(f->cfg.stats, STAT_forward_pushed, f->push.events - before);
		if (f->push.events > before)
			l->stuck_since_ns = 0;
		if (!through) {
			if (l->stuck_since_ns == 0)
				l->stuck_since_ns = now_ns;
			return;
		}
		if (readable)
			stats_add(f->cfg.stats, STAT_forward_frames, 1);
		forward_feed_done(&f->feed);
	}
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

static void
judge_link(struct forward *f, int64_t now_ns)
{
	struct forward_link *l = &f->link;
	if (!l->socket)
		return;
	bool stuck = l->stuck_since_ns && now_ns - l->stuck_since_ns > (int64_t)FORWARD_HELLO_MS * 1000000;
	if (l->session.state == FORWARD_TOO_NEW) {
		static struct say_limit limit;
		say_limited(&limit, SAY_WARNING,
		    "%s is too old for frames that are held back here until it is upgraded", l->upstream.text);
		stats_add(f->cfg.stats, STAT_forward_held, 1);
		try_next(f, now_ns, NULL);
		set_state(f, "", "held: the upstream is too old for the next frame");
	} else if (l->session.state == FORWARD_AGAIN && ++l->agains <= AGAIN_MAX) {
		forward_link_begin(l, atomic_load(&f->cursor.number), f->node, now_ns);
		go_back(f);
	} else if (l->session.state == FORWARD_AGAIN || l->session.state == FORWARD_OVER) {
		char why[160];
		snprintf(why, sizeof why, "refused: %s", relay_reason_text(l->session.reason));
		char at[UPSTREAM_TEXT];
		memcpy(at, l->upstream.text, sizeof at);
		try_next(f, now_ns, why);
		set_state(f, at, why);
	} else if (forward_session_is_silent(&l->session, now_ns) || stuck) {
		bool was_open = l->session.state == FORWARD_OPEN;
		char at[UPSTREAM_TEXT];
		memcpy(at, l->upstream.text, sizeof at);
		if (was_open && !stuck)
			leave(f, now_ns, "it has gone silent");
		else
			try_next(f, now_ns, "it does not answer");
		set_state(f, at, "no answer");
	}
}

/* An earlier upstream answers: what is under way with the backup is waited for, then it is the one. */
static void
change_link(struct forward *f, int64_t now_ns)
{
	bool quiet = !f->out_due && forward_session_is_quiet(&f->link.session);
	if (!f->leave_by_ns || (!quiet && now_ns < f->leave_by_ns && f->link.socket))
		return;
	move_cursor(f);
	forward_link_close(&f->link);
	f->leave_by_ns = 0;
	if (forward_link_is_open(&f->asked)) {
		f->link = f->asked;
		f->asked = (struct forward_link){0};
		if (!f->link.upstream.push)
			forward_session_rebase(&f->link.session, atomic_load(&f->cursor.number));
		welcomed(f);
	}
	f->try_at_ns = now_ns;
	f->next_place = 0;
	go_back(f);
}

static void
ask_earlier(struct forward *f, int64_t now_ns)
{
	struct forward_link *a = &f->asked;
	if (forward_link_is_open(a)) {
		if (!f->leave_by_ns)
			f->leave_by_ns = now_ns + leave_ns;
	} else if (a->socket && (a->session.state != FORWARD_HELLO || forward_session_is_silent(&a->session, now_ns))) {
		size_t next = a->place + 1;
		forward_link_close(a);
		if (next < f->link.place && open_at(f, a, next, now_ns))
			return;
		f->ask_at_ns = now_ns + ask_ns;
	} else if (!a->socket && forward_link_is_open(&f->link) && f->link.place > 0 && now_ns >= f->ask_at_ns &&
		   !f->leave_by_ns) {
		f->ask_at_ns = now_ns + ask_ns;
		open_at(f, a, 0, now_ns);
	}
}

/* ---- changes of the list ----------------------------------------------------------------------------------------- */

static void
follow_list(struct forward *f, int64_t now_ns)
{
	pthread_mutex_lock(&f->lock);
	bool changed = f->list_version != f->wanted_version;
	f->list_version = f->wanted_version;
	if (changed)
		f->list = f->wanted;
	pthread_mutex_unlock(&f->lock);
	if (!changed)
		return;
	forward_link_close(&f->asked);
	f->ask_at_ns = now_ns;
	f->next_place = 0;
	f->try_at_ns = now_ns;
	f->retry_ns = retry_least_ns;
	size_t place = 0;
	while (place < f->list.count && strcmp(f->list.list[place].text, f->link.upstream.text) != 0)
		place++;
	if (f->list.count == 0) {
		move_cursor(f);
		forward_link_close(&f->link);
		forward_cursor_close(&f->cursor, true);
		set_state(f, "", "off");
	} else if (!f->cursor.journal) {
		forward_cursor_open(&f->cursor, f->cfg.journal, f->state_fd, journal_synced(f->cfg.journal));
	} else if (place < f->list.count) {
		f->link.place = place;
	} else if (f->link.socket) {
		f->leave_by_ns = f->link.session.state == FORWARD_OPEN ? now_ns + leave_ns : now_ns;
	}
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void
wait(struct forward *f)
{
	zmq_pollitem_t items[3] = {{.fd = f->event_fd, .events = ZMQ_POLLIN}};
	int count = 1;
	if (f->link.socket)
		items[count++] = (zmq_pollitem_t){.socket = f->link.socket,
		    .events = forward_link_events(&f->link, f->out_due || f->link.stuck_since_ns)};
	if (f->asked.socket)
		items[count++] =
		    (zmq_pollitem_t){.socket = f->asked.socket, .events = forward_link_events(&f->asked, false)};
	bool busy = !forward_link_is_open(&f->link) || f->link.session.in_flight || f->asked.socket || f->leave_by_ns ||
		    f->out_due;
	if (f->list.count == 0)
		busy = false;
	zmq_poll(items, count, busy ? BUSY_MS : IDLE_MS);
	uint64_t pokes;
	if (items[0].revents && read(f->event_fd, &pokes, sizeof pokes) < 0 && errno != EAGAIN)
		say(SAY_ERROR, "forwarding: eventfd: %s", strerror(errno));
}

static void
save_cursor(struct forward *f, bool now)
{
	static struct say_limit limit;
	/* What was rejected is told first: the cursor passes it for ever. */
	if (!f->cursor.journal || !ingest_rejected_are_durable(f->cfg.ingest) ||
	    forward_cursor_save(&f->cursor, clock_mono_ns(), now))
		return;
	stats_add(f->cfg.stats, STAT_forward_cursor_failures, 1);
	say_limited(
	    &limit, SAY_WARNING, "the forwarder's cursor in %s: %s; trying again", f->cfg.state_path, strerror(errno));
}

static void
go_round(struct forward *f)
{
	int64_t now_ns = clock_mono_ns();
	follow_list(f, now_ns);
	open_link(f, now_ns);
	enum forward_state before = f->link.session.state;
	forward_link_listen(&f->link, now_ns, &f->rejected);
	forward_link_listen(&f->asked, now_ns, &f->rejected);
	if (f->link.socket && before == FORWARD_HELLO && f->link.session.state == FORWARD_OPEN)
		welcomed(f);
	if (!keep_all_rejected(f))
		try_next(f, now_ns, "a rejected frame cannot be kept");
	else if (f->link.socket)
		move_cursor(f);
	if (forward_link_is_open(&f->link)) {
		if (f->link.upstream.push)
			send_events(f, now_ns);
		else
			send_frames(f, now_ns);
		move_cursor(f);
	}
	judge_link(f, now_ns);
	ask_earlier(f, now_ns);
	change_link(f, now_ns);
	pthread_mutex_lock(&f->lock);
	f->in_flight = f->link.session.in_flight;
	pthread_mutex_unlock(&f->lock);
	save_cursor(f, false);
}

static bool
may_stop(struct forward *f, int64_t until_ns)
{
	bool open = forward_link_is_open(&f->link);
	return !open || clock_mono_ns() >= until_ns || atomic_load(&f->cursor.number) >= journal_synced(f->cfg.journal);
}

static void *
forward_main(void *arg)
{
	struct forward *f = arg;
	pthread_setname_np(pthread_self(), "forward");
	while (!atomic_load(&f->stop)) {
		go_round(f);
		wait(f);
	}
	int64_t until_ns = clock_mono_ns() + stop_ns;
	for (go_round(f); !may_stop(f, until_ns); go_round(f))
		wait(f);
	save_cursor(f, true);
	forward_link_close(&f->link);
	forward_link_close(&f->asked);
	return NULL;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

uint64_t
forward_covered(const char *state_path)
{
	uint64_t number = 0;
	int fd = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (!forward_cursor_read(fd, &number))
		number = 0;
	close(fd);
	return number;
}

/* Once it stands in the state directory it is where a restart goes on. */
static bool
hold(struct forward *f)
{
	forward_cursor_open(&f->cursor, f->cfg.journal, f->state_fd, f->cfg.fresh);
	return forward_cursor_save(&f->cursor, clock_mono_ns(), true);
}

enum bx_err
forward_open(struct forward **out, const struct forward_config *config, char *err, size_t err_cap)
{
	struct forward *f = calloc(1, sizeof *f);
	if (!f)
		return BX_ENOMEM;
	f->cfg = *config;
	pthread_mutex_init(&f->lock, NULL);
	gethostname(f->node, sizeof f->node - 1);
	forward_feed_init(&f->feed, config->journal, config->stats, config->audit, config->seen);
	f->cursor.audit = config->audit;
	f->retry_ns = retry_least_ns;
	f->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f->state_fd = open(config->state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*out = f;
	if (f->event_fd >= 0 && f->state_fd >= 0) {
		upstreams_load(f->state_fd, &config->settings, &f->list);
		f->wanted = f->list;
		set_state(f, "", f->list.count ? "connecting" : "off");
		if (f->list.count == 0) {
			uint64_t number;
			if (forward_cursor_read(f->state_fd, &number)) { /* what it did not send is in the log files */
				forward_cursor_open(&f->cursor, config->journal, f->state_fd, number);
				forward_cursor_close(&f->cursor, true);
			}
			return BX_OK;
		}
		if (hold(f))
			return BX_OK;
	}
	snprintf(err, err_cap, "%s: %s", config->state_path, strerror(errno));
	forward_close(out);
	return BX_EIO;
}

bool
forward_start(struct forward *f)
{
	journal_listen(f->cfg.journal, f->event_fd);
	int err = pthread_create(&f->thread, NULL, forward_main, f);
	errno = err;
	return err == 0;
}

static void
poke(struct forward *f)
{
	uint64_t one = 1;
	if (write(f->event_fd, &one, sizeof one) < 0)
		return; /* it is readable already */
}

void
forward_stop(struct forward *f)
{
	atomic_store(&f->stop, true);
	poke(f);
	pthread_join(f->thread, NULL);
	journal_listen_no_more(f->cfg.journal, f->event_fd);
}

void
forward_close(struct forward **fp)
{
	struct forward *f = *fp;
	*fp = NULL;
	forward_feed_fini(&f->feed);
	relaypack_fini(&f->pack);
	buf_fini(&f->out);
	buf_fini(&f->rejected);
	if (f->state_fd >= 0)
		close(f->state_fd);
	if (f->event_fd >= 0)
		close(f->event_fd);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* ---- any thread -------------------------------------------------------------------------------------------------- */

void
forward_list(struct forward *f, struct upstreams *out)
{
	pthread_mutex_lock(&f->lock);
	*out = f->wanted;
	pthread_mutex_unlock(&f->lock);
}

bool
forward_is_on(struct forward *f)
{
	struct upstreams list;
	forward_list(f, &list);
	return list.count > 0;
}

uint64_t
forward_acked(struct forward *f)
{
	return atomic_load(&f->cursor.number);
}

void
forward_encode(struct forward *f, struct buf *out)
{
	pthread_mutex_lock(&f->lock);
	mp_add_map(out, 5);
	mp_add_strz(out, "to");
	mp_add_array(out, (uint32_t)f->wanted.count);
	for (size_t i = 0; i < f->wanted.count; i++)
		mp_add_strz(out, f->wanted.list[i].text);
	mp_pair_text(out, "at", f->at);
	mp_pair_text(out, "state", f->state);
	mp_pair_uint(out, "acked", atomic_load(&f->cursor.number));
	mp_pair_uint(out, "in_flight", f->in_flight);
	pthread_mutex_unlock(&f->lock);
}

bool
forward_set(struct forward *f, const struct upstreams *list)
{
	if (!upstreams_save(f->state_fd, &f->cfg.settings, list))
		return false;
	pthread_mutex_lock(&f->lock);
	f->wanted = *list;
	f->wanted_version++;
	pthread_mutex_unlock(&f->lock);
	poke(f);
	return true;
}
