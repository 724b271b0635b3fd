/* SPDX-License-Identifier: ISC */
/* sample: finding the context that a decision hangs on, the number that it is compared with, and rules from outside. */
#include "libbx/sample.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/parse.h"
#include "libbx/root.h"

enum { RULES_MAX = 32, TEXT_MAX = 2048 };

struct rule {
	const char *pattern;
	struct bx_sample sample;
};

/* Written while recording is turned on for the first time, constant since. */
bool sample_has_rules;
static struct rule rules[RULES_MAX];
static int rule_count;
static char rule_text[TEXT_MAX];

/* ---- deciding ---- */

static bool
is_name(const struct lineage *line, const char *name)
{
	return strnlen(name, NAME_MAX_LEN + 1) == line->name_len && memcmp(line->name, name, line->name_len) == 0;
}

static const struct lineage *
outermost(struct thread *t)
{
	const struct lineage *root = root_line(t);
	const struct ctx *c = t->current;
	while (c && c->below)
		c = c->below;
	return root || !c ? root : &c->line;
}

static const struct lineage *
open_named(struct thread *t, const char *name)
{
	for (const struct ctx *c = t->current; c; c = c->below)
		if (is_name(&c->line, name))
			return &c->line;
	const struct lineage *root = root_line(t);
	return root && is_name(root, name) ? root : NULL;
}

/* What the decision hangs on; NULL: the context itself. */
static const struct lineage *
decided_by(struct thread *t, const char *scope, const struct lineage *line, const struct lineage *parent)
{
	if (scope[0] == '\0' || strcmp(scope, ".") == 0 || is_name(line, scope))
		return NULL;
	if (strcmp(scope, "..") == 0)
		return parent;
	if (strcmp(scope, "^") == 0)
		return outermost(t);
	return open_named(t, scope);
}

static double
number_for(const struct lineage *base, const struct lineage *line)
{
	uint64_t h = XXH3_64bits_withSeed(line->name, line->name_len, base->span);
	return (double)(h >> 11) * 0x1.0p-53;
}

static const struct bx_sample *
rule_for(const struct lineage *line)
{
	for (int i = 0; i < rule_count; i++)
		if (name_glob(rules[i].pattern, line->name, line->name_len))
			return &rules[i].sample;
	return NULL;
}

bool
sample_decide(struct thread *t, const struct bx_sample *asked, const struct lineage *line, const struct lineage *parent)
{
	const struct bx_sample *rule = sample_has_rules ? rule_for(line) : NULL;
	const struct bx_sample *by = rule ? rule : asked;
	if (!by->scope || by->rate != by->rate) /* nobody asks, or the rate is no number */
		return true;
	const struct lineage *base = decided_by(t, by->scope, line, parent);
	if (!base)
		return rand_unit(&t->rand) < by->rate;
	return base->recorded && number_for(base, line) < by->rate;
}

/* ---- BLUEOX_SAMPLE ---- */

/* 0, 1, 0.25, .5, 25%: at most 1.  Without strtod, whose decimal point depends on the locale. */
static bool
read_rate(const char *s, double *out)
{
	double value = 0, unit = 1;
	int digits = 0;
	for (; *s >= '0' && *s <= '9'; s++, digits++)
		value = 10 * value + (*s - '0');
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, digits++)
			value += (*s - '0') * (unit /= 10);
	if (*s == '%') {
		value /= 100;
		s++;
	}
	if (digits == 0 || digits > 30 || *s || value > 1)
		return false;
	*out = value;
	return true;
}

/* GLOB=RATE or GLOB=FORM:RATE. */
static bool
read_rule(char *entry, struct rule *rule)
{
	char *equals = strchr(entry, '=');
	if (!equals)
		return false;
	*equals = '\0';
	char *colon = strrchr(equals + 1, ':');
	char *rate = parse_trim(colon ? colon + 1 : equals + 1);
	if (colon)
		*colon = '\0';
	rule->pattern = parse_trim(entry);
	rule->sample.scope = colon ? parse_trim(equals + 1) : ".";
	return *rule->pattern && *rule->sample.scope && read_rate(rate, &rule->sample.rate);
}

bool
sample_read_rules(const char *text)
{
	bool good = true;
	rule_count = 0;
	if (text && strlen(text) >= sizeof rule_text)
		return false;
	if (text)
		strcpy(rule_text, text);
	char *rest = text ? rule_text : NULL;
	while (rest) {
		char *entry = strsep(&rest, ",");
		if (*parse_trim(entry) == '\0')
			continue;
		if (rule_count < RULES_MAX && read_rule(entry, &rules[rule_count]))
			rule_count++;
		else
			good = false;
	}
	sample_has_rules = rule_count > 0;
	return good;
}
