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

/* What keys and values that are always the same size, or numbers, take at most. */
enum { END_FIXED = 160, END_FIELDS = 6 };

static void
pack_counts(struct pack *p, const struct mc_client *client, bool abandoned)
{
	if (client->uncounted)
		return;
	PACK_KEY(p, "hits");
	pack_uint(p, client->hits);
	if (!abandoned) {
		PACK_KEY(p, "misses");
		pack_uint(p, client->key_count > client->hits ? client->key_count - client->hits : 0);
	}
	PACK_KEY(p, "value_size");
	pack_uint(p, client->value_bytes);
}

static void
pack_outcome(struct pack *p, int64_t ns, const char *outcome)
{
	PACK_KEY(p, "time");
	pack_double(p, span_seconds(ns));
	PACK_KEY(p, "outcome");
	pack_text(p, outcome, strlen(outcome));
}

static const char *
mget_outcome(const struct mc_client *client)
{
	if (client->failed)
		return "error";
	if (client->uncounted)
		return "done";
	return client->hits ? "hit" : "miss";
}

static void
mget_end(struct mc_client *client, bool abandoned)
{
	bx_ctx *span = client->fetched;
	if (!span)
		return;
	int64_t end_ns = span_clock_ns(), ns = end_ns - client->begin_ns;
	span_note_slow(span, KIND_MEMCACHE, ns, &client->asked);
	struct pack p = span_open(span, END_FIXED, END_FIELDS);
	if (p.at) {
		pack_counts(&p, client, abandoned);
		pack_outcome(&p, ns, mget_outcome(client));
		if (abandoned) {
			PACK_KEY(&p, "abandoned");
			pack_true(&p);
		}
		span_close_end(&p, end_ns);
	} else {
		span_end_at(span, end_ns);
	}
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

/* HOST:PORT, or the path of a socket; its length, 0 when there is none. */
static size_t
server_text(const struct mc_call *call, const memcached_instance_st *server, char text[SERVER_MAX])
{
	const char *name = server ? call->real->memcached_server_name(server) : NULL;
	if (!name)
		return 0;
	size_t n = strnlen(name, SERVER_MAX - 12);
	unsigned port = call->real->memcached_server_port(server);
	memcpy(text, name, n);
	if (port) {
		text[n++] = ':';
		n = (size_t)(put_number(text + n, port) - text);
	}
	return n;
}

static void
pack_key_text(struct pack *p, const char *field, size_t field_len, const char *key, size_t len)
{
	if (!key)
		return;
	pack_key(p, field, field_len);
	pack_text(p, key, pack_cut(key, len, KEY_MAX));
}

/* A list is a field by itself, so that where it has no room the others have. */
static void
set_keys(bx_ctx *span, const struct mc_asked *asked)
{
	struct bx_slice shown[KEYS_SHOWN];
	size_t n = asked->count < KEYS_SHOWN ? asked->count : KEYS_SHOWN;
	for (size_t i = 0; i < n; i++)
		shown[i] = bx_strn(asked->keys[i], asked->lens[i] < KEY_MAX ? asked->lens[i] : KEY_MAX);
	span_set_list(span, "keys", shown, n);
}

static void
tell_asked(const struct mc_call *call, const struct mc_asked *asked)
{
	enum { FIELDS = 6, FIXED = FIELDS * (11 + PACK_MORE) + 16 /* an op */ };
	char server[SERVER_MAX];
	size_t server_len = server_text(call, only_server(call), server);
	bool told = asked->many && asked->keys && asked->lens, one = told && asked->count == 1;
	const char *key = one ? asked->keys[0] : asked->key;
	size_t key_len = one ? asked->lens[0] : asked->key_len;
	size_t most = FIXED + server_len + (asked->group ? pack_cut(asked->group, asked->group_len, KEY_MAX) : 0) +
		      (key ? pack_cut(key, key_len, KEY_MAX) : 0);
	struct pack p = span_open(call->span, most, FIELDS);
	if (p.at) {
		PACK_KEY(&p, "op");
		pack_text(&p, asked->op, strlen(asked->op));
		if (server_len) {
			PACK_KEY(&p, "server");
			pack_text(&p, server, server_len);
		}
		pack_key_text(&p, "group_key", 9, asked->group, asked->group_len);
		pack_key_text(&p, "key", 3, key, key_len);
		if (asked->many) {
			PACK_KEY(&p, "key_count");
			pack_uint(&p, asked->count);
		}
		if (asked->stores) {
			PACK_KEY(&p, "value_size");
			pack_uint(&p, asked->value_size);
		}
		if (asked->stores || asked->expiration) {
			PACK_KEY(&p, "expiration");
			pack_int(&p, asked->expiration);
		}
		span_close(&p);
	}
	if (told && asked->count > 1)
		set_keys(call->span, asked);
}

bool
mc_call_begin(struct mc_call *call, const struct mc_asked *asked)
{
	if (!call->seen)
		return false;
	int saved = errno;
	call->client = (struct mc_client *)track_get(&clients, call->handle);
	if (call->client) {
		end_pending(call->client);
		forget_counts(call->client);
		call->client->real = call->real;
		call->span = call->client->running = span_begin_at(".memcache", &call->begin_ns);
		if (call->span)
			tell_asked(call, asked);
	}
	errno = saved;
	return call->client != NULL;
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

static void
set_server_cut_off(const struct mc_call *call)
{
	char text[SERVER_MAX];
	size_t n = server_text(call, call->real->memcached_server_get_last_disconnect(call->handle), text);
	if (n)
		span_set(call->span, "server", bx_strn(text, n));
}

/* What is the server's own refusal (too big, no number) the library hands on as a code only, beside a message that says SUCCESS. */
static const char *
message_of(const struct mc_call *call, memcached_return_t code)
{
	if (call->handle && call->real->memcached_last_error(call->handle) != MEMCACHED_SUCCESS)
		return call->real->memcached_last_error_message(call->handle);
	return call->real->memcached_strerror(call->handle, code);
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
	const char *message = message_of(call, code);
	struct bx__error error = {.error_class = "memcached",
	    .code = call->real->memcached_strerror(call->handle, code),
	    .message = message,
	    .message_len = message ? strlen(message) : 0,
	    .fields = fields,
	    .field_count = sizeof fields / sizeof *fields};
	span_set_error(call->span, &error);
	if (call->handle && !only_server(call) && !set_server_of_message(call, message))
		set_server_cut_off(call);
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

static void
end_event(struct mc_call *call, memcached_return_t code, enum mc_purpose purpose, const size_t *value_len)
{
	const char *outcome = outcome_of(call, code, purpose);
	int64_t end_ns = span_clock_ns(), ns = end_ns - call->begin_ns;
	if (!outcome && call->span)
		mc_call_error(call, code);
	span_note_slow(call->span, KIND_MEMCACHE, ns, NULL);
	call->client->running = NULL;
	struct pack p = span_open(call->span, END_FIXED, END_FIELDS);
	if (p.at) {
		if (value_len) {
			PACK_KEY(&p, "value_size");
			pack_uint(&p, *value_len);
		}
		pack_outcome(&p, ns, outcome ? outcome : "error");
		span_close_end(&p, end_ns);
	} else {
		span_end_at(call->span, end_ns);
	}
}

memcached_return_t
mc_call_end(struct mc_call *call, memcached_return_t code, enum mc_purpose purpose)
{
	int saved = errno;
	end_event(call, code, purpose, NULL);
	errno = saved;
	return code;
}

void
mc_call_end_value(struct mc_call *call, memcached_return_t code, const size_t *value_len)
{
	int saved = errno;
	end_event(call, code, MC_READS, code == MEMCACHED_SUCCESS ? value_len : NULL);
	errno = saved;
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
