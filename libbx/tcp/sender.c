/* SPDX-License-Identifier: ISC */
/*
 * sender: the thread.  Rings to queue, queue to link, and sleep in between.
 *
 * It lives in a program that may close any descriptor at any time, so the first thing it does is to take a descriptor
 * table of its own, an empty one: nothing that the host closes is ours, nothing that we open is the host's, and no pipe
 * or socket of the host is kept open by us.  All signals are blocked in it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"

#include "libbx/core/clock.h"
#include "libbx/tcp/drain.h"
#include "libbx/tcp/dropped.h"
#include "libbx/tcp/link.h"
#include "libbx/tcp/own.h"
#include "libbx/tcp/plugin.h"

#define MS INT64_C(1000000)
#define S  (1000 * MS)

#define NAP_LEAST  (MS / 10)  /* after much was done; doubled until much is again */
#define NAP_BUSY   (10 * MS)  /* longest while there are events, or the peer has something to say soon */
#define NAP_QUIET  (200 * MS) /* longest; a ring that gets half full ends it */
#define TELL_EVERY (60 * S)   /* what was dropped */

enum { MUCH = 64 * 1024 }; /* bytes of one frame */
enum { STACK_BYTES = 512 * 1024, OPEN_MAX_GUESS = 65536, DEFAULT_PORT = 3514 };

struct sending {
	struct process *process;
	const struct config *config;
	const _Atomic(const struct tcp_conf *) *conf_at;
	const struct tcp_conf *conf; /* the one in use */
	struct queue queue;
	struct drain drain;
	struct dropped dropped;
	struct link link;
	int64_t nap;
	int64_t tell_at;
	int64_t leave_by; /* 0: nobody has asked */
};

/* ---- a table of descriptors of our own ---- */

/* Where close_range() is not known (before Linux 5.9): what the thread's table lists, one by one. */
static bool
close_one_by_one(void)
{
	if (unshare(CLONE_FILES) != 0)
		return false;
	long most = sysconf(_SC_OPEN_MAX);
	if (most <= 0 || most > OPEN_MAX_GUESS)
		most = OPEN_MAX_GUESS;
	for (long fd = 0; fd < most; fd++)
		own_close((int)fd);
	return true;
}

/* One call, which closes without copying first: no descriptor of the host is held for a moment.  Containers that forbid
 * unshare() allow it. */
static bool
own_descriptors(void)
{
	if (syscall(SYS_close_range, 0U, ~0U, CLOSE_RANGE_UNSHARE) == 0)
		return true;
	return close_one_by_one();
}

/* Descriptors 0 to 2 are kept from the sockets: what a C library has to say in despair goes to 2. */
static void
fill_standard(void)
{
	for (int i = 0; i < 3; i++)
		if (own_open("/dev/null", O_RDWR | O_CLOEXEC) < 0 && syscall(SYS_eventfd2, 0, EFD_CLOEXEC) < 0)
			return;
}

/* ---- start and end ---- */

static void
name_of(const struct config *config, char out[RELAY_NODE_MAX + 1])
{
	char host[128] = "";
	gethostname(host, sizeof host - 1);
	snprintf(out, RELAY_NODE_MAX + 1, "%s/%s", host, config->program);
}

static bool
sending_init(struct sending *s)
{
	char node[RELAY_NODE_MAX + 1];
	name_of(s->config, node);
	s->conf = atomic_load_explicit(s->conf_at, memory_order_acquire);
	link_init(&s->link, s->process, node);
	s->nap = NAP_LEAST;
	s->tell_at = clock_mono_ns() + TELL_EVERY;
	return drain_init(&s->drain, s->process) && queue_init(&s->queue, s->conf->memory, 1);
}

static void
sending_fini(struct sending *s)
{
	link_fini(&s->link);
	drain_fini(&s->drain);
	queue_fini(&s->queue);
}

