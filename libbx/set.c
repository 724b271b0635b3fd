/* SPDX-License-Identifier: ISC */
/*
 * set: the calls behind bx_set(), bx_append() and bx_add().
 *
 * What almost every call is, a key that the compiler knows and that is new, is written where it will stand, by a few
 * dozen instructions.  Everything else goes the long way, through any_*().
 */
#include "include/blueox.h"

#include <string.h>

#include "libbx/core/mp.h"
#include "libbx/field.h"

/* ---- setting ---- */

/*
 * The short way: enters, and returns the current context when it takes this key at once.  Else it has left again, and
 * says whether there is a long way to try.
 */
static inline struct ctx *
enter_short(bx_ctx *handle, uint32_t known, uint32_t value_max, bool *try_long)
{
	uint32_t on = config_on();
	*try_long = on;
	if (!on)
		return NULL;
	struct thread *t = thread_try(on);
	if (__builtin_expect(!t, 0))
		return NULL;
	struct ctx *c = t->current;
	if (__builtin_expect(handle == BX__CURRENT && c && fields_simple(&c->fields, known, value_max), 1))
		return c;
	*try_long = handle != BX__CURRENT || !c || (c->line.recorded && !c->lost);
	thread_leave(t);
	return NULL;
}

static __attribute__((noinline)) void
any_scalar(bx_ctx *ctx, const char *key, uint32_t known, const uint8_t *value, size_t n)
{
	struct field f;
	if (field_open(&f, ctx, key, known)) {
		uint8_t *p = field_room(&f, (uint32_t)n);
		field_close(&f, p ? (const uint8_t *)memcpy(p, value, n) + n : NULL);
	}
}

/* Two functions a type, so that the short way saves no registers for the long one. */
#define SETTER(name, type, put)                                                                                        \
	static __attribute__((noinline)) void any_##name(bx_ctx *ctx, const char *key, uint32_t known, type value)     \
	{                                                                                                              \
		uint8_t bytes[MP_HEADER_MAX];                                                                          \
		any_scalar(ctx, key, known, bytes, (size_t)(put(bytes, value) - bytes));                               \
	}                                                                                                              \
	void bx__set_##name(bx_ctx *ctx, const char *key, uint32_t known, type value)                                  \
	{                                                                                                              \
		bool try_long;                                                                                         \
		struct ctx *c = enter_short(ctx, known, MP_HEADER_MAX, &try_long);                                     \
		if (__builtin_expect(c != NULL, 1)) {                                                                  \
			fields_append(&c->fields, known, put(fields_put_key(&c->fields, key, known), value));          \
			thread_leave(&bx_thread);                                                                      \
		} else if (try_long) {                                                                                 \
			any_##name(ctx, key, known, value);                                                            \
		}                                                                                                      \
	}

SETTER(int, int64_t, mp_put_int)
SETTER(uint, uint64_t, mp_put_uint)
SETTER(bool, bool, mp_put_bool)
SETTER(float, float, mp_put_float)
SETTER(double, double, mp_put_double)

static inline __attribute__((always_inline)) uint8_t *
put_slice(uint8_t *p, struct bx_slice s)
{
	uint32_t n = (uint32_t)s.n;
	p = s.text && mp_is_text(s.p, n) ? mp_put_str_header(p, n) : mp_put_bin_header(p, n);
	copy_short(p, s.p, n);
	return p + n;
}

/* What a slice may take, and more than any context has for one that is too long. */
static inline uint32_t
slice_bound(struct bx_slice s)
{
	return s.n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)s.n + MP_HEADER_MAX;
}

static __attribute__((noinline)) void
any_slice(bx_ctx *ctx, const char *key, uint32_t known, struct bx_slice value)
{
	struct field f;
	if (field_open(&f, ctx, key, known)) {
		uint8_t *p = field_room(&f, slice_bound(value));
		field_close(&f, p ? put_slice(p, value) : NULL);
	}
}

static inline __attribute__((always_inline)) void
set_slice(bx_ctx *ctx, const char *key, uint32_t known, struct bx_slice value)
{
	bool try_long;
	struct ctx *c = enter_short(ctx, known, slice_bound(value), &try_long);
	if (__builtin_expect(c != NULL, 1)) {
		fields_append(&c->fields, known, put_slice(fields_put_key(&c->fields, key, known), value));
		thread_leave(&bx_thread);
	} else if (try_long) {
		any_slice(ctx, key, known, value);
	}
}

void
bx__set_slice(bx_ctx *ctx, const char *key, uint32_t known, struct bx_slice value)
{
	set_slice(ctx, key, known, value);
}

static __attribute__((noinline)) void
any_text(bx_ctx *ctx, const char *key, uint32_t known, const char *value)
{
	static const uint8_t nil = 0xc0;
	if (value)
		any_slice(ctx, key, known, bx_strn(value, strlen(value)));
	else
		any_scalar(ctx, key, known, &nil, 1);
}

