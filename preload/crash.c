/* SPDX-License-Identifier: ISC */
/*
 * crash: the handler, and how it never makes an end worse than it was.
 *
 * The first thread that crashes reports, others wait for it to end the process.  What faults in the report itself comes
 * back here: reading the stack or calling what() is given up and the event goes without; anything else ends the process
 * by the first signal.  A lock that the crash left taken cannot hold us for ever: two timers are set before anything is
 * read, the first with the signal itself.
 *
 * The first process of a PID namespace, a container's own program as a rule, is ended by no signal whose disposition is
 * the default, sent by itself, by others or by a timer; only by a fault.  So what was sent is let go by, and what faults
 * goes back to its fault, always.
 */
#undef _FORTIFY_SOURCE /* longjmp() out of a handler on another stack is what it forbids */
#include "preload/crash.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "preload/cxx.h"
#include "preload/process.h"
#include "preload/real.h"
#include "preload/span.h"
#include "preload/spare_stack.h"

enum {
	STACK_GUARD = 4096,
	STACK_BYTES = 64 * 1024,  /* of an alternate stack of ours */
	STACK_NEEDED = 24 * 1024, /* to walk a stack; the event alone takes less */
	REPORT_SECONDS = 5,
	END_SECONDS = 15
};

static const struct {
	int number;
	const char *name;
} signals[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}, {SIGABRT, "SIGABRT"}};
enum { SIGNALS = sizeof signals / sizeof *signals };

/* What a si_code is called; those from a fault have a number of their own for each signal. */
static const struct {
	int number; /* 0: any */
	int code;
	const char *name;
} codes[] = {{SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR"}, {SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR"},
    {SIGSEGV, SEGV_BNDERR, "SEGV_BNDERR"}, {SIGSEGV, SEGV_PKUERR, "SEGV_PKUERR"}, {SIGBUS, BUS_ADRALN, "BUS_ADRALN"},
    {SIGBUS, BUS_ADRERR, "BUS_ADRERR"}, {SIGBUS, BUS_OBJERR, "BUS_OBJERR"}, {SIGBUS, BUS_MCEERR_AR, "BUS_MCEERR_AR"},
    {SIGFPE, FPE_INTDIV, "FPE_INTDIV"}, {SIGFPE, FPE_INTOVF, "FPE_INTOVF"}, {SIGFPE, FPE_FLTDIV, "FPE_FLTDIV"},
    {SIGFPE, FPE_FLTOVF, "FPE_FLTOVF"}, {SIGFPE, FPE_FLTUND, "FPE_FLTUND"}, {SIGFPE, FPE_FLTRES, "FPE_FLTRES"},
    {SIGFPE, FPE_FLTINV, "FPE_FLTINV"}, {SIGILL, ILL_ILLOPC, "ILL_ILLOPC"}, {SIGILL, ILL_ILLOPN, "ILL_ILLOPN"},
    {SIGILL, ILL_ILLTRP, "ILL_ILLTRP"}, {SIGILL, ILL_PRVOPC, "ILL_PRVOPC"}, {0, SI_KERNEL, "SI_KERNEL"},
    {0, SI_USER, "SI_USER"}, {0, SI_TKILL, "SI_TKILL"}, {0, SI_QUEUE, "SI_QUEUE"}, {0, SI_TIMER, "SI_TIMER"}};

static struct sigaction before[SIGNALS]; /* as the host had them when ours were set */

__thread bool crash_watched __attribute__((tls_model("initial-exec")));
static __thread uint32_t watch_asked __attribute__((tls_model("initial-exec")));

/* ---- the end ------------------------------------------------------------------------------------------------------ */

/* The crash of this thread. */
static __thread struct {
	int number; /* 0: none */
	siginfo_t info;
	volatile sig_atomic_t may_return; /* a fault now goes back to `out` */
	jmp_buf out;
	jmp_buf end; /* out of the report, back to the fault */
} crash __attribute__((tls_model("initial-exec")));

