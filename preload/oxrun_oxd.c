/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_oxd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "libbx/core/rundir.h"
#include "preload/oxrun_find.h"
#include "preload/settings.h"

/* What the keeper of an oxd is told. */
enum { STOP_IT = SIGUSR1, KILL_IT = SIGUSR2 };

enum { START_MS = 20000, MESSAGE_MAX = 300, OPENED_AT_ONCE = 16 };

extern char **environ;

static bool
lock_is_held(const char *run)
{
	char path[RUNDIR_MAX + 16];
	snprintf(path, sizeof path, "%s/oxd.lock", run);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == EACCES; /* there, and somebody else's: it is believed */
	bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

/*
 * oxd.json is there while an oxd runs, and after one that was killed; only then is the lock tried, which one that is
 * just starting would notice.
 */
bool
oxd_runs(char *run, size_t cap)
{
	char path[RUNDIR_MAX + 16];
	run[0] = '\0';
	const char *given = getenv("BLUEOX_RUN_DIR");
	if (!given || !*given) {
		shim_settings_read();
		given = shim_settings_for_libbx("BLUEOX_RUN_DIR");
	}
	if (!rundir_path(given, run, cap))
		return false;
	snprintf(path, sizeof path, "%s/oxd.json", run);
	return access(path, F_OK) == 0 && lock_is_held(run);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	remove(path);
	return 0;
}

static void
remove_tree(const char *path)
{
	if (path[0])
		nftw(path, remove_one, OPENED_AT_ONCE, FTW_DEPTH | FTW_PHYS);
}

static bool
join(char out[PATH_MAX], const char *directory, const char *name)
{
	int wrote = snprintf(out, PATH_MAX, "%s/%s", directory, name);
	return wrote > 0 && wrote < PATH_MAX;
}

static bool
make_temporary(char out[PATH_MAX], const char *directory)
{
	if (join(out, directory, "oxrun-XXXXXX") && mkdtemp(out))
		return true;
	out[0] = '\0';
	return false;
}

/* The rings belong into memory; the sockets beside them have short names there, too. */
static bool
make_directories(struct private_oxd *o, const char *log_path)
{
	const char *temporary = getenv("TMPDIR");
	if (!make_temporary(o->base, temporary && *temporary ? temporary : "/tmp") && !make_temporary(o->base, "/tmp"))
		return false;
	if (!make_temporary(o->run, "/dev/shm") && !make_temporary(o->run, "/tmp"))
		return false;
	o->log_is_ours = !log_path;
	if (!log_path)
		return join(o->log, o->base, "log");
	if (!realpath(log_path, o->log)) {
		if (errno != ENOENT || mkdir(log_path, 0755) != 0 || !realpath(log_path, o->log))
			return false;
	}
	return true;
}

/* Where systemd's notification goes: how oxd says that it is ready. */
static int
open_notice(const char *run, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	int wrote = snprintf(at->sun_path, sizeof at->sun_path, "%s/notify", run);
	if (wrote < 0 || (size_t)wrote >= sizeof at->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)at, sizeof *at) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void
forget_settings_of_others(void)
{
	for (char **e = environ; *e;) {
		char name[64];
		size_t n = strcspn(*e, "=");
		if ((strncmp(*e, "OXD_", 4) != 0 && strncmp(*e, "LD_PRELOAD=", 11) != 0) || n >= sizeof name) {
			e++;
			continue;
		}
		memcpy(name, *e, n);
		name[n] = '\0';
		unsetenv(name); /* moves the others up */
	}
}

static void
become_oxd(const struct private_oxd *o, const char *program, const char *notify, const sigset_t *mask, pid_t parent)
{
	static const char *const names[] = {
	    "--run-dir", "--log-path", "--state-path", "--control", "--collect", "--relay"};
	const char *const forms[] = {
	    "%s=%s", "%s=%s", "%s=%s/state", "%s=ipc://%s/control", "%s=ipc://%s/collect", "%s=ipc://%s/relay"};
	const char *const values[] = {o->run, o->log, o->base, o->run, o->run, o->run};
	char *argv[16] = {(char *)(uintptr_t)program, "--config=/dev/null", "--sync=never", "--compress-after=never",
	    "--journal-segment=16m"};
	size_t n = 5;
	char messages[PATH_MAX];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (asprintf(&argv[n++], forms[i], names[i], values[i]) < 0)
			_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || !join(messages, o->base, "messages"))
		_exit(1);
	int said = open(messages, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (said < 0 || dup2(said, 1) < 0 || dup2(said, 2) < 0)
		_exit(1);
	forget_settings_of_others();
	setenv("NOTIFY_SOCKET", notify, 1);
	unsetenv("WATCHDOG_USEC");
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execv(program, argv);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(1);
}

/* What a terminal sends is for the command, and what oxrun has open is not for us. */
static bool
leave_all_behind(void)
{
	setsid();
	int nothing = open("/dev/null", O_RDWR);
	bool good = nothing >= 0 && dup2(nothing, 0) >= 0 && dup2(nothing, 1) >= 0 && dup2(nothing, 2) >= 0;
	syscall(SYS_close_range, 3u, ~0u, 0u);
	return good;
}

/*
 * The keeper stands between oxrun and its oxd, since oxrun may be killed: then it has the oxd write all it has and leave, and
 * clears up as oxrun would have.  All signals are blocked in it; it hears of its parent's end as of the wish that oxd stops.
 */
static _Noreturn void
keep_oxd(struct private_oxd *o, const char *program, const char *notify, const sigset_t *mask, pid_t parent)
{
	sigset_t told;
	int status = 1;
	pid_t self = getpid(), oxd = -1;
	prctl(PR_SET_NAME, "oxrun-keeper"); /* not meant by who signals all that is called oxrun */
	prctl(PR_SET_PDEATHSIG, STOP_IT);
	signal(SIGCHLD, SIG_DFL);
	if (getppid() == parent && leave_all_behind())
		oxd = fork();
	if (oxd == 0)
		become_oxd(o, program, notify, mask, self);
	sigemptyset(&told);
	sigaddset(&told, SIGCHLD);
	sigaddset(&told, STOP_IT);
	sigaddset(&told, KILL_IT);
	while (oxd > 0 && waitpid(oxd, &status, WNOHANG) == 0) {
		int number = sigwaitinfo(&told, NULL);
		if (number == STOP_IT || number == KILL_IT)
			kill(oxd, number == STOP_IT ? SIGTERM : SIGKILL);
	}
	if (getppid() != parent)
		private_oxd_clear(o, false);
	_exit(status != 0);
}

/* The last line that it wrote. */
static void
last_words(const struct private_oxd *o, char *out, size_t cap)
{
	char path[PATH_MAX], line[MESSAGE_MAX];
	snprintf(out, cap, "it said nothing");
	FILE *f = join(path, o->base, "messages") ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			snprintf(out, cap, "%s", line);
	}
	if (f)
		fclose(f);
}

