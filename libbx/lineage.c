/* SPDX-License-Identifier: ISC */
/* lineage: names against what is open, the short way and the long one; ids from above, from outside, or new. */
#include "libbx/lineage.h"

#include <string.h>

#include "libbx/context.h"
#include "libbx/core/bytes.h"
#include "libbx/root.h"

enum { OPEN_LOOKED_AT = 64 }; /* innermost open contexts that a top name is compared with */

/* ---- names of one part, which need no search for dots ---- */

static bool
has_name(const struct lineage *line, const char *name, uint32_t n)
{
	return line->name_len == n && memcmp(line->name, name, n) == 0;
}

/* `request`: a top, or under an open context of the very same name. */
static bool
resolve_plain(struct thread *t, const char *name, uint32_t n, struct lineage *line, const struct lineage **parent)
{
	const struct lineage *root = root_line(t), *found = NULL;
	int depth = 0;
	for (const struct ctx *c = t->current; c && !found && depth < OPEN_LOOKED_AT; c = c->below, depth++)
		if (has_name(&c->line, name, n))
			found = &c->line;
	if (!found && root && has_name(root, name, n))
		found = root;
	lineage_top(line, name, n);
	*parent = found;
	return true;
}

/* `.sql` under what is one part as well: both joined, unless they are the same part. */
static bool
resolve_under(const struct lineage *above, const char *part, uint32_t n, struct lineage *line)
{
	uint32_t kept = above->name_len;
	line->dotted = !has_name(above, part, n);
	if (!line->dotted)
		kept = 0;
	copy_short(line->name, above->name, kept);
	line->name[kept] = '.';
	kept += line->dotted;
	copy_short(line->name + kept, part, n);
	line->name_len = (uint16_t)(kept + n);
	return true;
}

/* ---- all others ---- */

/* What is open, outermost first, as name_resolve() wants it; the same places in lines. */
struct open {
	struct name names[OPEN_LOOKED_AT + 1];
	const struct lineage *lines[OPEN_LOOKED_AT + 1];
	int count;
};

static struct name
name_of(const struct lineage *line)
{
	return (struct name){line->name, line->name_len};
}

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

static __attribute__((noinline)) bool
resolve_any(struct thread *t, const char *name, struct lineage *line, const struct lineage **parent)
{
	struct open open;
	struct name_result found;
	look_around(t, name, &open);
	if (!name_resolve(name, open.names, open.count, line->name, &found))
		return false;
	line->name_len = (uint16_t)found.len;
	line->dotted = memchr(line->name, '.', found.len) != NULL;
	*parent = found.parent >= 0 ? open.lines[found.parent] : NULL;
	return true;
}

/* What BX__NAME() would have known of a name that is only seen now. */
static uint32_t
look_at_name(const char *name)
{
	size_t n = strnlen(name, BX__NAME_UNDER);
	bool under = name[0] == '.';
	if (n <= under || n > BX__NAME_MAX || name[0] == '^' || memchr(name + under, '.', n - under))
		return BX__NAME_UNKNOWN;
	return (uint32_t)n - under + (under ? BX__NAME_UNDER : 0);
}

bool
lineage_resolve(struct thread *t, const char *name, uint32_t known, struct lineage *line, const struct lineage **parent)
{
	if (known == BX__NAME_UNKNOWN)
		known = look_at_name(name);
	if (known < BX__NAME_UNDER)
		return resolve_plain(t, name, known, line, parent);
	if (known == BX__NAME_UNKNOWN)
		return resolve_any(t, name, line, parent);
	const struct lineage *above = t->current ? &t->current->line : root_line(t);
	enum { ROOM_FOR_ANY_PART = NAME_MAX_LEN - 1 - BX__NAME_MAX };
	if (!above || above->dotted || above->name_len > ROOM_FOR_ANY_PART)
		return resolve_any(t, name, line, parent);
	*parent = above;
	return resolve_under(above, name + 1, known - BX__NAME_UNDER, line);
}

/* ---- ids ---- */

void
lineage_set_id(struct lineage *line, const char *id, size_t n)
{
	line->id_len = 0;
	if (id_read(id, n, &line->id))
		return;
	line->id_len = (uint16_t)(n < LINEAGE_ID_MAX ? n : LINEAGE_ID_MAX);
	memcpy(line->id_text, id, line->id_len);
}

/* The environment's id, for the first top of the process when no shim has spent it. */
static bool
id_from_environment(struct thread *t, struct lineage *line)
{
	if (atomic_load(&t->process->first_top) || root_line(t) || atomic_exchange(&t->process->first_top, true))
		return false;
	const char *id = bx_config.id[0] ? bx_config.id : bx_config.trace_id;
	lineage_set_id(line, id, strlen(id));
	if (strcmp(id, bx_config.trace_id) == 0)
		(void)hex_read_u64(bx_config.trace_span, &line->parent);
	return true;
}

/* The middle digits are of the span, which is as random: one draw less. */
static struct id
new_id(struct thread *t, uint64_t span, int64_t wall_ns)
{
	uint64_t epoch_s = (uint64_t)wall_ns / 1000000000;
	return (struct id){epoch_s << 32 | span >> 32, rand_u64(&t->rand)};
}

void
lineage_inherit(struct thread *t, struct lineage *line, const struct lineage *parent, const char *id, int64_t wall_ns)
{
	line->span = span_new(&t->rand);
	line->parent = parent ? parent->span : 0;
	line->id_len = 0;
	if (__builtin_expect(id != NULL, 0)) {
		lineage_set_id(line, id, strlen(id));
	} else if (parent) {
		line->id = parent->id;
		line->id_len = parent->id_len;
		if (__builtin_expect(parent->id_len != 0, 0))
			memcpy(line->id_text, parent->id_text, parent->id_len);
	} else {
		bool given = bx_config.id[0] || bx_config.trace_id[0];
		if (__builtin_expect(!given, 1) || !id_from_environment(t, line))
			line->id = new_id(t, line->span, wall_ns);
	}
}
