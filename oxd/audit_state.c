/* SPDX-License-Identifier: ISC */
/*
 * audit_state: the account in snapshot, checkpoint and cursor.  A pair "account" of their maps:
 *
 *    snapshot   {since, from, entries: [[host, program, written, found, kept, [[reason, rule or nil, events, bytes]…]]…],
 *                rings: [[ino, uid, nonce, index of its entry, based, base, found, counted, last]…]}
 *    readers'   {since, upto, read: [[host, program, events]…]}
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/mp.h"
#include "oxd/audit_own.h"
#include "oxd/statefile.h"

enum { ENTRY_ITEMS = 6, REASON_ITEMS = 4, RING_ITEMS = 9, READ_ITEMS = 3, NAME_CAP = 400 };

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void
encode_reason(const struct audit_reason *r, struct buf *out)
{
	mp_add_array(out, REASON_ITEMS);
	mp_add_text(out, r->reason);
	if (r->rule)
		mp_add_text(out, r->rule);
	else
		mp_add_nil(out);
	mp_add_uint(out, r->count);
	mp_add_uint(out, r->bytes);
}

static void
encode_entry(const struct audit_entry *e, struct buf *out)
{
	mp_add_array(out, ENTRY_ITEMS);
	mp_add_text(out, e->host);
	mp_add_text(out, e->program);
	mp_add_uint(out, e->written);
	mp_add_uint(out, e->found);
	mp_add_uint(out, e->kept);
	mp_add_array(out, e->reason_count);
	for (const struct audit_reason *r = e->reasons; r; r = r->next)
		encode_reason(r, out);
}

static void
encode_ring(const struct audit_ring *r, struct buf *out)
{
	mp_add_array(out, RING_ITEMS);
	mp_add_uint(out, r->key.ino);
	mp_add_uint(out, r->key.uid);
	mp_add_bin(out, r->key.nonce, sizeof r->key.nonce);
	mp_add_uint(out, r->entry->index);
	mp_add_bool(out, r->based);
	mp_add_uint(out, r->base);
	mp_add_uint(out, r->found);
	mp_add_uint(out, r->counted);
	mp_add_uint(out, r->last);
}

static void
encode_state(struct audit *a, struct buf *out)
{
	uint32_t index = 0;
	audit_forget_rings(a);
	mp_add_strz(out, "account");
	mp_add_map(out, 4);
	mp_pair_uint(out, "since", a->since_ns);
	mp_pair_uint(out, "from", a->from);
	mp_add_strz(out, "entries");
	mp_add_array(out, HASH_COUNT(a->entries));
	for (struct audit_entry *e = a->entries; e; e = e->hh.next) {
		e->index = index++;
		encode_entry(e, out);
	}
	mp_add_strz(out, "rings");
	mp_add_array(out, HASH_COUNT(a->rings));
	for (const struct audit_ring *r = a->rings; r; r = r->hh.next)
		encode_ring(r, out);
}

bool
audit_encode_state(struct audit *a, struct buf *out)
{
	pthread_mutex_lock(&a->lock);
	bool begun = a->since_ns != 0;
	if (begun)
		encode_state(a, out);
	pthread_mutex_unlock(&a->lock);
	return begun;
}

static void
encode_read(const struct audit *a, enum audit_reader reader, struct buf *out)
{
	uint32_t count = 0;
	for (const struct audit_entry *e = a->entries; e; e = e->hh.next)
		count += e->read[reader] != 0;
	mp_add_strz(out, "account");
	mp_add_map(out, 3);
	mp_pair_uint(out, "since", a->since_ns);
	mp_pair_uint(out, "upto", a->read_upto);
	mp_add_strz(out, "read");
	mp_add_array(out, count);
	for (const struct audit_entry *e = a->entries; e; e = e->hh.next) {
		if (e->read[reader] == 0)
			continue;
		mp_add_array(out, READ_ITEMS);
		mp_add_text(out, e->host);
		mp_add_text(out, e->program);
		mp_add_uint(out, e->read[reader]);
	}
}

bool
audit_encode_read(struct audit *a, enum audit_reader reader, struct buf *out)
{
	pthread_mutex_lock(&a->lock);
	bool begun = a->since_ns != 0;
	if (begun)
		encode_read(a, reader, out);
	a->told_upto = a->read_upto;
	pthread_mutex_unlock(&a->lock);
	return begun;
}

void
audit_read_is_saved(struct audit *a)
{
	pthread_mutex_lock(&a->lock);
	a->saved_upto = a->told_upto;
	pthread_mutex_unlock(&a->lock);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* A text, or bytes where it is none; nil is empty. */
