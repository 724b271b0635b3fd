/* SPDX-License-Identifier: ISC */
/*
 * wrap_libmemcached: memcached's client library; what begins and ends a `.memcache` event.
 *
 * One call is one event, but for mget: that begins one, fetches count what comes, and the fetch that returns nothing
 * ends it.  A program that never fetches to the end ends it by its next operation or by freeing the handle, as
 * `abandoned`.  A key that is not there, or was there already, is an outcome and no error; a write that the server
 * carried out is `stored`, a deletion too.
 */
#include "preload/real.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "preload/span.h"
#include "preload/track.h"

enum { KEY_MAX = MEMCACHED_MAX_KEY, KEYS_SHOWN = 16 };

/* What is known of one memcached_st. */
struct client {
	struct track_node node;
	bx_ctx *running; /* the call that has not returned */
	bx_ctx *fetched; /* the mget whose values are being fetched */
	int64_t begin_ns;
	size_t key_count;
	size_t hits;
	uint64_t value_bytes;
	bool failed;
};

struct call {
	const struct real_memcached *real; /* NULL: there is no libmemcached to call */
	memcached_st *handle;
	struct client *client;
	bx_ctx *span;
	int64_t begin_ns;
};

static struct track clients = {.node_bytes = sizeof(struct client)};

static void
mget_end(struct client *client, bool abandoned)
{
	bx_ctx *span = client->fetched;
	if (!span)
		return;
	span_set(span, "hits", client->hits);
	if (!abandoned)
		span_set(span, "misses", client->key_count > client->hits ? client->key_count - client->hits : 0);
	span_set(span, "value_size", client->value_bytes);
	span_set(span, "time", span_seconds(span_clock_ns() - client->begin_ns));
	if (abandoned)
		span_set(span, "abandoned", (bool)true);
	span_set(span, "outcome", client->failed ? "error" : client->hits ? "hit" : "miss");
	span_end(span);
	client->fetched = NULL;
}

static void
end_pending(struct client *client)
{
	mget_end(client, true);
	if (client->running) { /* an exception or a cancellation left the call */
		span_set(client->running, "abandoned", (bool)true);
		span_end(client->running);
		client->running = NULL;
	}
}

/* False: carry the call out if there is a real one, and record nothing. */
static bool
call_begin(struct call *call, void *caller, memcached_st *handle, const char *op)
{
	bool inner = false;
	*call = (struct call){.real = real_memcached(caller, &inner), .handle = handle};
	if (!call->real || inner || !handle || !span_on(KIND_MEMCACHE))
		return false;
	int saved = errno;
	call->client = (struct client *)track_get(&clients, handle);
	if (call->client) {
		end_pending(call->client);
		call->span = call->client->running = span_begin(".memcache");
		span_set(call->span, "op", op);
		call->begin_ns = span_clock_ns();
	}
	errno = saved;
	return call->client != NULL;
}

static void
set_key(const struct call *call, const char *group, size_t group_len, const char *key, size_t key_len)
{
	if (group)
		span_set_cut(call->span, "group_key", group, group_len, KEY_MAX);
	if (key)
		span_set_cut(call->span, "key", key, key_len, KEY_MAX);
}

/* The server that failed, as far as the library tells: the only one, or the one last cut off. */
static void
set_server(const struct call *call)
{
	const memcached_instance_st *server = call->real->memcached_server_count(call->handle) == 1
						  ? call->real->memcached_server_instance_by_position(call->handle, 0)
						  : call->real->memcached_server_get_last_disconnect(call->handle);
	const char *name = server ? call->real->memcached_server_name(server) : NULL;
	if (!name)
		return;
	char text[300];
	unsigned port = call->real->memcached_server_port(server);
	if (port)
		snprintf(text, sizeof text, "%s:%u", name, port);
	else
		snprintf(text, sizeof text, "%s", name);
	bx__set_text(call->span, "server", BX__KEY("server"), text);
}

