/* SPDX-License-Identifier: ISC */
/*
 * json_quick: texts are copied sixteen bytes at a time, and the same sixteen bytes tell whether one of them needs an escape or is
 * no ASCII.
 */
#include "oxview/json_quick.h"

#include <math.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "libbx/core/mp.h"
#include "oxview/double.h"

enum {
	LONG = 64 * 1024, /* longer objects are no matter of speed, and the room for them is */
	PER_BYTE =
	    16, /* of output at most: an empty bin, 2 bytes, is {"$bin":""} and a comma; a control character \u001f */
	BEHIND = 64, /* what is written too much behind a text, and the comma in front of the end */
	STEP = 16,
};

struct quick {
	const uint8_t *at, *end;
	uint8_t *to;
};

const uint8_t json_escapes[256] = {1, 1, 1, 1, 1, 1, 1, 1, 'b', 't', 'n', 1, 'f', 'r', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, ['"'] = '"', ['\\'] = '\\', [127] = 1};

uint8_t *
json_put_escape(uint8_t *to, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t how = json_escapes[c];
	*to++ = '\\';
	if (how != 1) {
		*to++ = how;
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = (uint8_t)hex[c >> 4];
	to[4] = (uint8_t)hex[c & 15];
	return to + 5;
}

uint8_t *
json_put_base64(uint8_t *to, const uint8_t *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (; n >= 3; n -= 3, p += 3, to += 4) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		for (int i = 0; i < 4; i++)
			to[i] = (uint8_t)digits[v >> (18 - 6 * i) & 63];
	}
	if (n == 0)
		return to;
	uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);
	to[0] = (uint8_t)digits[v >> 18];
	to[1] = (uint8_t)digits[v >> 12 & 63];
	to[2] = n == 2 ? (uint8_t)digits[v >> 6 & 63] : '=';
	to[3] = '=';
	return to + 4;
}

uint8_t *
json_put_uint(uint8_t *to, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	for (; v >= 100; v /= 100) {
		unsigned pair = (unsigned)(v % 100);
		digits[--at] = (char)('0' + pair % 10);
		digits[--at] = (char)('0' + pair / 10);
	}
	digits[--at] = (char)('0' + v % 10);
	if (v >= 10)
		digits[--at] = (char)('0' + v / 10);
	memcpy(to, digits + at, sizeof digits - at);
	return to + sizeof digits - at;
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

/* Copies STEP bytes; a bit each tells which of them need an escape, and in *high which are above 127. */
#ifdef __SSE2__
static inline unsigned
copy_step(uint8_t *to, const uint8_t *s, unsigned *high)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)s);
	_mm_storeu_si128((__m128i *)(void *)to, v);
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(31)), v);
	__m128i quote = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	__m128i odd = _mm_or_si128(_mm_or_si128(control, quote), _mm_cmpeq_epi8(v, _mm_set1_epi8(127)));
	*high = (unsigned)_mm_movemask_epi8(v);
	return (unsigned)_mm_movemask_epi8(odd);
}
#else
static inline unsigned
copy_step(uint8_t *to, const uint8_t *s, unsigned *high)
{
	unsigned odd = 0;
	memcpy(to, s, STEP);
	*high = 0;
	for (unsigned i = 0; i < STEP; i++) {
		odd |= (unsigned)(json_escapes[s[i]] != 0) << i;
		*high |= (unsigned)(s[i] >> 7) << i;
	}
	return odd;
}
#endif

/* The last bytes of the object, behind which nothing may be read. */
static uint8_t *
put_tail(uint8_t *to, const uint8_t *s, size_t n, unsigned *high)
{
	for (size_t i = 0; i < n; i++) {
		*high |= s[i] & 128U;
		if (json_escapes[s[i]])
			to = json_put_escape(to, s[i]);
		else
			*to++ = s[i];
	}
	return to;
}

/* A text in quotes; NULL: it is not UTF-8. */
static __attribute__((noinline)) uint8_t *
put_any_text(uint8_t *to, const uint8_t *s, size_t n, const uint8_t *end)
{
	const uint8_t *text = s;
	size_t left = n;
	unsigned any_high = 0;
	*to++ = '"';
	while (left > 0) {
		if (end - s < STEP) {
			to = put_tail(to, s, left, &any_high);
			break;
		}
		size_t step = left < STEP ? left : STEP;
		unsigned high, all = (1U << step) - 1, odd = copy_step(to, s, &high) & all;
		any_high |= high & all;
		if (odd == 0) {
			to += step;
			s += step;
			left -= step;
			continue;
		}
		unsigned plain = (unsigned)__builtin_ctz(odd);
		to = json_put_escape(to + plain, s[plain]);
		s += plain + 1;
		left -= plain + 1;
	}
	*to++ = '"';
	return any_high && !mp_is_utf8(text, n) ? NULL : to;
}

