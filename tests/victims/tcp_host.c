/* SPDX-License-Identifier: ISC */
/*
 * tcp_host: programs that send to an oxd elsewhere, and treat their descriptors, children and limits as programs do.
 *
 *     tcp_host SCENARIO [ARGUMENT]
 *
 * BLUEOX_HOST says where to.  Events are `load` {run, n}; `run` is the scenario, with the pid behind it in children.
 * What was kept and what was not goes to the file that REPORT names, as `run kept dropped` lines.  A scenario that finds
 * something wrong says so on stderr and exits with 1.
 */
/* LIBS: -L@B@ -lbx */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "include/blueox.h"
#include "tests/wait.h"

static char run[64];
static unsigned long kept, not_kept;

#define MUST(claim)                                                                                                    \
	do {                                                                                                           \
		if (!(claim)) {                                                                                        \
			fprintf(                                                                                       \
			    stderr, "tcp_host: %s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #claim, errno);    \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static void
emit(unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		bx_begin("load");
		bx_set("run", (const char *)run);
		bx_set("n", kept);
		if (bx_end())
			kept++;
		else
			not_kept++;
	}
}

static void
report(void)
{
	char line[128];
	int n = snprintf(line, sizeof line, "%s %lu %lu\n", run, kept, not_kept);
	const char *path = getenv("REPORT");
	MUST(path != NULL);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	MUST(fd >= 0);
	MUST(write(fd, line, (size_t)n) == n);
	close(fd);
}

static void
new_run(const char *suffix)
{
	char before[32];
	snprintf(before, sizeof before, "%.20s", run);
	snprintf(run, sizeof run, "%s-%s-%d", before, suffix, (int)getpid());
	kept = not_kept = 0;
}

static struct bx_counters
counters(void)
{
	struct bx_counters c;
	bx_stats(&c);
	return c;
}

/* Until everything emitted so far has arrived. */
static void
wait_acknowledged(void)
{
	MUST(comes_true(counters().unacknowledged == 0, 20));
}

static void
just_emit(const char *count)
{
	emit(strtoul(count, NULL, 10));
}

/* ---- descriptors ---- */

static void
own_descriptors_are_sound(int *fds)
{
	char out[64], in[64] = "";
	memset(out, 'x', sizeof out);
	for (int i = 0; i < 16; i++) {
		MUST(write(fds[2 * i + 1], out, sizeof out) == (ssize_t)sizeof out);
		MUST(read(fds[2 * i], in, sizeof in) == (ssize_t)sizeof in);
		MUST(memcmp(in, out, sizeof in) == 0);
		struct pollfd p = {.fd = fds[2 * i], .events = POLLIN};
		MUST(poll(&p, 1, 0) == 0); /* nothing else came in */
	}
}

static void
close_everything(const char *first)
{
	int fds[32];
	emit(100);
	for (int round = 0; round < 20; round++) {
		for (int fd = atoi(first); fd < 1024; fd++)
			close(fd);
		for (int i = 0; i < 16; i++)
			MUST((i % 2 ? pipe(fds + 2 * i) : socketpair(AF_UNIX, SOCK_STREAM, 0, fds + 2 * i)) == 0);
		emit(500);
		pace_us(20000); /* time for the sender to do something to the wrong ones */
		own_descriptors_are_sound(fds);
	}
	for (int i = 0; i < 32; i++)
		close(fds[i]);
}

static int
listen_anywhere(struct sockaddr_in *where)
{
	socklen_t n = sizeof *where;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	*where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	MUST(fd >= 0 && bind(fd, (struct sockaddr *)where, sizeof *where) == 0 && listen(fd, 5) == 0);
	MUST(getsockname(fd, (struct sockaddr *)where, &n) == 0);
	return fd;
}

/* What was open when the thread started is not kept open by it. */
static void
closing_closes(const char *unused)
{
	(void)unused;
	int ends[2], pair[2];
	char byte;
	struct sockaddr_in where;
	MUST(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	int server = listen_anywhere(&where);
	emit(10);
	wait_acknowledged();
	close(ends[1]);
	close(pair[1]);
	close(server);
	struct pollfd p[2] = {{.fd = ends[0], .events = POLLIN}, {.fd = pair[0], .events = POLLIN}};
	MUST(poll(p, 1, 2000) == 1 && read(ends[0], &byte, 1) == 0);
	MUST(poll(p + 1, 1, 2000) == 1 && read(pair[0], &byte, 1) == 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	MUST(connect(client, (struct sockaddr *)&where, sizeof where) != 0 && errno == ECONNREFUSED);
	emit(10);
}

/* The number of descriptors that the host sees does not change. */
static void
shows_no_descriptor(const char *unused)
{
	(void)unused;
	int before = dup(0);
	close(before);
	emit(10);
	wait_acknowledged();
	int after = dup(0);
	close(after);
	MUST(before == after);
}

/* ---- children ---- */

static void
child_emits(unsigned long count, const char *name)
{
	new_run(name);
	emit(count);
	report();
}

static void
wait_for_child(pid_t pid)
{
	int status;
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
forks(const char *unused)
{
	(void)unused;
	emit(1000);
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			child_emits(500, "child");
			pid_t grandchild = fork();
			if (grandchild == 0) {
				child_emits(300, "grandchild");
				exit(0);
			}
			wait_for_child(grandchild);
			exit(0);
		}
		emit(1000);
		wait_for_child(pid);
	}
}

/* A child that emits nothing costs nothing, and does not wait for what its parent has on its way. */
static void
silent_children(const char *unused)
{
	(void)unused;
	emit(100);
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		if (pid == 0)
			exit(0);
		wait_for_child(pid);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	MUST(to.tv_sec - from.tv_sec < 10);
}

static void
becomes_a_daemon(const char *unused)
{
	(void)unused;
	emit(100);
	wait_acknowledged(); /* daemon() ends this process by _exit() */
	report();
	MUST(daemon(1, 0) == 0);
	child_emits(200, "daemon");
	exit(0);
}

static void
spawns(const char *unused)
{
	(void)unused;
	char *argv[] = {"true", NULL}, *env[] = {NULL};
	for (int i = 0; i < 20; i++) {
		pid_t pid = vfork();
		if (pid == 0) {
			execve("/bin/true", argv, env);
			_exit(1);
		}
		emit(50);
		wait_for_child(pid);
		MUST(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, env) == 0);
		emit(50);
		wait_for_child(pid);
	}
}

/* ---- threads, signals, configuration ---- */

static atomic_ulong thread_kept, thread_tried;
static atomic_bool enough;

static void *
emit_until_enough(void *arg)
{
	const char *name = arg;
	while (!atomic_load(&enough)) {
		for (int i = 0; i < 20; i++) {
			bx_begin("load");
			bx_set("run", name);
			atomic_fetch_add(&thread_kept, (unsigned long)bx_end());
			atomic_fetch_add(&thread_tried, 1);
		}
		pace_us(1000);
	}
	return NULL;
}

static void
reconfigures(const char *other)
{
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		MUST(pthread_create(&threads[i], NULL, emit_until_enough, run) == 0);
	for (int i = 0; i < 20; i++) {
		unsigned long before = atomic_load(&thread_tried);
		MUST(bx_configure(i % 2 ? getenv("BLUEOX_HOST") : other, 0) == 0);
		MUST(comes_true(atomic_load(&thread_tried) >= before + 400, 20)); /* more went that way */
		if (i % 5 == 4)
			bx_shutdown();
	}
	atomic_store(&enough, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	kept = atomic_load(&thread_kept);
	MUST(bx_configure(getenv("BLUEOX_HOST"), 0) == 0);
	bx_shutdown();
	fprintf(stderr, "unacknowledged %lu\n", (unsigned long)counters().unacknowledged);
}

static void
threads_come_and_go(const char *count)
{
	for (long i = strtol(count, NULL, 10); i > 0; i--) {
		pthread_t threads[4];
		unsigned long before = atomic_load(&thread_tried);
		atomic_store(&enough, false);
		for (int j = 0; j < 4; j++)
			MUST(pthread_create(&threads[j], NULL, emit_until_enough, run) == 0);
		MUST(comes_true(atomic_load(&thread_tried) >= before + 200, 20)); /* in the middle of their work */
		atomic_store(&enough, true);
		for (int j = 0; j < 4; j++)
			pthread_join(threads[j], NULL);
	}
	kept = atomic_load(&thread_kept);
}

static _Atomic pid_t handled_by;
static atomic_int handled;

static void
note_thread(int sig)
{
	(void)sig;
	atomic_store(&handled_by, (pid_t)syscall(SYS_gettid));
	atomic_fetch_add(&handled, 1);
}

static void
signals_are_the_hosts(const char *unused)
{
	(void)unused;
	struct sigaction sa = {.sa_handler = note_thread};
	sigset_t blocked;
	emit(10);
	wait_acknowledged();
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			MUST(sigaction(sig, &sa, NULL) == 0);
	for (int i = 0; i < 300; i++) {
		int before = atomic_load(&handled);
		MUST(kill(getpid(), i % 2 ? SIGUSR1 : SIGURG) == 0);
		MUST(comes_true(atomic_load(&handled) != before, 10));
		MUST(atomic_load(&handled_by) == getpid());
	}
	sigset_t one; /* blocked by the program it waits for the program: another thread of its own would take it */
	struct timespec soon = {.tv_sec = 5};
	int before = atomic_load(&handled);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	MUST(sigprocmask(SIG_BLOCK, &one, NULL) == 0);
	MUST(kill(getpid(), SIGUSR1) == 0 && sigtimedwait(&one, NULL, &soon) == SIGUSR1);
	MUST(sigprocmask(SIG_UNBLOCK, &one, NULL) == 0 && atomic_load(&handled) == before);
	MUST(sigprocmask(SIG_BLOCK, NULL, &blocked) == 0);
	for (int sig = 1; sig < 32; sig++)
		MUST(sigismember(&blocked, sig) == 0);
}

static void
emit_in_handler(int sig)
{
	(void)sig;
	emit(1);
}

static void
first_event_in_a_handler(const char *unused)
{
	(void)unused;
	struct sigaction sa = {.sa_handler = emit_in_handler};
	MUST(sigaction(SIGUSR1, &sa, NULL) == 0);
	MUST(raise(SIGUSR1) == 0);
	MUST(kept == 1 && counters().unacknowledged == 1);
}

static sem_t stopped_ticking;

static void *
stay_until_told(void *unused)
{
	MUST(sem_wait(&stopped_ticking) == 0); /* its signals are blocked */
	return unused;
}

/* Threads, so that malloc takes its locks; and all events by a handler that comes in the middle of it. */
static void
events_by_a_timer_while_main_allocates(const char *again)
{
	pthread_t other;
	sigset_t one;
	struct sigaction sa = {.sa_handler = emit_in_handler};
	struct itimerval often = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
	sigemptyset(&one);
	sigaddset(&one, SIGALRM);
	MUST(sem_init(&stopped_ticking, 0, 0) == 0);
	MUST(pthread_sigmask(SIG_BLOCK, &one, NULL) == 0);
	MUST(pthread_create(&other, NULL, stay_until_told, NULL) == 0);
	MUST(pthread_sigmask(SIG_UNBLOCK, &one, NULL) == 0);
	if (*again) {
		emit(1);
		bx_shutdown();
		MUST(bx_configure_default() == 0);
	}
	unsigned long before = kept;
	MUST(sigaction(SIGALRM, &sa, NULL) == 0);
	MUST(setitimer(ITIMER_REAL, &often, NULL) == 0);
	while (*(volatile unsigned long *)&kept < before + 75) /* one and a half seconds */
		for (size_t i = 0; i < 1000; i++) {
			void *volatile p = malloc(3000 + i % 7 * 5000), *volatile q = malloc(9000);
			free(p);
			free(q);
		}
	MUST(setitimer(ITIMER_REAL, &never, NULL) == 0);
	MUST(sem_post(&stopped_ticking) == 0);
	MUST(pthread_join(other, NULL) == 0);
	emit(1);
}

static void
wrong_addresses(const char *unused)
{
	(void)unused;
	static const char *const wrong[] = {"", ":", "a b", "host:", "host:x", "host:70000", "host:65535", "[::1",
	    "[]:3514", "::1:", "*:3514", "relay://", "relay://host:0", "ipc://", "tcp://", "host:1:2", "/tmp/x",
	    "1.2.3.4:-1"};
	bx_shutdown();
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		errno = 1234;
		if (bx_configure(wrong[i], 0) != -1 || errno != 1234) {
			fprintf(stderr, "tcp_host: '%s' is taken for an address, or errno is %d\n", wrong[i], errno);
			_exit(1);
		}
	}
	MUST(bx_configure(NULL, 0) == -1 && bx_configure("host", -1) == -1 && bx_configure("host", 65536) == -1);
	MUST(!bx_configured());
	emit(1);
	MUST(kept == 0);
	not_kept = 0;
	MUST(bx_configure("no.such.host.invalid", 3514) == 0); /* nobody answers: no error, and seen */
	emit(3);
	MUST(comes_true(counters().send_failures != 0, 20));
	MUST(counters().unacknowledged == 3);
	kept = 0;
	MUST(bx_configured() && bx_configure("", 0) == -1 && !bx_configured());
}

static void
gives_up(const char *unused)
{
	(void)unused;
	emit(10);
	bx_shutdown();
	MUST(comes_true(counters().unacknowledged == 0, 10));
	MUST(kept == 10 && counters().dropped_rejected == 10);
	kept = 0;
}

static void *
configure_too(void *unused)
{
	MUST(comes_true(!bx_configured(), 10)); /* the other is shutting down, which takes it a while */
	bx_configure_default();
	return unused;
}

static void
waits_asleep(const char *unused)
{
	(void)unused;
	pthread_t other;
	struct rusage used;
	emit(1);
	MUST(pthread_create(&other, NULL, configure_too, NULL) == 0);
	bx_shutdown();
	MUST(pthread_join(other, NULL) == 0);
	MUST(getrusage(RUSAGE_SELF, &used) == 0);
	MUST(
	    used.ru_utime.tv_sec + used.ru_stime.tv_sec == 0 && used.ru_utime.tv_usec + used.ru_stime.tv_usec < 500000);
	kept = 0;
}

/* ---- limits ---- */

static void
set_limit(int what, rlim_t n)
{
	struct rlimit limit;
	MUST(getrlimit(what, &limit) == 0);
	limit.rlim_cur = n < limit.rlim_max ? n : limit.rlim_max;
	MUST(setrlimit(what, &limit) == 0);
}

static void
wait_for_a_failure(void)
{
	MUST(comes_true((emit(1), counters().send_failures != 0), 20));
}

static void
no_descriptor_to_be_had(const char *most)
{
	set_limit(RLIMIT_NOFILE, strtoul(most, NULL, 10));
	wait_for_a_failure();
	set_limit(RLIMIT_NOFILE, 256);
	MUST(comes_true(counters().unacknowledged == 0, 20));
}

static void
no_thread_to_be_had(const char *unused)
{
	(void)unused;
	set_limit(RLIMIT_NPROC, 0);
	wait_for_a_failure();
	set_limit(RLIMIT_NPROC, RLIM_INFINITY);
	bool all = false;
	for (int i = 0; !all && i < 20; i++) { /* an event starts the thread, when it is time to try again */
		emit(1);
		all = comes_true(counters().unacknowledged == 0, 1);
	}
	MUST(all);
}

/* No table of descriptors of its own to be had: then nothing is sent rather than anything risked. */
static void
no_unsharing(const char *unused)
{
	(void)unused;
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 1, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	emit(10);
	wait_for_a_failure();
	MUST(fcntl(3, F_GETFD) < 0);
	bx_shutdown();
	MUST(counters().unacknowledged >= 10);
	kept = 0;
}

/* ---- which ---- */

static const struct {
	const char *name;
	void (*play)(const char *argument);
} scenarios[] = {
    {"emit", just_emit},
    {"close", close_everything},
    {"closing", closing_closes},
    {"invisible", shows_no_descriptor},
    {"fork", forks},
    {"silent", silent_children},
    {"daemon", becomes_a_daemon},
    {"spawn", spawns},
    {"reconfigure", reconfigures},
    {"threads", threads_come_and_go},
    {"signals", signals_are_the_hosts},
    {"handler", first_event_in_a_handler},
    {"ticks", events_by_a_timer_while_main_allocates},
    {"asleep", waits_asleep},
    {"giveup", gives_up},
    {"wrong", wrong_addresses},
    {"nofile", no_descriptor_to_be_had},
    {"nproc", no_thread_to_be_had},
    {"nounshare", no_unsharing},
};

int
main(int argc, char **argv)
{
	snprintf(run, sizeof run, "%s", argc > 1 ? argv[1] : "");
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
		if (strcmp(scenarios[i].name, run) != 0)
			continue;
		MUST(bx_configure_default() == 0);
		scenarios[i].play(argc > 2 ? argv[2] : "");
		report();
		return 0;
	}
	fprintf(stderr, "usage: tcp_host SCENARIO [ARGUMENT]\n");
	return 2;
}
