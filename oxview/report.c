/* SPDX-License-Identifier: ISC */
/* report: hands each event to its parts. */
#include "oxview/report.h"

#include <math.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "libbx/core/settings.h"
#include "oxview/fault.h"
#include "oxview/report_json.h"
#include "oxview/report_page.h"

bool
report_init(struct report *r)
{
	*r = (struct report){.events = 0};
	bool times = report_times_init(&r->times), groups = report_groups_init(&r->groups);
	bool errors = report_errors_init(&r->errors), samples = report_samples_init(&r->samples);
	return times && groups && errors && samples;
}

void
report_fini(struct report *r)
{
	report_times_fini(&r->times);
	report_groups_fini(&r->groups);
	report_errors_fini(&r->errors);
	report_samples_fini(&r->samples);
}

bool
report_add(struct report *r, const struct event *ev)
{
	struct fault fault;
	bool failed = fault_of(ev, &fault);
	if (r->again)
		return report_groups_add(&r->groups, ev, failed);
	r->events++;
	r->bytes += ev->raw.n;
	r->with_error += failed;
	return report_times_add(&r->times, ev, failed) && report_groups_add(&r->groups, ev, failed) &&
	       (!failed || report_errors_add(&r->errors, ev, &fault)) && report_samples_add(&r->samples, ev);
}

bool
report_again(struct report *r)
{
	r->again = !r->again && report_groups_again(&r->groups);
	return r->again;
}

/* ---- the data ---------------------------------------------------------------------------------------------------- */

static void
write_optional(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, ",\"%s\":", key);
	if (text)
		report_text_whole(out, (struct bytes){(const uint8_t *)text, strlen(text)});
	else
		buf_puts(out, "null");
}

static void
write_query(const struct report_head *head, struct buf *out)
{
	buf_puts(out, "\"query\":{\"types\":[");
	for (size_t i = 0; head->types && i < head->types->count; i++) {
		buf_puts(out, i ? "," : "");
		report_textz(out, head->types->items[i]);
	}
	buf_putc(out, ']');
	write_optional(out, "where", head->where);
	write_optional(out, "start_date", head->start_date);
	write_optional(out, "end_date", head->end_date);
	write_optional(out, "id", head->id);
	buf_printf(out, ",\"errors_only\":%s}", head->errors_only ? "true" : "false");
}

/* What is not in the page, in numbers; the page has the words. */
static void
write_limits(const struct report *r, const struct report_head *head, struct buf *out)
{
	const struct {
		const char *key;
		uint64_t value;
	} limits[] = {
	    {"samples", SAMPLES},
	    {"samples_too_large", r->samples.too_large},
	    {"groups", GROUPS_SLOWEST},
	    {"group_events", GROUP_EVENTS},
	    {"groups_let_go", r->again ? 0 : r->groups.let_go},
	    {"error_groups", ERRORS_GROUPS},
	    {"errors_beyond", r->errors.beyond},
	    {"errors_unshown", r->errors.unshown},
	    {"types_counted", TIMES_TYPES},
	    {"repeats", head->repeats},
	};
	buf_puts(out, "\"limits\":{");
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		buf_printf(out, "%s\"%s\":%llu", i ? "," : "", limits[i].key, (unsigned long long)limits[i].value);
	buf_putc(out, '}');
}

static void
write_numbers(const struct report *r, const struct report_head *head, struct buf *out)
{
	buf_puts(out, "{\"version\":\"" BX_VERSION "\",\"made\":");
	report_number(out, clock_seconds(head->made_ns));
	write_optional(out, "source", head->source);
	write_optional(out, "stopped", head->stopped);
	write_optional(out, "trouble", head->trouble);
	buf_printf(out, ",\"events\":%llu,\"with_error\":%llu,\"bytes\":%llu,", (unsigned long long)r->events,
	    (unsigned long long)r->with_error, (unsigned long long)r->bytes);
	write_query(head, out);
	buf_putc(out, ',');
	write_limits(r, head, out);
	buf_puts(out, ",\n");
}

bool
report_write_data(struct report *r, const struct report_head *head, struct out *out)
{
	struct buf json = {0};
	bool needs = r->errors.count > 0 && !head->symbols;
	struct symbolizer *own = needs ? symbolizer_new(head->symbols_wait_ns) : NULL;
	write_numbers(r, head, &json);
	bool ok = report_times_write(&r->times, &json) && json.err == BX_OK;
	if (ok)
		report_embed(&out->buf, json.data, json.len);
	buf_puts(&out->buf, ",\n\"groups\":");
	ok = ok && report_groups_write(&r->groups, out);
	buf_puts(&out->buf, ",\n\"errors\":");
	ok = ok && report_errors_write(&r->errors, own ? own : head->symbols, out);
	buf_puts(&out->buf, ",\n\"samples\":");
	ok = ok && report_samples_write(&r->samples, out);
	buf_puts(&out->buf, "}\n");
	symbolizer_free(&own);
	buf_fini(&json);
	return out_done(out) && ok;
}

bool
report_write_page(struct report *r, const struct report_head *head, struct out *out)
{
	report_page_head(&out->buf);
	bool ok = report_write_data(r, head, out);
	report_page_tail(&out->buf);
	return out_done(out) && ok;
}