static inline uint8_t *
put_text(uint8_t *to, const uint8_t *s, size_t n, const uint8_t *end)
{
	unsigned high;
	if (n > STEP || end - s < STEP)
		return put_any_text(to, s, n, end);
	unsigned all = (1U << n) - 1;
	if (((copy_step(to + 1, s, &high) | high) & all) != 0)
		return put_any_text(to, s, n, end);
	to[0] = to[n + 1] = '"'; /* nearly every key, and most texts */
	return to + n + 2;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool value(struct quick *q);

/* The n bytes of a text behind a header of so many. */
static inline bool
text(struct quick *q, size_t header, size_t n)
{
	if (header + n > (size_t)(q->end - q->at))
		return false;
	uint8_t *to = put_text(q->to, q->at + header, n, q->end);
	if (!to)
		return false;
	q->to = to;
	q->at += header + n;
	return true;
}

static inline bool
key(struct quick *q)
{
	size_t left = (size_t)(q->end - q->at);
	if (left < 2 || q->at[1] == '$')
		return false;
	if ((*q->at & 0xe0) == 0xa0)
		return text(q, 1, *q->at & 31U);
	return *q->at == 0xd9 && left > 2 && q->at[2] != '$' && text(q, 2, q->at[1]);
}

static bool
object(struct quick *q, uint32_t pairs)
{
	*q->to++ = '{';
	for (uint32_t i = 0; i < pairs; i++) {
		if (i)
			*q->to++ = ',';
		if (!key(q))
			return false;
		*q->to++ = ':';
		if (!value(q))
			return false;
	}
	*q->to++ = '}';
	return true;
}

static bool
array(struct quick *q, uint32_t items)
{
	*q->to++ = '[';
	for (uint32_t i = 0; i < items; i++) {
		if (i)
			*q->to++ = ',';
		if (!value(q))
			return false;
	}
	*q->to++ = ']';
	return true;
}

static inline bool
number(struct quick *q, size_t taken, uint64_t size, bool negative)
{
	q->at += taken;
	if (negative)
		*q->to++ = '-';
	if (size < 10)
		*q->to++ = (uint8_t)('0' + size);
	else
		q->to = json_put_uint(q->to, size);
	return true;
}

static inline bool
negative_or_not(struct quick *q, size_t taken, int64_t v)
{
	return number(q, taken, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0);
}

static bool
word(struct quick *q, const char *w, size_t n)
{
	memcpy(q->to, w, n);
	q->to += n;
	q->at++;
	return true;
}

static bool
number_64(struct quick *q)
{
	uint64_t bits = get_u64be(q->at + 1);
	if (*q->at == 0xcf)
		return number(q, 9, bits, false);
	if (*q->at == 0xd3)
		return negative_or_not(q, 9, (int64_t)bits);
	double v = double_of_bits(bits);
	if (!isfinite(v))
		return false;
	q->to += double_text_marked((char *)q->to, v);
	q->at += 9;
	return true;
}

static bool
bin(struct quick *q)
{
	size_t n = q->at[1];
	if (n + 2 > (size_t)(q->end - q->at))
		return false;
	memcpy(q->to, "{\"$bin\":\"", 9);
	q->to = json_put_base64(q->to + 9, q->at + 2, n);
	memcpy(q->to, "\"}", 2);
	q->to += 2;
	q->at += 2 + n;
	return true;
}

/* Recursion is as deep as maps and arrays lie in one another: who reads an event has bounded that. */
static bool
value(struct quick *q)
{
	/* How many bytes what begins with 0xc0 and what follows has in front of its content, or in all. */
	static const uint8_t needed[32] = {
	    1, 1, 1, 1, 2, 3, 5, 3, 4, 6, 5, 9, 2, 3, 5, 9, 2, 3, 5, 9, 3, 4, 6, 10, 18, 2, 3, 5, 3, 5, 3, 5};
	size_t left = (size_t)(q->end - q->at);
	if (left == 0)
		return false;
	uint8_t b = *q->at;
	if ((b & 0xe0) == 0xa0)
		return text(q, 1, b & 31U);
	if (b < 0x80)
		return number(q, 1, b, false);
	if (b < 0x90) {
		q->at++;
		return object(q, b & 15);
	}
	if (b < 0xa0) {
		q->at++;
		return array(q, b & 15);
	}
	if (b >= 0xe0)
		return negative_or_not(q, 1, (int8_t)b);
	if (left < needed[b & 31])
		return false;
	const uint8_t *v = q->at + 1;
	switch (b) {
	case 0xcb:
	case 0xcf:
	case 0xd3:
		return number_64(q);
	case 0xd9:
		return text(q, 2, *v);
	case 0xda:
		return text(q, 3, get_u16be(v));
	case 0xc0:
		return word(q, "null", 4);
	case 0xc2:
		return word(q, "false", 5);
	case 0xc3:
		return word(q, "true", 4);
	case 0xcc:
		return number(q, 2, *v, false);
	case 0xcd:
		return number(q, 3, get_u16be(v), false);
	case 0xce:
		return number(q, 5, get_u32be(v), false);
	case 0xd0:
		return negative_or_not(q, 2, (int8_t)*v);
	case 0xd1:
		return negative_or_not(q, 3, (int16_t)get_u16be(v));
	case 0xd2:
		return negative_or_not(q, 5, (int32_t)get_u32be(v));
	case 0xc4:
		return bin(q);
	case 0xde:
		q->at += 3;
		return object(q, get_u16be(v));
	case 0xdc:
		q->at += 3;
		return array(q, get_u16be(v));
	default: /* the rare ones */
		return false;
	}
}

bool
json_quick(struct bytes whole, struct buf *out)
{
	if (whole.n == 0 || whole.n > LONG)
		return false;
	uint8_t *to = buf_reserve(out, PER_BYTE * whole.n + BEHIND);
	if (!to)
		return false;
	struct quick q = {whole.p, whole.p + whole.n, to};
	if (!value(&q))
		return false;
	out->len += (size_t)(q.to - to);
	return true;
}
