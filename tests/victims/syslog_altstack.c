/* SPDX-License-Identifier: ISC */
/*
 * syslog_altstack: logs an error from a handler on an alternate stack of the usual size, and looks whether anything
 * was written below it, where a program may keep what it likes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

enum { STACK_BYTES = 16 * 1024, BELOW = 256 * 1024, PATTERN = 0x5a };

static void
on_signal(int number)
{
	syslog(LOG_ERR, "signal %d", number);
}

int
main(void)
{
	unsigned char *memory = malloc(BELOW + STACK_BYTES);
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	if (!memory)
		return 2;
	memset(memory, PATTERN, BELOW + STACK_BYTES);
	stack_t stack = {.ss_sp = memory + BELOW, .ss_size = STACK_BYTES};
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1); /* makes the ring and opens the unwinder there, too */
	raise(SIGUSR1);
	size_t changed = 0, used = 0;
	for (size_t i = 0; i < BELOW; i++)
		changed += memory[i] != PATTERN;
	while (used < STACK_BYTES && memory[BELOW + used] == PATTERN)
		used++;
	printf("%zu bytes changed below the stack\n", changed);
	fprintf(stderr, "%zu bytes of the stack used\n", STACK_BYTES - used);
	return 0;
}
