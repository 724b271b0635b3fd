/* SPDX-License-Identifier: ISC */
/* datetime: any text is a stretch of time or wrong; what was read can be written and read again. */
#include "libbx/core/datetime.h"
#include "tests/fuzz/fuzz.h"

static const int64_t now_ns = 1331634615123456789;

static void
is_a_stretch(const char *wrong, const struct datetime *when)
{
	MUST(wrong ? *wrong != '\0' : when->first_ns <= when->last_ns);
}

/* Microseconds survive. */
static void
can_be_written(const struct datetime *when)
{
	char text[DATETIME_TEXT];
	struct datetime again;
	int64_t us = when->first_ns / 1000;
	datetime_format((double)us / 1e6, text);
	MUST(memchr(text, '\0', sizeof text) != NULL);
	if (us < 0 || us > 4102444800000000) /* further away a double has no microseconds left */
		return;
	MUST(datetime_parse(text, now_ns, &again) == NULL);
	MUST(again.first_ns == us * 1000 && again.last_ns == again.first_ns);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	struct datetime when, local;
	MUST(text != NULL);
	memcpy(text, data, n);
	text[n] = '\0';
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	const char *wrong = datetime_parse(text, now_ns, &when),
		   *wrong_local = datetime_parse_local(text, now_ns, &local);
	MUST(!wrong == !wrong_local);
	is_a_stretch(wrong, &when);
	is_a_stretch(wrong_local, &local);
	if (!wrong)
		can_be_written(&when);
	free(text);
	return 0;
}
