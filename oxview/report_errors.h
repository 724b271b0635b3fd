/* SPDX-License-Identifier: ISC */
/*
 * report_errors: events that tell of something that went wrong, by fingerprint (fault.h), as --errors has them.  Groups past
 * ERRORS_GROUPS are only counted.
 */
#ifndef BLUEOX_OXVIEW_REPORT_ERRORS_H
#define BLUEOX_OXVIEW_REPORT_ERRORS_H

#include <stdbool.h>

#include "libbx/core/event.h"
#include "oxview/fault.h"
#include "oxview/out.h"
#include "oxview/symbolize.h"

enum {
	ERRORS_GROUPS = 200,
	ERRORS_NAMES = 8,   /* hosts, and types, that a group names */
	ERRORS_SAMPLES = 3, /* the first, and the last ones */
	ERRORS_SAMPLE_BYTES = 16 * 1024,
};

struct error_names {
	char *names[ERRORS_NAMES]; /* owned */
	size_t count;
	bool more;
};

struct error_sample {
	uint8_t *bytes; /* owned */
	size_t n;
};

struct error_group {
	char print[FAULT_PRINT_MAX + 1];
	uint64_t count;
	double first, last; /* NaN: no time */
	struct error_names hosts, types;
	struct error_sample samples[ERRORS_SAMPLES];
	size_t sample_count;
};

struct report_errors {
	struct error_group *groups; /* owned */
	size_t count;
	uint64_t beyond;  /* events of groups that there was no room for */
	uint64_t unshown; /* events too large to be a group's sample */
	bool full;        /* out of memory */
};

bool report_errors_init(struct report_errors *e);
void report_errors_fini(struct report_errors *e);

/* `fault` is what fault_of() told of the event.  False: out of memory. */
bool report_errors_add(struct report_errors *e, const struct event *ev, const struct fault *fault);

/* `[{...},...]`, the most frequent first, in pieces that are safe to embed.  False: out of memory. */
bool report_errors_write(struct report_errors *e, struct symbolizer *symbols, struct out *out);

#endif
