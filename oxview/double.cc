/* SPDX-License-Identifier: ISC */
/* double: std::to_chars behind C names; neither throws nor allocates. */
#include "oxview/double.h"

#include <charconv>
#include <cmath>

/* Without an exponent where people would write none: the shortest form of 0.0009 is 9e-04. */
template <typename T>
static size_t
text(char *out, T value)
{
	T size = std::fabs(value);
	char *end = out + DOUBLE_TEXT;
	bool everyday = size >= static_cast<T>(1e-5) && size < static_cast<T>(1e15);
	std::to_chars_result r =
	    everyday ? std::to_chars(out, end, value, std::chars_format::fixed) : std::to_chars(out, end, value);
	return static_cast<size_t>(r.ptr - out);
}

extern "C" size_t
double_text(char *out, double value)
{
	return text(out, value);
}

extern "C" size_t
float_text(char *out, float value)
{
	return text(out, value);
}
