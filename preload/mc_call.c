/* SPDX-License-Identifier: ISC */
/* mc_call: what libmemcached's own accessors tell is asked of the library that was called; none of it talks to a server. */
#include "preload/mc_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { KEY_MAX = MEMCACHED_MAX_KEY, KEYS_SHOWN = 16, SERVER_MAX = 300 };

static struct track clients = {.node_bytes = sizeof(struct mc_client)};

/* ---- the client -------------------------------------------------------------------------------------------------- */

struct mc_client *
mc_client_find(const memcached_st *handle)
{
	return handle ? (struct mc_client *)track_find(&clients, handle) : NULL;
}

static void
set_counts(const struct mc_client *client, bool abandoned)
{
	bx_ctx *span = client->fetched;
	if (client->uncounted)
		return;
	span_set(span, "hits", client->hits);
	if (!abandoned)
		span_set(span, "misses", client->key_count > client->hits ? client->key_count - client->hits : 0);
	span_set(span, "value_size", client->value_bytes);
}

static void
mget_end(struct mc_client *client, bool abandoned)
{
	bx_ctx *span = client->fetched;
	if (!span)
		return;
	set_counts(client, abandoned);
	int64_t ns = span_clock_ns() - client->begin_ns;
	span_set(span, "time", span_seconds(ns));
	if (abandoned)
		span_set(span, "abandoned", (bool)true);
	span_set(span, "outcome",
	    client->failed      ? "error"
	    : client->uncounted ? "done"
	    : client->hits      ? "hit"
				: "miss");
	span_note_slow(span, KIND_MEMCACHE, ns, &client->asked);
	span_end(span);
	client->fetched = NULL;
}

static void
forget_counts(struct mc_client *client)
{
	client->key_count = client->hits = 0;
	client->value_bytes = 0;
	client->failed = client->uncounted = false;
}

static void
end_pending(struct mc_client *client)
{
	mget_end(client, true);
	if (client->running) { /* an exception or a cancellation left the call */
		span_set(client->running, "abandoned", (bool)true);
		span_end(client->running);
		client->running = NULL;
	}
}

void
mc_client_drop(const memcached_st *handle)
{
	struct mc_client *client = mc_client_find(handle);
	if (!client)
		return;
	end_pending(client);
	client->real = NULL;
	client->begin_ns = 0;
	client->asked = (struct span_asked){0};
	forget_counts(client);
	track_drop(&client->node);
}

/* ---- a call ------------------------------------------------------------------------------------------------------ */

struct mc_call
mc_call_to(void *caller, const memcached_st *handle)
{
	bool inner = false;
	struct mc_call call = {.real = real_memcached(caller, &inner), .handle = (memcached_st *)(uintptr_t)handle};
	call.seen = call.real && !inner && handle && span_on(KIND_MEMCACHE);
	return call;
}

/* Every key lies on the only server; which of several it was cannot be had for less than asking the library to hash. */
static const memcached_instance_st *
only_server(const struct mc_call *call)
{
	if (call->real->memcached_server_count(call->handle) != 1)
		return NULL;
	return call->real->memcached_server_instance_by_position(call->handle, 0);
}

static char *
put_number(char *p, unsigned n)
{
	char digits[10];
	int count = 0;
	do
		digits[count++] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	while (count > 0)
		*p++ = digits[--count];
	return p;
}

/* HOST:PORT, or the path of a socket. */
static void
set_server(const struct mc_call *call, const memcached_instance_st *server)
{
	const char *name = server ? call->real->memcached_server_name(server) : NULL;
	if (!name)
		return;
	char text[SERVER_MAX];
	size_t n = strnlen(name, sizeof text - 12);
	unsigned port = call->real->memcached_server_port(server);
	memcpy(text, name, n);
	if (port) {
		text[n++] = ':';
		n = (size_t)(put_number(text + n, port) - text);
	}
	span_set(call->span, "server", bx_strn(text, n));
}

bool
mc_call_begin(struct mc_call *call, const char *op)
{
	if (!call->seen)
		return false;
	int saved = errno;
	call->client = (struct mc_client *)track_get(&clients, call->handle);
	if (call->client) {
		end_pending(call->client);
		forget_counts(call->client);
		call->client->real = call->real;
		call->span = call->client->running = span_begin(".memcache");
		span_set(call->span, "op", op);
		if (call->span)
			set_server(call, only_server(call));
		call->begin_ns = span_clock_ns();
	}
	errno = saved;
	return call->client != NULL;
}

void
mc_call_key(const struct mc_call *call, const char *group, size_t group_len, const char *key, size_t key_len)
{
	if (group)
		span_set_cut(call->span, "group_key", group, group_len, KEY_MAX);
	if (key)
		span_set_cut(call->span, "key", key, key_len, KEY_MAX);
}

void
mc_call_keys(const struct mc_call *call, const char *group, size_t group_len, const char *const *keys,
    const size_t *lens, size_t count)
{
	struct bx_slice shown[KEYS_SHOWN];
	bool one = keys && lens && count == 1;
	mc_call_key(call, group, group_len, one ? keys[0] : NULL, one ? lens[0] : 0);
	span_set(call->span, "key_count", count);
	if (!keys || !lens || count < 2)
		return;
	size_t n = count < KEYS_SHOWN ? count : KEYS_SHOWN;
	for (size_t i = 0; i < n; i++)
		shown[i] = bx_strn(keys[i], lens[i] < KEY_MAX ? lens[i] : KEY_MAX);
	span_set_list(call->span, "keys", shown, n);
}

