/* SPDX-License-Identifier: ISC */
/* syslog_fortified: the same calls through __syslog_chk and __vsyslog_chk, as most programs of a distribution make them. */
#undef _FORTIFY_SOURCE
#define _FORTIFY_SOURCE 2
#include "tests/victims/syslog_caller.c"
