/* SPDX-License-Identifier: ISC */
/*
 * storm_host: a threaded program that does to itself what servers do, while eight of its threads ask queries.
 *
 *     storm_host REPORT SECONDS ROOT CONNINFO QUERY
 *
 * It becomes a daemon, takes a signal every few milliseconds, and has children that ask on connections of their own, half of
 * them daemons that close every descriptor first.  Two ways, since libpq may be used neither in a signal handler nor in the
 * child of a process with threads:
 *
 *     ROOT "-"     for the real libpq: the handler posts a semaphore to a thread that logs, a child begins with exec
 *     a directory  for a fake, which allocates and locks nothing: the handler logs, a child goes on as the fork it is; and
 *                  in the last third the host closes every descriptor, gives up its rights and moves its root there
 *
 * Wrong results are counted.  Each process that ends writes into REPORT, a file of its caller's that all have mapped, how
 * many calls it made and what libbx (looked up, since it is there under the shim only) says was kept and dropped.
 */
/* LIBS: -lpq */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <postgresql/libpq-fe.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "include/blueox.h"
#include "tests/wait.h"

enum { THREADS = 8, PROCESSES = 8192, FORKS = 6000, CHILD_QUERIES = 20 };

struct report {
	_Atomic uint32_t processes, wrong, running, forks, chroots;
	struct {
		uint64_t pid, calls, kept, dropped;
	} process[PROCESSES];
};

static struct report *report;
static char **arguments;
static const char *conninfo, *query;
static bool legal; /* what a handler and a child of a process with threads may do, and no more */
static sem_t alarms;
static _Atomic uint64_t calls, ready; /* calls: what is to be an event */
static atomic_bool stop;

static void
ask(PGconn *c)
{
	PGresult *r = PQexec(c, query);
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1)
		report->wrong++;
	PQclear(r);
	calls++;
}

static void *
ask_on(void *unused)
{
	(void)unused;
	PGconn *c = PQconnectdb(conninfo);
	calls++;
	ask(c);
	ready++;
	while (!stop) {
		ask(c);
		pace_us(500); /* or every ring is full all the time, and nothing but drops is seen */
	}
	PQfinish(c);
	return NULL;
}

/* NOLINTBEGIN(bugprone-signal-handler,cert-sig30-c): no more than what is said above, by the way chosen */
static void
log_alarm(void)
{
	syslog(LOG_INFO, "alarm");
	calls++;
}

static void
on_alarm(int number)
{
	(void)number;
	int saved = errno;
	if (legal)
		sem_post(&alarms);
	else
		log_alarm();
	errno = saved;
}
/* NOLINTEND(bugprone-signal-handler,cert-sig30-c) */

static void *
log_alarms(void *unused)
{
	(void)unused;
	while (!stop) {
		while (sem_wait(&alarms) != 0)
			;
		log_alarm();
	}
	return NULL;
}

static void
tell(void)
{
	typedef void stats_fn(struct bx_counters *, size_t);
	stats_fn *stats = (stats_fn *)(uintptr_t)dlsym(RTLD_DEFAULT, "bx__stats");
	struct bx_counters n = {0};
	uint32_t i = report->processes++;
	if (stats)
		stats(&n, sizeof n);
	if (i >= PROCESSES) {
		report->wrong++;
		return;
	}
	report->process[i].calls = calls;
	report->process[i].kept = n.events;
	report->process[i].dropped =
	    n.dropped_ring_full + n.dropped_no_ring + n.dropped_too_big + n.dropped_in_signal + n.dropped_inert;
	report->process[i].pid = (uint64_t)getpid();
}

static _Noreturn void
child(bool as_daemon)
{
	calls = 0;
	if (as_daemon) {
		if (fork() != 0)
			_exit(0);
		setsid();
		syscall(SYS_close_range, 0u, ~0u, 0u);
	}
	PGconn *c = PQconnectdb(conninfo);
	calls++;
	for (int i = 0; i < CHILD_QUERIES; i++)
		ask(c);
	PQfinish(c);
	tell();
	report->running--;
	_exit(0);
}

static void
fork_one(bool as_daemon)
{
	report->running++;
	report->forks++;
	pid_t pid = fork();
	if (pid == 0 && legal) {
		execl("/proc/self/exe", arguments[0], arguments[1], as_daemon ? "daemon" : "child", arguments[3],
		    conninfo, query, (char *)NULL);
		_exit(127);
	}
	if (pid == 0)
		child(as_daemon);
	if (pid < 0)
		report->running--;
	else
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

/* All threads share the root and the descriptors; rights are each thread's own, so only this one's go, after their last use. */
static void
lock_in(const char *root)
{
	struct __user_cap_header_struct self = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {0};
	syscall(SYS_close_range, 0u, ~0u, 0u);
	if (chroot(root) != 0 || chdir("/") != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_capset, &self, none) != 0 || chroot("/") == 0)
		report->wrong++;
	report->chroots++;
}

int
main(int argc, char **argv)
{
	pthread_t threads[THREADS], logger;
	int fd = argc == 6 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
	report = fd >= 0 ? mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (report == MAP_FAILED)
		return 2;
	arguments = argv;
	conninfo = argv[4];
	query = argv[5];
	legal = strcmp(argv[3], "-") == 0;
	if (strcmp(argv[2], "child") == 0 || strcmp(argv[2], "daemon") == 0)
		child(argv[2][0] == 'd');
	if (daemon(1, 1) != 0 || sem_init(&alarms, 0, 0) != 0)
		return 2;
	log_alarm(); /* reads the time zone, once for all */
	signal(SIGALRM, on_alarm);
	struct itimerval often = {{0, 7000}, {0, 7000}}, never = {{0, 0}, {0, 0}};
	pthread_create(&logger, NULL, log_alarms, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, ask_on, NULL);
	if (!comes_true(
		ready == THREADS, 60)) /* what is opened once in a process is open, and not half open in a child */
		report->wrong++;
	setitimer(ITIMER_REAL, &often, NULL);
	int64_t begin = wait_now_us(), length = atoll(argv[2]) * 1000000;
	for (unsigned i = 0; wait_now_us() - begin < length; i++) {
		if (!legal && !report->chroots && wait_now_us() - begin > length * 2 / 3)
			lock_in(argv[3]);
		while (wait_now_us() - begin < length / FORKS * i) /* a signal ends a pause early */
			pace_us(length / FORKS);
		fork_one(i & 1);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	sem_post(&alarms);
	pthread_join(logger, NULL);
	tell();
	report->running--;
	_exit(0);
}
