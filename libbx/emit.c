/* SPDX-License-Identifier: ISC */
/*
 * emit: the fields of an event in their order, most of them prepared, and the refusals before.
 *
 * Short pieces are copied in steps of sixteen bytes that may run past their end: what follows overwrites it, and the
 * bound leaves room for the last.
 */
#include "libbx/emit.h"

#include <string.h>

#include "libbx/core/mp.h"
#include "libbx/redact.h"
#include "libbx/tree.h"

/* Bytes of a record that are always the same number, a number's greatest size, or what a copy may touch behind. */
enum { EVENT_FIXED = 256, COPY_STEP = 16 };

static_assert(EVENT_FIXED + LINEAGE_ID_MAX + 2 * NAME_MAX_LEN + 280 /* host */ + MP_HEADER_MAX <= EVENT_OVERHEAD,
    "an event whose body is full still fits");

/* Key and the header of its value, as they stand in every event. */
#define PUT_KEY(p, text) ((uint8_t *)memcpy((p), text, sizeof(text) - 1) + sizeof(text) - 1)

/* Both sides have COPY_STEP - 1 bytes more than n. */
static inline uint8_t *
put_steps(uint8_t *to, const void *from, uint32_t n)
{
	const uint8_t *f = from;
	if (__builtin_expect(n > 16 * COPY_STEP, 0))
		return (uint8_t *)memcpy(to, f, n) + n;
	for (uint32_t i = 0; i < n; i += COPY_STEP)
		memcpy(to + i, f + i, COPY_STEP);
	return to + n;
}

static inline uint8_t *
put_name(uint8_t *p, const struct lineage *line)
{
	uint32_t n = line->name_len;
	p = mp_is_text(line->name, n) ? mp_put_str_header(p, n) : mp_put_bin_header(p, n);
	return put_steps(p, line->name, n);
}

static __attribute__((noinline)) uint8_t *
put_id_text(uint8_t *p, const struct lineage *line)
{
	uint32_t n = line->id_len;
	p = mp_is_text(line->id_text, n) ? mp_put_str_header(p, n) : mp_put_bin_header(p, n);
	return (uint8_t *)memcpy(p, line->id_text, n) + n;
}

static inline uint8_t *
put_id(uint8_t *p, const struct lineage *line)
{
	p = PUT_KEY(p, "\xa2id");
	if (__builtin_expect(line->id_len != 0, 0))
		return put_id_text(p, line);
	p = PUT_KEY(p, "\xd9\x20");
	id_hex((char *)p, line->id);
	return p + ID_LEN;
}

static inline uint8_t *
put_span(uint8_t *p, uint64_t span)
{
	hex_u64((char *)p, span);
	return p + SPAN_LEN;
}

static __attribute__((noinline)) uint8_t *
put_redacted(uint8_t *p, const struct fields *f)
{
	struct cursor c;
	cursor_init(&c, f->data, f->used);
	return redact_pairs(p, &c, f->count, NULL);
}

static inline uint8_t *
put_body(uint8_t *p, const struct fields *f)
{
	if (__builtin_expect(f->in_tree, 0))
		return tree_write(f, p);
	if (__builtin_expect(redact_any, 0))
		return put_redacted(p, f);
	return put_steps(mp_put_map_header(p, f->count), f->data, f->used);
}

static inline uint8_t *
put_head(uint8_t *p, const struct ctx *c)
{
	const struct lineage *line = &c->line;
	p = mp_put_map_header(p, line->parent ? 9 : 8);
	p = put_id(p, line);
	p = put_name(PUT_KEY(p, "\xa4type"), line);
	return put_steps(p, c->origin, c->origin_len);
}

bool
emit_prepare(struct ctx *c)
{
	const struct lineage *line = &c->line;
	enum { KEYS = 32 };
	if (KEYS + ID_LEN + line->id_len + line->name_len + c->origin_len + COPY_STEP > sizeof c->head)
		return false;
	c->head_len = (uint32_t)(put_head(c->head, c) - c->head);
	return true;
}

