/* SPDX-License-Identifier: ISC */
/* tree: nodes by number, records by offset; nothing points into the log but a node. */
#include "libbx/tree.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "libbx/core/mp.h"
#include "libbx/redact.h"

enum {
	TREE_WALKED = 8,   /* children of a map that are compared one by one; where there are more, all by hash */
	BUCKET_BYTES = 64, /* of a context's memory, to a bucket */
	RECORD_LEAST = FIELD_COST + 1,
	PART_HEADER_MAX = 3,
	NONE = 0, /* the root, which is nobody's child */
};
#define DEAD UINT32_MAX

enum kind { LEAF, MAP, LIST };

struct node {
	uint32_t record; /* where; DEAD for a node that is free */
	uint32_t parent;
	uint32_t next; /* of the same parent; of the free ones */
	uint32_t child, last;
	uint32_t pairs; /* children */
	uint32_t chain; /* next in the bucket */
	uint8_t kind;
	bool hashed; /* its children are in buckets */
};

struct tree {
	uint32_t node_max;
	uint32_t nodes_used; /* those at and above were never used by this event */
	uint32_t nodes_free; /* below it, in a list */
	uint32_t free;
	uint32_t dead; /* bytes of the log that would come free, at most */
	uint32_t bucket_count;
	bool buckets_clear;
	uint32_t *buckets;
	struct node nodes[];
};

struct part {
	const char *s;
	uint32_t len;
};

/* ---- records ---- */

struct record {
	uint32_t node;
	uint32_t bytes; /* this included */
};
_Static_assert(sizeof(struct record) == FIELD_COST, "what a field is charged is what turning it into a record costs");

static struct record
record_at(const struct fields *f, uint32_t at)
{
	struct record r;
	memcpy(&r, f->data + at, sizeof r);
	return r;
}

static void
record_put(struct fields *f, uint32_t at, uint32_t node, uint32_t bytes)
{
	struct record r = {node, bytes};
	memcpy(f->data + at, &r, sizeof r);
	f->tree->nodes[node].record = at;
}

/* The part that the record of a map's child begins with. */
static struct part
part_at(const struct fields *f, uint32_t record)
{
	const uint8_t *p = f->data + record + sizeof(struct record);
	if (*p < 0xc0)
		return (struct part){(const char *)p + 1, *p & 0x1fU};
	if (*p == 0xd9 || *p == 0xc4)
		return (struct part){(const char *)p + 2, p[1]};
	return (struct part){(const char *)p + 3, get_u16be(p + 1)};
}

static uint32_t
value_at(const struct fields *f, uint32_t record)
{
	struct part part = part_at(f, record);
	return (uint32_t)((const uint8_t *)part.s - f->data) + part.len;
}

static uint8_t *
put_part(uint8_t *p, struct part part, bool trusted)
{
	bool text = trusted || mp_is_text(part.s, part.len);
	p = text ? mp_put_str_header(p, part.len) : mp_put_bin_header(p, part.len);
	copy_short(p, part.s, part.len);
	return p + part.len;
}

/* ---- nodes ---- */

static uint32_t
node_take(struct tree *t, uint32_t parent, enum kind kind)
{
	uint32_t n = t->free;
	if (n) {
		t->free = t->nodes[n].next;
		t->nodes_free--;
	} else {
		n = t->nodes_used++;
	}
	t->nodes[n] = (struct node){.record = DEAD, .parent = parent, .kind = (uint8_t)kind};
	return n;
}

static uint32_t *
bucket_of(const struct tree *t, uint32_t parent, struct part part)
{
	const uint64_t odd = 0x9e3779b97f4a7c15ULL;
	uint64_t h = ((uintptr_t)t >> 12 ^ parent) * odd, word; /* our address is not known to who chooses the keys */
	uint32_t i = 0;
	for (; i + 8 <= part.len; i += 8) {
		memcpy(&word, part.s + i, 8);
		h = (h ^ word) * odd;
		h ^= h >> 29;
	}
	word = part.len;
	memcpy(&word, part.s + i, part.len - i);
	h = (h ^ word ^ (uint64_t)part.len << 56) * odd;
	return &t->buckets[h >> 32 & (t->bucket_count - 1)];
}

static void
chain_in(struct fields *f, uint32_t parent, uint32_t n)
{
	struct tree *t = f->tree;
	uint32_t *bucket = bucket_of(t, parent, part_at(f, t->nodes[n].record));
	t->nodes[n].chain = *bucket;
	*bucket = n;
}

