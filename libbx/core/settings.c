/* SPDX-License-Identifier: ISC */
/* settings: one store function a kind; the three sources differ only in where the text comes from. */
#include "libbx/core/settings.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/parse.h"

static bool
own(struct settings *s, void *p)
{
	void **grown = p ? realloc(s->owned, (s->owned_count + 1) * sizeof *grown) : NULL;
	if (!grown) {
		free(p);
		return false;
	}
	s->owned = grown;
	s->owned[s->owned_count++] = p;
	return true;
}

static const char *
keep_text(struct settings *s, const char *text)
{
	char *copy = strdup(text);
	return own(s, copy) ? copy : NULL;
}

/* ---- where values came from ------------------------------------------------------------------------------------- */

struct settings_origin {
	const struct setting *set;
	const char *where; /* owned by the settings */
};

static void
forget_origins(struct settings *s, const struct setting *set)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->origin_count; i++)
		if (s->origins[i].set != set)
			s->origins[kept++] = s->origins[i];
	s->origin_count = kept;
}

/* Without memory it is not known, which is a default's answer too. */
static void
note_origin(struct settings *s, const struct setting *set, const char *where)
{
	if (set->kind != SET_LIST)
		forget_origins(s, set);
	struct settings_origin *grown = realloc(s->origins, (s->origin_count + 1) * sizeof *grown);
	const char *kept = grown ? keep_text(s, where) : NULL;
	if (grown)
		s->origins = grown;
	if (kept)
		s->origins[s->origin_count++] = (struct settings_origin){set, kept};
}

const char *
settings_where(const struct settings *s, const char *name, size_t item)
{
	for (size_t i = 0; i < s->origin_count; i++)
		if (strcmp(s->origins[i].set->name, name) == 0 && item-- == 0)
			return s->origins[i].where;
	return NULL;
}

static bool
texts_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool
settings_equal(const struct settings *a, const struct settings *b, size_t i)
{
	const struct setting *set = &a->table[i];
	const char *x = (const char *)a->config + set->offset, *y = (const char *)b->config + set->offset;
	const struct setting_list *p = (const void *)x, *q = (const void *)y;
	switch (set->kind) {
	case SET_FLAG:
		return *(const bool *)x == *(const bool *)y;
	case SET_COUNT:
	case SET_CHOICE:
		return memcmp(x, y, sizeof(int)) == 0;
	case SET_TEXT:
		return texts_equal(*(const char *const *)(const void *)x, *(const char *const *)(const void *)y);
	case SET_LIST:
		for (size_t k = 0; p->count == q->count && k < p->count; k++)
			if (!texts_equal(p->items[k], q->items[k]))
				return false;
		return p->count == q->count;
	default:
		return memcmp(x, y, sizeof(uint64_t)) == 0;
	}
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool
list_add(struct settings *s, struct setting_list *list, const char *text)
{
	const char **items = calloc(list->count + 1, sizeof *items);
	if (items && list->count)
		memcpy(items, list->items, list->count * sizeof *items);
	if (!own(s, items))
		return false;
	items[list->count] = keep_text(s, text);
	list->items = items;
	list->count++;
	return items[list->count - 1] != NULL;
}

static const char *
store_choice(const struct setting *set, int *at, const char *text)
{
	for (int i = 0; set->choices[i]; i++) {
		if (strcmp(set->choices[i], text) == 0) {
			*at = i;
			return NULL;
		}
	}
	return "is none of the choices";
}

/* NULL, or what is wrong with the text. */
static const char *
store(struct settings *s, const struct setting *set, const char *text)
{
	void *at = (char *)s->config + set->offset;
	switch (set->kind) {
	case SET_FLAG:
		return parse_bool(text, at) ? NULL : "is not yes or no";
	case SET_COUNT: {
		uint64_t n;
		if (!parse_uint(text, &n) || n > 9)
			return "is not a number from 0 to 9";
		*(int *)at = (int)n;
		return NULL;
	}
	case SET_UINT:
		return parse_uint(text, at) ? NULL : "is not a number";
	case SET_SIZE:
		return parse_size(text, at) ? NULL : "is not a size such as 256k or 64m";
	case SET_DURATION:
		return parse_duration_ns(text, at) ? NULL : "is not a duration such as 250ms or 2s";
	case SET_TEXT:
		*(const char **)at = keep_text(s, text);
		return *(const char **)at ? NULL : "could not be kept: out of memory";
	case SET_LIST:
		return list_add(s, at, text) ? NULL : "could not be kept: out of memory";
	case SET_CHOICE:
		return store_choice(set, at, text);
	}
	return "is of an unknown kind";
}

static void
forget_list(struct settings *s, const struct setting *set)
{
	if (set->kind == SET_LIST)
		*(struct setting_list *)(void *)((char *)s->config + set->offset) = (struct setting_list){0};
	forget_origins(s, set);
}

bool
settings_init(struct settings *s, const struct setting *table, size_t count, const char *env_prefix, void *config)
{
	*s = (struct settings){.table = table, .count = count, .env_prefix = env_prefix, .config = config};
	for (size_t i = 0; i < count; i++)
		if (table[i].fallback && store(s, &table[i], table[i].fallback))
			return false;
	return true;
}

void
settings_fini(struct settings *s)
{
	for (size_t i = 0; i < s->owned_count; i++)
		free(s->owned[i]);
	free(s->owned);
	free(s->origins);
	*s = (struct settings){0};
}

static const struct setting *
find(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->table[i].name, name) == 0)
			return &s->table[i];
	return NULL;
}

