/* SPDX-License-Identifier: ISC */
/* journal_caller: every way to write to systemd's journal, each result printed; tests/e2e/shim_journal says what must come of it. */
/* LIBS: -lsystemd */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

/* One line for all, so that what is expected need not count. */
#line 100 "victim.c"
#define SAY(call)                                                                                                      \
	do {                                                                                                           \
		errno = ENOENT;                                                                                        \
		int done = (call);                                                                                     \
		printf("%d %s\n", done, errno == ENOENT ? "" : strerror(errno));                                       \
	} while (0)

static int
list(int priority, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int done = sd_journal_printv(priority, format, args);
	va_end(args);
	return done;
}

static int
plain_list(int priority, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int done = (sd_journal_printv)(priority, format, args);
	va_end(args);
	return done;
}

#define FIELD(text)                                                                                                    \
	{                                                                                                              \
		.iov_base = (void *)(text), .iov_len = sizeof(text) - 1                                                \
	}

int
main(void)
{
	static const struct iovec fields[] = {
	    FIELD("MESSAGE=three fields"), FIELD("PRIORITY=5"), FIELD("RAW=\x01\x02\xff"), FIELD("SYSLOG_FACILITY=3")};
	static const struct iovec wrong[] = {FIELD("no equals sign")};
	SAY(sd_journal_print(LOG_INFO, "line %d of %s \n", 1, "many"));
	SAY((sd_journal_print)(LOG_DEBUG, "no location %.1f", 0.5));
	SAY(list(LOG_NOTICE, "listed %s", "text"));
	SAY(plain_list(LOG_NOTICE, "listed %s", "without"));
	SAY(sd_journal_print(LOG_ERR, "cannot open it: %m"));
	SAY(sd_journal_print(LOG_INFO, "  "));
	SAY(sd_journal_print(9, "no such priority"));
	SAY(sd_journal_perror("opening"));
	SAY((sd_journal_perror)(""));
	SAY(sd_journal_sendv(fields, 4));
	SAY((sd_journal_sendv)(fields, 2));
	SAY(sd_journal_sendv(wrong, 1));
	SAY(sd_journal_sendv(fields, 0));
	SAY(sd_journal_send("MESSAGE=sent %s", "one", "PRIORITY=%i", LOG_WARNING, "USER_ID=%lu", 1000UL, "RATIO=%.2f",
	    0.25, "SYSLOG_IDENTIFIER=%s", "own-name", "MANY=%d %d %d %d %d %s", 1, 2, 3, 4, 5, "six", "LONG=%.1Lf",
	    1.5L, "PERCENT=100%%", NULL));
	SAY((sd_journal_send)("MESSAGE=sent plainly", "STAR=%*d", 5, 7, "PRIORITY=3", NULL));
	SAY(sd_journal_send("no equals sign", NULL));
	return 0;
}