static void
chain_out(struct fields *f, uint32_t parent, uint32_t n)
{
	struct tree *t = f->tree;
	uint32_t *at = bucket_of(t, parent, part_at(f, t->nodes[n].record));
	while (*at != n)
		at = &t->nodes[*at].chain;
	*at = t->nodes[n].chain;
}

static void
hash_children(struct fields *f, uint32_t parent)
{
	struct tree *t = f->tree;
	if (!t->buckets_clear)
		memset(t->buckets, 0, t->bucket_count * sizeof *t->buckets);
	t->buckets_clear = true;
	t->nodes[parent].hashed = true;
	for (uint32_t n = t->nodes[parent].child; n; n = t->nodes[n].next)
		chain_in(f, parent, n);
}

/* Behind the others of its parent; its record stands already. */
static void
hang(struct fields *f, uint32_t parent, uint32_t n)
{
	struct tree *t = f->tree;
	struct node *p = &t->nodes[parent];
	if (p->last)
		t->nodes[p->last].next = n;
	else
		p->child = n;
	p->last = n;
	p->pairs++;
	if (p->hashed)
		chain_in(f, parent, n);
	else if (p->kind == MAP && p->pairs > TREE_WALKED)
		hash_children(f, parent);
}

static bool
is_part(const struct fields *f, uint32_t n, struct part part)
{
	struct part own = part_at(f, f->tree->nodes[n].record);
	return own.len == part.len && memcmp(own.s, part.s, part.len) == 0;
}

/* The child of that name, or NONE. */
static uint32_t
look_up(const struct fields *f, uint32_t parent, struct part part)
{
	const struct tree *t = f->tree;
	const struct node *p = &t->nodes[parent];
	uint32_t n;
	if (p->kind != MAP)
		return NONE;
	if (!p->hashed) {
		for (n = p->child; n && !is_part(f, n, part); n = t->nodes[n].next)
			;
		return n;
	}
	for (n = *bucket_of(t, parent, part); n; n = t->nodes[n].chain)
		if (t->nodes[n].parent == parent && is_part(f, n, part))
			return n;
	return NONE;
}

/* Takes everything from below a node; as deep as FIELD_PARTS_MAX. */
static void
bare(struct fields *f, uint32_t parent)
{
	struct tree *t = f->tree;
	struct node *p = &t->nodes[parent];
	for (uint32_t n = p->child, next; n; n = next) {
		next = t->nodes[n].next;
		if (t->nodes[n].kind != LEAF)
			bare(f, n);
		if (p->hashed)
			chain_out(f, parent, n);
		t->dead += record_at(f, t->nodes[n].record).bytes;
		t->nodes[n].record = DEAD;
		t->nodes[n].next = t->free;
		t->free = n;
		t->nodes_free++;
	}
	p->child = p->last = p->pairs = 0;
	p->hashed = false;
}

/* What it was is gone; its record stays, of which only the part counts from now on. */
static void
become(struct fields *f, uint32_t n, enum kind kind)
{
	struct node *node = &f->tree->nodes[n];
	if (node->kind == (uint8_t)kind)
		return;
	if (node->kind == LEAF)
		f->tree->dead += record_at(f, node->record).bytes;
	bare(f, n);
	node->kind = (uint8_t)kind;
}

/* ---- making ---- */