static inline uint8_t *
put_event(uint8_t *p, const struct ctx *c, double start, double end)
{
	const struct lineage *line = &c->line;
	p = c->head_stands ? put_steps(p, c->head, c->head_len) : put_head(p, c);
	p = mp_put_double(p, start);
	p = mp_put_double(PUT_KEY(p, "\xa3" /* the next letter is no digit of it */ "end"), end);
	p = put_body(PUT_KEY(p, "\xa4"
				"body"),
	    &c->fields);
	p = put_span(PUT_KEY(p, "\xa4span\xb0"), line->span);
	if (line->parent)
		p = put_span(PUT_KEY(p, "\xa6parent\xb0"), line->parent);
	return p;
}

static __attribute__((noinline)) void
report_pending(struct thread *t, double now)
{
	struct process *p = t->process;
	if (!atomic_exchange(&p->pending_any, false))
		return;
	uint64_t bytes = atomic_exchange(&p->pending_bytes, 0);
	for (int i = 0; i < DROP_REASONS; i++) {
		uint64_t count = atomic_exchange(&p->pending[i], 0);
		if (!count)
			continue;
		ring_drop(&t->ring, (enum ring_drop)i, count, bytes, now);
		bytes = 0;
	}
}

/* Says in the body how many fields there was no room for. */
static void
say_truncated(struct ctx *c)
{
	static const struct field_key key = {"truncated", 9, true};
	uint32_t left_out = c->fields.left_out;
	fields_open_reserve(&c->fields);
	uint8_t *p = fields_reserve(&c->fields, key, MP_HEADER_MAX);
	if (p)
		fields_commit(&c->fields, key, mp_put_uint(p, left_out));
}

/* The ring's record of up to `bound` bytes, or NULL when there is no ring, or no room in it: counted. */
static inline uint8_t *
room(struct thread *t, uint64_t bound, double now)
{
	struct ring *r = &t->ring;
	if (__builtin_expect(!r->header || r->leave, 0)) {
		ring_leave(r, t->process);
		if (!ring_take(r, t->process)) {
			process_drop(t->process, DROP_NO_RING, bound);
			return NULL;
		}
	}
	if (__builtin_expect(atomic_load_explicit(&t->process->pending_any, memory_order_acquire), 0))
		report_pending(t, now);
	if (__builtin_expect(bound > r->capacity / 4, 0)) {
		ring_drop(r, DROP_TOO_BIG, 1, bound, now);
		return NULL;
	}
	uint8_t *at = ring_room(r, bound);
	if (__builtin_expect(!at, 0)) {
		ring_drop(r, DROP_RING_FULL, 1, bound, now);
		ring_note_full(r, bound);
	}
	return at;
}

static __attribute__((noinline)) void
note_left_out(struct thread *t, struct ctx *c)
{
	atomic_fetch_add_explicit(&t->process->fields_left_out, c->fields.left_out, memory_order_relaxed);
	say_truncated(c);
}

bool
emit_event(struct thread *t, struct ctx *c, int64_t end_mono)
{
	const struct lineage *line = &c->line;
	double start = clock_seconds(c->start_wall);
	double end = start + clock_seconds(end_mono - c->start_mono);
	if (__builtin_expect(c->fields.left_out != 0, 0))
		note_left_out(t, c);
	uint64_t bound =
	    (EVENT_FIXED + line->id_len + 2 * (uint64_t)line->name_len + c->origin_len + fields_bound(&c->fields) + 7) &
	    ~(uint64_t)7;
	uint8_t *at = room(t, bound, end);
	if (__builtin_expect(!at, 0))
		return false;
	struct ring_record *record = (struct ring_record *)(void *)at;
	uint8_t *map = put_steps(at + RING_RECORD_HEADER, line->name, line->name_len);
	uint32_t map_len = (uint32_t)(put_event(map, c, start, end) - map);
	record->map_len = map_len;
	record->type_len = line->name_len;
	record->flags = 0;
	record->end = end;
	ring_publish(&t->ring, ring_record_size(line->name_len, map_len), t->process);
	ring_note_busy(&t->ring, t->process, end_mono);
	return true;
}

void
emit_nothing(struct thread *t, const struct ctx *c)
{
	if (t->ring.header)
		ring_drop(&t->ring, DROP_RING_FULL, 1, t->ring.dropped, clock_seconds(c->start_wall));
	else
		process_drop(t->process, DROP_RING_FULL, 0);
}