static void
say_state(struct process *p, uint32_t state)
{
	atomic_store(&p->sender.state, state);
	syscall(SYS_futex, &p->sender.state, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* ---- the loop ---- */

static void
follow_conf(struct sending *s)
{
	const struct tcp_conf *conf = atomic_load_explicit(s->conf_at, memory_order_acquire);
	if (conf == s->conf)
		return;
	s->conf = conf;
	link_redial(&s->link);
}

static void
tell_dropped(struct sending *s, int64_t now)
{
	if (now < s->tell_at)
		return;
	s->tell_at = now + TELL_EVERY;
	dropped_tell(&s->dropped, &s->drain, &s->queue, s->config);
}

/* True when nothing is left to do, or no time to do it. */
static bool
may_end(struct sending *s, int64_t now)
{
	if (!atomic_load_explicit(&s->process->sender.leave, memory_order_acquire)) {
		s->leave_by = 0; /* turned on again before we had ended */
		return false;
	}
	if (s->leave_by == 0) {
		s->leave_by = now + s->conf->linger_ns;
		s->tell_at = 0;
		tell_dropped(s, now);
	}
	s->nap = NAP_LEAST;
	return now >= s->leave_by || (queue_empty(&s->queue) && !drain_has_work(&s->drain));
}

/*
 * A futex, so that a thread which emits can end the nap without a descriptor; the socket is looked at after it.  ACKs may
 * wait a little: they free memory, of which there is more than a nap's worth, and nothing else waits for them.
 */
static void
nap(struct sending *s)
{
	int64_t now = clock_mono_ns(), most = link_is_quiet(&s->link) ? NAP_QUIET : NAP_BUSY;
	int64_t until = now + (s->nap < most ? s->nap : most);
	if (link_deadline(&s->link) < until)
		until = link_deadline(&s->link);
	s->nap = s->nap * 2 < NAP_QUIET ? s->nap * 2 : NAP_QUIET;
	if (until <= now)
		return;
	struct timespec ts = {.tv_nsec = until - now}; /* less than a second */
	_Atomic uint32_t *asleep = &s->process->sender.asleep;
	atomic_store(asleep, 1);
	bool awake = drain_is_urgent(&s->drain) && queue_has_room(&s->queue, FRAME_MAX);
	if (!awake && (s->leave_by || !atomic_load(&s->process->sender.leave)))
		syscall(SYS_futex, asleep, FUTEX_WAIT, 1, &ts, NULL, 0);
	atomic_store(asleep, 0);
}

static void
send_until_told(struct sending *s)
{
	for (;;) {
		int64_t now = clock_mono_ns();
		follow_conf(s);
		bool drained = drain_once(&s->drain, &s->queue);
		bool moved = link_step(&s->link, &s->queue, &s->conf->to, now);
		tell_dropped(s, now);
		if (may_end(s, now))
			return;
		if (drained && s->drain.frame.len >= MUCH)
			s->nap = NAP_LEAST;
		else if (drained && s->nap > NAP_BUSY)
			s->nap = NAP_BUSY;
		if (moved || (drained && drain_is_urgent(&s->drain)))
			continue;
		nap(s);
	}
}

/* What waited too long to be acknowledged goes with the queue; what is in the rings stays for the next start. */
static void
count_given_up(struct sending *s)
{
	struct queue_at at = queue_start(&s->queue);
	struct bytes frame;
	uint64_t lost = 0;
	for (uint32_t events = 0; queue_read(&s->queue, &at, &frame, &events);)
		lost += events;
	atomic_fetch_add(&s->process->sender.rejected, lost);
}

static void *
sender_main(void *arg)
{
	struct sending *s = arg;
	struct process *p = s->process;
	bool ours = own_descriptors();
	if (ours)
		fill_standard();
	if (ours && sending_init(s)) {
		say_state(p, SENDER_RUNNING);
		send_until_told(s);
		count_given_up(s);
	} else {
		atomic_fetch_add(&p->sender.failures, 1);
	}
	sending_fini(s);
	free(s);
	say_state(p, SENDER_ENDED);
	return NULL;
}

static bool
sender_start(struct process *p, const struct config *config, const _Atomic(const struct tcp_conf *) *conf)
{
	struct sending *s = calloc(1, sizeof *s);
	if (!s)
		return false;
	s->process = p;
	s->config = config;
	s->conf_at = conf;
	s->link.fd = -1;
	pthread_t thread;
	pthread_attr_t attr;
	sigset_t all;
	sigfillset(&all);
	bool started = false;
	if (pthread_attr_init(&attr) == 0) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		pthread_attr_setstacksize(&attr, STACK_BYTES);
		pthread_attr_setsigmask_np(&attr, &all);
		started = pthread_create(&thread, &attr, sender_main, s) == 0;
		pthread_attr_destroy(&attr);
	}
	if (!started)
		free(s);
	return started;
}

/* ---- addresses ---- */

/* An IPv6 address without its brackets, as bx_configure() is given it. */
static bool
read_bare(const char *text, int port, struct addr *to)
{
	char bracketed[INET6_ADDRSTRLEN + 2];
	struct in6_addr unused;
	if (inet_pton(AF_INET6, text, &unused) != 1)
		return false;
	snprintf(bracketed, sizeof bracketed, "[%s]", text);
	return addr_parse(bracketed, "", port, to) == NULL;
}

static bool
sender_parse(const char *text, int port, struct addr *to)
{
	static const char scheme[] = "relay://";
	bool relay = strncmp(text, scheme, sizeof scheme - 1) == 0;
	const char *rest = relay ? text + sizeof scheme - 1 : text;
	if (port > UINT16_MAX)
		return false;
	if (port == 0)
		port = relay ? DEFAULT_PORT + 1 : DEFAULT_PORT;
	if (!read_bare(rest, port, to) && addr_parse(rest, "127.0.0.1", port, to) != NULL)
		return false;
	if (to->ipc)
		return true;
	if (strcmp(to->host, "*") == 0 || to->port == 0 || (!relay && to->port == UINT16_MAX))
		return false;
	if (!relay)
		to->port++;
	return true;
}

const struct tcp_plugin bx_tcp_plugin = {
    .process_bytes = sizeof(struct process),
    .config_bytes = sizeof(struct config),
    .version = BX_VERSION,
    .parse = sender_parse,
    .start = sender_start,
};
