/* SPDX-License-Identifier: ISC */
/* wrap_libmemcached_admin: operations on servers and on the client itself, and the handle's end. */
#include <errno.h>
#include <stdio.h>

#include "preload/mc_call.h"

WRAPPER memcached_return_t
memcached_flush(memcached_st *handle, time_t expiration)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "flush", .expiration = expiration}))
		return call.real ? call.real->memcached_flush(handle, expiration) : MEMCACHED_FAILURE;
	return mc_call_end(&call, call.real->memcached_flush(handle, expiration), MC_ADMINISTERS);
}

WRAPPER memcached_return_t
memcached_flush_buffers(memcached_st *handle)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "flush_buffers"}))
		return call.real ? call.real->memcached_flush_buffers(handle) : MEMCACHED_FAILURE;
	return mc_call_end(&call, call.real->memcached_flush_buffers(handle), MC_ADMINISTERS);
}

WRAPPER memcached_return_t
memcached_version(memcached_st *handle)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "version"}))
		return call.real ? call.real->memcached_version(handle) : MEMCACHED_FAILURE;
	return mc_call_end(&call, call.real->memcached_version(handle), MC_ADMINISTERS);
}

WRAPPER memcached_return_t
memcached_dump(memcached_st *handle, memcached_dump_fn *function, void *context, uint32_t count)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "dump"}))
		return call.real ? call.real->memcached_dump(handle, function, context, count) : MEMCACHED_FAILURE;
	return mc_call_end(&call, call.real->memcached_dump(handle, function, context, count), MC_ADMINISTERS);
}

/* ---- statistics -------------------------------------------------------------------------------------------------- */

static void
set_args(const struct mc_call *call, const char *args)
{
	if (args && *args)
		span_set(call->span, "args", args);
}

WRAPPER memcached_stat_st *
memcached_stat(memcached_st *handle, char *args, memcached_return_t *error)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	memcached_return_t unasked, *code = error ? error : &unasked;
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "stat"}))
		return call.real ? call.real->memcached_stat(handle, args, error) : NULL;
	set_args(&call, args);
	memcached_stat_st *found = call.real->memcached_stat(handle, args, code);
	mc_call_end(&call, *code, MC_ADMINISTERS);
	return found;
}

WRAPPER memcached_return_t
memcached_stat_execute(memcached_st *handle, const char *args, memcached_stat_fn function, void *context)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "stat"}))
		return call.real ? call.real->memcached_stat_execute(handle, args, function, context)
				 : MEMCACHED_FAILURE;
	set_args(&call, args);
	return mc_call_end(&call, call.real->memcached_stat_execute(handle, args, function, context), MC_ADMINISTERS);
}

/* It has no handle: libmemcached makes one for the call, which is gone when it returns. */
WRAPPER memcached_return_t
memcached_stat_servername(memcached_stat_st *stat, char *args, const char *host, in_port_t port)
{
	bool inner = false;
	const struct real_memcached *real = real_memcached(CALLER, &inner);
	if (!real)
		return MEMCACHED_FAILURE;
	int saved = errno;
	struct mc_call call = {.real = real, .span = !inner && span_on(KIND_MEMCACHE) ? span_begin(".memcache") : NULL};
	int64_t begin_ns = span_clock_ns();
	errno = saved;
	memcached_return_t code = real->memcached_stat_servername(stat, args, host, port);
	if (!call.span)
		return code;
	saved = errno;
	char server[300];
	snprintf(server, sizeof server, "%s:%u", host ? host : "localhost", (unsigned)port);
	span_set(call.span, "op", "stat");
	set_args(&call, args);
	bx__set_text(call.span, "server", BX__KEY("server"), server);
	span_set(call.span, "time", span_seconds(span_clock_ns() - begin_ns));
	span_set(call.span, "outcome", code == MEMCACHED_SUCCESS ? "done" : "error");
	if (code != MEMCACHED_SUCCESS)
		mc_call_error(&call, code);
	span_end(call.span);
	errno = saved;
	return code;
}

/* ---- the handle's end -------------------------------------------------------------------------------------------- */

WRAPPER void
memcached_quit(memcached_st *handle)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!call.real)
		return;
	bool seen = mc_call_begin(&call, &(struct mc_asked){.op = "quit"});
	call.real->memcached_quit(handle);
	if (seen)
		mc_call_end(&call, MEMCACHED_SUCCESS, MC_ADMINISTERS);
}

WRAPPER void
memcached_free(memcached_st *handle)
{
	bool inner = false;
	const struct real_memcached *real = real_memcached(CALLER, &inner);
	int saved = errno;
	mc_client_drop(handle);
	errno = saved;
	if (real)
		real->memcached_free(handle);
}
