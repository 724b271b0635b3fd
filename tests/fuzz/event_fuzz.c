/* SPDX-License-Identifier: ISC */
/* event: event_parse, mp_skip and mp_is_one_map agree with one another and with msgpack-c about any bytes. */
/* LIBS: -lmsgpackc */
#include <msgpack.h>
#include <string.h>

#include "libbx/core/event.h"
#include "libbx/core/mp.h"
#include "tests/fuzz/fuzz.h"

enum { THEIR_DEPTH = 32 }; /* msgpack-c calls what is nested deeper out of memory */

/* It also asks for memory for every item that a header claims: only bytes whose claims fit are shown to it. */
static bool
they_can_read(const uint8_t *p, size_t n)
{
	struct cursor c;
	struct mp_token t;
	cursor_init(&c, p, n);
	mp_skip_within(&c, THEIR_DEPTH - 1);
	if (c.err == BX_ELIMIT)
		return false;
	cursor_init(&c, p, n);
	while (cursor_left(&c) > 0 && mp_next(&c, &t))
		if ((t.kind == MP_ARRAY || t.kind == MP_MAP) && t.len > n)
			return false;
	return true;
}

/* Where msgpack-c says that the first object ends, 0 when it is not whole. */
static size_t
their_end(const uint8_t *p, size_t n)
{
	msgpack_unpacked result;
	size_t end = 0;
	msgpack_unpacked_init(&result);
	msgpack_unpack_return r = msgpack_unpack_next(&result, (const char *)p, n, &end);
	msgpack_unpacked_destroy(&result);
	return r == MSGPACK_UNPACK_SUCCESS || r == MSGPACK_UNPACK_EXTRA_BYTES ? end : 0;
}

static void
lies_within(struct bytes b, const uint8_t *p, size_t n)
{
	MUST(b.p == NULL ? b.n == 0 : b.p >= p && b.n <= n && (size_t)(b.p - p) <= n - b.n);
}

static void
view_lies_within(const struct event *ev, const uint8_t *p, size_t n)
{
	lies_within(ev->id, p, n);
	lies_within(ev->id_raw, p, n);
	lies_within(ev->type, p, n);
	lies_within(ev->host, p, n);
	lies_within(ev->span, p, n);
	lies_within(ev->parent, p, n);
	lies_within(ev->body, p, n);
	if (ev->body_is_map)
		MUST(mp_is_one_map(ev->body.p, ev->body.n));
}

static uint64_t
bits(double d) /* NaN is equal to itself here */
{
	uint64_t u;
	memcpy(&u, &d, sizeof u);
	return u;
}

static void
same_place(struct bytes a, const uint8_t *a_start, struct bytes b, const uint8_t *b_start)
{
	MUST((a.p == NULL) == (b.p == NULL) && a.n == b.n);
	MUST(a.p == NULL || a.p - a_start == b.p - b_start);
}

/* Near the end of the bytes events are read another way; both ways must see the same. */
static void
sees_the_same_with_room_behind(const uint8_t *p, size_t n, const struct event *ev, enum bx_err err)
{
	uint8_t *roomy = malloc(n + 64);
	struct event other;
	size_t used = 0;
	MUST(roomy != NULL);
	memcpy(roomy, p, n);
	memset(roomy + n, 0xc1, 64);
	if (err == BX_OK) {
		MUST(event_read(roomy, n + 64, &other, &used) == BX_OK && used == ev->raw.n);
		same_place(ev->id, p, other.id, roomy);
		same_place(ev->id_raw, p, other.id_raw, roomy);
		same_place(ev->type, p, other.type, roomy);
		same_place(ev->host, p, other.host, roomy);
		same_place(ev->span, p, other.span, roomy);
		same_place(ev->parent, p, other.parent, roomy);
		same_place(ev->body, p, other.body, roomy);
		MUST(ev->body_is_map == other.body_is_map && ev->has_pid == other.has_pid && ev->pid == other.pid);
		MUST(ev->has_start == other.has_start && bits(ev->start) == bits(other.start));
		MUST(ev->has_end == other.has_end && bits(ev->end) == bits(other.end));
		if (other.written) {
			MUST(other.start_at[0] == 0xcb &&
			     bits(double_of_bits(get_u64be(other.start_at + 1))) == bits(other.start));
			const uint8_t *end = other.start_at + EVENT_END_BEHIND_START;
			MUST(end[0] == 0xcb && bits(double_of_bits(get_u64be(end + 1))) == bits(other.end));
			MUST(other.pid_at > roomy && other.pid_at < other.start_at && other.type.n > 0 &&
			     other.body_is_map);
		}
	}
	free(roomy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *p = exact_copy(data, n);
	struct cursor c;
	struct event ev;
	enum bx_err why;
	cursor_init(&c, p, n);
	bool whole = mp_skip(&c);
	MUST(whole == (c.err == BX_OK));
	if (they_can_read(p, n))
		MUST(their_end(p, n) == (whole ? cursor_offset(&c) : 0));

	bool one_map = mp_is_one_map(p, n);
	MUST((event_parse(p, n, &ev) == BX_OK) == one_map);
	for (size_t len = n < 8 ? 0 : n - 8; len < n; len++) /* with other bytes behind */
		MUST(mp_is_one_map_in(p, len, n) == mp_is_one_map(p, len));
	view_lies_within(&ev, p, n);
	size_t length = event_length(p, n, &why);
	MUST((length > 0) == (why == BX_OK));
	if (length > 0)
		MUST(whole && length == cursor_offset(&c) && mp_is_one_map(p, length));
	if (one_map)
		MUST(length == n);

	size_t used = 0;
	enum bx_err read = event_read(p, n, &ev, &used);
	MUST((read == BX_OK) == (length > 0));
	MUST(used == length);
	sees_the_same_with_room_behind(p, n, &ev, read);
	struct event glanced;
	size_t glanced_used = 0;
	MUST((event_glance(p, n, &glanced, &glanced_used) == BX_OK) == (length > 0));
	MUST(glanced_used == length && bytes_equal(glanced.id, ev.id) && (glanced.id.p == NULL) == (ev.id.p == NULL));
	MUST(glanced.has_start == ev.has_start && glanced.has_end == ev.has_end && glanced.raw.p == ev.raw.p);
	MUST(bits(glanced.start) == bits(ev.start) && bits(glanced.end) == bits(ev.end));
	mp_is_utf8(p, n);
	free(p);
	return 0;
}
