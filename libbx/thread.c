/* SPDX-License-Identifier: ISC */
/*
 * thread: joining a process, leaving it at thread end, and surviving a fork.
 *
 * The destructor of a pthread key hands ring and contexts to the process's pools when a thread ends.  It runs after C++
 * thread-local destructors; an event that comes later still takes a ring anew and sets the key again, which makes
 * pthread call the destructor once more.
 */
#include "libbx/thread.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "libbx/context.h"
#include "libbx/handler.h"
#include "libbx/remote.h"
#include "libbx/stack.h"
#include "libbx/transport.h"

THREAD_LOCAL struct thread bx_thread;

enum { WALL_BELIEVED_NS = 100000000 };

static pthread_key_t key;
static bool have_key;

static void
thread_end(void *arg)
{
	struct thread *t = &bx_thread;
	(void)arg;
	if (!t->process || atomic_load(&t->process->generation) != t->generation)
		return;
	t->busy = 1;
	ring_give_back(&t->ring);
	context_pool_put(t);
	stack_thread_end(t->process);
	t->process = NULL;
	t->on = 0;
	t->busy = 0;
}

/* The child of a fork that interrupted a publish goes on with it when the handler returns; its ring is not there. */
static void
in_child(void)
{
	int kept = errno;
	if (bx_thread.busy)
		ring_fill_hole(&bx_thread.ring);
	errno = kept;
}

__attribute__((constructor)) static void
prepare(void)
{
	have_key = pthread_key_create(&key, thread_end) == 0;
	pthread_atfork(NULL, NULL, in_child);
}

static void
join(struct thread *t, struct process *p)
{
	t->process = p;
	t->generation = atomic_load(&p->generation);
	t->ring = (struct ring){0}; /* the parent's is not mapped here, or the thread is new */
	t->wall_until = INT64_MIN;
	t->sampled_out = 0;
	t->pid = (uint32_t)getpid();
	int kept = errno, cancel;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* getrandom() is a cancellation point */
	rand_seed(&t->rand);
	pthread_setcancelstate(cancel, &cancel);
	if (have_key)
		pthread_setspecific(key, t); /* first-level keys do not allocate */
	errno = kept;
}

/* Under the shim, before the first event.  The door is open meanwhile: what begins is a configuring like any other. */
static bool
take_offer(struct thread *t)
{
	t->busy = 0;
	configure_offered();
	uint32_t on = config_on();
	if (!on || on == CONFIG_OFFERED)
		return false;
	t->busy = 1;
	atomic_signal_fence(memory_order_seq_cst);
	return true;
}

__attribute__((noinline, cold)) struct thread *
thread_enter_new(struct thread *t)
{
	if (__builtin_expect(config_on() == CONFIG_OFFERED, 0) && !take_offer(t))
		return NULL;
	struct process *p = process_get();
	if (!p) {
		t->busy = 0;
		return NULL;
	}
	if (t->process != p || t->generation != atomic_load(&p->generation))
		join(t, p);
	uint32_t on = config_on();
	if (t->on && t->on != on) { /* recording was off: what was open then is over, and the ring may be another's */
		context_clear(t);
		ring_give_back(&t->ring);
	}
	t->on = on ? on : t->on;
	return t;
}

__attribute__((noinline, cold)) struct thread *
thread_enter_interrupting(void)
{
	struct process *p = process_get();
	if (p)
		process_drop(p, DROP_IN_SIGNAL, 0);
	return NULL;
}

struct thread *
thread_enter_anew(void)
{
	struct thread *t = &bx_thread;
	if (t->busy && config_on() && t->process && thread_is_of_process(t) && !handler_may_be_running()) {
		context_abandon(t, t->busy);
		ring_mend(&t->ring, t->process);
		thread_leave(t);
	}
	return thread_enter();
}

int64_t
thread_wall_refresh(struct thread *t, int64_t mono_ns)
{
	t->wall_minus_mono = clock_wall_ns() - clock_mono_ns();
	t->wall_until = mono_ns + WALL_BELIEVED_NS;
	if (t->process && t->ring.header)
		remote_need_sender(t->process);
	return mono_ns + t->wall_minus_mono;
}