static bool
says_ready(int notice)
{
	char text[256];
	ssize_t n = recv(notice, text, sizeof text - 1, MSG_DONTWAIT);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return strstr(text, "READY=1") != NULL;
}

/* Until it is ready or gone. */
static bool
wait_until_ready(int notice, pid_t pid)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0u);
	struct pollfd on[] = {{.fd = notice, .events = POLLIN}, {.fd = process, .events = POLLIN}};
	int64_t end = clock_mono_ns() + (int64_t)START_MS * 1000000;
	bool ready = false;
	for (int64_t left = START_MS; !ready && left > 0; left = (end - clock_mono_ns()) / 1000000) {
		int n = poll(on, 2, (int)left);
		if (n < 0 && errno != EINTR)
			break;
		ready = n > 0 && on[0].revents && says_ready(notice);
		if (n > 0 && on[1].revents && !ready)
			break;
	}
	if (process >= 0)
		close(process);
	return ready;
}

static pid_t
start(struct private_oxd *o, const char *program, const char *notify)
{
	pid_t self = getpid();
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		keep_oxd(o, program, notify, &before, self);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static bool
start_and_wait(struct private_oxd *o, const char *log_path, char *err, size_t err_cap)
{
	char program[PATH_MAX];
	struct sockaddr_un at;
	if (!find_ours("oxd", program)) {
		snprintf(err, err_cap, "there is none beside oxrun, nor in PATH");
		return false;
	}
	int notice = make_directories(o, log_path) ? open_notice(o->run, &at) : -1;
	if (notice < 0) {
		snprintf(err, err_cap, "%s: %s", log_path ? log_path : "temporary directory", strerror(errno));
		return false;
	}
	o->pid = start(o, program, at.sun_path);
	bool ready = o->pid > 0 && wait_until_ready(notice, o->pid);
	close(notice);
	if (!ready)
		last_words(o, err, err_cap);
	return ready;
}

bool
private_oxd_start(struct private_oxd *o, const char *log_path, char *err, size_t err_cap)
{
	*o = (struct private_oxd){0};
	if (start_and_wait(o, log_path, err, err_cap))
		return true;
	if (o->pid > 0) {
		kill(o->pid, KILL_IT);
		waitpid(o->pid, NULL, 0);
		o->pid = 0;
	}
	private_oxd_clear(o, true);
	return false;
}

bool
private_oxd_stop(struct private_oxd *o, char *err, size_t err_cap)
{
	int status = 0;
	if (!o->pid)
		return true;
	kill(o->pid, STOP_IT);
	while (waitpid(o->pid, &status, 0) < 0 && errno == EINTR)
		;
	o->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	int wrote = snprintf(err, err_cap, "the oxd for this run failed: ");
	if (wrote > 0 && (size_t)wrote < err_cap)
		last_words(o, err + wrote, err_cap - (size_t)wrote);
	return false;
}

void
private_oxd_clear(struct private_oxd *o, bool log_too)
{
	char path[PATH_MAX];
	remove_tree(o->run);
	if (!o->log_is_ours || log_too) {
		remove_tree(o->base);
	} else if (o->base[0]) {
		if (join(path, o->base, "state"))
			remove_tree(path);
		if (join(path, o->base, "messages"))
			unlink(path);
	}
	o->run[0] = '\0';
}