static void
set_error(const struct call *call, memcached_return_t code)
{
	char number[16], os_number[16];
	int os_error = call->real->memcached_last_error_errno(call->handle);
	snprintf(number, sizeof number, "%d", (int)code);
	snprintf(os_number, sizeof os_number, "%d", os_error);
	const struct bx__error_field fields[] = {{"return", number}, {"errno", os_error ? os_number : NULL}};
	const char *message = call->real->memcached_last_error_message(call->handle);
	struct bx__error error = {.error_class = "memcached",
	    .code = call->real->memcached_strerror(call->handle, code),
	    .message = message,
	    .message_len = message ? strlen(message) : 0,
	    .fields = fields,
	    .field_count = sizeof fields / sizeof *fields};
	span_set_error(call->span, &error);
	set_server(call);
}

static bool
is_noreply(const struct call *call)
{
	return call->real->memcached_behavior_get(call->handle, MEMCACHED_BEHAVIOR_NOREPLY);
}

static const char *
outcome_of(const struct call *call, memcached_return_t code, bool reads)
{
	switch (code) {
	case MEMCACHED_SUCCESS:
	case MEMCACHED_STORED:
	case MEMCACHED_DELETED:
		return reads ? "hit" : is_noreply(call) ? "noreply" : "stored";
	case MEMCACHED_BUFFERED:
		return "buffered";
	case MEMCACHED_NOTFOUND:
		return reads ? "miss" : "notfound";
	case MEMCACHED_NOTSTORED:
		return "notstored";
	case MEMCACHED_DATA_EXISTS:
		return "exists";
	default:
		return "error";
	}
}

/* The call has returned and is the whole event. */
static void
call_end(struct call *call, memcached_return_t code, bool reads)
{
	int saved = errno;
	const char *outcome = outcome_of(call, code, reads);
	span_set(call->span, "time", span_seconds(span_clock_ns() - call->begin_ns));
	span_set(call->span, "outcome", outcome);
	if (strcmp(outcome, "error") == 0)
		set_error(call, code);
	call->client->running = NULL;
	span_end(call->span);
	errno = saved;
}

/* ---- one value --------------------------------------------------------------------------------------------------- */

static void
get_end(struct call *call, memcached_return_t code, const size_t *value_len)
{
	if (code == MEMCACHED_SUCCESS && value_len)
		span_set(call->span, "value_size", *value_len);
	call_end(call, code, true);
}

WRAPPER char *
memcached_get(memcached_st *handle, const char *key, size_t key_len, size_t *value_len, uint32_t *flags,
    memcached_return_t *error)
{
	struct call call;
	memcached_return_t unasked, *code = error ? error : &unasked;
	if (!call_begin(&call, CALLER, handle, "get"))
		return call.real ? call.real->memcached_get(handle, key, key_len, value_len, flags, error) : NULL;
	set_key(&call, NULL, 0, key, key_len);
	char *value = call.real->memcached_get(handle, key, key_len, value_len, flags, code);
	get_end(&call, *code, value_len);
	return value;
}

WRAPPER char *
memcached_get_by_key(memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len,
    size_t *value_len, uint32_t *flags, memcached_return_t *error)
{
	struct call call;
	memcached_return_t unasked, *code = error ? error : &unasked;
	if (!call_begin(&call, CALLER, handle, "get"))
		return call.real ? call.real->memcached_get_by_key(
				       handle, group, group_len, key, key_len, value_len, flags, error)
				 : NULL;
	set_key(&call, group, group_len, key, key_len);
	char *value = call.real->memcached_get_by_key(handle, group, group_len, key, key_len, value_len, flags, code);
	get_end(&call, *code, value_len);
	return value;
}

/* ---- many values ------------------------------------------------------------------------------------------------- */

static void
set_keys(const struct call *call, const char *const *keys, const size_t *lens, size_t count)
{
	struct bx_slice shown[KEYS_SHOWN];
	span_set(call->span, "key_count", count);
	if (!keys || !lens)
		return;
	if (count == 1)
		set_key(call, NULL, 0, keys[0], lens[0]);
	if (count < 2)
		return;
	size_t n = count < KEYS_SHOWN ? count : KEYS_SHOWN;
	for (size_t i = 0; i < n; i++)
		shown[i] = bx_strn(keys[i], lens[i] < KEY_MAX ? lens[i] : KEY_MAX);
	span_set_list(call->span, "keys", shown, n);
}

