/* SPDX-License-Identifier: ISC */
/* watch: the monitors of all sockets that are watched, in one thread. */
#include "oxd/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zmq.h>

#include "oxd/callers.h"
#include "oxd/say.h"

enum {
	WATCHED_MAX = 16,
	AT_ONCE = 256, /* events of one monitor, before the others have their turn */
	HANDSHAKES = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
		     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
	CONNECTIONS = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED,
};

struct watched {
	void *monitor;
	unsigned number; /* never used again */
	char name[160];
};

static struct {
	void *zmq;
	size_t most;
	struct stats *stats;
	pthread_t thread;
	bool runs;
	_Atomic bool stop;
	int wake_fd;
	/*
	 * A connection's descriptor is libzmq's, and may be another's by the time that we look.  So it is looked at through a
	 * descriptor of our own that is there beforehand: there may be none left.
	 */
	int null_fd, own_fd;
	struct callers callers; /* the thread's own */

	pthread_mutex_t lock;
	/* under lock; a monitor is the thread's own once it is here */
	struct watched watched[WATCHED_MAX];
	unsigned count, numbers;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct happening {
	uint16_t event;
	uint32_t value;
	char where[256];
};

/* ---- connections ------------------------------------------------------------------------------------------------- */

/* Half of the descriptors at most: rings, log files and the journal have the others. */
static size_t
most_connections(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > watch.most)
		return watch.most;
	return limit.rlim_cur / 2;
}

/*
 * The kernel's dup3(): the thread sanitizer does not see what libzmq closes, and would take a connection's descriptor, looked
 * at here, for one that another thread is given later under the same number.
 */
static bool
name_it(int fd)
{
	return syscall(SYS_dup3, fd, watch.own_fd, O_CLOEXEC) >= 0;
}

/* Makes own_fd another name of this connection until let_go().  False when it is none from another address. */
static bool
hold(int fd, char address[CALLERS_ADDRESS_MAX])
{
	struct sockaddr_storage from = {0};
	socklen_t n = sizeof from;
	return name_it(fd) && getpeername(watch.own_fd, (struct sockaddr *)&from, &n) == 0 &&
	       callers_address(&from, address);
}

static void
let_go(void)
{
	name_it(watch.null_fd);
}

static void
turn_away(const struct callers_refused *refused)
{
	static struct say_limit limit;
	char address[CALLERS_ADDRESS_MAX];
	if (hold(refused->fd, address) && strcmp(address, refused->address) == 0) {
		shutdown(watch.own_fd, SHUT_RDWR);
		stats_add(watch.stats, STAT_connections_refused, 1);
		say_about(SAY_PEER, address);
		say_limited(
		    &limit, SAY_WARNING, "a connection from %s is closed: it has more than its share of them", address);
	}
	let_go();
}

static void
take_connection(const struct watched *w, int fd)
{
	char address[CALLERS_ADDRESS_MAX];
	struct callers_refused refused = {.fd = -1};
	if (hold(fd, address))
		refused = callers_come(&watch.callers, w->number, fd, address, most_connections());
	let_go();
	if (refused.fd >= 0)
		turn_away(&refused);
}

static void
note_failed_accept(const struct watched *w, int why)
{
	static struct say_limit limit;
	stats_add(watch.stats, STAT_accept_failures, 1);
	say_limited(&limit, SAY_WARNING, "%s: a connection cannot be taken: %s", w->name, zmq_strerror(why));
}

static void
note_failed_handshake(const struct watched *w, const char *where)
{
	static struct say_limit limit;
	stats_add(watch.stats, STAT_handshakes_failed, 1);
	say_limited(
	    &limit, SAY_WARNING, "%s (%s): a handshake failed: a wrong or missing key on one side", w->name, where);
}

/* ---- what ZeroMQ tells ------------------------------------------------------------------------------------------- */

/* False when nothing is waiting.  Two parts: event and value, where. */
static bool
receive(struct watched *w, struct happening *h)
{
	zmq_msg_t m;
	*h = (struct happening){0};
	zmq_msg_init(&m);
	bool some = zmq_msg_recv(&m, w->monitor, ZMQ_DONTWAIT) >= 0;
	if (some && zmq_msg_size(&m) >= sizeof h->event + sizeof h->value) {
		memcpy(&h->event, zmq_msg_data(&m), sizeof h->event);
		memcpy(&h->value, (const char *)zmq_msg_data(&m) + sizeof h->event, sizeof h->value);
	}
	while (some && zmq_msg_more(&m) && zmq_msg_recv(&m, w->monitor, 0) >= 0)
		snprintf(h->where, sizeof h->where, "%.*s", (int)(zmq_msg_size(&m) < 255 ? zmq_msg_size(&m) : 255),
		    (const char *)zmq_msg_data(&m));
	zmq_msg_close(&m);
	return some;
}

