/* SPDX-License-Identifier: ISC */
/* stack: unw_backtrace for the addresses, module.c for where they lie. */
#include "libbx/stack.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h> /* types alone: nothing of it is linked */

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_DISABLE_ERROR_REPORTING ((void)0)
#define VALGRIND_ENABLE_ERROR_REPORTING  ((void)0)
#endif

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/mp.h"
#include "libbx/handler.h"
#include "libbx/module.h"
#include "libbx/probe.h"
#include "libbx/process.h"
#include "libbx/ring.h"
#include "libbx/thread.h"
#include "libbx/unwinding.h"

#define TEXT_OF(name)     TEXT_OF_NOW(name)
#define TEXT_OF_NOW(name) #name

/* What is used of libunwind. */
struct unwinder {
	int (*backtrace)(void **pcs, int n);
	int (*context)(unw_context_t *here); /* NULL: not on this machine */
	int (*init)(unw_cursor_t *c, unw_context_t *at, int flags);
	int (*step)(unw_cursor_t *c);
	int (*get)(unw_cursor_t *c, int reg, unw_word_t *value);
	int (*is_signal_frame)(unw_cursor_t *c);
};

static struct unwinder functions;
static _Atomic(const struct unwinder *) unwinder;
static _Atomic int opening;

enum { NOT_OPENED, OPENING, OPENED };

static void
count_refused(void)
{
	struct process *p = process_peek();
	if (p)
		atomic_fetch_add_explicit(&p->stacks_refused, 1, memory_order_relaxed);
}

/* A few instructions that do nothing but under valgrind, for which libunwind tries addresses in a way that looks wrong. */
static bool
enter_unwinder(bool forking)
{
	if (!unwinding_enter(forking)) {
		count_refused();
		return false;
	}
	VALGRIND_DISABLE_ERROR_REPORTING;
	return true;
}

static void
leave_unwinder(void)
{
	VALGRIND_ENABLE_ERROR_REPORTING;
	unwinding_leave();
}

/* libunwind takes a lock as a thread ends, when ThreadSanitizer, whose lock that is, has done with the thread. */
static bool
is_unsafe_here(void)
{
	return dlsym(RTLD_DEFAULT, "__tsan_init") != NULL;
}

static bool
find_functions(struct unwinder *u)
{
	void *library = is_unsafe_here() ? NULL : dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return false;
	probe_without_descriptors(library);
	*(void **)&u->backtrace = dlsym(library, "unw_backtrace");
#ifdef __x86_64__
	*(void **)&u->context = dlsym(library, TEXT_OF(UNW_ARCH_OBJ(getcontext)));
#endif
	*(void **)&u->init = dlsym(library, TEXT_OF(UNW_OBJ(init_local2)));
	*(void **)&u->step = dlsym(library, TEXT_OF(UNW_OBJ(step)));
	*(void **)&u->get = dlsym(library, TEXT_OF(UNW_OBJ(get_reg)));
	*(void **)&u->is_signal_frame = dlsym(library, TEXT_OF(UNW_OBJ(is_signal_frame)));
	return u->backtrace && u->init && u->step && u->get && u->is_signal_frame;
}

static __attribute__((noinline, cold)) const struct unwinder *
open_now(void)
{
	int before = NOT_OPENED;
	/* Who comes while another thread opens it does not wait: he may hold a lock that the other needs. */
	if (handler_may_be_running() || !atomic_compare_exchange_strong(&opening, &before, OPENING)) {
		if (before != OPENED)
			count_refused();
		return atomic_load_explicit(&unwinder, memory_order_acquire);
	}
	unwinding_watch_forks();
	if (find_functions(&functions))
		atomic_store_explicit(&unwinder, &functions, memory_order_release);
	atomic_store_explicit(&opening, OPENED, memory_order_release);
	return atomic_load_explicit(&unwinder, memory_order_relaxed);
}

static const struct unwinder *
open_unwinder(void)
{
	const struct unwinder *u = atomic_load_explicit(&unwinder, memory_order_acquire);
	if (u || atomic_load_explicit(&opening, memory_order_acquire) == OPENED)
		return u ? u : atomic_load_explicit(&unwinder, memory_order_relaxed);
	return open_now();
}

bool
stack_prepare(void)
{
	int kept = errno;
	bool ready = false;
	if (enter_unwinder(false)) {
		ready = open_unwinder() != NULL;
		leave_unwinder();
	}
	errno = kept;
	return ready;
}

/* Where an object is mapped. */
struct range {
	uintptr_t start, size;
};

