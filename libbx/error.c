/* SPDX-License-Identifier: ISC */
/*
 * error: put together in memory of the calling thread's stack, then set as one field.
 *
 * The stack is taken before libbx is entered, since opening libunwind runs code that may itself log.
 */
#include "libbx/error.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/context.h"
#include "libbx/core/mp.h"
#include "libbx/stack.h"

enum { TEXT_MAX = 1024, CODE_MAX = 128 };

static uint8_t *
put_text(uint8_t *p, const char *s, size_t n, size_t max)
{
	bool whole = n <= max;
	if (!whole)
		n = max;
	while (!whole && n > 0 && max - n < 4 && ((uint8_t)s[n] & 0xc0) == 0x80) /* not in the middle of a character */
		n--;
	p = mp_is_utf8(s, n) ? mp_put_str_header(p, (uint32_t)n) : mp_put_bin_header(p, (uint32_t)n);
	memcpy(p, s, n);
	return p + n;
}

static uint8_t *
put_pair(uint8_t *p, const char *key, const char *text, size_t max)
{
	p = mp_put_str(p, key, (uint32_t)strlen(key));
	return put_text(p, text, strnlen(text, max + 4), max);
}

static uint8_t *
put_fields(uint8_t *p, const struct bx__error *e)
{
	size_t count = 0, limit = e->field_count < ERROR_FIELDS_MAX ? e->field_count : ERROR_FIELDS_MAX;
	for (size_t i = 0; i < limit; i++)
		count += e->fields[i].text != NULL;
	p = mp_put_map_header(mp_put_str(p, "fields", 6), (uint32_t)count);
	for (size_t i = 0; i < limit; i++)
		if (e->fields[i].text)
			p = put_pair(p, e->fields[i].key, e->fields[i].text, TEXT_MAX);
	return p;
}

/* Bytes that the map of an error takes at most: its parts, each with its key. */
enum { ERROR_BYTES = ERROR_MESSAGE_MAX + ERROR_FIELDS_MAX * (TEXT_MAX + 64) + STACK_BYTES + 3 * CODE_MAX + 256 };

static uint8_t *
put_error(uint8_t *p, const struct bx__error *e, const struct stack *s)
{
	const char *class_name = e->error_class ? e->error_class : "error";
	uint64_t print = XXH3_64bits(class_name, strnlen(class_name, CODE_MAX));
	char hex[16];
	uint32_t pairs = 1 + (e->code != NULL) + (e->message != NULL) + (e->field_count > 0) + (s->count > 0) + 1;
	p = mp_put_map_header(p, pairs);
	p = put_pair(p, "class", class_name, CODE_MAX);
	if (e->code)
		p = put_pair(p, "code", e->code, CODE_MAX);
	if (e->message)
		p = put_text(mp_put_str(p, "message", 7), e->message, e->message_len, ERROR_MESSAGE_MAX - 8);
	if (e->field_count > 0)
		p = put_fields(p, e);
	if (s->count > 0)
		p = stack_write(s, mp_put_str(p, "stack", 5), &print);
	hex_u64(hex, print);
	return mp_put_str(mp_put_str(p, "print", 5), hex, sizeof hex);
}

static uint8_t *
put_texts(uint8_t *p, const struct bx_slice *texts, size_t count)
{
	p = mp_put_array_header(p, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		uint32_t n = (uint32_t)texts[i].n;
		p = mp_is_utf8(texts[i].p, n) ? mp_put_str_header(p, n) : mp_put_bin_header(p, n);
		memcpy(p, texts[i].p, n);
		p += n;
	}
	return p;
}

static void
set_field(bx_ctx *ctx, struct field_key key, const uint8_t *value, size_t n)
{
	struct thread *t = thread_enter();
	if (!t)
		return;
	struct ctx *c = context_of(t, ctx);
	if (!c)
		atomic_fetch_add_explicit(&t->process->fields_ignored, 1, memory_order_relaxed);
	uint8_t *p = c && c->line.recorded ? fields_reserve(&c->fields, key, (uint32_t)n) : NULL;
	if (p) {
		memcpy(p, value, n);
		fields_commit(&c->fields, key, p + n);
	}
	thread_leave(t);
}

static bool
worth_it(bx_ctx *ctx)
{
	struct thread *t = thread_enter();
	if (!t)
		return false;
	const struct ctx *c = context_of(t, ctx);
	bool recorded = c && c->line.recorded;
	thread_leave(t);
	return recorded;
}

void
bx__ctx_error(bx_ctx *ctx, const struct bx__error *error)
{
	static const struct field_key key = {"error", 5, false, true};
	uint8_t bytes[ERROR_BYTES];
	struct stack s;
	if (!worth_it(ctx))
		return;
	stack_take(&s, error->skip_object);
	uint8_t *end = put_error(bytes, error, &s);
	set_field(ctx, key, bytes, (size_t)(end - bytes));
}

void
bx__ctx_stack(bx_ctx *ctx, const char *key, const void *skip_object)
{
	uint8_t bytes[STACK_BYTES];
	struct stack s;
	uint64_t print = 0;
	if (!worth_it(ctx))
		return;
	stack_take(&s, skip_object);
	if (s.count == 0)
		return;
	uint8_t *end = stack_write(&s, bytes, &print);
	size_t n = strnlen(key, FIELD_KEY_MAX);
	struct field_key k = {key, (uint32_t)n, memchr(key, '.', n) != NULL, false};
	set_field(ctx, k, bytes, (size_t)(end - bytes));
}

void
bx__ctx_texts(bx_ctx *ctx, const char *key, const struct bx_slice *texts, size_t count)
{
	size_t need = 5, n = strnlen(key, FIELD_KEY_MAX);
	struct field_key k = {key, (uint32_t)n, memchr(key, '.', n) != NULL, false};
	for (size_t i = 0; i < count; i++)
		need += texts[i].n + 5;
	struct thread *t = need <= UINT32_MAX ? thread_enter() : NULL;
	if (!t)
		return;
	struct ctx *c = context_of(t, ctx);
	if (!c)
		atomic_fetch_add_explicit(&t->process->fields_ignored, 1, memory_order_relaxed);
	uint8_t *p = c && c->line.recorded ? fields_reserve(&c->fields, k, (uint32_t)need) : NULL;
	if (p)
		fields_commit(&c->fields, k, put_texts(p, texts, count));
	thread_leave(t);
}
