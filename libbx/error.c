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

static inline uint8_t *
put_text(uint8_t *p, const char *s, size_t n, size_t max)
{
	n = error_text_cut(s, n, max);
	p = mp_is_text(s, n) ? mp_put_str_header(p, (uint32_t)n) : mp_put_bin_header(p, (uint32_t)n);
	copy_short(p, s, n);
	return p + n;
}

/* A key that is short and known, as it is written. */
#define PUT_KEY(p, key) mp_put_str((p), "" key, sizeof(key) - 1)

/* How long the texts of an error are, each asked once; those that are too long are longer than may be shown. */
struct lengths {
	const char *class_name;
	size_t class_n, code_n, key_n[ERROR_FIELDS_MAX], text_n[ERROR_FIELDS_MAX];
	size_t fields, shown;
	size_t bound; /* bytes that put_error() writes at most, without the stack */
};

static void
measure(struct lengths *n, const struct bx__error *e)
{
	enum { FIXED = 160, HEADERS = 16 };
	n->class_name = e->error_class ? e->error_class : "error";
	n->class_n = strnlen(n->class_name, CODE_MAX + 4);
	n->code_n = e->code ? strnlen(e->code, CODE_MAX + 4) : 0;
	n->fields = e->field_count < ERROR_FIELDS_MAX ? e->field_count : ERROR_FIELDS_MAX;
	n->shown = 0;
	n->bound = FIXED + n->class_n + n->code_n;
	if (e->message)
		n->bound += e->message_len < ERROR_MESSAGE_MAX ? e->message_len : ERROR_MESSAGE_MAX;
	for (size_t i = 0; i < n->fields; i++) {
		if (!e->fields[i].text)
			continue;
		n->key_n[i] = strlen(e->fields[i].key);
		n->text_n[i] = strnlen(e->fields[i].text, TEXT_MAX + 4);
		n->bound += HEADERS + n->key_n[i] + n->text_n[i];
		n->shown++;
	}
}

static uint8_t *
put_fields(uint8_t *p, const struct bx__error *e, const struct lengths *n)
{
	p = mp_put_map_header(PUT_KEY(p, "fields"), (uint32_t)n->shown);
	for (size_t i = 0; i < n->fields; i++) {
		if (!e->fields[i].text)
			continue;
		p = mp_put_str(p, e->fields[i].key, (uint32_t)n->key_n[i]);
		p = put_text(p, e->fields[i].text, n->text_n[i], TEXT_MAX);
	}
	return p;
}

static uint8_t *
put_error(uint8_t *p, const struct bx__error *e, const struct lengths *n, const struct stack *s)
{
	uint64_t print = XXH3_64bits(n->class_name, n->class_n < CODE_MAX ? n->class_n : CODE_MAX);
	uint32_t pairs = 1 + (e->code != NULL) + (e->message != NULL) + (e->field_count > 0) + (s->count > 0) + 1;
	p = mp_put_map_header(p, pairs);
	p = put_text(PUT_KEY(p, "class"), n->class_name, n->class_n, CODE_MAX);
	if (e->code)
		p = put_text(PUT_KEY(p, "code"), e->code, n->code_n, CODE_MAX);
	if (e->message)
		p = put_text(PUT_KEY(p, "message"), e->message, e->message_len, ERROR_MESSAGE_MAX - 8);
	if (e->field_count > 0)
		p = put_fields(p, e, n);
	if (s->count > 0)
		p = stack_write(s, PUT_KEY(p, "stack"), &print);
	p = mp_put_str_header(PUT_KEY(p, "print"), 16);
	hex_u64((char *)p, print);
	return p + 16;
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
static inline bool
worth_it(bx_ctx *ctx, const char *key, uint32_t known)
{
	struct field f;
	bool wanted = field_open(&f, ctx, key, known);
	if (wanted)
		field_close(&f, NULL);
	return wanted;
}

/* The frames that the caller has taken before, or those of now. */
static inline void
take(struct stack *s, void *const *frames, int count, const void *skip_object)
{
	if (!frames) {
		stack_take(s, skip_object);
		return;
	}
	s->count = count < STACK_FRAMES ? count : STACK_FRAMES;
	memcpy(s->pcs, frames, (size_t)s->count * sizeof *frames);
}

/* In a frame of its own, which does not stand under the unwinder's. */
static __attribute__((noinline)) void
write_error(bx_ctx *ctx, const char *key, uint32_t known, const struct bx__error *error, struct stack *s)
{
	struct field f;
	struct lengths n;
	measure(&n, error);
	if (!field_open(&f, ctx, key, known))
		return;
	uint8_t *p = field_room(&f, (uint32_t)(n.bound + (s->count > 0 ? STACK_BYTES : 0)));
	if (!p && s->count > 0) { /* better the error alone than nothing; that something was left out is counted */
		s->count = 0;
		p = field_room(&f, (uint32_t)n.bound);
	}
	uint8_t *end = p ? put_error(p, error, &n, s) : NULL;
	if (error->fresh)
		field_close_new(&f, end);
	else
		field_close(&f, end);
}

/* Flat, since every frame of ours costs the unwinder as much as one of the application's. */
__attribute__((flatten)) void
bx__ctx_error(bx_ctx *ctx, const struct bx__error *error)
{
	const char *key = "error";
	uint32_t known = BX__KEY("error");
	struct stack s;
	if (!worth_it(ctx, key, known))
		return;
	take(&s, error->frames, error->frame_count, error->skip_object);
	write_error(ctx, key, known, error, &s);
}

void
bx__ctx_stack(bx_ctx *ctx, const char *key, void *const *frames, int count, const void *skip_object)
{
	struct field f;
	struct stack s;
	uint64_t print = 0;
	if (!worth_it(ctx, key, BX__KEY_UNKNOWN))
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
