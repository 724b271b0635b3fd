/* SPDX-License-Identifier: ISC */
/*
 * report_samples: some of the events, each as likely as any other, in bounded memory.
 *
 * Vitter's reservoir (algorithm L of Kim-Hung Li: the number of events passed over is drawn, so most cost a subtraction).
 * The same events in the same order give the same samples.
 */
#ifndef BLUEOX_OXVIEW_REPORT_SAMPLES_H
#define BLUEOX_OXVIEW_REPORT_SAMPLES_H

#include <stdbool.h>

#include "libbx/core/event.h"
#include "oxview/out.h"

enum { SAMPLES = 400, SAMPLE_BYTES = 16 * 1024 };

struct sample {
	uint64_t number; /* which event it was */
	size_t n;
	uint8_t *bytes; /* owned */
};

struct report_samples {
	struct sample *samples; /* owned */
	size_t count;
	uint64_t came, next; /* the number of the next one that is taken */
	uint64_t random;
	double w;
	uint64_t too_large; /* that would have been samples */
	bool full;          /* out of memory */
};

bool report_samples_init(struct report_samples *s);
void report_samples_fini(struct report_samples *s);

/* False: out of memory. */
bool report_samples_add(struct report_samples *s, const struct event *ev);

/* `[...]`, in the order in which they came, in pieces that are safe to embed.  False: out of memory. */
bool report_samples_write(struct report_samples *s, struct out *out);

#endif
