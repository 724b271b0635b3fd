/* SPDX-License-Identifier: ISC */
/* rules: the words of a rule, and the order of deciding: rule, quota, redaction. */
#include "oxd/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/filter.h"
#include "libbx/core/mp.h"
#include "libbx/core/name.h"
#include "oxd/quota.h"
#include "oxd/redact.h"

enum rule_verdict { RULE_KEEP, RULE_DROP, RULE_SAMPLE };

struct rule {
	const char *text; /* owned by rules */
	char glob[256];
	struct filter *where; /* owned; NULL: always */
	enum rule_verdict verdict;
	uint64_t below; /* SAMPLE: kept where the hash of the id is below */
	uint64_t matched, dropped;
};

struct rules {
	struct rule *rules;
	size_t rule_count;
	struct quota *quotas;
	size_t quota_count;
	struct redact redact;
	struct redact_pattern *patterns;
	struct filter *has_error;
	char **texts; /* owned copies of everything that was given */
	size_t text_count;
	struct buf rewritten;
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static char *
keep_copy(struct rules *r, const char *text)
{
	char **grown = realloc(r->texts, (r->text_count + 1) * sizeof *grown);
	if (!grown)
		abort();
	r->texts = grown;
	char *copy = strdup(text);
	if (!copy)
		abort();
	r->texts[r->text_count++] = copy;
	return copy;
}

static const char *
skip_spaces(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* Behind the last colon.  NULL when it is well formed, else what is wrong with it. */
static const char *
read_verdict(struct rule *rule, const char *text)
{
	char word[16] = "", more[64] = "", rest[2] = "";
	double rate;
	char *end;
	int words = sscanf(text, "%15s %63s %1s", word, more, rest);
	if (words == 1 && (strcmp(word, "keep") == 0 || strcmp(word, "drop") == 0)) {
		rule->verdict = word[0] == 'k' ? RULE_KEEP : RULE_DROP;
		return NULL;
	}
	if (words == 2 && strcmp(word, "sample") == 0) {
		rate = strtod(more, &end);
		if (*end == '%' && end[1] == '\0')
			rate /= 100;
		else if (*end != '\0')
			return "the rate after 'sample' is no number";
		if (!(rate >= 0 && rate <= 1))
			return "the rate after 'sample' must be from 0 to 1";
		rule->verdict = RULE_SAMPLE;
		rule->below = rate >= 1 ? UINT64_MAX : (uint64_t)(rate * 18446744073709551616.0);
		return NULL;
	}
	if (words == 2 && strcmp(word, "to") == 0)
		return "there is no sink of that name";
	return "after the last colon stands 'keep', 'drop' or 'sample RATE'";
}

static bool
read_rule(struct rule *rule, const char *text, int64_t now_ns, char *why, size_t cap)
{
	*rule = (struct rule){.text = text};
	const char *colon = strrchr(text, ':');
	const char *start = skip_spaces(text);
	size_t glob_n = strcspn(start, " \t:");
	if (!colon) {
		snprintf(why, cap, "is not TYPEGLOB [where FILTER] : VERDICT");
		return false;
	}
	if (glob_n == 0 || glob_n >= sizeof rule->glob) {
		snprintf(why, cap, "does not start with a type pattern");
		return false;
	}
	memcpy(rule->glob, start, glob_n);
	const char *wrong = read_verdict(rule, colon + 1);
	if (wrong) {
		snprintf(why, cap, "%s", wrong);
		return false;
	}
	const char *rest = skip_spaces(start + glob_n);
	if (rest == colon)
		return true;
	if (strncmp(rest, "where", 5) != 0 || (rest[5] != ' ' && rest[5] != '\t' && rest[5] != '(')) {
		snprintf(why, cap, "column %d: after the type pattern stands 'where' or ':'", (int)(rest - text) + 1);
		return false;
	}
	struct filter_error err;
	rest += 5;
	rule->where = filter_parse(rest, (size_t)(colon - rest), now_ns, &err);
	if (!rule->where)
		snprintf(why, cap, "column %d: %s", (int)(rest - text) + (int)err.column, err.text);
	return rule->where != NULL;
}

struct reading {
	struct rules *rules;
	rules_wrong *wrong;
	void *arg;
	bool bad;
};

static void
tell(struct reading *g, const struct setting_list *list, size_t item, const char *why)
{
	g->bad = true;
	if (g->wrong)
		g->wrong(g->arg, list, item, why);
}

static void *
room_for(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);
	if (!p)
		abort();
	return p;
}

static void
read_rules(struct reading *g, const struct setting_list *list, int64_t now_ns)
{
	struct rules *r = g->rules;
	char why[256];
	r->rules = room_for(list->count, sizeof *r->rules);
	for (size_t i = 0; i < list->count; i++) {
		if (!read_rule(&r->rules[i], keep_copy(r, list->items[i]), now_ns, why, sizeof why))
			tell(g, list, i, why);
		r->rule_count++;
	}
}

static void
read_quotas(struct reading *g, const struct setting_list *list)
{
	struct rules *r = g->rules;
	r->quotas = room_for(list->count, sizeof *r->quotas);
	for (size_t i = 0; i < list->count; i++) {
		const char *wrong = quota_init(&r->quotas[i], keep_copy(r, list->items[i]));
		if (wrong)
			tell(g, list, i, wrong);
		r->quota_count++;
	}
}

/* Several patterns may stand in one text, with commas between them. */
static void
read_redact(struct reading *g, const struct setting_list *list)
{
	struct rules *r = g->rules;
	size_t most = 0;
	for (size_t i = 0; i < list->count; i++) /* a pattern and what parts it from the next are two bytes at least */
		most += strlen(list->items[i]) / 2 + 1;
	r->patterns = room_for(most, sizeof *r->patterns);
	for (size_t i = 0; i < list->count; i++) {
		char *save = NULL, *copy = keep_copy(r, list->items[i]);
		for (char *word = strtok_r(copy, ", \t", &save); word; word = strtok_r(NULL, ", \t", &save)) {
			if (strncmp(word, "body.", 5) != 0 && word[0] != '*')
				tell(g, list, i, "only fields of the body can be taken out: body.NAME or *.NAME");
			r->patterns[r->redact.count++] = (struct redact_pattern){.glob = word};
		}
	}
	r->redact.patterns = r->patterns;
}

struct rules *
rules_new(const struct rules_config *config, int64_t now_ns, rules_wrong *wrong, void *arg)
{
	static const char error_text[] = "error != nil";
	struct filter_error err;
	struct rules *r = room_for(1, sizeof *r);
	struct reading g = {.rules = r, .wrong = wrong, .arg = arg};
	read_rules(&g, &config->rules, now_ns);
	read_quotas(&g, &config->quotas);
	read_redact(&g, &config->redact);
	r->has_error = filter_parse(error_text, sizeof error_text - 1, now_ns, &err);
	if (g.bad || !r->has_error || r->rule_count + r->quota_count + r->redact.count == 0)
		rules_free(&r);
	return r;
}

void
rules_free(struct rules **rp)
{
	struct rules *r = *rp;
	if (!r)
		return;
	for (size_t i = 0; i < r->rule_count; i++)
		filter_free(&r->rules[i].where);
	for (size_t i = 0; i < r->quota_count; i++)
		quota_fini(&r->quotas[i]);
	for (size_t i = 0; i < r->text_count; i++)
		free(r->texts[i]);
	filter_free(&r->has_error);
	redact_fini(&r->redact);
	buf_fini(&r->rewritten);
	free(r->rules);
	free(r->quotas);
	free(r->patterns);
	free(r->texts);
	free(r);
	*rp = NULL;
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

/* The same on every host and in every release, so that a group that crosses hosts stays or goes as one. */
static uint64_t
hash_of_group(struct bytes map)
{
	struct event ev;
	if (event_parse(map.p, map.n, &ev) != BX_OK || !ev.id_raw.p)
		return XXH3_64bits(map.p, map.n); /* of no group */
	return ev.id.p ? XXH3_64bits(ev.id.p, ev.id.n) : XXH3_64bits(ev.id_raw.p, ev.id_raw.n);
}

static bool
rule_keeps(struct rules *r, struct rule *rule, struct bytes map)
{
	switch (rule->verdict) {
	case RULE_KEEP:
		return true;
	case RULE_DROP:
		return false;
	default:
		return rule->below == UINT64_MAX || hash_of_group(map) < rule->below ||
		       filter_match(r->has_error, map.p, map.n);
	}
}

static const struct rule *
dropping_rule(struct rules *r, const struct frame_event *ev)
{
	for (size_t i = 0; i < r->rule_count; i++) {
		struct rule *rule = &r->rules[i];
		if (!name_glob(rule->glob, (const char *)ev->type.p, ev->type.n) ||
		    (rule->where && !filter_match(rule->where, ev->map.p, ev->map.n)))
			continue;
		rule->matched++;
		if (rule_keeps(r, rule, ev->map))
			return NULL;
		rule->dropped++;
		return rule;
	}
	return NULL;
}

struct rules_verdict
rules_take(struct rules *r, const struct frame_event *ev, const char *program, int64_t now_ns, struct buf *frame,
    size_t frame_at)
{
	const struct rule *rule = dropping_rule(r, ev);
	if (rule)
		return (struct rules_verdict){"rule", rule->text};
	for (size_t i = 0; i < r->quota_count; i++)
		if (!quota_takes(&r->quotas[i], ev->type, program, now_ns))
			return (struct rules_verdict){"quota", r->quotas[i].text};
	struct bytes map = ev->map;
	if (r->redact.count) {
		buf_clear(&r->rewritten);
		if (redact_event(&r->redact, map, &r->rewritten))
			map = (struct bytes){r->rewritten.data, r->rewritten.len};
		if (r->rewritten.err != BX_OK)
			abort(); /* neither the secret nor the event may be lost for want of memory */
	}
	frame_add(frame, frame_at, ev->type, ev->end, map);
	return (struct rules_verdict){NULL, NULL};
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void
encode_one(struct buf *out, const char *kind, const char *text, uint64_t matched, const char *what, uint64_t n)
{
	mp_add_map(out, 3);
	mp_pair_text(out, kind, text);
	mp_pair_uint(out, "matched", matched);
	mp_pair_uint(out, what, n);
}

void
rules_encode(const struct rules *r, struct buf *out)
{
	mp_add_array(out, r ? (uint32_t)(r->rule_count + r->quota_count + r->redact.count) : 0);
	for (size_t i = 0; r && i < r->rule_count; i++)
		encode_one(out, "rule", r->rules[i].text, r->rules[i].matched, "dropped", r->rules[i].dropped);
	for (size_t i = 0; r && i < r->quota_count; i++)
		encode_one(out, "quota", r->quotas[i].text, r->quotas[i].matched, "dropped", r->quotas[i].dropped);
	for (size_t i = 0; r && i < r->redact.count; i++)
		encode_one(out, "redact", r->patterns[i].glob, r->patterns[i].fields_taken, "dropped", 0);
}
