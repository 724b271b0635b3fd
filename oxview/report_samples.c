/* SPDX-License-Identifier: ISC */
/* report_samples: see the header for the algorithm. */
#include "oxview/report_samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "oxview/report_json.h"

bool
report_samples_init(struct report_samples *s)
{
	*s = (struct report_samples){.random = 0x9e3779b97f4a7c15ULL, .w = 1};
	s->samples = calloc(SAMPLES, sizeof *s->samples);
	s->full = !s->samples;
	return !s->full;
}

void
report_samples_fini(struct report_samples *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->samples[i].bytes);
	free(s->samples);
	*s = (struct report_samples){0};
}

/* 0 < x < 1.  splitmix64 of Sebastiano Vigna. */
static double
draw(struct report_samples *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return ((double)((z ^ z >> 31) >> 12) + .5) / 0x1p52;
}

static void
choose_next(struct report_samples *s)
{
	s->w *= exp(log(draw(s)) / SAMPLES);
	double gap = floor(log(draw(s)) / log1p(-s->w)) + 1;
	s->next = gap < 1e18 ? s->came + (uint64_t)gap : UINT64_MAX;
}

static bool
put(struct sample *at, const struct event *ev, uint64_t number)
{
	uint8_t *bytes = realloc(at->bytes, ev->raw.n);
	if (!bytes)
		return false;
	memcpy(bytes, ev->raw.p, ev->raw.n);
	at->number = number;
	at->n = ev->raw.n;
	at->bytes = bytes;
	return true;
}

bool
report_samples_add(struct report_samples *s, const struct event *ev)
{
	bool room = s->count < SAMPLES;
	s->came++;
	if (s->full || (!room && s->came != s->next))
		return !s->full;
	if (ev->raw.n > SAMPLE_BYTES) {
		s->too_large++;
	} else {
		size_t at = room ? s->count : (size_t)(draw(s) * SAMPLES);
		s->full = !put(&s->samples[at], ev, s->came);
		s->count += room && !s->full;
	}
	if (s->count == SAMPLES)
		choose_next(s);
	return !s->full;
}

static int
by_number(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	return (x->number > y->number) - (x->number < y->number);
}

bool
report_samples_write(struct report_samples *s, struct out *out)
{
	struct buf json = {0};
	bool ok = true;
	if (s->count > 1)
		qsort(s->samples, s->count, sizeof *s->samples, by_number);
	buf_putc(&out->buf, '[');
	for (size_t i = 0; i < s->count && ok; i++) {
		struct event ev;
		event_parse(s->samples[i].bytes, s->samples[i].n, &ev);
		buf_clear(&json);
		report_event(&json, &ev);
		ok = json.err == BX_OK;
		buf_puts(&out->buf, i ? ",\n" : "");
		report_embed(&out->buf, json.data, json.len);
		out_done(out);
	}
	buf_putc(&out->buf, ']');
	buf_fini(&json);
	return ok;
}
