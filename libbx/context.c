/* SPDX-License-Identifier: ISC */
/*
 * context: memory, names and ids, the stack, and writing the event.
 *
 * The event is written straight into the ring: an upper bound of its size is known beforehand, the exact size when it
 * has been written, and nobody sees it before it is published.
 */
#include "libbx/context.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "libbx/core/mp.h"
#include "libbx/root.h"

enum { OPEN_LOOKED_AT = 64 };   /* innermost open contexts that a top name is compared with */
enum { EVENT_OVERHEAD = 1280 }; /* bytes of an event that are not its body, at most */
enum { TAG_BITS = 12, TAG_MASK = (1 << TAG_BITS) - 1 };

/* ---- memory ---- */

static size_t
block_bytes(void)
{
	return (sizeof(struct ctx) + bx_config.event_max + 4095) & ~(size_t)4095;
}

static struct ctx *
pool_take(struct process *p)
{
	for (int i = 0; i < PROCESS_POOLS; i++) {
		if (atomic_load_explicit(&p->pools[i], memory_order_relaxed) == 0)
			continue;
		uintptr_t list = atomic_exchange(&p->pools[i], 0);
		if (list)
			return (struct ctx *)list; /* NOLINT(performance-no-int-to-ptr) */
	}
	return NULL;
}

static void
release(struct thread *t, struct ctx *c)
{
	atomic_fetch_add_explicit(&c->serial, 1, memory_order_relaxed);
	c->on = NULL;
	c->next = t->free;
	t->free = c;
}

void
context_pool_put(struct thread *t)
{
	while (t->current) {
		struct ctx *c = t->current;
		t->current = c->below;
		release(t, c);
	}
	struct ctx *list = t->free;
	t->free = NULL;
	for (int i = 0; list; i = (i + 1) % PROCESS_POOLS) {
		uintptr_t none = 0;
		if (atomic_compare_exchange_strong(&t->process->pools[i], &none, (uintptr_t)list))
			return;
		if (i != PROCESS_POOLS - 1)
			continue;
		uintptr_t other = atomic_exchange(&t->process->pools[i], 0); /* all full: join two lists */
		struct ctx *last = list;
		while (last->next)
			last = last->next;
		last->next = (struct ctx *)other; /* NOLINT(performance-no-int-to-ptr) */
	}
}