static int
set_action(int number, const struct sigaction *new, struct sigaction *old)
{
	const struct real_libc *real = real_libc();
	return real->sigaction ? real->sigaction(number, new, old) : -1;
}

/* The signal once more, with the default: now where it is not blocked, else when the handler returns. */
static void
queue_again(int number, siginfo_t *info)
{
	struct sigaction fallback = {.sa_handler = SIG_DFL};
	set_action(number, &fallback, NULL);
	pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);
	if (syscall(SYS_rt_tgsigqueueinfo, pid, tid, number, info) != 0 && info->si_code <= 0)
		syscall(SYS_tgkill, pid, tid, number);
}

static void
mask(int how, int number)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(how, &set, NULL);
}

static bool
is_init(void)
{
	return getpid() == 1;
}

static void
end_now(void)
{
	if (is_init())
		longjmp(crash.end, 1);
	mask(SIG_UNBLOCK, crash.number);
	queue_again(crash.number, &crash.info);
	_exit(128 + crash.number); /* only where a sandbox forbids all of that */
}

static void
set_deadline(int how, int number, int seconds)
{
	struct sigevent event = {.sigev_notify = how, .sigev_signo = number};
	struct itimerspec when = {.it_value.tv_sec = seconds};
	int timer; /* the kernel's own kind: timer_create() may allocate */
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0)
		syscall(SYS_timer_settime, timer, 0, &when, NULL);
}

/* ---- the report ----------------------------------------------------------------------------------------------------- */

/* One thread reports: what it needs need not be on its stack, which may be small. */
static struct {
	void *frames[BX__FRAMES];
	char message[CXX_TYPE_MAX + CXX_WHAT_MAX + 64];
	struct cxx_exception exception;
} report;

static int
take_stack(const void *context)
{
	volatile int count = 0;
	if (setjmp(crash.out) == 0) {
		crash.may_return = true;
		count = bx__stack_interrupted(context, report.frames);
	}
	crash.may_return = false;
	return count;
}

static bool
take_exception(int count)
{
	volatile bool terminated = false;
	if (setjmp(crash.out) == 0) {
		crash.may_return = true;
		terminated = cxx_terminated(report.frames, count, &report.exception);
	} else {
		terminated = report.exception.type[0] != '\0'; /* what() failed, its type is known */
		report.exception.has_what = false;
	}
	crash.may_return = false;
	return terminated;
}

static const char *
code_name(int number, int code)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if ((codes[i].number == number || codes[i].number == 0) && codes[i].code == code)
			return codes[i].name;
	return NULL;
}

static const char *
signal_name(int number)
{
	for (int i = 0; i < SIGNALS; i++)
		if (signals[i].number == number)
			return signals[i].name;
	return "signal";
}

/* The instruction by which abort() ends a process that SIGABRT does not. */
static bool
stands_at_last_resort(const ucontext_t *at)
{
#ifdef __x86_64__
	enum { HLT = 0xf4 };
	struct dl_find_object found;
	const uint8_t *pc = (const uint8_t *)at->uc_mcontext.gregs[REG_RIP]; /* NOLINT(performance-no-int-to-ptr) */
	return _dl_find_object((void *)(uintptr_t)pc, &found) == 0 && *pc == HLT;
#else
	(void)at;
	return false;
#endif
}

static bool
called_abort(const siginfo_t *info, const ucontext_t *at)
{
	if (is_init())
		return info->si_signo == SIGSEGV && info->si_code == SI_KERNEL && stands_at_last_resort(at);
	return info->si_signo == SIGABRT && info->si_code == SI_TKILL && info->si_pid == getpid();
}

