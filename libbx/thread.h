/* SPDX-License-Identifier: ISC */
/*
 * thread: what one thread holds, and the door through which every public call enters.
 *
 * thread_enter() answers NULL when recording is off or when this thread is inside libbx already, which only a signal
 * handler can be; it also notices that the process is a new one (a fork).  What it returns is valid until
 * thread_leave().  The state is zero until the first event and costs an idle thread nothing.
 */
#ifndef BLUEOX_THREAD_H
#define BLUEOX_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/clock.h"
#include "libbx/core/rand.h"
#include "libbx/process.h"
#include "libbx/ring.h"

struct ctx;

struct thread {
	uint64_t generation; /* of the process that the rest belongs to */
	uintptr_t busy;      /* inside libbx: 1, or the context that is worked on by its handle */
	uint32_t pid;
	uint32_t on;          /* config_on() when this thread last entered; 0: it has no process */
	uint32_t lost;        /* open contexts that have no memory: bx_end() counts them off first */
	uint32_t open;        /* contexts on the stack */
	uint32_t sampled_out; /* not yet added to the process's count */
	struct process *process;
	struct ctx *current; /* innermost open context */
	struct ctx *free;    /* contexts to use again */
	struct ring ring;
	struct rand rand;
	int64_t wall_minus_mono;
	int64_t wall_until; /* monotonic ns up to which wall_minus_mono is believed */
};

#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
extern THREAD_LOCAL struct thread bx_thread;

/* What thread_enter() does for a signal handler that came while this thread was inside: counts, and answers NULL. */
struct thread *thread_enter_interrupting(void);

/*
 * For bx_clear(): as thread_enter(), but where a siglongjmp() left this thread inside libbx, it first mends what that
 * left half done.  NULL too while a signal handler may be what calls: then the interrupted call goes on.
 */
struct thread *thread_enter_anew(void);

/* What it does for a thread that is new to this process, a process that is new, or when recording was off meanwhile;
 * NULL without memory. */
struct thread *thread_enter_new(struct thread *t);

static inline bool
thread_is_of_process(const struct thread *t)
{
	uint64_t own = t->generation;
	return atomic_load_explicit(&t->process->generation, memory_order_relaxed) == own;
}

/*
 * The door is shut before anything is looked at: whatever a handler does from then on, a fork included, is not done to
 * what this call works on.
 */
static inline struct thread *
thread_enter(void)
{
	struct thread *t = &bx_thread;
	uint32_t on = config_on();
	if (!on)
		return NULL;
	if (__builtin_expect(t->busy, 0))
		return thread_enter_interrupting();
	t->busy = 1;
	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(t->on != on || !thread_is_of_process(t), 0))
		return thread_enter_new(t);
	return t;
}

/* As thread_enter() when recording is on (`on`) and nothing is unusual; else NULL, and nothing has happened. */
static inline struct thread *
thread_try(uint32_t on)
{
	struct thread *t = &bx_thread;
	if (__builtin_expect(t->busy, 0))
		return NULL;
	t->busy = 1;
	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(t->on == on && thread_is_of_process(t), 1))
		return t;
	t->busy = 0;
	return NULL;
}

static inline void
thread_leave(struct thread *t)
{
	atomic_signal_fence(memory_order_seq_cst);
	t->busy = 0;
}

/*
 * Wall clock for a monotonic reading, by an offset that is looked up again after a tenth of a second: one clock read an
 * end of a context in place of two.
 */
int64_t thread_wall_refresh(struct thread *t, int64_t mono_ns);

static inline int64_t
thread_wall_ns(struct thread *t, int64_t mono_ns)
{
	if (__builtin_expect(mono_ns >= t->wall_until, 0))
		return thread_wall_refresh(t, mono_ns);
	return mono_ns + t->wall_minus_mono;
}

#endif