static void
mget_begin(struct call *call, size_t key_count, memcached_return_t code)
{
	int saved = errno;
	struct client *client = call->client;
	bool some = code == MEMCACHED_SUCCESS || code == MEMCACHED_BUFFERED || code == MEMCACHED_SOME_ERRORS;
	if (!some) {
		call_end(call, code, true);
		return;
	}
	client->running = NULL;
	client->fetched = call->span;
	client->begin_ns = call->begin_ns;
	client->key_count = key_count;
	client->hits = 0;
	client->value_bytes = 0;
	client->failed = code == MEMCACHED_SOME_ERRORS;
	if (client->failed)
		set_error(call, code);
	errno = saved;
}

WRAPPER memcached_return_t
memcached_mget(memcached_st *handle, const char *const *keys, const size_t *lens, size_t count)
{
	struct call call;
	if (!call_begin(&call, CALLER, handle, "mget"))
		return call.real ? call.real->memcached_mget(handle, keys, lens, count) : MEMCACHED_FAILURE;
	set_keys(&call, keys, lens, count);
	memcached_return_t code = call.real->memcached_mget(handle, keys, lens, count);
	mget_begin(&call, count, code);
	return code;
}

WRAPPER memcached_return_t
memcached_mget_by_key(memcached_st *handle, const char *group, size_t group_len, const char *const *keys,
    const size_t *lens, const size_t count)
{
	struct call call;
	if (!call_begin(&call, CALLER, handle, "mget"))
		return call.real ? call.real->memcached_mget_by_key(handle, group, group_len, keys, lens, count)
				 : MEMCACHED_FAILURE;
	set_key(&call, group, group_len, NULL, 0);
	set_keys(&call, keys, lens, count);
	memcached_return_t code = call.real->memcached_mget_by_key(handle, group, group_len, keys, lens, count);
	mget_begin(&call, count, code);
	return code;
}

/* True when an mget of the application's own is being fetched. */
static bool
fetch_join(struct call *call, void *caller, memcached_st *handle)
{
	bool inner = false;
	*call = (struct call){.real = real_memcached(caller, &inner), .handle = handle};
	if (!call->real || inner || !handle || !span_on(KIND_MEMCACHE))
		return false;
	call->client = (struct client *)track_find(&clients, handle);
	call->span = call->client ? call->client->fetched : NULL;
	return call->span != NULL;
}

static void
fetch_hit(struct call *call, size_t value_len)
{
	call->client->hits++;
	call->client->value_bytes += value_len;
}

static void
fetch_last(struct call *call, memcached_return_t code)
{
	int saved = errno;
	if (code != MEMCACHED_END && code != MEMCACHED_NOTFOUND && code != MEMCACHED_SUCCESS && !call->client->failed) {
		call->client->failed = true;
		set_error(call, code);
	}
	mget_end(call->client, false);
	errno = saved;
}

WRAPPER char *
memcached_fetch(
    memcached_st *handle, char *key, size_t *key_len, size_t *value_len, uint32_t *flags, memcached_return_t *error)
{
	struct call call;
	memcached_return_t unasked, *code = error ? error : &unasked;
	if (!fetch_join(&call, CALLER, handle))
		return call.real ? call.real->memcached_fetch(handle, key, key_len, value_len, flags, error) : NULL;
	char *value = call.real->memcached_fetch(handle, key, key_len, value_len, flags, code);
	if (value || *code == MEMCACHED_SUCCESS) /* a value of no bytes comes as NULL */
		fetch_hit(&call, value_len ? *value_len : 0);
	else
		fetch_last(&call, *code);
	return value;
}

