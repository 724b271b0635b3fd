/* SPDX-License-Identifier: ISC */
/* oxctl_audit: where events went, and whether the sums agree; and what the rules have done. */
#include "oxd/oxctl.h"
#include "oxd/oxctl_answer.h"

static void
put_reasons(struct buf *out, struct cursor entry)
{
	struct cursor at;
	struct mp_token list;
	char reason[ANSWER_TEXT_MAX], rule[ANSWER_TEXT_MAX];
	if (!answer_find(entry, "reasons", &at) || !mp_next(&at, &list) || list.kind != MP_ARRAY)
		return;
	for (uint32_t i = 0; i < list.len; i++) {
		answer_find_text(at, "rule", rule);
		buf_printf(out, "%*s%10.0f  %s%s%s\n", 66, "", answer_number_or(at, "events", 0),
		    answer_find_text(at, "reason", reason), rule[0] ? ": " : "", rule);
		if (!mp_skip(&at))
			break;
	}
}

/* What is emitted and neither logged nor dropped is under way: in the ring, or in the journal. */
static void
put_entry(struct buf *out, struct cursor entry)
{
	char host[ANSWER_TEXT_MAX], program[ANSWER_TEXT_MAX];
	double emitted = answer_number_or(entry, "emitted", 0), logged = answer_number_or(entry, "logged", 0);
	logged += answer_number_or(entry, "forwarded", 0); /* one of the two */
	double dropped = answer_number_or(entry, "dropped", 0);
	bool relayed = emitted == 0 && dropped == 0; /* counted where it was emitted */
	buf_printf(out, "%-16.16s %-20.20s", answer_find_text(entry, "host", host),
	    answer_find_text(entry, "program", program));
	if (relayed)
		buf_printf(out, " %10s %10.0f %10s %10s\n", "-", logged, "-", "-");
	else
		buf_printf(out, " %10.0f %10.0f %10.0f %10.0f\n", emitted, logged, emitted - logged - dropped, dropped);
	put_reasons(out, entry);
}

static void
show_audit(struct buf *out, struct cursor answer, const struct oxctl *o)
{
	struct cursor at;
	struct mp_token list;
	(void)o;
	if (!answer_find(answer, "audit", &at) || !mp_next(&at, &list) || list.kind != MP_ARRAY)
		return;
	buf_puts(out, "Since ");
	answer_put_time(out, answer_number_or(answer, "since", 0));
	buf_printf(out, "\n%-16s %-20s %10s %10s %10s %10s  %s\n", "host", "program", "emitted", "logged", "under way",
	    "dropped", "reason");
	for (uint32_t i = 0; i < list.len; i++) {
		put_entry(out, at);
		if (!mp_skip(&at))
			break;
	}
}

int
oxctl_audit(const struct oxctl *o, char **words)
{
	if (words[0])
		return oxctl_usage("audit", words[0]);
	return oxctl_ask_plain(o, "AUDIT", OXCTL_LONG_MS, show_audit);
}

static void
put_rule(struct buf *out, struct cursor rule)
{
	static const char *const kinds[] = {"rule", "quota", "redact"};
	char text[ANSWER_TEXT_MAX];
	struct cursor at;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (answer_find(rule, kinds[i], &at))
			buf_printf(out, "%-6s %10.0f %10.0f  %s\n", kinds[i], answer_number_or(rule, "matched", 0),
			    answer_number_or(rule, "dropped", 0), answer_find_text(rule, kinds[i], text));
}

static void
show_rules(struct buf *out, struct cursor answer, const struct oxctl *o)
{
	struct cursor at;
	struct mp_token list;
	(void)o;
	if (!answer_find(answer, "rules", &at) || !mp_next(&at, &list) || list.kind != MP_ARRAY)
		return;
	buf_printf(out, "%-6s %10s %10s\n", "", "matched", "dropped");
	for (uint32_t i = 0; i < list.len; i++) {
		put_rule(out, at);
		if (!mp_skip(&at))
			break;
	}
}

int
oxctl_rules(const struct oxctl *o, char **words)
{
	if (words[0])
		return oxctl_usage("rules", words[0]);
	return oxctl_ask_plain(o, "RULES", OXCTL_LONG_MS, show_rules);
}