static bool
file_line(struct settings *s, char *line, bool *seen, const char *where, char *err, size_t err_cap)
{
	char *text = parse_trim(line);
	if (*text == '\0' || *text == '#')
		return true;
	char *equals = strchr(text, '=');
	if (!equals) {
		snprintf(err, err_cap, "%s: expected 'name = value', not '%s'", where, text);
		return false;
	}
	*equals = '\0';
	char *name = parse_trim(text), *value = parse_trim(equals + 1);
	const struct setting *set = find(s, name);
	if (!set || set->argv_only) {
		snprintf(err, err_cap, "%s: no setting is called '%s'", where, name);
		return false;
	}
	if (!seen[set - s->table])
		forget_list(s, set);
	seen[set - s->table] = true;
	const char *wrong = store(s, set, value);
	if (wrong)
		snprintf(err, err_cap, "%s: %s '%s' %s", where, name, value, wrong);
	else
		note_origin(s, set, where);
	return !wrong;
}

/* Stops at the first mistake, which is then in err, unless there is somebody to tell each. */
static bool
read_file(struct settings *s, const char *path, settings_tell *tell, void *arg, char *err, size_t err_cap)
{
	FILE *f = fopen(path, "re");
	if (!f) {
		snprintf(err, err_cap, "%s: %s", path, strerror(errno));
		return false;
	}
	bool *seen = calloc(s->count + 1, sizeof *seen);
	char *line = NULL;
	size_t cap = 0;
	bool ok = seen != NULL;
	for (unsigned number = 1; (ok || tell) && seen && getline(&line, &cap, f) >= 0; number++) {
		char where[600];
		snprintf(where, sizeof where, "%.500s:%u", path, number);
		if (file_line(s, line, seen, where, err, err_cap))
			continue;
		ok = false;
		if (tell)
			tell(arg, err);
	}
	if (!seen) {
		snprintf(err, err_cap, "%s: out of memory", path);
	} else if ((ok || tell) && ferror(f)) { /* a directory opens, but does not read */
		snprintf(err, err_cap, "%s: %s", path, strerror(errno));
		if (tell)
			tell(arg, err);
		ok = false;
	}
	free(line);
	free(seen);
	fclose(f);
	return ok;
}

