/* SPDX-License-Identifier: ISC */
/* double: digits and a power of ten, written the way people do; neither throws nor allocates. */
#include "oxview/double.h"

#include <endian.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#define FMT_HEADER_ONLY
#include <fmt/format.h>

/*
 * Eight digits as eight bytes of a word, the first in the lowest.  All lanes of it are divided at once by multiplying and shifting, as in
 * Paul Khuong's "How to print integers really fast".
 */
static uint64_t
eight_digits(uint32_t v)
{
	uint64_t fours = v / 10000 | static_cast<uint64_t>(v % 10000) << 32;
	uint64_t hundreds = (fours * 10486) >> 20 & 0x7f0000007f;
	uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
	uint64_t tens = (twos * 103) >> 10 & 0x000f000f000f000f;
	return tens | (twos - 10 * tens) << 8;
}

static void
put_eight(char *to, uint64_t digits)
{
	uint64_t text = htole64(digits + 0x3030303030303030);
	std::memcpy(to, &text, sizeof text);
}

/* Writes the digits of v, of which there are 17 at most, and gives where they begin and end. */
static char *
digits_of(char buffer[24], uint64_t v, char **end)
{
	const uint32_t eight = 100000000;
	uint64_t last = eight_digits(static_cast<uint32_t>(v % eight));
	put_eight(buffer + 16, last);
	*end = buffer + 24;
	if (v < eight)
		return last ? buffer + 16 + __builtin_ctzll(last) / 8 : buffer + 23;
	v /= eight;
	uint64_t before = eight_digits(static_cast<uint32_t>(v % eight));
	put_eight(buffer + 8, before);
	if (v < eight)
		return buffer + 8 + __builtin_ctzll(before) / 8;
	buffer[7] = static_cast<char>('0' + v / eight);
	return buffer + 7;
}

/* Without an exponent, where people would write none: the shortest form of 0.0009 is 9e-04. */
template <typename T>
static size_t
everyday_text(char *out, T size, bool marked)
{
	auto decimal = fmt::detail::dragonbox::to_decimal(size);
	char buffer[24], *end, *digits = digits_of(buffer, decimal.significand, &end);
	int n = static_cast<int>(end - digits), whole = n + decimal.exponent; /* digits in front of the point */
	char *to = out;
	if (whole <= 0) {
		*to++ = '0';
		*to++ = '.';
		for (int i = whole; i < 0; i++)
			*to++ = '0';
		std::memcpy(to, digits, n);
		return static_cast<size_t>(to + n - out);
	}
	if (whole < n) {
		std::memcpy(to, digits, whole);
		to[whole] = '.';
		std::memcpy(to + whole + 1, digits + whole, n - whole);
		return static_cast<size_t>(to + n + 1 - out);
	}
	std::memcpy(to, digits, n);
	std::memset(to + n, '0', whole - n);
	to += whole;
	if (marked) {
		*to++ = '.';
		*to++ = '0';
	}
	return static_cast<size_t>(to - out);
}

template <typename T>
static size_t
text(char *out, T value, bool marked)
{
	T size = std::fabs(value);
	if (size >= static_cast<T>(1e-5) && size < static_cast<T>(1e15)) {
		*out = '-';
		bool negative = value < 0;
		return negative + everyday_text(out + negative, size, marked);
	}
	char *end = std::to_chars(out, out + DOUBLE_TEXT, value).ptr;
	if (marked && !std::memchr(out, '.', end - out) && !std::memchr(out, 'e', end - out)) {
		*end++ = '.';
		*end++ = '0';
	}
	return static_cast<size_t>(end - out);
}

extern "C" size_t
double_text(char *out, double value)
{
	return text(out, value, false);
}

extern "C" size_t
float_text(char *out, float value)
{
	return text(out, value, false);
}

extern "C" size_t
double_text_marked(char *out, double value)
{
	return text(out, value, true);
}

extern "C" size_t
float_text_marked(char *out, float value)
{
	return text(out, value, true);
}