static struct range
range_of(const void *address)
{
	struct dl_find_object found;
	if (!address || _dl_find_object((void *)(uintptr_t)address, &found) != 0)
		return (struct range){0};
	uintptr_t start = (uintptr_t)found.dlfo_map_start;
	return (struct range){start, (uintptr_t)found.dlfo_map_end - start};
}

/* Of an object that is never unmapped, kept once it has been asked. */
struct kept_range {
	_Atomic uintptr_t start, size;
};

static bool
lies_in(struct range r, const void *address)
{
	return (uintptr_t)address - r.start < r.size;
}

/* The range of the object that holds the address, which is the same at every call. */
static struct range
kept_range(struct kept_range *k, const void *address)
{
	struct range r = {.size = atomic_load_explicit(&k->size, memory_order_acquire)};
	if (r.size) {
		r.start = atomic_load_explicit(&k->start, memory_order_relaxed);
		return r;
	}
	r = range_of(address);
	atomic_store_explicit(&k->start, r.start, memory_order_relaxed);
	atomic_store_explicit(&k->size, r.size, memory_order_release);
	return r;
}

/* From a context to the bottom of its stack. */
static int
walk(const struct unwinder *u, ucontext_t *at, bool exact, void **pcs, int max)
{
	unw_cursor_t cursor;
	unw_word_t pc;
	int n = 0;
	if (u->init(&cursor, at, exact ? UNW_INIT_SIGNAL_FRAME : 0) < 0)
		return 0;
	do {
		bool trampoline = u->is_signal_frame(&cursor) > 0;
		if (u->get(&cursor, UNW_REG_IP, &pc) < 0 || pc == 0)
			break;
		/* All but return addresses are given as if they were: stack_write() takes one off. */
		pcs[n++] = (void *)(pc + (exact || trampoline)); /* NOLINT(performance-no-int-to-ptr) */
		exact = trampoline;
	} while (n < max && u->step(&cursor) > 0);
	return n;
}

/* ---- the stack of here --------------------------------------------------------------------------------------------- */

/*
 * For each thread that asks unw_backtrace() libunwind keeps a table of so many bytes until the thread ends: a few threads,
 * within a quarter of what rings may take, have that and are fast; the others' stacks are walked frame by frame.
 */
enum { CACHE_BYTES = 256 * 1024 };

/* The generation of the process in which this thread was counted among them. */
static THREAD_LOCAL uint64_t cached_in;

static __attribute__((noinline, cold)) bool
join_cached(struct process *p, uint64_t generation)
{
	uint32_t threads = atomic_load(&p->stack_caches);
	do
		if (threads > 0 && threads >= ring_process_most(p) / 4 / CACHE_BYTES)
			return false;
	while (!atomic_compare_exchange_weak(&p->stack_caches, &threads, threads + 1));
	cached_in = generation;
	return true;
}

static bool
may_cache(struct process *p)
{
	uint64_t generation = p ? atomic_load(&p->generation) : 0;
	if (generation == 0 || cached_in == generation)
		return generation != 0;
	return join_cached(p, generation);
}

void
stack_thread_end(struct process *p)
{
	if (cached_in == atomic_load(&p->generation))
		atomic_fetch_sub(&p->stack_caches, 1);
	cached_in = 0;
}

static __attribute__((noinline)) int
walk_from_here(const struct unwinder *u, void **pcs, int max)
{
	unw_context_t here;
	return u->context(&here) == 0 ? walk(u, &here, false, pcs, max) : 0;
}

void
stack_take(struct stack *s, const void *skip_object)
{
	s->count = 0;
	if (bx_config.stacks == STACKS_NEVER)
		return;
	int kept = errno, cancel;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* the unwinder makes system calls that end threads */
	int n = 0;
	if (enter_unwinder(false)) {
		const struct unwinder *u = open_unwinder();
		if (u)
			n = !u->context || may_cache(process_peek()) ? u->backtrace(s->pcs, STACK_FRAMES)
								     : walk_from_here(u, s->pcs, STACK_FRAMES);
		leave_unwinder();
	}
	pthread_setcancelstate(cancel, &cancel);
	errno = kept;
	static struct kept_range own_kept, skip_kept;
	struct range own = kept_range(&own_kept, &own_kept);
	struct range skip = skip_object ? kept_range(&skip_kept, skip_object) : (struct range){0};
	int first = 0;
	while (first < n && (lies_in(own, s->pcs[first]) || lies_in(skip, s->pcs[first])))
		first++;
	if (first == n) /* all in one object: a static program, where nothing can be told apart */
		first = 0;
	s->count = n > 0 ? n - first : 0;
	memmove(s->pcs, s->pcs + first, (size_t)s->count * sizeof *s->pcs);
}