bool
settings_file(struct settings *s, const char *path, char *err, size_t err_cap)
{
	return read_file(s, path, NULL, NULL, err, err_cap);
}

bool
settings_file_all(struct settings *s, const char *path, settings_tell *tell, void *arg)
{
	char err[2048] = "";
	FILE *f = fopen(path, "re");
	if (!f) {
		snprintf(err, sizeof err, "%s: %s", path, strerror(errno));
		tell(arg, err);
		return false;
	}
	fclose(f);
	return read_file(s, path, tell, arg, err, sizeof err);
}

static void
env_name(const struct settings *s, const struct setting *set, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s%s", s->env_prefix, set->name);
	for (int i = (int)strlen(s->env_prefix); i < n && (size_t)i < cap; i++)
		out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

bool
settings_env(struct settings *s, char *err, size_t err_cap)
{
	for (size_t i = 0; s->env_prefix && i < s->count; i++) {
		const struct setting *set = &s->table[i];
		char name[128];
		env_name(s, set, name, sizeof name);
		const char *value = set->argv_only ? NULL : secure_getenv(name);
		if (!value)
			continue;
		forget_list(s, set);
		const char *wrong = store(s, set, value);
		if (wrong) {
			snprintf(err, err_cap, "environment: %s '%s' %s", name, value, wrong);
			return false;
		}
		char where[160];
		snprintf(where, sizeof where, "environment %s", name);
		note_origin(s, set, where);
	}
	return true;
}

enum { LONG_BASE = 1000 }; /* getopt_long codes: LONG_BASE + index in the table */

static bool
takes_value(const struct setting *set)
{
	return set->kind != SET_FLAG && set->kind != SET_COUNT;
}

static const struct setting *
setting_of_code(const struct settings *s, int code)
{
	if (code >= LONG_BASE)
		return &s->table[code - LONG_BASE];
	for (size_t i = 0; i < s->count; i++)
		if (s->table[i].letter == code)
			return &s->table[i];
	return NULL;
}

static void
getopt_tables(const struct settings *s, struct option *longs, char *shorts)
{
	if (s->command_follows)
		*shorts++ = '+';
	*shorts++ = ':'; /* tell a missing value from an unknown option, print nothing */
	for (size_t i = 0; i < s->count; i++) {
		const struct setting *set = &s->table[i];
		longs[i] = (struct option){
		    set->name, takes_value(set) ? required_argument : no_argument, NULL, LONG_BASE + (int)i};
		if (!set->letter)
			continue;
		*shorts++ = set->letter;
		if (takes_value(set))
			*shorts++ = ':';
	}
	*shorts = '\0';
}

static bool
take_option(struct settings *s, const struct setting *set, bool *seen, char *err, size_t err_cap)
{
	if (set->kind == SET_COUNT) {
		int *at = (int *)(void *)((char *)s->config + set->offset);
		*at = seen[set - s->table] ? *at + 1 : 1;
		seen[set - s->table] = true;
		return true;
	}
	if (!seen[set - s->table])
		forget_list(s, set);
	seen[set - s->table] = true;
	const char *wrong = store(s, set, takes_value(set) ? optarg : "yes");
	if (wrong)
		snprintf(err, err_cap, "--%s '%s' %s", set->name, optarg ? optarg : "", wrong);
	char where[80];
	snprintf(where, sizeof where, "--%s", set->name);
	if (!wrong)
		note_origin(s, set, where);
	return !wrong;
}

bool
settings_argv(struct settings *s, int argc, char **argv, char **rest, char *err, size_t err_cap)
{
	struct option *longs = calloc(s->count + 1, sizeof *longs);
	char *shorts = calloc(1, 2 * s->count + 3);
	bool *seen = calloc(s->count + 1, sizeof *seen);
	bool ok = longs && shorts && seen;
	if (!ok)
		snprintf(err, err_cap, "out of memory");
	else
		getopt_tables(s, longs, shorts);
	opterr = 0;
	optind = 0; /* glibc: start afresh */
	int code;
	while (ok && (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const char *word = argv[optind > 0 ? optind - 1 : 0];
		if (code == '?') {
			if (optopt >= LONG_BASE)
				snprintf(
				    err, err_cap, "option '--%s' takes no value", setting_of_code(s, optopt)->name);
			else if (optopt)
				snprintf(err, err_cap, "unknown option '-%c'", optopt);
			else
				snprintf(err, err_cap, "unknown option '%s'", word);
			ok = false;
		} else if (code == ':') {
			snprintf(err, err_cap, "option '%s' needs a value", word);
			ok = false;
		} else {
			ok = take_option(s, setting_of_code(s, code), seen, err, err_cap);
		}
	}
	int n = 0;
	for (int i = optind; ok && i < argc; i++)
		rest[n++] = argv[i];
	rest[n] = NULL;
	free(longs);
	free(shorts);
	free(seen);
	return ok;
}

static void
option_words(const struct setting *set, struct buf *out)
{
	if (set->letter)
		buf_printf(out, "-%c, ", set->letter);
	buf_printf(out, "--%s", set->name);
	if (takes_value(set))
		buf_printf(out, "=%s", set->value ? set->value : "VALUE");
}

static void
option_notes(const struct setting *set, struct buf *out)
{
	buf_puts(out, set->help);
	for (int i = 0; set->kind == SET_CHOICE && set->choices[i]; i++)
		buf_printf(out, "%s%s", i ? ", " : ": ", set->choices[i]);
	if (set->fallback && takes_value(set))
		buf_printf(out, " (default %s)", set->fallback);
	if (set->kind == SET_LIST)
		buf_puts(out, " (may be given more than once)");
}

void
settings_help(const struct settings *s, struct buf *out)
{
	for (size_t i = 0; i < s->count; i++) {
		size_t start = out->len;
		buf_puts(out, "  ");
		if (!s->table[i].letter)
			buf_puts(out, "    ");
		option_words(&s->table[i], out);
		if (out->len - start > 30)
			buf_printf(out, "\n%32s", "");
		else
			buf_printf(out, "%*s", (int)(32 - (out->len - start)), "");
		option_notes(&s->table[i], out);
		buf_putc(out, '\n');
	}
}

/* A bare dash is a hyphen to troff. */
static void
escape_dashes(struct buf *out, size_t start)
{
	for (size_t at = start; at < out->len; at++) {
		if (out->data[at] != '-')
			continue;
		uint8_t *grown = buf_extend(out, 1);
		if (!grown)
			return;
		memmove(out->data + at + 1, out->data + at, out->len - 1 - at);
		out->data[at++] = '\\';
	}
}

void
settings_man(const struct settings *s, struct buf *out)
{
	for (size_t i = 0; i < s->count; i++) {
		buf_puts(out, ".TP\n.B ");
		size_t start = out->len;
		option_words(&s->table[i], out);
		escape_dashes(out, start);
		buf_putc(out, '\n');
		option_notes(&s->table[i], out);
		buf_puts(out, ".\n");
	}
}

static const char *
file_value(const struct setting *set)
{
	if (set->kind == SET_FLAG)
		return "yes|no";
	return set->kind == SET_COUNT ? "N" : set->value ? set->value : "VALUE";
}

void
settings_man_file(const struct settings *s, bool (*reloads)(const struct setting *set), struct buf *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct setting *set = &s->table[i];
		if (set->argv_only)
			continue;
		buf_puts(out, ".TP\n.B ");
		size_t start = out->len;
		buf_printf(out, "%s = %s", set->name, file_value(set));
		escape_dashes(out, start);
		buf_putc(out, '\n');
		option_notes(set, out);
		buf_printf(out, "%s.\n", reloads(set) ? "; taken over by a reload" : "");
	}
}