/* `..., host: 10.0.0.7:11211 -> ./src/io.cc:145` is how the library says where. */
static bool
set_server_of_message(const struct mc_call *call, const char *message)
{
	static const char before[] = " host: ";
	const char *at = message ? strstr(message, before) : NULL;
	size_t n = at ? strcspn(at + sizeof before - 1, " ") : 0;
	if (n)
		span_set_cut(call->span, "server", at + sizeof before - 1, n, SERVER_MAX);
	return n > 0;
}

/* With the server that failed: the only one, which has been told already, the message's, or the one last cut off. */
void
mc_call_error(const struct mc_call *call, memcached_return_t code)
{
	char number[16], os_number[16];
	int os_error = call->handle ? call->real->memcached_last_error_errno(call->handle) : 0;
	snprintf(number, sizeof number, "%d", (int)code);
	snprintf(os_number, sizeof os_number, "%d", os_error);
	const struct bx__error_field fields[] = {{"return", number}, {"errno", os_error ? os_number : NULL}};
	const char *message = call->handle ? call->real->memcached_last_error_message(call->handle) : NULL;
	struct bx__error error = {.error_class = "memcached",
	    .code = call->real->memcached_strerror(call->handle, code),
	    .message = message,
	    .message_len = message ? strlen(message) : 0,
	    .fields = fields,
	    .field_count = sizeof fields / sizeof *fields};
	span_set_error(call->span, &error);
	if (call->handle && !only_server(call) && !set_server_of_message(call, message))
		set_server(call, call->real->memcached_server_get_last_disconnect(call->handle));
}

static bool
is_noreply(const struct mc_call *call)
{
	return call->real->memcached_behavior_get(call->handle, MEMCACHED_BEHAVIOR_NOREPLY);
}

/* What a code means, by what the call was for; a code that is not here is an error. */
static const struct {
	memcached_return_t code;
	const char *words[3]; /* by enum mc_purpose */
} outcomes[] = {
    {MEMCACHED_SUCCESS, {"hit", "stored", "done"}},
    {MEMCACHED_STORED, {"hit", "stored", "done"}},
    {MEMCACHED_DELETED, {"hit", "stored", "done"}},
    {MEMCACHED_BUFFERED, {"buffered", "buffered", "buffered"}},
    {MEMCACHED_NOTFOUND, {"miss", "notfound", "notfound"}},
    {MEMCACHED_NOTSTORED, {"notstored", "notstored", "notstored"}},
    {MEMCACHED_DATA_EXISTS, {"exists", "exists", "exists"}},
};

static const char *
outcome_of(const struct mc_call *call, memcached_return_t code, enum mc_purpose purpose)
{
	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		if (outcomes[i].code == code)
			return i < 3 && purpose == MC_WRITES && is_noreply(call) ? "noreply"
										 : outcomes[i].words[purpose];
	return NULL;
}

memcached_return_t
mc_call_end(struct mc_call *call, memcached_return_t code, enum mc_purpose purpose)
{
	int saved = errno;
	const char *outcome = outcome_of(call, code, purpose);
	int64_t ns = span_clock_ns() - call->begin_ns;
	span_set(call->span, "time", span_seconds(ns));
	span_set(call->span, "outcome", outcome ? outcome : "error");
	if (!outcome && call->span)
		mc_call_error(call, code);
	span_note_slow(call->span, KIND_MEMCACHE, ns, NULL);
	call->client->running = NULL;
	span_end(call->span);
	errno = saved;
	return code;
}

/* ---- many values ------------------------------------------------------------------------------------------------- */

memcached_return_t
mc_mget_begin(struct mc_call *call, size_t key_count, memcached_return_t code)
{
	struct mc_client *client = call->client;
	if (code != MEMCACHED_SUCCESS && code != MEMCACHED_BUFFERED && code != MEMCACHED_SOME_ERRORS)
		return mc_call_end(call, code, MC_READS);
	int saved = errno;
	client->running = NULL;
	client->fetched = call->span;
	client->begin_ns = call->begin_ns;
	span_keep_asked(KIND_MEMCACHE, &client->asked);
	client->key_count = key_count;
	client->failed = code == MEMCACHED_SOME_ERRORS;
	if (client->failed && call->span)
		mc_call_error(call, code);
	errno = saved;
	return code;
}

bool
mc_fetch_join(struct mc_call *call)
{
	if (!call->seen)
		return false;
	call->client = mc_client_find(call->handle);
	call->span = call->client ? call->client->fetched : NULL;
	return call->span != NULL;
}

void
mc_fetch_hit(struct mc_client *client, size_t value_len)
{
	client->hits++;
	client->value_bytes += value_len;
}

void
mc_fetch_end(struct mc_call *call, memcached_return_t code)
{
	int saved = errno;
	bool fine = code == MEMCACHED_END || code == MEMCACHED_NOTFOUND || code == MEMCACHED_SUCCESS;
	if (!fine && !call->client->failed) {
		call->client->failed = true;
		mc_call_error(call, code);
	}
	mget_end(call->client, false);
	errno = saved;
}
