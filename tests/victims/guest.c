/* SPDX-License-Identifier: ISC */
/*
 * guest: a host in trouble that emits nevertheless, and tells what became of it.
 *
 *     guest EVENTS THREADS [TROUBLE ...]
 *
 * Brings the troubles on itself in the order given (the table below), lets THREADS threads at once begin and end
 * EVENTS events each, and prints one line of JSON: what bx_end() said, what bx_stats() counts, and how often errno was
 * changed.  Being alive to print it is most of the test.  A number before a trouble, as in 300:wait, is its argument.
 */
/* LIBS: -L@B@ -lbx */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"
#include "tests/wait.h"

enum { THREADS_MAX = 512, CHILDREN_MAX = 64 };

static unsigned long events, threads, argument;
static size_t stack_bytes;
static int cancel_type = -1;
static bool pending, all_stay;
static unsigned long signals_wanted;
static atomic_ulong kept, refused, errno_changed, cancelled, signals, tried;

static void
emit(unsigned long n)
{
	bx_begin("guest");
	bx_set("n", n);
	bx_set("name", "of a guest");
	bx_begin(".below");
	bx_set("depth", 2);
	if (n % 16 == 3)
		bx_error("guest", "E3", "number %lu", n);
	errno = 77;
	int inner = bx_end(), outer = bx_end();
	atomic_fetch_add(&tried, 1);
	atomic_fetch_add(&kept, (unsigned long)(inner + outer));
	atomic_fetch_add(&refused, (unsigned long)(2 - inner - outer));
	if (errno != 77)
		atomic_fetch_add(&errno_changed, 1);
}

static void
emit_some(void)
{
	for (unsigned long n = 0; n < events; n++)
		emit(n);
}

/* ---- troubles ---------------------------------------------------------------------------------------------------- */

static void
die(const char *what)
{
	fprintf(stderr, "guest: %s: %s\n", what, strerror(errno));
	exit(3);
}

static void
limit(int resource, const char *what, rlim_t value)
{
	struct rlimit r = {value, value};
	if (setrlimit(resource, &r) != 0)
		die(what);
}

static void
no_big_files(void)
{
	limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", argument);
}

static void
no_locked_memory(void)
{
	limit(RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", argument);
}

static void
lock_memory(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		die("mlockall");
}

static void
no_address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f || fscanf(f, "%lu", &pages) != 1) /* NOLINT(cert-err34-c): the kernel's own digits */
		die("/proc/self/statm");
	fclose(f);
	limit(RLIMIT_AS, "RLIMIT_AS", pages * 4096 + argument);
}

static void
no_descriptors(void)
{
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		;
	if (errno != EMFILE)
		die("/dev/null");
}

static void
close_all(void)
{
	close_range(3, ~0U, 0);
}

/* Files of its own under the lowest numbers: at the end they are open, with what was in them. */
static int own[2] = {-1, -1};

static void
have_files(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, own) != 0 || write(own[0], "x", 1) != 1 || write(own[1], "y", 1) != 1)
		die("socketpair");
}

static void
look_at_files(void)
{
	for (int i = 0; i < 2 && own[0] >= 0; i++) {
		char there[4] = "";
		ssize_t n = recv(own[i], there, sizeof there - 1, MSG_DONTWAIT);
		if (n != 1 || there[0] != (i == 0 ? 'y' : 'x')) {
			fprintf(stderr, "guest: descriptor %d has %zd bytes, '%s'\n", own[i], n, there);
			exit(5);
		}
	}
}

static void
emit_first(void)
{
	emit(3); /* with an error, for which the unwinder is loaded */
}

