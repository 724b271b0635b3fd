/* SPDX-License-Identifier: ISC */
/* ingest: the round, and what ends one. */
#include "oxd/ingest.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "oxd/ingest_own.h"

enum {
	PUSH_FRAMES = 16, /* of the collection port in a round */
	INGEST_NICE = -10,
	FULL_BUSY = 256,   /* of 1024: no sleep */
	FULL_WANTED = 128, /* where the next visit should find the fullest ring */
};

static const int64_t report_ns = 60000000000; /* unless told otherwise */
static const int64_t all_gap_ns = 2000000;    /* bells that come sooner share one look at every ring */
static const int64_t sleep_least_ns = 200000, sleep_gather_ns = 10000000, sleep_most_ns = 50000000;

/* ---- the collection port ----------------------------------------------------------------------------------------- */

static void
take_push(struct ingest *in, bool *progress)
{
	struct source source = {.kind = SOURCE_PUSH};
	/* What is left waits for the next round, which begins at once: rings and relay have their turn. */
	for (int i = 0; in->push && !in->blocked && i < PUSH_FRAMES; i++) {
		if (!in->push_pending)
			in->push_pending = ingest_push_take(in->push, &in->push_frame);
		if (!in->push_pending)
			return;
		if (!in->push_sifted)
			in->push_kept = sift_clients(&in->sift, &in->push_frame, 0);
		in->push_sifted = true;
		if (!ingest_account_for_clients(in) || !ingest_make_room(in, in->push_frame.len))
			return;
		if (in->push_kept > 0)
			ingest_append_frame(in, &source, &in->push_frame);
		in->push_pending = in->push_sifted = false;
		*progress = true;
		if (journal_batch_bytes(in->journal) >= BATCH_BYTES && !ingest_commit(in))
			return;
	}
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* So long that the fullest ring will be an eighth full at this rate, by steps of two: a wake costs the host's programs more
 * than the events do, and a burst rings. */
static int64_t
gather(int64_t slept_ns, uint64_t fullest)
{
	int64_t ns = slept_ns < sleep_least_ns ? sleep_least_ns : slept_ns;
	ns = fullest < FULL_WANTED / 2 ? ns * 2 : ns * FULL_WANTED / (int64_t)fullest;
	return ns < sleep_least_ns ? sleep_least_ns : ns > sleep_gather_ns ? sleep_gather_ns : ns;
}

/* Full rings are met by going on at once; a trickle is gathered rather than taken drop by drop. */
static void
choose_sleep(struct ingest *in, uint64_t fullest, bool progress)
{
	if (in->blocked)
		in->sleep_ns = sleep_most_ns;
	else if (fullest > FULL_BUSY)
		in->sleep_ns = 0;
	else if (progress)
		in->sleep_ns = gather(in->sleep_ns, fullest);
	else
		in->sleep_ns = in->sleep_ns * 2 > sleep_most_ns ? sleep_most_ns
			       : in->sleep_ns == 0              ? sleep_least_ns
								: in->sleep_ns * 2;
	if (in->rung && in->sleep_ns > all_gap_ns)
		in->sleep_ns = all_gap_ns;
}

static void
sleep_or_go_on(struct ingest *in)
{
	if (in->sleep_ns == 0)
		return;
	/* A ring that got half full a moment ago, before this, rings at its program's next event. */
	doorbell_arm(in->bell);
	bool some = !in->blocked &&
		    ((in->push && ingest_push_waiting(in->push)) || (in->relay && relay_queue_waiting(in->relay)));
	if (!some && !atomic_load(&in->stop) && (!ingest_questioned(in) || in->blocked))
		in->rung |= doorbell_wait(in->bell, in->sleep_ns);
	doorbell_disarm(in->bell);
}

/* What may change between rounds only. */
static void
take_settings(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	if (in->has_new_rules) {
		sift_use(&in->sift, in->new_rules);
		in->new_rules = NULL;
		in->has_new_rules = false;
	}
	in->auditing = in->answered != in->ticket && in->ask == INGEST_AUDIT ? in->ticket : 0;
	pthread_mutex_unlock(&in->lock);
}

static void
report_all_drops(struct ingest *in, int64_t now_ns)
{
	struct ring_file *r, *next;
	HASH_ITER(hh, in->rings.table, r, next)
	{
		ingest_report_drops(in, r, now_ns);
	}
}

/* For an account every ring's header is read, and its drops are told now. */
static void
bring_up_to_date(struct ingest *in, int64_t now_ns)
{
	if (in->auditing == 0)
		return;
	report_all_drops(in, now_ns);
	in->audited = in->auditing;
}

/* Somebody has rung: which ring it was about nobody says. */
static void
choose_visits(struct ingest *in, int64_t now_ns)
{
	in->visits_all = in->rung && now_ns - in->visited_all_ns >= all_gap_ns;
	if (!in->visits_all)
		return;
	in->rung = false;
	in->visited_all_ns = now_ns;
}

/* True when the round took something. */
static bool
go_round(struct ingest *in)
{
	int64_t now_ns = clock_mono_ns();
	bool progress = false;
	in->blocked = false;
	atomic_fetch_add(&in->rounds, 1);
	take_settings(in);
	choose_visits(in, now_ns);
	ring_set_update(&in->rings, now_ns);
	uint64_t fullest = 0;
	if (ingest_commit(in) &&
	    ingest_journal_origin(in)) { /* a batch may be left from a round in which the disk said no */
		fullest = ingest_visit_rings(in, now_ns, &progress);
		take_push(in, &progress);
		ingest_take_relay(in, &progress);
		ingest_journal_rejected(in);
		bring_up_to_date(in, now_ns);
		ingest_tell_life(in, now_ns);
	}
	if (in->blocked || !ingest_commit(in))
		progress = false;
	if (in->relay)
		relay_queue_tell_blocked(in->relay, in->blocked);
	ingest_answer_questions(in);
	choose_sleep(in, fullest, progress);
	return progress;
}

/* A ring of 1 MiB is full in some milliseconds: this thread goes before the others of the host, where it may. */
static void
take_precedence(void)
{
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), INGEST_NICE);
	(void)prctl(PR_SET_TIMERSLACK, 1000);
}