static void
describe(const siginfo_t *info, bool aborted, bool terminated)
{
	const struct cxx_exception *e = &report.exception;
	const char *code = code_name(info->si_signo, info->si_code);
	char *to = report.message;
	size_t cap = sizeof report.message;
	if (terminated && !e->type[0])
		snprintf(to, cap, "std::terminate() without an exception");
	else if (terminated)
		snprintf(to, cap, "uncaught %s%s%s", e->type, e->has_what ? ": " : "", e->has_what ? e->what : "");
	else if (aborted)
		snprintf(to, cap, "abort()");
	else if (info->si_code > 0 && info->si_code != SI_KERNEL)
		snprintf(to, cap, "%s at %p", code ? code : "fault", info->si_addr);
	else if (info->si_code == SI_KERNEL)
		snprintf(to, cap, "fault at an address that is none");
	else if (info->si_pid == getpid())
		snprintf(to, cap, "sent by itself");
	else
		snprintf(to, cap, "sent by process %d", (int)info->si_pid);
}

static void
set_signal(bx_ctx *event, const siginfo_t *info)
{
	const char *code = code_name(info->si_signo, info->si_code);
	span_set(event, "signal", info->si_signo);
	if (code)
		span_set(event, "si_code", code);
	else
		span_set(event, "si_code", info->si_code);
	if (info->si_code > 0 && info->si_code != SI_KERNEL) {
		span_set(event, "address", (uint64_t)(uintptr_t)info->si_addr);
	} else if (info->si_code <= 0 && info->si_code != SI_TIMER && info->si_pid != getpid()) {
		span_set(event, "sender_pid", (int)info->si_pid);
		span_set(event, "sender_uid", (unsigned)info->si_uid);
	}
}

static void
set_exception(bx_ctx *event)
{
	const struct cxx_exception *e = &report.exception;
	if (e->type[0])
		bx__set_text(event, "exception.type", BX__KEY_UNKNOWN, e->type);
	if (e->has_what)
		bx__set_text(event, "exception.what", BX__KEY_UNKNOWN, e->what);
}

static void
emit(const siginfo_t *info, const void *context)
{
	bx_ctx *event = bx__crash_begin();
	if (!event)
		return;
	set_signal(event, info);
	int count = spare_stack_is_needed(context, STACK_NEEDED) ? 0 : take_stack(context);
	bool aborted = called_abort(info, context);
	bool terminated = count > 0 && aborted && take_exception(count);
	if (terminated)
		set_exception(event);
	describe(info, aborted, terminated);
	struct bx__error error = {.error_class = "crash",
	    .code = signal_name(info->si_signo),
	    .message = report.message,
	    .message_len = strlen(report.message),
	    .frames = report.frames,
	    .frame_count = count};
	bx__ctx_error(event, &error);
	bx_done(event);
	process_crashed(signal_name(info->si_signo));
}

/* ---- the handler ------------------------------------------------------------------------------------------------------ */

static atomic_int reporter; /* the thread that reports */

static bool
is_first(void)
{
	int none = 0;
	return atomic_compare_exchange_strong(&reporter, &none, (int)syscall(SYS_gettid));
}

/* Another thread is about to end the process. */
static void
wait_for_end(void)
{
	for (int i = 0; i < 100 * END_SECONDS; i++)
		poll(NULL, 0, 10);
}

static __attribute__((noinline)) void
end_with_report(int number, siginfo_t *info, void *context)
{
	if (crash.number && !bx__borrowed()) {
		if (crash.may_return && info->si_code != SI_TIMER)
			longjmp(crash.out, 1);
		end_now();
	}
	if (info->si_code <= 0 && is_init())
		return;
	int saved = errno;
	if (!bx__borrowed() && setjmp(crash.end) == 0) { /* what a child of vfork() writes, its parent reads */
		crash.number = number;
		crash.info = *info;
		if (is_first()) {
			set_deadline(SIGEV_THREAD_ID, number, REPORT_SECONDS);
			set_deadline(SIGEV_SIGNAL, SIGKILL, END_SECONDS);
			emit(info, context);
		} else {
			wait_for_end();
		}
	}
	mask(SIG_BLOCK, number);
	queue_again(number, info);
	errno = saved;
}

static void
on_crash(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	if (spare_stack_is_needed(context, STACK_NEEDED))
		spare_stack_run(STACK_BYTES, end_with_report, number, info, context);
	else
		end_with_report(number, info, context);
	errno = saved;
}