WRAPPER memcached_result_st *
memcached_fetch_result(memcached_st *handle, memcached_result_st *result, memcached_return_t *error)
{
	struct call call;
	memcached_return_t unasked, *code = error ? error : &unasked;
	if (!fetch_join(&call, CALLER, handle))
		return call.real ? call.real->memcached_fetch_result(handle, result, error) : NULL;
	memcached_result_st *got = call.real->memcached_fetch_result(handle, result, code);
	if (got)
		fetch_hit(&call, call.real->memcached_result_length(got));
	else
		fetch_last(&call, *code);
	return got;
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */

static bool
store_begin(struct call *call, void *caller, memcached_st *handle, const char *op, size_t value_len, time_t expiration)
{
	if (!call_begin(call, caller, handle, op))
		return false;
	span_set(call->span, "value_size", value_len);
	span_set(call->span, "expiration", expiration);
	return true;
}

static memcached_return_t
write_end(struct call *call, memcached_return_t code)
{
	call_end(call, code, false);
	return code;
}

WRAPPER memcached_return_t
memcached_set(memcached_st *handle, const char *key, size_t key_len, const char *value, size_t value_len,
    time_t expiration, uint32_t flags)
{
	struct call call;
	if (!store_begin(&call, CALLER, handle, "set", value_len, expiration))
		return call.real ? call.real->memcached_set(handle, key, key_len, value, value_len, expiration, flags)
				 : MEMCACHED_FAILURE;
	set_key(&call, NULL, 0, key, key_len);
	return write_end(&call, call.real->memcached_set(handle, key, key_len, value, value_len, expiration, flags));
}

WRAPPER memcached_return_t
memcached_set_by_key(memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len,
    const char *value, size_t value_len, time_t expiration, uint32_t flags)
{
	struct call call;
	if (!store_begin(&call, CALLER, handle, "set", value_len, expiration))
		return call.real ? call.real->memcached_set_by_key(
				       handle, group, group_len, key, key_len, value, value_len, expiration, flags)
				 : MEMCACHED_FAILURE;
	set_key(&call, group, group_len, key, key_len);
	return write_end(&call, call.real->memcached_set_by_key(
				    handle, group, group_len, key, key_len, value, value_len, expiration, flags));
}

WRAPPER memcached_return_t
memcached_add(memcached_st *handle, const char *key, size_t key_len, const char *value, size_t value_len,
    time_t expiration, uint32_t flags)
{
	struct call call;
	if (!store_begin(&call, CALLER, handle, "add", value_len, expiration))
		return call.real ? call.real->memcached_add(handle, key, key_len, value, value_len, expiration, flags)
				 : MEMCACHED_FAILURE;
	set_key(&call, NULL, 0, key, key_len);
	return write_end(&call, call.real->memcached_add(handle, key, key_len, value, value_len, expiration, flags));
}

WRAPPER memcached_return_t
memcached_add_by_key(memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len,
    const char *value, size_t value_len, time_t expiration, uint32_t flags)
{
	struct call call;
	if (!store_begin(&call, CALLER, handle, "add", value_len, expiration))
		return call.real ? call.real->memcached_add_by_key(
				       handle, group, group_len, key, key_len, value, value_len, expiration, flags)
				 : MEMCACHED_FAILURE;
	set_key(&call, group, group_len, key, key_len);
	return write_end(&call, call.real->memcached_add_by_key(
				    handle, group, group_len, key, key_len, value, value_len, expiration, flags));
}

WRAPPER memcached_return_t
memcached_replace(memcached_st *handle, const char *key, size_t key_len, const char *value, size_t value_len,
    time_t expiration, uint32_t flags)
{
	struct call call;
	if (!store_begin(&call, CALLER, handle, "replace", value_len, expiration))
		return call.real
			   ? call.real->memcached_replace(handle, key, key_len, value, value_len, expiration, flags)
			   : MEMCACHED_FAILURE;
	set_key(&call, NULL, 0, key, key_len);
	return write_end(
	    &call, call.real->memcached_replace(handle, key, key_len, value, value_len, expiration, flags));
}

WRAPPER memcached_return_t
memcached_replace_by_key(memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len,
    const char *value, size_t value_len, time_t expiration, uint32_t flags)
{
	struct call call;
	if (!store_begin(&call, CALLER, handle, "replace", value_len, expiration))
		return call.real ? call.real->memcached_replace_by_key(
				       handle, group, group_len, key, key_len, value, value_len, expiration, flags)
				 : MEMCACHED_FAILURE;
	set_key(&call, group, group_len, key, key_len);
	return write_end(&call, call.real->memcached_replace_by_key(
				    handle, group, group_len, key, key_len, value, value_len, expiration, flags));
}

/* ---- deleting and counting --------------------------------------------------------------------------------------- */

WRAPPER memcached_return_t
memcached_delete(memcached_st *handle, const char *key, size_t key_len, time_t expiration)
{
	struct call call;
	if (!call_begin(&call, CALLER, handle, "delete"))
		return call.real ? call.real->memcached_delete(handle, key, key_len, expiration) : MEMCACHED_FAILURE;
	set_key(&call, NULL, 0, key, key_len);
	return write_end(&call, call.real->memcached_delete(handle, key, key_len, expiration));
}

WRAPPER memcached_return_t
memcached_delete_by_key(
    memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len, time_t expiration)
{
	struct call call;
	if (!call_begin(&call, CALLER, handle, "delete"))
		return call.real
			   ? call.real->memcached_delete_by_key(handle, group, group_len, key, key_len, expiration)
			   : MEMCACHED_FAILURE;
	set_key(&call, group, group_len, key, key_len);
	return write_end(&call, call.real->memcached_delete_by_key(handle, group, group_len, key, key_len, expiration));
}

WRAPPER memcached_return_t
memcached_increment(memcached_st *handle, const char *key, size_t key_len, uint32_t offset, uint64_t *value)
{
	struct call call;
	if (!call_begin(&call, CALLER, handle, "increment"))
		return call.real ? call.real->memcached_increment(handle, key, key_len, offset, value)
				 : MEMCACHED_FAILURE;
	set_key(&call, NULL, 0, key, key_len);
	return write_end(&call, call.real->memcached_increment(handle, key, key_len, offset, value));
}

WRAPPER memcached_return_t
memcached_increment_by_key(memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len,
    uint64_t offset, uint64_t *value)
{
	struct call call;
	if (!call_begin(&call, CALLER, handle, "increment"))
		return call.real ? call.real->memcached_increment_by_key(
				       handle, group, group_len, key, key_len, offset, value)
				 : MEMCACHED_FAILURE;
	set_key(&call, group, group_len, key, key_len);
	return write_end(
	    &call, call.real->memcached_increment_by_key(handle, group, group_len, key, key_len, offset, value));
}

WRAPPER memcached_return_t
memcached_decrement(memcached_st *handle, const char *key, size_t key_len, uint32_t offset, uint64_t *value)
{
	struct call call;
	if (!call_begin(&call, CALLER, handle, "decrement"))
		return call.real ? call.real->memcached_decrement(handle, key, key_len, offset, value)
				 : MEMCACHED_FAILURE;
	set_key(&call, NULL, 0, key, key_len);
	return write_end(&call, call.real->memcached_decrement(handle, key, key_len, offset, value));
}

WRAPPER memcached_return_t
memcached_decrement_by_key(memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len,
    uint64_t offset, uint64_t *value)
{
	struct call call;
	if (!call_begin(&call, CALLER, handle, "decrement"))
		return call.real ? call.real->memcached_decrement_by_key(
				       handle, group, group_len, key, key_len, offset, value)
				 : MEMCACHED_FAILURE;
	set_key(&call, group, group_len, key, key_len);
	return write_end(
	    &call, call.real->memcached_decrement_by_key(handle, group, group_len, key, key_len, offset, value));
}

/* ---- the handle's end -------------------------------------------------------------------------------------------- */

static void
client_drop(memcached_st *handle)
{
	struct client *client = (struct client *)track_find(&clients, handle);
	if (!client)
		return;
	end_pending(client);
	client->begin_ns = 0;
	client->key_count = client->hits = 0;
	client->value_bytes = 0;
	client->failed = false;
	track_drop(&client->node);
}

WRAPPER void
memcached_free(memcached_st *handle)
{
	bool inner = false;
	const struct real_memcached *real = real_memcached(CALLER, &inner);
	int saved = errno;
	if (handle)
		client_drop(handle);
	errno = saved;
	if (real)
		real->memcached_free(handle);
}
