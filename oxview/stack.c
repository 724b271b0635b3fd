/* SPDX-License-Identifier: ISC */
/* stack: frames are walked in order; the few modules are found by counting through their list each time. */
#include "oxview/stack.h"

#include <stdlib.h>
#include <string.h>

#include "oxview/body.h"
#include "oxview/demangle.h"
#include "oxview/text.h"

static struct bytes
part(struct bytes stack, const char *key, enum mp_kind kind)
{
	struct bytes value = map_get(stack, key, strlen(key));
	return value.p && object_token(value).kind == kind ? value : (struct bytes){0};
}

bool
stack_is(struct bytes object)
{
	return part(object, "modules", MP_ARRAY).p && part(object, "frames", MP_ARRAY).p;
}

/* Item i of an array; absent when there is none. */
static struct bytes
item(struct bytes array, uint64_t i)
{
	struct cursor c;
	struct mp_token t;
	cursor_init(&c, array.p, array.n);
	if (!mp_next(&c, &t) || i >= t.len || i >= STACK_MODULES_KNOWN)
		return (struct bytes){0};
	while (i-- > 0)
		if (!mp_skip(&c))
			return (struct bytes){0};
	const uint8_t *at = c.at;
	return mp_skip(&c) ? (struct bytes){at, (size_t)(c.at - at)} : (struct bytes){0};
}

void
stack_open(struct stack_walk *w, struct bytes stack)
{
	struct mp_token t;
	struct bytes frames = part(stack, "frames", MP_ARRAY);
	*w = (struct stack_walk){.modules = part(stack, "modules", MP_ARRAY)};
	cursor_init(&w->at, frames.p, frames.n);
	if (mp_next(&w->at, &t))
		w->left = t.len;
}

bool
stack_next(struct stack_walk *w, struct stack_frame *f)
{
	const uint8_t *from = w->at.at;
	*f = (struct stack_frame){0};
	if (w->left == 0 || w->number == STACK_FRAMES_SHOWN || !mp_skip(&w->at))
		return false;
	w->left--;
	w->number++;
	struct bytes frame = {from, (size_t)(w->at.at - from)};
	struct mp_token number = object_token(item(frame, 0)), offset = object_token(item(frame, 1));
	if (object_token(frame).kind != MP_ARRAY || offset.kind != MP_UINT)
		return true;
	struct bytes module = number.kind == MP_UINT ? item(w->modules, number.u) : (struct bytes){0};
	f->known = true;
	f->offset = offset.u;
	f->path = object_text(map_get(module, "path", 4));
	f->build_id = object_text(map_get(module, "build_id", 8));
	return true;
}

static struct bytes
base_name(struct bytes path)
{
	for (size_t i = path.p ? path.n : 0; i-- > 0;)
		if (path.p[i] == '/')
			return (struct bytes){path.p + i + 1, path.n - i - 1};
	return path;
}

void
stack_put_symbol(const struct symbol *symbol, uint64_t offset, struct buf *out)
{
	char *name = symbol->function ? demangle(symbol->function) : NULL;
	const char *shown = name ? name : symbol->function ? symbol->function : "?";
	text_line(out, shown, strlen(shown));
	free(name);
	if (offset)
		buf_printf(out, "+0x%llx", (unsigned long long)offset);
	if (!symbol->file)
		return;
	buf_puts(out, " at ");
	text_line(out, symbol->file, strlen(symbol->file));
	buf_printf(out, ":%d", symbol->line);
}

void
stack_put_module(const struct stack_frame *f, struct buf *out)
{
	struct bytes base = base_name(f->path);
	if (base.n)
		text_line(out, base.p, base.n);
	else
		buf_puts(out, "unknown module");
}

static void
put_frame(uint32_t number, const struct stack_frame *f, const struct symbols *symbols, int indent, struct buf *out)
{
	buf_printf(out, "%*s#%-2u ", indent, "", number);
	if (!f->known) {
		buf_puts(out, "?\n");
		return;
	}
	buf_printf(out, "0x%llx", (unsigned long long)f->offset);
	for (size_t i = 0; i < symbols->count; i++) {
		bool last = i + 1 == symbols->count;
		buf_printf(out, "%*s", i == 0 ? 1 : indent + 4, "");
		stack_put_symbol(&symbols->at[i], last ? symbols->offset : 0, out);
		if (!last)
			buf_puts(out, " (inlined)\n");
	}
	buf_puts(out, " (");
	stack_put_module(f, out);
	buf_puts(out, ")\n");
}

/* Modules that something was said of, each by its path in the event. */
struct told {
	struct bytes paths[STACK_MODULES_KNOWN];
	size_t count;
};

static bool
was_told(struct told *told, struct bytes path)
{
	for (size_t i = 0; i < told->count; i++)
		if (bytes_equal(told->paths[i], path))
			return true;
	if (told->count < STACK_MODULES_KNOWN)
		told->paths[told->count++] = path;
	return false;
}

static void
put_reasons(struct bytes stack, struct symbolizer *symbols, int indent, struct buf *out)
{
	struct told told = {.count = 0};
	struct stack_walk w;
	struct stack_frame f;
	struct symbols found;
	stack_open(&w, stack);
	while (symbols && stack_next(&w, &f)) {
		if (f.path.n == 0)
			continue;
		symbolize(symbols, f.path, f.build_id, f.offset, &found);
		if (found.count > 0 || !found.why || was_told(&told, f.path))
			continue;
		buf_printf(out, "%*s", indent, "");
		text_line(out, f.path.p, f.path.n);
		buf_printf(out, " %s\n", found.why);
	}
}

void
stack_print(struct bytes stack, struct symbolizer *symbols, int indent, struct buf *out)
{
	struct stack_walk w;
	struct stack_frame f;
	struct symbols found;
	stack_open(&w, stack);
	while (stack_next(&w, &f)) {
		found = (struct symbols){0};
		if (f.path.n)
			symbolize(symbols, f.path, f.build_id, f.offset, &found);
		put_frame(w.number - 1, &f, &found, indent, out);
	}
	if (w.left > 0)
		buf_printf(out, "%*s%u more frames\n", indent, "", w.left);
	put_reasons(stack, symbols, indent, out);
}