static void
take_text(struct cursor *c, char *out, size_t cap)
{
	struct mp_token t;
	out[0] = '\0';
	if (!mp_next(c, &t) || t.kind == MP_NIL)
		return;
	if ((t.kind != MP_STR && t.kind != MP_BIN) || t.len >= cap) {
		cursor_fail(c, BX_EBAD);
		return;
	}
	memcpy(out, t.data, t.len);
	out[t.len] = '\0';
}

static struct audit_entry *
take_entry(struct audit *a, struct cursor *c)
{
	char host[NAME_CAP], program[NAME_CAP];
	take_text(c, host, sizeof host);
	take_text(c, program, sizeof program);
	if (c->err != BX_OK)
		return NULL;
	return audit_find_or_add(a, (struct bytes){(const uint8_t *)host, strlen(host)}, program);
}

static void
skip_items(struct cursor *c, uint32_t from, uint32_t items)
{
	for (uint32_t i = from; i < items && mp_skip(c); i++)
		;
}

static void
decode_reason(struct audit_entry *e, struct cursor *c)
{
	char reason[32], rule[NAME_CAP + 1];
	uint32_t items = statefile_array(c, REASON_ITEMS);
	take_text(c, reason, sizeof reason);
	take_text(c, rule, sizeof rule);
	uint64_t count = statefile_uint(c), bytes = statefile_uint(c);
	skip_items(c, REASON_ITEMS, items);
	if (c->err != BX_OK)
		return;
	struct audit_reason *r = audit_find_or_add_reason(e, reason, rule[0] ? rule : NULL);
	r->count += count;
	r->bytes += bytes;
}

static void
decode_entry(struct audit *a, struct cursor *c, uint32_t index)
{
	uint32_t items = statefile_array(c, ENTRY_ITEMS);
	struct audit_entry *e = take_entry(a, c);
	uint64_t written = statefile_uint(c), found = statefile_uint(c), kept = statefile_uint(c);
	uint32_t reasons = statefile_array(c, 0);
	if (!e || c->err != BX_OK)
		return;
	e->index = index;
	e->written += written;
	e->found += found;
	e->kept += kept;
	for (uint32_t i = 0; i < reasons && c->err == BX_OK; i++)
		decode_reason(e, c);
	skip_items(c, ENTRY_ITEMS, items);
}

static void
decode_ring(struct audit *a, struct cursor *c)
{
	struct ring_key key = {0};
	struct mp_token nonce, based;
	uint32_t items = statefile_array(c, RING_ITEMS);
	key.ino = statefile_uint(c);
	key.uid = (uint32_t)statefile_uint(c);
	if (statefile_take(c, MP_BIN, &nonce) && nonce.len == sizeof key.nonce)
		memcpy(key.nonce, nonce.data, sizeof key.nonce);
	else
		cursor_fail(c, BX_EBAD);
	uint64_t index = statefile_uint(c);
	bool is_based = statefile_take(c, MP_BOOL, &based) && based.b;
	uint64_t base = statefile_uint(c), found = statefile_uint(c), counted = statefile_uint(c),
		 last = statefile_uint(c);
	skip_items(c, RING_ITEMS, items);
	struct audit_entry *e = a->entries;
	while (e && e->index != index)
		e = e->hh.next;
	if (c->err != BX_OK || !e)
		return;
	struct audit_ring *r = audit_find_or_add_ring(a, &key, e);
	r->based = is_based;
	r->base = base;
	r->found = found;
	r->counted = r->seen = counted;
	r->last = last;
}