/* ---- setting it ------------------------------------------------------------------------------------------------------- */

static bool
is_ours(const struct sigaction *found)
{
	return (found->sa_flags & SA_SIGINFO) && found->sa_sigaction == on_crash;
}

void
crash_hide(int number, struct sigaction *found)
{
	for (int i = 0; i < SIGNALS; i++)
		if (signals[i].number == number && is_ours(found))
			*found = before[i];
}

void (*crash_hide_handler(void (*found)(int)))(int)
{
	return (uintptr_t)found == (uintptr_t)on_crash ? SIG_DFL : found;
}

static bool
is_default(const struct sigaction *found)
{
	return !(found->sa_flags & SA_SIGINFO) && found->sa_handler == SIG_DFL;
}

static void
set_handlers(void)
{
	/* Not blocked while it runs: a fault of its own is to come back to it, and not to end the process by another signal.
	 * Where it does nothing the host's system calls go on. */
	struct sigaction ours = {
	    .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART};
	sigemptyset(&ours.sa_mask);
	for (int i = 0; i < SIGNALS; i++) {
		struct sigaction replaced;
		if (set_action(signals[i].number, NULL, &before[i]) != 0 || !is_default(&before[i]))
			continue;
		if (set_action(signals[i].number, &ours, &replaced) == 0 && !is_default(&replaced))
			set_action(signals[i].number, &replaced, NULL); /* the host set its own between the two calls */
	}
}

/* What the first walk does once a process shall not be done in the handler. */
static void
walk_once(void)
{
	void *frames[BX__FRAMES];
	(void)bx__stack_now(frames, BX__FRAMES, NULL);
}

static pthread_key_t key;
static bool have_key;

static void
give_stack_back(void *memory)
{
	stack_t now, none = {.ss_flags = SS_DISABLE};
	int saved = errno;
	if (sigaltstack(NULL, &now) == 0 && now.ss_sp == (char *)memory + STACK_GUARD)
		sigaltstack(&none, NULL);
	munmap(memory, STACK_GUARD + STACK_BYTES);
	crash_watched = false; /* another destructor may emit */
	errno = saved;
}

void
crash_init(void)
{
	have_key = pthread_key_create(&key, give_stack_back) == 0;
}

/* Without one there is no room to run a handler when the stack has overflown. */
static void
give_stack(void)
{
	stack_t now;
	if (!have_key || sigaltstack(NULL, &now) != 0 || !(now.ss_flags & SS_DISABLE))
		return;
	char *memory = mmap(NULL, STACK_GUARD + STACK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (memory == MAP_FAILED)
		return;
	stack_t ours = {.ss_sp = memory + STACK_GUARD, .ss_size = STACK_BYTES};
	if (mprotect(memory, STACK_GUARD, PROT_NONE) != 0 || sigaltstack(&ours, NULL) != 0 ||
	    pthread_setspecific(key, memory) != 0) {
		stack_t none = {.ss_flags = SS_DISABLE};
		sigaltstack(&none, NULL);
		munmap(memory, STACK_GUARD + STACK_BYTES);
	}
}

/* libunwind cannot be opened while a signal handler may be running: asked again at the next events, ever more seldom. */
static bool
have_unwinder(void)
{
	static atomic_bool ready;
	if (atomic_load_explicit(&ready, memory_order_relaxed))
		return true;
	watch_asked++;
	if ((watch_asked & (watch_asked - 1)) != 0 || !bx__stack_prepare())
		return false;
	if (!atomic_exchange(&ready, true))
		walk_once();
	return true;
}

void
crash_watch_thread(void)
{
	static atomic_bool set;
	int saved = errno;
	if (!process_makes(KIND_CRASH)) {
		crash_watched = true;
		return;
	}
	if (!atomic_exchange(&set, true))
		set_handlers();
	if (watch_asked == 0)
		give_stack();
	crash_watched = have_unwinder();
	errno = saved;
}