static struct ctx *
take_memory(struct thread *t)
{
	if (!t->free)
		t->free = pool_take(t->process);
	struct ctx *c = t->free;
	if (c) {
		t->free = c->next;
		return c;
	}
	int kept = errno;
	c = mmap(NULL, block_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	errno = kept;
	return c == MAP_FAILED ? NULL : c;
}

/* ---- handles ---- */

bx_ctx *
context_handle(const struct ctx *c)
{
	uintptr_t tag = atomic_load_explicit(&c->serial, memory_order_relaxed) & TAG_MASK;
	return (bx_ctx *)((uintptr_t)c | tag); /* NOLINT(performance-no-int-to-ptr) */
}

struct ctx *
context_of(struct thread *t, bx_ctx *handle)
{
	if (handle == BX__CURRENT)
		return t->current;
	uintptr_t at = (uintptr_t)handle & ~(uintptr_t)TAG_MASK;
	if (!at)
		return NULL;
	struct ctx *c = (struct ctx *)at; /* NOLINT(performance-no-int-to-ptr) */
	uintptr_t tag = atomic_load_explicit(&c->serial, memory_order_relaxed) & TAG_MASK;
	return tag == ((uintptr_t)handle & TAG_MASK) ? c : NULL;
}

/* ---- lineage ---- */

static struct name
name_of(const struct lineage *line)
{
	return (struct name){line->name, line->name_len};
}

/* What is open, outermost first, as name_resolve() wants it; the same places in lines. */
struct open {
	struct name names[OPEN_LOOKED_AT + 1];
	const struct lineage *lines[OPEN_LOOKED_AT + 1];
	int count;
};

static void
open_add(struct open *open, const struct lineage *line)
{
	open->names[open->count] = name_of(line);
	open->lines[open->count++] = line;
}

static void
open_all(struct thread *t, const struct lineage *root, struct open *open)
{
	int depth = 0;
	for (struct ctx *c = t->current; c && depth < OPEN_LOOKED_AT; c = c->below)
		depth++;
	if (root)
		open_add(open, root);
	int at = open->count + depth;
	open->count = at;
	for (struct ctx *c = t->current; c && depth > 0; c = c->below, depth--) {
		at--;
		open->names[at] = name_of(&c->line);
		open->lines[at] = &c->line;
	}
}

/* Only what the name can refer to: for `.x` the current context, for `^.x` the outermost, else all. */
static void
look_around(struct thread *t, const char *name, struct open *open)
{
	open->count = 0;
	const struct ctx *c = t->current;
	if (name[0] == '.' && c) {
		open_add(open, &c->line);
		return;
	}
	const struct lineage *root = root_line(t);
	if (name[0] != '.' && name[0] != '^') {
		open_all(t, root, open);
		return;
	}
	while (c && c->below)
		c = c->below;
	if (c || root)
		open_add(open, c ? &c->line : root);
}

static void
set_id(struct lineage *line, const char *id, size_t n)
{
	line->id_len = (uint32_t)(n < CONTEXT_ID_MAX ? n : CONTEXT_ID_MAX);
	copy_short(line->id, id, line->id_len);
}

/* A top's id: the environment's for the first of the process, when no shim has spent it, else a new one. */
static void
top_id(struct thread *t, struct lineage *line, int64_t wall_ns)
{
	bool given = bx_config.id[0] || bx_config.trace_id[0];
	if (given && !root_line(t) && !atomic_exchange(&t->process->first_top, true)) {
		const char *id = bx_config.id[0] ? bx_config.id : bx_config.trace_id;
		set_id(line, id, strlen(id));
		if (strcmp(id, bx_config.trace_id) == 0) {
			memcpy(line->parent, bx_config.trace_span, SPAN_LEN);
			line->has_parent = true;
		}
		return;
	}
	id_make(line->id, (uint64_t)(wall_ns / 1000000000), &t->rand);
	line->id_len = ID_LEN;
}

static void
inherit(struct thread *t, struct lineage *line, const struct lineage *parent, const char *id, int64_t wall_ns)
{
	line->has_parent = parent != NULL;
	line->recorded = !parent || parent->recorded;
	if (parent)
		memcpy(line->parent, parent->span, SPAN_LEN);
	if (id)
		set_id(line, id, strlen(id));
	else if (parent)
		set_id(line, parent->id, parent->id_len);
	else
		top_id(t, line, wall_ns);
	span_make(line->span, &t->rand);
}

static struct ctx *
begin(struct thread *t, int64_t start_mono, int64_t start_wall)
{
	struct ctx *c = take_memory(t);
	if (!c)
		return NULL;
	c->on = NULL;
	c->generation = t->generation;
	c->start_mono = start_mono;
	c->start_wall = start_wall;
	fields_init(&c->fields, (uint8_t *)(c + 1), bx_config.event_max - EVENT_OVERHEAD);
	return c;
}

struct ctx *
context_new(struct thread *t, const struct bx_options *options)
{
	int64_t mono = clock_mono_ns(), wall = thread_wall_ns(t, mono);
	struct ctx *c = begin(t, mono, wall);
	if (!c)
		return NULL;
	const char *name = options->name ? options->name : "";
	struct open open;
	struct name_result found;
	look_around(t, name, &open);
	if (name_resolve(name, open.names, open.count, c->line.name, &found)) {
		c->line.name_len = (uint32_t)found.len;
		inherit(t, &c->line, found.parent >= 0 ? open.lines[found.parent] : NULL, options->id, wall);
	} else { /* a mistake: inert, and so is what lies under it */
		atomic_fetch_add_explicit(&t->process->bad_names, 1, memory_order_relaxed);
		c->line = (struct lineage){.name = "?", .name_len = 1, .recorded = false};
	}
	return c;
}

struct ctx *
context_make(struct thread *t, const struct lineage *line, int64_t start_mono, int64_t start_wall)
{
	struct ctx *c = begin(t, start_mono, start_wall);
	if (c)
		c->line = *line;
	return c;
}

/* ---- the stack ---- */

void
context_push(struct thread *t, struct ctx *c)
{
	c->on = t;
	c->below = t->current;
	t->current = c;
}

void
context_pop(struct thread *t, struct ctx *c)
{
	for (struct ctx **at = &t->current; *at; at = &(*at)->below) {
		if (*at != c)
			continue;
		*at = c->below;
		c->on = NULL;
		return;
	}
}

/* ---- the event ---- */

/* Key and the header of its value, as they stand in every event. */
#define PUT_KEY(p, text) ((uint8_t *)memcpy((p), text, sizeof(text) - 1) + sizeof(text) - 1)

static uint8_t *
put_text(uint8_t *p, const char *s, uint32_t n)
{
	p = mp_is_text(s, n) ? mp_put_str_header(p, n) : mp_put_bin_header(p, n);
	copy_short(p, s, n);
	return p + n;
}

static uint64_t
event_bound(const struct ctx *c)
{
	enum { REST = 256 }; /* keys, headers, pid, times, spans */
	return REST + c->line.id_len + c->line.name_len + bx_config.host_mp_len + fields_bound(&c->fields);
}

static uint8_t *
put_event(uint8_t *p, const struct ctx *c, uint32_t pid, double start, double end)
{
	static const char hex_span[] = "\xa4span\xb0", hex_parent[] = "\xa6parent\xb0";
	p = mp_put_map_header(p, c->line.has_parent ? 9 : 8);
	p = put_text(PUT_KEY(p, "\xa2id"), c->line.id, c->line.id_len);
	p = put_text(PUT_KEY(p, "\xa4type"), c->line.name, c->line.name_len);
	p = PUT_KEY(p, "\xa4host");
	copy_short(p, bx_config.host_mp, bx_config.host_mp_len);
	p += bx_config.host_mp_len;
	p = mp_put_uint(PUT_KEY(p, "\xa3pid"), pid);
	p = mp_put_double(PUT_KEY(p, "\xa5start"), start);
	p = mp_put_double(PUT_KEY(p, "\xa3"
				     "end"),
	    end);
	p = fields_write(&c->fields, PUT_KEY(p, "\xa4"
						"body"));
	p = PUT_KEY(p, hex_span);
	memcpy(p, c->line.span, SPAN_LEN);
	p += SPAN_LEN;
	if (c->line.has_parent) {
		p = PUT_KEY(p, hex_parent);
		memcpy(p, c->line.parent, SPAN_LEN);
		p += SPAN_LEN;
	}
	return p;
}

static void
report_pending(struct thread *t, double now)
{
	struct process *p = t->process;
	if (!atomic_load_explicit(&p->pending_any, memory_order_acquire) || !atomic_exchange(&p->pending_any, false))
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
	static const struct field_key key = {"truncated", 9, false, true};
	uint32_t left_out = c->fields.left_out;
	fields_open_reserve(&c->fields);
	uint8_t *p = fields_reserve(&c->fields, key, MP_HEADER_MAX);
	if (p)
		fields_commit(&c->fields, key, mp_put_uint(p, left_out));
}

static bool
emit(struct thread *t, struct ctx *c)
{
	int64_t mono = clock_mono_ns();
	double start = clock_seconds(c->start_wall);
	double end = start + clock_seconds(mono - c->start_mono);
	if (__builtin_expect(c->fields.left_out != 0, 0)) {
		atomic_fetch_add_explicit(&t->process->fields_left_out, c->fields.left_out, memory_order_relaxed);
		say_truncated(c);
	}
	uint64_t bound = (RING_RECORD_HEADER + c->line.name_len + event_bound(c) + 7) & ~(uint64_t)7;
	struct ring *r = &t->ring;
	if (__builtin_expect(!r->header || r->leave, 0)) {
		ring_leave(r, t->process);
		if (!ring_take(r, t->process)) {
			process_drop(t->process, DROP_NO_RING, bound);
			return false;
		}
	}
	report_pending(t, end);
	if (bound > r->capacity / 4) {
		ring_drop(r, DROP_TOO_BIG, 1, bound, end);
		return false;
	}
	uint8_t *at = ring_room(r, bound);
	if (!at) {
		ring_drop(r, DROP_RING_FULL, 1, bound, end);
		return false;
	}
	uint8_t *map = at + RING_RECORD_HEADER + c->line.name_len;
	copy_short(at + RING_RECORD_HEADER, c->line.name, c->line.name_len);
	struct ring_record *record = (struct ring_record *)(void *)at;
	record->map_len = (uint32_t)(put_event(map, c, t->pid, start, end) - map);
	record->type_len = (uint16_t)c->line.name_len;
	record->flags = 0;
	record->end = end;
	ring_publish(r, ring_record_size(record->type_len, record->map_len), t->process);
	return true;
}

bool
context_done(struct thread *t, struct ctx *c)
{
	if (c->on && c->on != t) { /* on another thread's stack: only that thread may take it off */
		process_drop(t->process, DROP_INERT, 0);
		return false;
	}
	if (c->on)
		context_pop(t, c);
	bool kept = c->line.recorded && c->generation == t->generation && emit(t, c);
	release(t, c);
	return kept;
}