/* The length is only asked for where the field is wanted. */
void
bx__set_text(bx_ctx *ctx, const char *key, uint32_t known, const char *value)
{
	bool try_long;
	struct ctx *c = enter_short(ctx, known, MP_HEADER_MAX, &try_long);
	if (__builtin_expect(c != NULL, 1)) {
		struct bx_slice text = bx_strn(value, value ? strlen(value) : 0);
		try_long = !value || !fields_simple(&c->fields, known, slice_bound(text));
		if (__builtin_expect(!try_long, 1))
			fields_append(&c->fields, known, put_slice(fields_put_key(&c->fields, key, known), text));
		thread_leave(&bx_thread);
	}
	if (__builtin_expect(try_long, 0))
		any_text(ctx, key, known, value);
}

/* ---- lists ---- */

static void
append(bx_ctx *ctx, const char *key, uint32_t known, const uint8_t *value, size_t n)
{
	struct field f;
	if (field_open(&f, ctx, key, known)) {
		uint8_t *p = field_item_room(&f, (uint32_t)n);
		field_item_close(&f, p ? (const uint8_t *)memcpy(p, value, n) + n : NULL);
	}
}

#define APPENDER(name, type, put)                                                                                      \
	void bx__append_##name(bx_ctx *ctx, const char *key, uint32_t known, type value)                               \
	{                                                                                                              \
		uint8_t bytes[MP_HEADER_MAX];                                                                          \
		if (config_on())                                                                                       \
			append(ctx, key, known, bytes, (size_t)(put(bytes, value) - bytes));                           \
	}

APPENDER(int, int64_t, mp_put_int)
APPENDER(uint, uint64_t, mp_put_uint)
APPENDER(bool, bool, mp_put_bool)
APPENDER(float, float, mp_put_float)
APPENDER(double, double, mp_put_double)

void
bx__append_slice(bx_ctx *ctx, const char *key, uint32_t known, struct bx_slice value)
{
	struct field f;
	if (field_open(&f, ctx, key, known)) {
		uint8_t *p = field_item_room(&f, slice_bound(value));
		field_item_close(&f, p ? put_slice(p, value) : NULL);
	}
}

void
bx__append_text(bx_ctx *ctx, const char *key, uint32_t known, const char *value)
{
	static const uint8_t nil = 0xc0;
	if (!config_on())
		return;
	if (value)
		bx__append_slice(ctx, key, known, bx_strn(value, strlen(value)));
	else
		append(ctx, key, known, &nil, 1);
}

/* ---- numbers ---- */

/* A number: one of the two integers, or a float.  Of a field that is none of them: an integer, 0. */
struct number {
	bool is_float;
	__int128 i; /* any int64 or uint64, and the sum of two */
	double f;
};

static struct number
number_at(const uint8_t *p, uint32_t n)
{
	struct cursor c;
	struct mp_token t;
	cursor_init(&c, p, n);
	if (!p || !mp_next(&c, &t))
		return (struct number){false, 0, 0};
	switch (t.kind) {
	case MP_UINT:
		return (struct number){false, t.u, (double)t.u};
	case MP_INT:
		return (struct number){false, t.i, (double)t.i};
	case MP_FLOAT:
		return (struct number){true, 0, t.f};
	default:
		return (struct number){false, 0, 0};
	}
}

/* Integers stay integers; a sum that is none of 64 bits any more goes on as a float. */
static uint8_t *
put_sum(uint8_t *p, struct number a, struct number b)
{
	if (a.is_float || b.is_float)
		return mp_put_double(p, a.f + b.f);
	__int128 sum = a.i + b.i;
	if (sum > UINT64_MAX || sum < INT64_MIN)
		return mp_put_double(p, (double)sum);
	return sum < 0 ? mp_put_int(p, (int64_t)sum) : mp_put_uint(p, (uint64_t)sum);
}

static void
add(bx_ctx *ctx, const char *key, uint32_t known, struct number value)
{
	struct field f;
	if (!field_open(&f, ctx, key, known))
		return;
	uint8_t sum[MP_HEADER_MAX];
	uint32_t old_len = 0;
	uint8_t *old = fields_find(&f.ctx->fields, f.key, &old_len);
	size_t n = (size_t)(put_sum(sum, number_at(old, old_len), value) - sum);
	uint8_t *p = old && old_len == n ? old : field_room(&f, (uint32_t)n);
	if (p)
		memcpy(p, sum, n);
	field_close(&f, p && p != old ? p + n : NULL);
}

void
bx__add_int(bx_ctx *ctx, const char *key, uint32_t known, int64_t value)
{
	if (config_on())
		add(ctx, key, known, (struct number){false, value, (double)value});
}

void
bx__add_uint(bx_ctx *ctx, const char *key, uint32_t known, uint64_t value)
{
	if (config_on())
		add(ctx, key, known, (struct number){false, value, (double)value});
}

void
bx__add_double(bx_ctx *ctx, const char *key, uint32_t known, double value)
{
	if (config_on())
		add(ctx, key, known, (struct number){true, 0, value});
}