/* ---- the stack of a fault ------------------------------------------------------------------------------------------ */

#ifdef __x86_64__
#define PC(at) (at)->uc_mcontext.gregs[REG_RIP]

/* Goes back to the caller where the first instruction of a function is to run that is none. */
static void
undo_call(ucontext_t *at)
{
	const greg_t *sp = (const greg_t *)at->uc_mcontext.gregs[REG_RSP]; /* NOLINT(performance-no-int-to-ptr) */
	at->uc_mcontext.gregs[REG_RIP] = *sp;
	at->uc_mcontext.gregs[REG_RSP] += (greg_t)sizeof *sp;
}
#elif defined __aarch64__
#define PC(at) (at)->uc_mcontext.pc

static void
undo_call(ucontext_t *at)
{
	at->uc_mcontext.pc = at->uc_mcontext.regs[30];
}
#endif

#ifdef PC
int
stack_take_interrupted(const void *context, void **pcs, int max)
{
	ucontext_t at = *(const ucontext_t *)context;
	const struct unwinder *u = atomic_load_explicit(&unwinder, memory_order_acquire);
	if (bx_config.stacks == STACKS_NEVER || max < 2)
		return 0;
	int n = 0, kept = errno;
	bool called = range_of((void *)PC(&at)).size == 0;      /* NOLINT(performance-no-int-to-ptr) */
	pcs[n++] = (void *)(uintptr_t)((uintptr_t)PC(&at) + 1); /* NOLINT(performance-no-int-to-ptr) */
	if (!u)
		count_refused();
	if (!u || !enter_unwinder(true))
		return n;
	if (called)
		undo_call(&at);
	int walked = walk(u, &at, !called, pcs + called, max - called);
	leave_unwinder();
	errno = kept;
	return walked > 0 ? walked + called : n;
}
#else
int
stack_take_interrupted(const void *context, void **pcs, int max)
{
	(void)context;
	(void)pcs;
	(void)max;
	return 0;
}
#endif

enum { MODULES_MAX = 12 };
_Static_assert(MODULES_MAX *MODULE_BYTES + STACK_FRAMES * 12 + 64 <= STACK_BYTES, "room");

/* The index of the module that holds the address, which may be a new one; -1: none does, or there are too many. */
static int
module_of(struct module *modules, int *count, const void *address)
{
	for (int m = *count - 1; m >= 0; m--) /* most often that of the frame before */
		if (module_holds(&modules[m], address))
			return m;
	if (*count == MODULES_MAX || !module_at(&modules[*count], address))
		return -1;
	return (*count)++;
}

/* What this frame makes of the fingerprint of all before it. */
static uint64_t
fold(uint64_t print, uint64_t module_print, uint64_t offset)
{
	uint8_t frame[8];
	put_u64le(frame, module_print + offset);
	return XXH3_64bits_withSeed(frame, sizeof frame, print);
}

uint8_t *
stack_write(const struct stack *s, uint8_t *p, uint64_t *print)
{
	struct module modules[MODULES_MAX];
	int8_t of[STACK_FRAMES];
	int module_count = 0, frame_count = 0, count = s->count;
	for (int i = 0; i < count; i++) {
		of[i] = (int8_t)module_of(modules, &module_count, (uint8_t *)s->pcs[i] - 1); /* into the call */
		frame_count += of[i] >= 0;
		if (of[i] < 0 && module_count == MODULES_MAX)
			count = i; /* better cut than with a gap */
	}
	p = mp_put_map_header(p, 2);
	p = mp_put_array_header(mp_put_str(p, "modules", 7), (uint32_t)module_count);
	for (int m = 0; m < module_count; m++)
		p = module_write(&modules[m], p);
	p = mp_put_array_header(mp_put_str(p, "frames", 6), (uint32_t)frame_count);
	for (int i = 0; i < count; i++) {
		if (of[i] < 0) /* made at run time, or already gone */
			continue;
		const struct module *m = &modules[of[i]];
		uint64_t offset = (uintptr_t)s->pcs[i] - 1 - m->bias;
		p = mp_put_array_header(p, 2);
		p = mp_put_uint(p, (uint64_t)of[i]);
		p = mp_put_uint(p, offset);
		*print = fold(*print, m->print, offset);
	}
	return p;
}
