/* SPDX-License-Identifier: ISC */
/* syslog_fork: one line from each process that fork, vfork and daemon make, and one from whoever made it, before and after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

static void
await(pid_t pid)
{
	int status;
	if (waitpid(pid, &status, 0) != pid || status != 0)
		exit(2);
}

/* A fork of a fork, and an end by exit(): the children write process events of their own. */
static void
fork_twice(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		syslog(LOG_INFO, "child %d", (int)getpid());
		pid = fork();
		if (pid == 0) {
			syslog(LOG_INFO, "grandchild %d", (int)getpid());
			exit(0);
		}
		await(pid);
		exit(0);
	}
	await(pid);
}

static void
vfork_and_exec(const char *self)
{
	pid_t pid = vfork();
	if (pid == 0) {
		execl(self, self, "one", (char *)NULL);
		_exit(3);
	}
	await(pid);
}

/* daemon() ends its caller by _exit(), so a child makes it; the pipe closes when the daemon is done. */
static void
become_daemon(void)
{
	int done[2];
	char unread;
	if (pipe(done) != 0)
		exit(2);
	pid_t pid = fork();
	if (pid == 0) {
		close(done[0]);
		if (daemon(1, 1) != 0)
			_exit(4);
		syslog(LOG_INFO, "daemon %d", (int)getpid());
		_exit(0);
	}
	close(done[1]);
	await(pid);
	if (read(done[0], &unread, 1) != 0)
		exit(2);
}

int
main(int argc, char **argv)
{
	if (argc > 1) {
		syslog(LOG_INFO, "after exec %d", (int)getpid());
		return 0;
	}
	syslog(LOG_INFO, "first %d", (int)getpid());
	fork_twice();
	vfork_and_exec(argv[0]);
	become_daemon();
	syslog(LOG_INFO, "last %d", (int)getpid());
	return 0;
}
