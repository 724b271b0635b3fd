/* SPDX-License-Identifier: ISC */
/*
 * remote: opening the plugin, starting its thread in each process that emits, and waiting for it at the end.
 *
 * Starting a thread is the one thing here that must not happen in a signal handler which came in the middle of malloc.
 * Where one may be running nothing is started, however often that is; bx_configure() and ordinary events do it.
 */
#include "libbx/remote.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "libbx/handler.h"
#include "libbx/tcp/plugin.h"

enum { START_RETRY_NS = 1000000000, LINGER_SLACK_NS = 100000000 };

static const struct tcp_plugin *plugin;       /* set once, before `conf` */
static _Atomic(const struct tcp_conf *) conf; /* what is replaced stays: the sender may be reading it */
static _Atomic bool in_use;

bool
remote_on(void)
{
	return atomic_load_explicit(&in_use, memory_order_acquire);
}

/* ---- the plugin ---- */

static void *
open_beside_us(void)
{
	Dl_info us;
	char path[4096];
	if (dladdr((const void *)&bx_config, &us) == 0 || !us.dli_fname)
		return NULL;
	const char *slash = strrchr(us.dli_fname, '/');
	size_t dir = slash ? (size_t)(slash - us.dli_fname) + 1 : 0;
	if (dir == 0 || dir + sizeof TCP_PLUGIN_NAME > sizeof path)
		return NULL;
	memcpy(path, us.dli_fname, dir);
	memcpy(path + dir, TCP_PLUGIN_NAME, sizeof TCP_PLUGIN_NAME);
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static int
has_interpreter(struct dl_phdr_info *object, size_t size, void *found)
{
	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++)
		*(bool *)found |= object->dlpi_phdr[i].p_type == PT_INTERP;
	return 1; /* the first is the program */
}

/* In a fully static one dlopen() brings a second C library, in which no thread can be started. */
static bool
program_is_dynamic(void)
{
	bool found = false;
	dl_iterate_phdr(has_interpreter, &found);
	return found;
}

/* The one of this very build: it looks into our structs. */
static bool
load_plugin(void)
{
	if (plugin)
		return true;
	if (!program_is_dynamic())
		return false;
	void *object = open_beside_us();
	if (!object)
		object = dlopen(TCP_PLUGIN_NAME, RTLD_NOW | RTLD_LOCAL);
	const struct tcp_plugin *found = object ? dlsym(object, TCP_PLUGIN_SYMBOL) : NULL;
	if (!found || found->process_bytes != sizeof(struct process) || found->config_bytes != sizeof(struct config) ||
	    strcmp(found->version, BX_VERSION) != 0)
		return false;
	plugin = found;
	return true;
}

/* ---- starting the thread ---- */

static bool
is_running(struct process *p)
{
	uint32_t state = atomic_load_explicit(&p->sender.state, memory_order_acquire);
	return state == SENDER_STARTING || state == SENDER_RUNNING;
}

static void
start(struct process *p)
{
	uint32_t state = atomic_load(&p->sender.state);
	if (state == SENDER_STARTING || state == SENDER_RUNNING || atomic_load(&p->sender.leave) ||
	    !atomic_compare_exchange_strong(&p->sender.state, &state, SENDER_STARTING))
		return;
	if (plugin->start(p, &bx_config, &conf))
		return;
	atomic_store(&p->sender.retry, clock_mono_ns() + START_RETRY_NS);
	atomic_fetch_add(&p->sender.failures, 1);
	atomic_store(&p->sender.state, SENDER_NONE);
}

void
remote_need_sender(struct process *p)
{
	if (!remote_on() || is_running(p))
		return;
	int kept = errno;
	if (clock_mono_ns() >= atomic_load(&p->sender.retry) && !handler_may_be_running())
		start(p);
	errno = kept;
}

/* ---- waiting for it at the end ---- */

static void
ask_to_leave(struct process *p)
{
	atomic_store(&p->sender.leave, 1);
	atomic_store(&p->sender.asleep, 0);
	syscall(SYS_futex, &p->sender.asleep, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void
wait_until_ended(struct process *p, int64_t until)
{
	for (;;) {
		uint32_t state = atomic_load(&p->sender.state);
		int64_t left = until - clock_mono_ns();
		if ((state != SENDER_STARTING && state != SENDER_RUNNING) || left <= 0)
			return;
		struct timespec ts = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
		syscall(SYS_futex, &p->sender.state, FUTEX_WAIT, state, &ts, NULL, 0);
	}
}

/* Rings with content and no thread: its start was put off, or failed. */
static bool
something_waits(struct process *p)
{
	uint32_t used = atomic_load(&p->slots_used);
	for (uint32_t i = 0; i < used; i++) {
		const struct ring_header *h = process_ring(p, i);
		if (h && atomic_load(&p->rings[i].private) && atomic_load(&h->head) != atomic_load(&h->tail))
			return true;
	}
	return false;
}

void
remote_start_waiting(void)
{
	struct process *p = process_peek();
	if (remote_on() && p && something_waits(p))
		start(p);
}

/* ---- the transport ---- */

static bool
remote_open(const char *host, int port)
{
	struct addr to;
	if (bx_config.ring_capacity == 0 || !load_plugin() || !plugin->parse(host, port, &to))
		return false;
	struct tcp_conf *next = malloc(sizeof *next);
	if (!next)
		return false;
	*next = (struct tcp_conf){.to = to, .memory = bx_config.send_memory, .linger_ns = bx_config.linger_ns};
	atomic_store_explicit(&conf, next, memory_order_release);
	atomic_store_explicit(&in_use, true, memory_order_release);
	struct process *p = process_peek();
	if (p)
		atomic_store(&p->sender.leave, 0);
	remote_start_waiting();
	return true;
}

static void
remote_close(void)
{
	int kept = errno;
	struct process *p = process_peek();
	if (p && !is_running(p) && something_waits(p) && !handler_may_be_running())
		start(p);
	if (p) {
		ask_to_leave(p);
		wait_until_ended(p, clock_mono_ns() + bx_config.linger_ns + LINGER_SLACK_NS);
	}
	atomic_store_explicit(&in_use, false, memory_order_release);
	errno = kept;
}

const struct transport transport_remote = {.name = "tcp", .open = remote_open, .close = remote_close};

/* At exit() and return from main: rings on files need nothing, these do. */
static void
at_exit(int status, void *unused)
{
	(void)status;
	(void)unused;
	if (remote_on())
		bx_shutdown();
}

/* Registered before anybody else's, so called after all: destructors and the shim's own last event come first.  Not with
 * atexit(), which in a shared object is called with that object's destructors. */
__attribute__((constructor)) static void
watch_exit(void)
{
	on_exit(at_exit, NULL);
}