static void
decode_state(struct audit *a, struct cursor *c)
{
	struct mp_token top, key;
	if (!statefile_take(c, MP_MAP, &top))
		return;
	for (uint32_t i = 0; c->err == BX_OK && i < top.len && mp_next(c, &key); i++) {
		if (mp_str_is(&key, "since")) {
			a->since_ns = statefile_uint(c);
		} else if (mp_str_is(&key, "from")) {
			a->from = statefile_uint(c);
		} else if (mp_str_is(&key, "entries")) {
			uint32_t n = statefile_array(c, 0);
			for (uint32_t k = 0; k < n && c->err == BX_OK; k++)
				decode_entry(a, c, k);
		} else if (mp_str_is(&key, "rings")) {
			uint32_t n = statefile_array(c, 0);
			for (uint32_t k = 0; k < n && c->err == BX_OK; k++)
				decode_ring(a, c);
		} else {
			mp_skip(c);
		}
	}
}

/* The value of the pair "account" of a map. */
static bool
find_account(const struct buf *content, struct cursor *c)
{
	struct mp_token top, key;
	cursor_init(c, content->data, content->len);
	if (!statefile_take(c, MP_MAP, &top))
		return false;
	for (uint32_t i = 0; i < top.len && mp_next(c, &key); i++) {
		if (mp_str_is(&key, "account"))
			return true;
		mp_skip(c);
	}
	return false;
}

void
audit_decode_state(struct audit *a, const struct buf *snapshot)
{
	struct cursor c;
	pthread_mutex_lock(&a->lock);
	audit_reset(a);
	if (find_account(snapshot, &c)) {
		decode_state(a, &c);
		if (c.err != BX_OK)
			audit_reset(a); /* a new one begins */
	}
	pthread_mutex_unlock(&a->lock);
}

static void
decode_one_read(struct audit *a, enum audit_reader reader, struct cursor *c)
{
	uint32_t items = statefile_array(c, READ_ITEMS);
	struct audit_entry *e = take_entry(a, c);
	uint64_t events = statefile_uint(c);
	skip_items(c, READ_ITEMS, items);
	if (e && c->err == BX_OK)
		e->read[reader] += events;
}

static void
decode_read(struct audit *a, enum audit_reader reader, struct cursor *c)
{
	struct mp_token top, key;
	bool ours = false;
	if (!statefile_take(c, MP_MAP, &top))
		return;
	for (uint32_t i = 0; c->err == BX_OK && i < top.len && mp_next(c, &key); i++) {
		if (mp_str_is(&key, "since")) {
			ours = statefile_uint(c) == a->since_ns && a->since_ns != 0;
		} else if (ours && mp_str_is(&key, "upto")) {
			uint64_t upto = statefile_uint(c);
			a->read_upto = upto > a->read_upto ? upto : a->read_upto;
		} else if (ours && mp_str_is(&key, "read")) {
			uint32_t n = statefile_array(c, 0);
			for (uint32_t k = 0; k < n && c->err == BX_OK; k++)
				decode_one_read(a, reader, c);
		} else {
			mp_skip(c);
		}
	}
}

void
audit_load_read(struct audit *a, const char *state_path)
{
	static const struct {
		const char *name;
		enum statefile_kind kind;
	} files[AUDIT_READERS] = {
	    [AUDIT_LOG] = {"checkpoint", STATEFILE_CHECKPOINT},
	    [AUDIT_FORWARD] = {"forward", STATEFILE_FORWARD},
	};
	int fd = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pthread_mutex_lock(&a->lock);
	for (int i = 0; fd >= 0 && i < AUDIT_READERS; i++) {
		struct buf content = {0};
		struct cursor c;
		if (statefile_read(fd, files[i].name, false, files[i].kind, &content) != BX_OK &&
		    statefile_read(fd, files[i].name, true, files[i].kind, &content) != BX_OK)
			continue;
		if (find_account(&content, &c))
			decode_read(a, (enum audit_reader)i, &c);
		buf_fini(&content);
	}
	a->saved_upto = a->read_upto;
	pthread_mutex_unlock(&a->lock);
	if (fd >= 0)
		close(fd);
}
