/* SPDX-License-Identifier: ISC */
/* stack: frames are walked in order; the few modules are found by counting through their list each time. */
#include "oxview/stack.h"

#include <stdlib.h>

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
	if (!mp_next(&c, &t) || i >= t.len)
		return (struct bytes){0};
	while (i-- > 0)
		if (!mp_skip(&c))
			return (struct bytes){0};
	const uint8_t *at = c.at;
	return mp_skip(&c) ? (struct bytes){at, (size_t)(c.at - at)} : (struct bytes){0};
}

static struct bytes
base_name(struct bytes path)
{
	for (size_t i = path.p ? path.n : 0; i-- > 0;)
		if (path.p[i] == '/')
			return (struct bytes){path.p + i + 1, path.n - i - 1};
	return path;
}

static void
write_symbol(const struct symbol *symbol, struct buf *out)
{
	if (!symbol->function)
		return;
	char *name = demangle(symbol->function);
	const char *shown = name ? name : symbol->function;
	buf_putc(out, ' ');
	text_line(out, shown, strlen(shown));
	free(name);
	buf_printf(out, "+0x%llx", (unsigned long long)symbol->function_offset);
	if (!symbol->file)
		return;
	buf_puts(out, " at ");
	text_line(out, symbol->file, strlen(symbol->file));
	buf_printf(out, ":%d", symbol->line);
}

static void
write_frame(struct bytes modules, struct bytes frame, struct symbolizer *symbols, struct buf *out)
{
	struct mp_token number = object_token(item(frame, 0)), offset = object_token(item(frame, 1));
	if (object_token(frame).kind != MP_ARRAY || offset.kind != MP_UINT) {
		buf_puts(out, "?");
		return;
	}
	struct bytes module = number.kind == MP_UINT ? item(modules, number.u) : (struct bytes){0};
	struct bytes path = object_text(map_get(module, "path", 4)),
		     build_id = object_text(map_get(module, "build_id", 8));
	struct symbol symbol = {0};
	if (path.p)
		symbolize(symbols, path, build_id, offset.u, &symbol);
	buf_printf(out, "0x%llx", (unsigned long long)offset.u);
	write_symbol(&symbol, out);
	struct bytes base = base_name(path);
	buf_puts(out, " (");
	if (base.n)
		text_line(out, base.p, base.n);
	else
		buf_puts(out, "unknown module");
	buf_puts(out, ")");
}

void
stack_print(struct bytes stack, struct symbolizer *symbols, int indent, struct buf *out)
{
	struct bytes modules = part(stack, "modules", MP_ARRAY), frames = part(stack, "frames", MP_ARRAY);
	struct mp_token t;
	struct cursor c;
	cursor_init(&c, frames.p, frames.n);
	if (!mp_next(&c, &t))
		return;
	for (uint32_t i = 0, count = t.len; i < count; i++) {
		const uint8_t *at = c.at;
		if (!mp_skip(&c))
			return;
		buf_printf(out, "%*s#%-2u ", indent, "", i);
		write_frame(modules, (struct bytes){at, (size_t)(c.at - at)}, symbols, out);
		buf_putc(out, '\n');
	}
}
