/* SPDX-License-Identifier: ISC */
/* event_cost_lttng: the events of event_cost as tracepoints of LTTng-UST.  Read many times over, as its macros want it. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER bx_bench
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "tests/bench/event_cost_lttng.h"

#if !defined(BLUEOX_TESTS_EVENT_COST_LTTNG_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BLUEOX_TESTS_EVENT_COST_LTTNG_H

#include <lttng/tracepoint.h>

/* clang-format off */
LTTNG_UST_TRACEPOINT_EVENT(bx_bench, three_fields,
	LTTNG_UST_TP_ARGS(const char *, user, int, status, double, size),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_string(user, user)
		lttng_ust_field_integer(int, status, status)
		lttng_ust_field_float(double, size, size)))
/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>
