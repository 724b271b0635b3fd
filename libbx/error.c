/* SPDX-License-Identifier: ISC */
/*
 * error: written where the context keeps its fields, once the stack is known.
 *
 * The stack is taken before libbx is entered, since opening libunwind runs code that may itself log.
 */
#include "libbx/error.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/mp.h"
#include "libbx/field.h"
#include "libbx/stack.h"

enum { TEXT_MAX = 1024, CODE_MAX = 128 };

size_t
error_text_cut(const char *s, size_t n, size_t max)
{
	if (n <= max)
		return n;
	n = max;
	while (n > 0 && max - n < 4 && ((uint8_t)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static uint8_t *
put_text(uint8_t *p, const char *s, size_t n, size_t max)
{
	n = error_text_cut(s, n, max);
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

static size_t
text_bound(const char *text, size_t max)
{
	return text ? strnlen(text, max) + 16 : 0; /* with the headers of it and of a short key */
}

/* Bytes that put_error() writes at most. */
static size_t
error_bound(const struct bx__error *e, const struct stack *s)
{
	size_t bound = 128 + text_bound(e->error_class, CODE_MAX) + text_bound(e->code, CODE_MAX);
	if (e->message)
		bound += e->message_len < ERROR_MESSAGE_MAX ? e->message_len : ERROR_MESSAGE_MAX;
	for (size_t i = 0; i < e->field_count && i < ERROR_FIELDS_MAX; i++)
		bound += strlen(e->fields[i].key) + text_bound(e->fields[i].text, TEXT_MAX);
	return bound + (s->count > 0 ? STACK_BYTES : 0);
}

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

/* Asked before a stack is taken, which is dear. */
static bool
worth_it(bx_ctx *ctx, const char *key)
{
	struct field f;
	bool wanted = field_open(&f, ctx, key, BX__KEY_UNKNOWN);
	if (wanted)
		field_close(&f, NULL);
	return wanted;
}

/* The frames that the caller has taken before, or those of now. */
static void
take(struct stack *s, void *const *frames, int count, const void *skip_object)
{
	if (!frames) {
		stack_take(s, skip_object);
		return;
	}
	s->count = count < STACK_FRAMES ? count : STACK_FRAMES;
	memcpy(s->pcs, frames, (size_t)s->count * sizeof *frames);
}

void
bx__ctx_error(bx_ctx *ctx, const struct bx__error *error)
{
	static const char key[] = "error";
	struct field f;
	struct stack s;
	if (!worth_it(ctx, key))
		return;
	take(&s, error->frames, error->frame_count, error->skip_object);
	if (!field_open(&f, ctx, key, BX__KEY_UNKNOWN))
		return;
	uint8_t *p = field_room(&f, (uint32_t)error_bound(error, &s));
	if (!p && s.count > 0) { /* better the error alone than nothing; that something was left out is counted */
		s.count = 0;
		p = field_room(&f, (uint32_t)error_bound(error, &s));
	}
	field_close(&f, p ? put_error(p, error, &s) : NULL);
}

void
bx__ctx_stack(bx_ctx *ctx, const char *key, void *const *frames, int count, const void *skip_object)
{
	struct field f;
	struct stack s;
	uint64_t print = 0;
	if (!worth_it(ctx, key))
		return;
	take(&s, frames, count, skip_object);
	if (s.count == 0 || !field_open(&f, ctx, key, BX__KEY_UNKNOWN))
		return;
	uint8_t *p = field_room(&f, STACK_BYTES);
	field_close(&f, p ? stack_write(&s, p, &print) : NULL);
}

int
bx__stack_now(void **frames, int max, const void *skip_object)
{
	struct stack s;
	if (!config_on())
		return 0;
	stack_take(&s, skip_object);
	int n = s.count < max ? s.count : max;
	memcpy(frames, s.pcs, (size_t)n * sizeof *frames);
	return n;
}

void
bx_stack(const char *key)
{
	if (key)
		bx__ctx_stack(BX__CURRENT, key, NULL, 0, NULL);
}

void
bx__ctx_texts(bx_ctx *ctx, const char *key, const struct bx_slice *texts, size_t count)
{
	struct field f;
	size_t need = 5;
	for (size_t i = 0; i < count; i++)
		need += texts[i].n + 5;
	if (!field_open(&f, ctx, key, BX__KEY_UNKNOWN))
		return;
	uint8_t *p = field_room(&f, need < UINT32_MAX / 2 ? (uint32_t)need : UINT32_MAX / 2);
	field_close(&f, p ? put_texts(p, texts, count) : NULL);
}