static bool
tree_allocate(struct fields *f)
{
	uint32_t node_max = f->cap / RECORD_LEAST + 2, buckets = 16;
	while (buckets < f->cap / BUCKET_BYTES)
		buckets *= 2;
	size_t nodes_bytes = sizeof(struct tree) + node_max * sizeof(struct node);
	int kept = errno;
	void *m = mmap(NULL, nodes_bytes + buckets * sizeof(uint32_t), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	errno = kept;
	if (m == MAP_FAILED)
		return false;
	f->tree = m;
	f->tree->node_max = node_max;
	f->tree->bucket_count = buckets;
	f->tree->buckets = (uint32_t *)(void *)((uint8_t *)m + nodes_bytes);
	return true;
}

bool
tree_make(struct fields *f)
{
	if (!f->tree && !tree_allocate(f))
		return false;
	struct tree *t = f->tree;
	t->nodes[0] = (struct node){.record = DEAD, .kind = MAP};
	t->nodes_used = 1;
	t->nodes_free = t->free = t->dead = 0;
	t->buckets_clear = false;
	uint32_t moved = f->count * FIELD_COST, end = f->used + moved, at = 0;
	struct cursor c;
	memmove(f->data + moved, f->data, f->used);
	cursor_init(&c, f->data + moved, f->used);
	while (cursor_left(&c)) {
		uint32_t from = end - (uint32_t)cursor_left(&c);
		mp_skip(&c);
		mp_skip(&c);
		uint32_t size = end - (uint32_t)cursor_left(&c) - from;
		memmove(f->data + at + FIELD_COST, f->data + from, size);
		uint32_t n = node_take(t, 0, LEAF);
		record_put(f, at, n, size + FIELD_COST);
		hang(f, 0, n);
		at += size + FIELD_COST;
	}
	f->used = at;
	f->in_tree = true;
	f->seen = UINT64_MAX;
	return true;
}

/* Moves the records that count together over those that do not. */
static void
compact(struct fields *f)
{
	struct tree *t = f->tree;
	uint32_t to = 0, bytes;
	for (uint32_t at = 0; at < f->used; at += bytes) {
		struct record r = record_at(f, at);
		bytes = r.bytes;
		if (t->nodes[r.node].record != at)
			continue;
		uint32_t size = t->nodes[r.node].kind == LEAF ? bytes : value_at(f, at) - at;
		memmove(f->data + to, f->data + at, size);
		record_put(f, to, r.node, size);
		to += size;
	}
	f->room += f->used - to;
	f->used = to;
	t->dead = 0;
}

/* ---- keys ---- */

/* The first part of what is left of a key; what is left begins behind its dot.  False for the last. */
static bool
part_next(struct part *left, struct part *part)
{
	const char *dot = memchr(left->s, '.', left->len);
	*part = *left;
	if (!dot)
		return false;
	part->len = (uint32_t)(dot - left->s);
	left->s += part->len + 1;
	left->len -= part->len + 1;
	return true;
}

static uint32_t
part_count(struct field_key key)
{
	uint32_t parts = 1;
	for (uint32_t i = 0; i < key.len; i++)
		parts += key.s[i] == '.';
	return parts;
}

uint8_t *
tree_reserve(struct fields *f, struct field_key key, uint32_t value_max, bool item)
{
	struct tree *t = f->tree;
	uint32_t parts = part_count(key), records = parts + item;
	uint64_t need = (uint64_t)records * (FIELD_COST + PART_HEADER_MAX) + key.len + value_max;
	if (parts > FIELD_PARTS_MAX || t->node_max - t->nodes_used + t->nodes_free < records)
		return NULL;
	if (need > f->room && t->dead)
		compact(f);
	if (need > f->room)
		return NULL;
	uint8_t *p = f->data + f->used + sizeof(struct record);
	struct part left = {key.s, key.len}, part;
	while (part_next(&left, &part))
		;
	return item ? p : put_part(p, part, key.trusted);
}

/* Counts the record that now stands at the end of the log, and returns where it is. */
static uint32_t
take_in(struct fields *f, const uint8_t *end)
{
	uint32_t at = f->used;
	f->used = (uint32_t)(end - f->data);
	f->room -= f->used - at;
	return at;
}

/* The map or list of that name, made if it is not there, and whatever it was before. */
static uint32_t
inner(struct fields *f, uint32_t parent, struct part part, enum kind kind, bool trusted)
{
	uint32_t n = look_up(f, parent, part);
	if (n) {
		become(f, n, kind);
		return n;
	}
	uint32_t at = take_in(f, put_part(f->data + f->used + sizeof(struct record), part, trusted));
	n = node_take(f->tree, parent, kind);
	record_put(f, at, n, f->used - at);
	hang(f, parent, n);
	return n;
}

/* The map that the last part of the key lies in. */
static uint32_t
descend(struct fields *f, struct field_key key, struct part *last)
{
	struct part left = {key.s, key.len};
	uint32_t parent = 0;
	while (part_next(&left, last))
		parent = inner(f, parent, *last, MAP, key.trusted);
	return parent;
}

void
tree_commit(struct fields *f, struct field_key key, const uint8_t *value_end)
{
	struct tree *t = f->tree;
	struct part last;
	uint32_t at = take_in(f, value_end), bytes = f->used - at;
	uint32_t parent = descend(f, key, &last), n = look_up(f, parent, last);
	if (n && t->nodes[n].kind == LEAF) {
		uint32_t old = t->nodes[n].record, header = sizeof(struct record);
		if (record_at(f, old).bytes == bytes && f->data[old + header] == f->data[at + header]) {
			memcpy(f->data + old + header, f->data + at + header, bytes - header);
			f->used = at;
			f->room += bytes;
			return;
		}
	}
	if (n) {
		t->dead += record_at(f, t->nodes[n].record).bytes;
		bare(f, n);
		t->nodes[n].kind = LEAF;
		record_put(f, at, n, bytes);
	} else {
		n = node_take(t, parent, LEAF);
		record_put(f, at, n, bytes);
		hang(f, parent, n);
	}
}

void
tree_commit_item(struct fields *f, struct field_key key, const uint8_t *value_end)
{
	struct part last;
	uint32_t at = take_in(f, value_end), bytes = f->used - at;
	uint32_t parent = descend(f, key, &last);
	uint32_t list = inner(f, parent, last, LIST, key.trusted);
	uint32_t n = node_take(f->tree, list, LEAF);
	record_put(f, at, n, bytes);
	hang(f, list, n);
}

uint8_t *
tree_find(struct fields *f, struct field_key key, uint32_t *len)
{
	struct part left = {key.s, key.len}, part;
	uint32_t n = 0;
	bool more;
	do {
		more = part_next(&left, &part);
		n = look_up(f, n, part);
	} while (n && more);
	if (!n || f->tree->nodes[n].kind != LEAF)
		return NULL;
	uint32_t at = f->tree->nodes[n].record, value = value_at(f, at);
	*len = at + record_at(f, at).bytes - value;
	return f->data + value;
}

/* ---- writing ---- */

static uint8_t *
put_bytes(uint8_t *p, const uint8_t *from, uint32_t n)
{
	copy_short(p, from, n);
	return p + n;
}

/* A child's own path, and whether it is to be left out: what lies in a list has the list's. */
static bool
is_hidden(const struct fields *f, uint32_t n, const struct redact_path *up, struct redact_path *path)
{
	const struct node *node = &f->tree->nodes[n];
	if (f->tree->nodes[node->parent].kind != MAP)
		return false;
	struct part part = part_at(f, node->record);
	*path = (struct redact_path){part.s, part.len, up};
	return redact_hides(path);
}

static uint32_t
pairs_left(const struct fields *f, uint32_t parent, const struct redact_path *up)
{
	const struct tree *t = f->tree;
	struct redact_path path;
	uint32_t left = t->nodes[parent].pairs;
	if (redact_any)
		for (uint32_t n = t->nodes[parent].child; n; n = t->nodes[n].next)
			left -= is_hidden(f, n, up, &path);
	return left;
}

/* Its name, if it has one, and its value. */
static uint8_t *
write_leaf(const struct fields *f, uint8_t *p, const struct node *node, const struct redact_path *path)
{
	uint32_t content = node->record + (uint32_t)sizeof(struct record);
	uint32_t size = record_at(f, node->record).bytes - FIELD_COST;
	if (!redact_any)
		return put_bytes(p, f->data + content, size);
	uint32_t name = f->tree->nodes[node->parent].kind == MAP ? value_at(f, node->record) - content : 0;
	struct cursor c;
	cursor_init(&c, f->data + content + name, size - name);
	return redact_value(put_bytes(p, f->data + content, name), &c, path);
}

/* The children of a map or list, behind its header; as deep as FIELD_PARTS_MAX. */
static uint8_t *
write_children(const struct fields *f, uint8_t *p, uint32_t parent, const struct redact_path *up)
{
	const struct tree *t = f->tree;
	for (uint32_t n = t->nodes[parent].child; n; n = t->nodes[n].next) {
		const struct node *node = &t->nodes[n];
		struct redact_path path = up ? *up : (struct redact_path){0};
		if (redact_any && is_hidden(f, n, up, &path))
			continue;
		if (node->kind == LEAF) {
			p = write_leaf(f, p, node, &path);
			continue;
		}
		uint32_t content = node->record + (uint32_t)sizeof(struct record);
		p = put_bytes(p, f->data + content, value_at(f, node->record) - content);
		uint32_t pairs = pairs_left(f, n, &path);
		p = node->kind == MAP ? mp_put_map_header(p, pairs) : mp_put_array_header(p, pairs);
		p = write_children(f, p, n, &path);
	}
	return p;
}

uint8_t *
tree_write(const struct fields *f, uint8_t *p)
{
	return write_children(f, mp_put_map_header(p, pairs_left(f, 0, NULL)), 0, NULL);
}