static void
be_big(void)
{
	unsigned char *p = mmap(NULL, argument, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	for (unsigned long i = 0; i < argument; i += 4096)
		p[i] = 1;
}

static void
small_stacks(void)
{
	stack_bytes = (size_t)PTHREAD_STACK_MIN;
}

static void
stay_for_all(void)
{
	all_stay = true;
}

static void
cancel_deferred(void)
{
	cancel_type = PTHREAD_CANCEL_DEFERRED;
}

static void
cancel_pending(void)
{
	cancel_type = PTHREAD_CANCEL_DEFERRED;
	pending = true;
}

static void
cancel_at_once(void)
{
	cancel_type = PTHREAD_CANCEL_ASYNCHRONOUS;
}

/* A sandbox: system calls outside the list get `action`. */
static void
sandbox(uint32_t action)
{
	static const int allowed[] = {SYS_write, SYS_exit_group, SYS_exit, SYS_futex, SYS_clock_gettime,
	    SYS_clock_nanosleep, SYS_rt_sigreturn, SYS_munmap, SYS_madvise, SYS_mmap, SYS_mprotect, SYS_clone,
	    SYS_clone3, SYS_rt_sigprocmask, SYS_set_robust_list, SYS_rseq, SYS_getpid, SYS_gettid, SYS_brk,
	    SYS_newfstatat};
	enum { COUNT = sizeof allowed / sizeof *allowed };
	struct sock_filter code[COUNT + 3] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	for (int i = 0; i < COUNT; i++)
		code[i + 1] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], (uint8_t)(COUNT - i), 0);
	code[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	code[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {COUNT + 3, code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		die("seccomp");
}

static void
sandbox_refuses(void)
{
	sandbox(SECCOMP_RET_ERRNO | EPERM);
}

static void
sandbox_kills(void)
{
	sandbox(SECCOMP_RET_KILL_PROCESS);
}

static void
on_signal(int number)
{
	(void)number;
	atomic_fetch_add(&signals, 1);
	emit(3);
}

static void
signals_emit(void)
{
	signals_wanted = argument;
}

/* Until an event is taken, for that many seconds, and says when the first was not: what was not there may come. */
static void
wait_until_taken(void)
{
	static const char in_vain[] = "guest: tried in vain\n";
	emit(0);
	if (atomic_load(&kept) == 0 && write(STDERR_FILENO, in_vain, sizeof in_vain - 1) < 0)
		die("stderr");
	(void)comes_true((emit(0), atomic_load(&kept) != 0), argument);
}

/* So many children do the same, each a program of its own to libbx; their parent waits for the last. */
static void
have_children(void)
{
	for (unsigned long i = 0; i < argument; i++) {
		pid_t pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0) {
			emit_some();
			_exit(atomic_load(&errno_changed) ? 4 : 0);
		}
	}
	int status;
	while (wait(&status) > 0)
		if (status != 0) {
			fprintf(stderr, "guest: a child ended with status 0x%x\n", status);
			exit(4);
		}
}

static const struct {
	const char *name;
	void (*bring)(void);
} troubles[] = {
    {"as", no_address_space},
    {"big", be_big},
    {"cancel", cancel_deferred},
    {"cancel-async", cancel_at_once},
    {"cancel-pending", cancel_pending},
    {"children", have_children},
    {"close", close_all},
    {"first", emit_first},
    {"fsize", no_big_files},
    {"memlock", no_locked_memory},
    {"mlockall", lock_memory},
    {"files", have_files},
    {"nofile", no_descriptors},
    {"sandbox-errno", sandbox_refuses},
    {"sandbox-kill", sandbox_kills},
    {"signals", signals_emit},
    {"stay", stay_for_all},
    {"small-stacks", small_stacks},
    {"wait", wait_until_taken},
};

static void
bring(const char *text)
{
	char *end;
	argument = strtoul(text, &end, 10);
	const char *name = *end == ':' ? end + 1 : text;
	for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
		if (strcmp(troubles[i].name, name) == 0) {
			troubles[i].bring();
			return;
		}
	fprintf(stderr, "guest: no trouble is called %s\n", name);
	exit(2);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static pthread_barrier_t together;

static void *
live(void *arg)
{
	int old;
	(void)arg;
	if (cancel_type >= 0)
		pthread_setcanceltype(cancel_type, &old);
	pthread_barrier_wait(&together);
	if (pending)
		pthread_cancel(pthread_self());
	do {
		emit_some();
		pthread_testcancel();
	} while (cancel_type >= 0 || atomic_load(&signals) < signals_wanted);
	if (all_stay) /* until all have emitted: what each takes is there at once */
		pthread_barrier_wait(&together);
	return NULL;
}

/* A handler on a stack of its own, for every millisecond of CPU that is used. */
static void
start_signals(void)
{
	size_t size = (size_t)sysconf(_SC_SIGSTKSZ);
	stack_t stack = {.ss_sp = malloc(size), .ss_size = size};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART};
	struct itimerval often = {{0, 1000}, {0, 1000}};
	if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGPROF, &action, NULL) != 0 ||
	    setitimer(ITIMER_PROF, &often, NULL) != 0)
		die("signals");
}

static void
run_threads(void)
{
	static pthread_t ids[THREADS_MAX];
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	if (stack_bytes && pthread_attr_setstacksize(&attr, stack_bytes) != 0)
		die("stack size");
	pthread_barrier_init(&together, NULL, (unsigned)threads + 1);
	for (unsigned long i = 0; i < threads; i++)
		if ((errno = pthread_create(&ids[i], &attr, live, NULL)) != 0)
			die("pthread_create");
	pthread_barrier_wait(&together);
	if (all_stay)
		pthread_barrier_wait(&together);
	for (unsigned long i = 0; i < threads; i++) {
		void *end;
		if (cancel_type >= 0 && !pending) { /* somewhere in the middle of what they do */
			unsigned long later = atomic_load(&tried) + i * 7919 % 100;
			if (!comes_true(atomic_load(&tried) >= later, 30))
				die("threads that emit");
			pthread_cancel(ids[i]);
		}
		pthread_join(ids[i], &end);
		if (end == PTHREAD_CANCELED)
			atomic_fetch_add(&cancelled, 1);
	}
}

int
main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: guest EVENTS THREADS [TROUBLE ...]\n");
		return 2;
	}
	events = strtoul(argv[1], NULL, 10);
	threads = strtoul(argv[2], NULL, 10);
	if (threads > THREADS_MAX || bx_configure_default() != 0)
		return 2;
	for (int i = 3; i < argc; i++)
		bring(argv[i]);
	if (signals_wanted)
		start_signals();
	if (threads)
		run_threads();
	else
		emit_some();
	if (signals_wanted)
		setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
	if (cancel_type >= 0) /* the ended threads' rings serve the next */
		emit(0);
	look_at_files();
	struct bx_counters c;
	bx_stats(&c);
	char line[512];
	int n = snprintf(line, sizeof line,
	    "{\"kept\": %lu, \"refused\": %lu, \"errno_changed\": %lu, \"cancelled\": %lu, \"signals\": %lu, "
	    "\"events\": %llu, "
	    "\"ring_full\": %llu, \"no_ring\": %llu, \"in_signal\": %llu, \"inert\": %llu, \"rings\": %llu}\n",
	    atomic_load(&kept), atomic_load(&refused), atomic_load(&errno_changed), atomic_load(&cancelled),
	    atomic_load(&signals), (unsigned long long)c.events, (unsigned long long)c.dropped_ring_full,
	    (unsigned long long)c.dropped_no_ring, (unsigned long long)c.dropped_in_signal,
	    (unsigned long long)c.dropped_inert, (unsigned long long)c.rings);
	return write(STDOUT_FILENO, line, (size_t)n) == n ? 0 : 1;
}