/* False when the watched socket has gone. */
static bool
take_events(struct watched *w)
{
	struct happening h;
	for (int i = 0; i < AT_ONCE && receive(w, &h); i++) {
		if (h.event == ZMQ_EVENT_MONITOR_STOPPED)
			return false;
		if (h.event == ZMQ_EVENT_ACCEPTED)
			take_connection(w, (int)h.value);
		else if (h.event == ZMQ_EVENT_DISCONNECTED)
			callers_go(&watch.callers, w->number, (int)h.value);
		else if (h.event == ZMQ_EVENT_ACCEPT_FAILED)
			note_failed_accept(w, (int)h.value);
		else if (h.event & HANDSHAKES)
			note_failed_handshake(w, h.where);
	}
	return true;
}

static void
go_round(void)
{
	zmq_pollitem_t items[WATCHED_MAX + 1] = {{.fd = watch.wake_fd, .events = ZMQ_POLLIN}};
	uint64_t woken;
	pthread_mutex_lock(&watch.lock);
	unsigned count = watch.count;
	pthread_mutex_unlock(&watch.lock);
	for (unsigned i = 0; i < count; i++) /* this thread alone takes any away */
		items[i + 1] = (zmq_pollitem_t){.socket = watch.watched[i].monitor, .events = ZMQ_POLLIN};
	if (zmq_poll(items, (int)count + 1, -1) <= 0)
		return;
	if (items[0].revents && read(watch.wake_fd, &woken, sizeof woken) < 0)
		return;
	for (unsigned i = count; i-- > 0;) {
		if (!items[i + 1].revents || take_events(&watch.watched[i]))
			continue;
		zmq_close(watch.watched[i].monitor);
		pthread_mutex_lock(&watch.lock);
		watch.watched[i] = watch.watched[--watch.count];
		pthread_mutex_unlock(&watch.lock);
	}
}

static void *
watch_main(void *arg)
{
	(void)arg;
	pthread_setname_np(pthread_self(), "watch");
	while (!atomic_load(&watch.stop))
		go_round();
	for (unsigned i = 0; i < watch.count; i++)
		zmq_close(watch.watched[i].monitor);
	callers_fini(&watch.callers);
	return NULL;
}

static void
wake(void)
{
	uint64_t one = 1;
	if (write(watch.wake_fd, &one, sizeof one) < 0)
		return; /* it is readable already */
}

/* ---- what others ask --------------------------------------------------------------------------------------------- */

static void
add(void *socket, const char *name, int events)
{
	char endpoint[64];
	int none = 0;
	if (!watch.runs)
		return;
	pthread_mutex_lock(&watch.lock);
	unsigned number = ++watch.numbers;
	snprintf(endpoint, sizeof endpoint, "inproc://watch-%u", number);
	void *monitor =
	    watch.count < WATCHED_MAX && zmq_socket_monitor(socket, endpoint, events | ZMQ_EVENT_MONITOR_STOPPED) == 0
		? zmq_socket(watch.zmq, ZMQ_PAIR)
		: NULL;
	if (monitor && zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof none) == 0 &&
	    zmq_connect(monitor, endpoint) == 0) {
		struct watched *w = &watch.watched[watch.count++];
		w->monitor = monitor;
		w->number = number;
		snprintf(w->name, sizeof w->name, "%s", name);
	} else if (monitor) {
		zmq_close(monitor);
	}
	pthread_mutex_unlock(&watch.lock);
	wake();
}

void
watch_port(void *socket, const char *name, bool keys)
{
	add(socket, name, CONNECTIONS | (keys ? HANDSHAKES : 0));
}

void
watch_link(void *socket, const char *name)
{
	add(socket, name, HANDSHAKES);
}

bool
watch_open(void *zmq, size_t most, struct stats *stats)
{
	watch.zmq = zmq;
	watch.most = most;
	watch.stats = stats;
	watch.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	watch.null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	watch.own_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (watch.wake_fd < 0 || watch.null_fd < 0 || watch.own_fd < 0)
		return false;
	errno = pthread_create(&watch.thread, NULL, watch_main, NULL);
	watch.runs = errno == 0;
	return watch.runs;
}

void
watch_close(void)
{
	if (!watch.runs)
		return;
	atomic_store(&watch.stop, true);
	wake();
	pthread_join(watch.thread, NULL);
	close(watch.wake_fd);
	close(watch.null_fd);
	close(watch.own_fd);
	watch.runs = false;
}
