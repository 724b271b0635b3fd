/* SPDX-License-Identifier: ISC */
/* microhttpd: what oxview calls of libmicrohttpd, for --serve. */
#include <microhttpd.h>
#include <stdarg.h>

#include "oxview/late/late.h"

#define LATE_LIBRARY "libmicrohttpd.so.12"

LATE(enum MHD_Result, MHD_add_response_header, (struct MHD_Response * r, const char *name, const char *value),
    (r, name, value))
LATE(struct MHD_Response *, MHD_create_response_from_buffer, (size_t n, void *p, enum MHD_ResponseMemoryMode mode),
    (n, p, mode))
LATE(struct MHD_Response *, MHD_create_response_from_fd, (size_t n, int fd), (n, fd))
LATE(void, MHD_destroy_response, (struct MHD_Response * r), (r))
LATE(const union MHD_DaemonInfo *, MHD_get_daemon_info, (struct MHD_Daemon * d, enum MHD_DaemonInfoType what, ...),
    (d, what))
LATE(const char *, MHD_lookup_connection_value, (struct MHD_Connection * c, enum MHD_ValueKind kind, const char *key),
    (c, kind, key))
LATE(enum MHD_Result, MHD_queue_response, (struct MHD_Connection * c, unsigned int status, struct MHD_Response *r),
    (c, status, r))
LATE(struct MHD_Daemon *, MHD_start_daemon_va,
    (unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_context,
	MHD_AccessHandlerCallback handle, void *handle_context, va_list options),
    (flags, port, accept, accept_context, handle, handle_context, options))
LATE(void, MHD_stop_daemon, (struct MHD_Daemon * d), (d))

struct MHD_Daemon *
MHD_start_daemon(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_context,
    MHD_AccessHandlerCallback handle, void *handle_context, ...)
{
	va_list options;
	va_start(options, handle_context);
	struct MHD_Daemon *d =
	    MHD_start_daemon_va(flags, port, accept, accept_context, handle, handle_context, options);
	va_end(options);
	return d;
}
