/* SPDX-License-Identifier: ISC */
/* syslog_caller: every way to call syslog(3) from C; tests/e2e/shim_syslog states what must come of it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static void
log_list(int priority, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsyslog(priority, format, args);
	va_end(args);
}

int
main(void)
{
	char ident[] = "first name";
	syslog(LOG_INFO, "before openlog");
	openlog(ident, LOG_PID, LOG_LOCAL3);
	memset(ident, 'x', sizeof ident - 1); /* what syslog itself would now show */
	syslog(LOG_NOTICE, "number %d and text %s\n", 7, "seven");
	log_list(LOG_WARNING | LOG_MAIL, "listed %s %5.2f", "things", 3.14159);
	errno = ENOENT;
	syslog(LOG_ERR, "cannot open it: %m");
	int left = errno;
	setlogmask(LOG_UPTO(LOG_WARNING));
	syslog(LOG_INFO, "masked");
	syslog(LOG_CRIT, "not masked");
	setlogmask(LOG_UPTO(LOG_DEBUG));
	closelog();
	syslog(LOG_DEBUG, "%s", "gr\xc3\xbc\xc3\x9f dich \xff");
	char text[5000];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	openlog(NULL, LOG_NDELAY, 1 << 20); /* no facility: the one before stays */
	syslog(LOG_INFO, "%s", text);
	syslog(LOG_INFO | 1 << 20, "unknown facility");
	printf("errno was set to %d\n", left);
	return 0;
}
