/* SPDX-License-Identifier: ISC */
/*
 * configure: turning recording on and off, one thread at a time.
 *
 * What the environment says is read once and stays; what changes is the transport and one word, bx_config.on, which
 * every other thread looks at when it enters (thread.h).
 */
#include "libbx/transport.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/process.h"
#include "libbx/remote.h"
#include "libbx/settings.h"
#include "libbx/stack.h"

/* All below belongs to who holds the lock. */
static bool was_read;
static uint32_t turned_on; /* times */
static const struct transport *current;
static char current_host[256];
static int current_port;

/* pid and thread of the holder, 0: nobody.  A word rather than a mutex: a forked child sees that its holder is not here. */
static _Atomic uint64_t holder;
static _Atomic uint32_t releases; /* times it was let go: a futex for those who wait */

enum { LOOK_AGAIN_NS = 100000000 }; /* the holder may have stayed in the parent of a fork */

/* False when this thread holds it already: we are in a signal handler that came in the middle of it. */
static bool
lock(void)
{
	uint64_t self = (uint64_t)getpid() << 32 | (uint32_t)gettid();
	for (;;) {
		uint32_t before = atomic_load(&releases);
		uint64_t seen = 0;
		if (atomic_compare_exchange_strong(&holder, &seen, self))
			return true;
		if (seen == self)
			return false;
		if (seen >> 32 != self >> 32 && atomic_compare_exchange_strong(&holder, &seen, self))
			return true; /* held by a thread that stayed in the parent */
		struct timespec ts = {.tv_nsec = LOOK_AGAIN_NS};
		int kept = errno;
		syscall(SYS_futex, &releases, FUTEX_WAIT, before, &ts, NULL, 0);
		errno = kept;
	}
}

static void
unlock(void)
{
	atomic_store(&holder, 0);
	atomic_fetch_add(&releases, 1);
	int kept = errno;
	syscall(SYS_futex, &releases, FUTEX_WAKE, 1, NULL, NULL, 0);
	errno = kept;
}

static bool
same_target(const struct transport *next, const char *host, int port)
{
	return current == next && strcmp(current_host, host ? host : "") == 0 && current_port == port;
}

static void
turn_off(void)
{
	atomic_store_explicit(&bx_config.on, 0, memory_order_release);
	if (current)
		current->close();
	current = NULL;
}

static bool
turn_on(const struct transport *next, const char *host, int port)
{
	if (config_on() && same_target(next, host, port)) {
		remote_start_waiting();
		return true;
	}
	if (current != next) /* else it moves to the other host with all that it has */
		turn_off();
	if (strlen(host ? host : "") >= sizeof current_host || !next->open(host, port)) {
		turn_off();
		return false;
	}
	strcpy(current_host, host ? host : "");
	current_port = port;
	current = next;
	if (bx_config.stacks == STACKS_EARLY)
		stack_prepare();
	if (++turned_on == CONFIG_OFFERED)
		turned_on = 1;
	atomic_store_explicit(&bx_config.on, turned_on, memory_order_release);
	return true;
}

static void
read_once(void)
{
	if (!was_read)
		settings_read();
	was_read = true;
}

int
configure_over(const struct transport *next, const char *host, int port)
{
	if (!lock())
		return -1;
	read_once();
	bool on = getauxval(AT_SECURE) == 0 && turn_on(next, host, port);
	unlock();
	return on ? 0 : -1;
}

/* The environment is read, and what the shim has to add to it: true while nobody else is at it. */
static bool
get_ready(void)
{
	if (config_on() == CONFIG_OFFERED)
		configure_offered();
	if (!lock())
		return false;
	read_once();
	unlock();
	return true;
}

int
bx_configure(const char *host, int port)
{
	if (!host || !*host || port < 0) {
		bx_shutdown();
		return -1;
	}
	return get_ready() ? configure_over(&transport_remote, host, port) : -1;
}

int
bx_configure_default(void)
{
	if (!get_ready())
		return -1;
	return bx_config.host[0] ? configure_over(&transport_remote, bx_config.host, 0)
				 : configure_over(&transport_ring, NULL, 0);
}

void
bx_shutdown(void)
{
	if (!lock()) {
		atomic_store_explicit(&bx_config.on, 0, memory_order_release);
		return;
	}
	turn_off();
	unlock();
}

bool
bx_configured(void)
{
	return config_on() != 0;
}

/* ---- the transport that needs nothing done: rings are made when there are events, and stay for oxd ---- */

static bool
ring_open(const char *host, int port)
{
	(void)host;
	(void)port;
	return bx_config.ring_capacity != 0;
}

static void
ring_close(void)
{
}

const struct transport transport_ring = {.name = "ring", .open = ring_open, .close = ring_close};
