/* SPDX-License-Identifier: ISC */
#include "preload/log_names.h"

#include <stddef.h>
#include <syslog.h>

static const char *const levels[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};
static const char *const facilities[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp",
    "cron", "authpriv", "ftp", "12", "13", "14", "15", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7"};

const char *
log_level_name(int priority)
{
	return levels[LOG_PRI(priority)];
}

const char *
log_facility_name(int facility)
{
	size_t i = (size_t)facility;
	return i < sizeof facilities / sizeof *facilities ? facilities[i] : "unknown";
}
