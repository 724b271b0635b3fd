/* SPDX-License-Identifier: ISC */
/*
 * oxctl_top: what an oxd does now: STATUS twice, and what has grown in between.
 *
 * On a terminal it repaints until it is interrupted or the oxd goes; elsewhere, and with --json, a block or a line each
 * time, --count of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "oxd/json.h"
#include "oxd/oxctl.h"
#include "oxd/oxctl_answer.h"
#include "oxd/oxctl_link.h"
#include "oxd/say.h"

enum { NAMES_SHOWN = 20 };

struct sample {
	struct buf answer;
	int64_t at_ns;
};

static struct cursor
content(const struct sample *s)
{
	struct cursor c;
	cursor_init(&c, s->answer.data, s->answer.len);
	return c;
}

static double
counter(const struct sample *s, const char *name)
{
	struct cursor counters;
	return answer_find(content(s), "counters", &counters) ? answer_number_or(counters, name, 0) : 0;
}

/* A second of it; counters start anew with the oxd. */
static double
rate(const struct sample *before, const struct sample *now, const char *name)
{
	double grown = counter(now, name) - counter(before, name);
	double seconds = (double)(now->at_ns - before->at_ns) / 1e9;
	return grown > 0 && seconds > 0 ? grown / seconds : 0;
}

/* Counters that have grown, with what a second of it is. */
static void
put_grown(struct buf *out, const struct sample *before, const struct sample *now)
{
	struct cursor at;
	struct mp_token map, name, value;
	char text[ANSWER_TEXT_MAX];
	if (!answer_find(content(now), "counters", &at) || !mp_next(&at, &map) || map.kind != MP_MAP)
		return;
	for (uint32_t i = 0; i < map.len && mp_next(&at, &name) && mp_next(&at, &value); i++) {
		double each = rate(before, now, answer_text(&name, text));
		if (value.kind == MP_UINT && each > 0)
			buf_printf(out, "  %-28s %14.1f/s %16" PRIu64 "\n", text, each, value.u);
	}
}

/* Types or hosts whose newest event has changed since the sample before. */
static void
put_active(struct buf *out, const struct sample *before, const struct sample *now, const char *which)
{
	struct cursor at, old;
	struct mp_token map, name;
	char text[ANSWER_TEXT_MAX];
	int shown = 0;
	if (!answer_find(content(now), which, &at) || !mp_next(&at, &map) || map.kind != MP_MAP)
		return;
	buf_printf(out, "%s:", which);
	bool had = answer_find(content(before), which, &old);
	for (uint32_t i = 0; i < map.len && mp_next(&at, &name); i++) {
		struct cursor same;
		double last = answer_number_or(at, "last", 0), was = -1;
		if (had && answer_find(old, answer_text(&name, text), &same))
			was = answer_number_or(same, "last", -1);
		if (last != was && shown++ < NAMES_SHOWN)
			buf_printf(out, " %s", answer_text(&name, text));
		if (!mp_skip(&at))
			break;
	}
	if (shown > NAMES_SHOWN)
		buf_printf(out, " and %d more", shown - NAMES_SHOWN);
	buf_puts(out, shown ? "\n" : " none\n");
}

static void
show(struct buf *out, const struct oxctl *o, const struct sample *before, const struct sample *now)
{
	char state[ANSWER_TEXT_MAX];
	double in =
	    rate(before, now, "ring_events") + rate(before, now, "push_events") + rate(before, now, "relay_events");
	buf_printf(out, "%s  state: %s\n", o->host, answer_find_text(content(now), "state", state));
	buf_printf(out, "in %.0f/s  logged %.0f/s  journal %.2f MB/s  log %.2f MB/s  lag %.3f s\n", in,
	    rate(before, now, "log_events"), rate(before, now, "journal_bytes") / 1e6,
	    rate(before, now, "log_bytes") / 1e6, answer_number_or(content(now), "lag", 0));
	put_active(out, before, now, "hosts");
	put_active(out, before, now, "events");
	put_grown(out, before, now);
}

static void
show_json(struct buf *out, const struct sample *before, const struct sample *now)
{
	struct cursor at;
	struct mp_token map, name, value;
	char text[ANSWER_TEXT_MAX];
	bool any = false;
	buf_printf(out, "{\"seconds\":%.3f,\"state\":", (double)(now->at_ns - before->at_ns) / 1e9);
	answer_find_text(content(now), "state", text);
	json_add_text(out, text, strlen(text));
	buf_puts(out, ",\"rates\":{");
	if (answer_find(content(now), "counters", &at) && mp_next(&at, &map) && map.kind == MP_MAP) {
		for (uint32_t i = 0; i < map.len && mp_next(&at, &name) && mp_next(&at, &value); i++) {
			answer_text(&name, text);
			if (any)
				buf_putc(out, ',');
			any = true;
			json_add_text(out, text, strlen(text));
			buf_printf(out, ":%.3f", rate(before, now, text));
		}
	}
	buf_puts(out, "}}\n");
}

static bool
take_sample(struct oxctl_link *link, struct sample *s)
{
	struct buf request = {0};
	mp_add_map(&request, 1);
	mp_pair_text(&request, "cmd", "STATUS");
	bool ok = oxctl_link_ask(link, &request, OXCTL_SOON_MS, &s->answer);
	s->at_ns = clock_mono_ns();
	buf_fini(&request);
	return ok;
}

static int
watch(struct oxctl_link *link, const struct oxctl *o)
{
	struct sample samples[2] = {{{0}, 0}, {{0}, 0}};
	struct timespec pause = {o->interval_ns / 1000000000, o->interval_ns % 1000000000};
	bool repaint = !o->json && isatty(STDOUT_FILENO);
	bool ok = take_sample(link, &samples[0]);
	int printed = 0;
	for (uint64_t i = 1; ok && printed == 0 && (o->count == 0 || i <= o->count); i++) {
		struct buf out = {0};
		nanosleep(&pause, NULL);
		ok = take_sample(link, &samples[i % 2]);
		if (!ok)
			break;
		if (repaint)
			buf_puts(&out, "\033[H\033[2J");
		if (o->json)
			show_json(&out, &samples[(i + 1) % 2], &samples[i % 2]);
		else
			show(&out, o, &samples[(i + 1) % 2], &samples[i % 2]);
		printed = oxctl_print(&out);
	}
	if (!ok)
		say(SAY_ERROR, "%s answers no more", o->host);
	buf_fini(&samples[0].answer);
	buf_fini(&samples[1].answer);
	return ok ? printed : 1;
}

int
oxctl_top(const struct oxctl *o, char **words)
{
	struct oxctl_link link;
	if (words[0])
		return oxctl_usage("top", words[0]);
	int status = oxctl_link_open(&link, o);
	if (status != 0)
		return status;
	status = watch(&link, o);
	oxctl_link_close(&link);
	return status;
}