static void *
ingest_main(void *arg)
{
	struct ingest *in = arg;
	pthread_setname_np(pthread_self(), "ingest");
	take_precedence();
	/* Start: every ring that is there is opened at the position that the journal knows, before any is drained. */
	origins_grow_old(&in->positions->origins, clock_mono_ns());
	ring_set_update(&in->rings, clock_mono_ns());
	if (in->rings.all_open) {
		positions_forget_unused(in->positions);
		audit_forget_unused(in->audit);
	}
	atomic_store(&in->audit->on, true);
	while (!atomic_load(&in->stop)) {
		go_round(in);
		sleep_or_go_on(in);
	}
	ring_set_update(&in->rings, clock_mono_ns());
	ingest_set_targets(in);
	do
		go_round(in);
	while (!in->blocked && !ingest_targets_reached(in));
	if (!in->blocked) {
		report_all_drops(in, clock_mono_ns());
		ingest_tell_left_out(in);
		ingest_commit(in);
	}
	if (journal_state(in->journal) != JOURNAL_FAILED)
		ingest_offer_snapshot(in);
	return NULL;
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

void
ingest_set_rules(struct ingest *in, struct rules *rules)
{
	pthread_mutex_lock(&in->lock);
	rules_free(&in->new_rules);
	in->new_rules = rules;
	in->has_new_rules = true;
	pthread_mutex_unlock(&in->lock);
}

void
ingest_report_every(struct ingest *in, int64_t ns)
{
	atomic_store(&in->report_ns, ns);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

bool
ingest_init(struct ingest *in, struct journal *journal, int run_fd, struct positions *positions, struct audit *audit,
    struct doorbell *bell, struct stats *stats)
{
	*in = (struct ingest){.journal = journal, .positions = positions, .audit = audit, .bell = bell, .stats = stats};
	pthread_mutex_init(&in->lock, NULL);
	while (getrandom(in->origin, sizeof in->origin, 0) != (ssize_t)sizeof in->origin)
		;
	in->sift = (struct sift){.stats = stats};
	in->report_ns = report_ns;
	in->started_ns = clock_mono_ns();
	return ring_set_init(&in->rings, run_fd, positions, stats);
}

bool
ingest_start(struct ingest *in, struct ingest_push *push, struct relay_queue *relay)
{
	in->push = push;
	in->relay = relay;
	int err = pthread_create(&in->thread, NULL, ingest_main, in);
	errno = err;
	return err == 0;
}

void
ingest_stop(struct ingest *in)
{
	atomic_store(&in->stop, true);
	doorbell_ring(in->bell);
	pthread_join(in->thread, NULL);
}

void
ingest_fini(struct ingest *in)
{
	ring_set_fini(&in->rings);
	buf_fini(&in->frame);
	buf_fini(&in->window);
	buf_fini(&in->lost_frame);
	buf_fini(&in->push_frame);
	buf_fini(&in->list);
	sift_fini(&in->sift);
	buf_fini(&in->left_out);
	rules_free(&in->new_rules);
	pthread_mutex_destroy(&in->lock);
}
