/* SPDX-License-Identifier: ISC */
/* settings: a reader for each line of settings.def, and the order in which the sources count. */
#include "preload/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/name.h"
#include "libbx/core/parse.h"
#include "preload/conffile.h"

enum { SQL_MAX_MOST = 1 << 20 };
#define KINDS_ALL ((1U << KINDS) - 1)

struct shim_config shim_config;
static struct conffile file; /* what was read of it stays, for libbx to ask for its own */

static const char *const kind_names[KINDS] = {
    [KIND_SQL] = "sql", [KIND_MEMCACHE] = "memcache", [KIND_LOG] = "log", [KIND_CRASH] = "crash"};

/* ---- words and lists --------------------------------------------------------------------------------------------- */

/* A piece of a setting's text, not ended by a NUL. */
struct word {
	const char *s;
	size_t n;
};

static struct word
trimmed(const char *s, size_t n)
{
	while (n > 0 && (*s == ' ' || *s == '\t'))
		s++, n--;
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	return (struct word){s, n};
}

/* The next of several with commas between that is not empty. */
static bool
word_next(const char **rest, struct word *w)
{
	while (*rest && **rest) {
		size_t n = strcspn(*rest, ",");
		*w = trimmed(*rest, n);
		*rest += n + ((*rest)[n] == ',');
		if (w->n)
			return true;
	}
	return false;
}

static bool
word_is(struct word w, const char *text)
{
	return strlen(text) == w.n && memcmp(text, w.s, w.n) == 0;
}

static int
find_word(struct word w, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (word_is(w, words[i]))
			return i;
	return -1;
}

static bool
keep_text(char *to, size_t cap, const char *text)
{
	if (text && strlen(text) >= cap)
		return false;
	strcpy(to, text ? text : "");
	return true;
}

/* ---- readers ----------------------------------------------------------------------------------------------------- */

static bool
read_deepbind(const char *text)
{
	bool keep = strcmp(text, "keep") == 0;
	if (!keep && strcmp(text, "strip") != 0)
		return false;
	shim_config.keep_deepbind = keep;
	return true;
}

static bool
read_name(const char *text)
{
	return keep_text(shim_config.name, sizeof shim_config.name, text);
}

static bool
read_prefix(const char *text)
{
	return keep_text(shim_config.prefix, sizeof shim_config.prefix, text);
}

static bool
read_only(const char *text)
{
	return keep_text(shim_config.only, sizeof shim_config.only, text);
}

static bool
read_not(const char *text)
{
	return keep_text(shim_config.not, sizeof shim_config.not, text);
}

/* Kinds that we do not know do not take those away that we do. */
static bool
read_kinds(const char *text)
{
	static const char *const alls[] = {"all", "1", "yes", "on", "true"}, *const nones[] = {
										 "none", "0", "no", "off", "false"};
	uint32_t kinds = 0;
	bool good = true, some = false;
	for (struct word w; word_next(&text, &w);) {
		int kind = find_word(w, kind_names, KINDS);
		if (kind >= 0)
			kinds |= 1U << kind;
		else if (find_word(w, alls, 5) >= 0)
			kinds = KINDS_ALL;
		else if (find_word(w, nones, 5) < 0) {
			good = false;
			continue;
		}
		some = true;
	}
	if (some)
		shim_config.kinds = kinds;
	return good;
}

static bool
read_tcp(const char *text)
{
	return parse_bool(text, &shim_config.tcp);
}

static bool
read_ring_early(const char *text)
{
	return parse_bool(text, &shim_config.ring_early);
}

static bool
read_time(struct word w, int64_t *out)
{
	char text[40];
	if (w.n >= sizeof text)
		return false;
	memcpy(text, w.s, w.n);
	text[w.n] = '\0';
	return parse_duration_ns(text, out);
}

/* KIND=TIME, or TIME for all of them. */
static bool
read_slow_entry(struct word w)
{
	const char *equals = memchr(w.s, '=', w.n);
	int64_t ns;
	if (!equals) {
		if (!read_time(w, &ns))
			return false;
		for (int i = 0; i < KINDS; i++)
			shim_config.slow_ns[i] = ns;
		return true;
	}
	size_t name_len = (size_t)(equals - w.s);
	int kind = find_word(trimmed(w.s, name_len), kind_names, KINDS);
	if (kind < 0 || !read_time(trimmed(equals + 1, w.n - name_len - 1), &ns))
		return false;
	shim_config.slow_ns[kind] = ns;
	return true;
}

static bool
read_slow(const char *text)
{
	bool good = true;
	for (int i = 0; i < KINDS; i++)
		shim_config.slow_ns[i] = INT64_MAX;
	for (struct word w; word_next(&text, &w);)
		good &= read_slow_entry(w);
	return good;
}

static bool
read_sql(const char *text)
{
	static const char *const hows[] = {[SQL_FULL] = "full", [SQL_STRIP] = "strip", [SQL_OFF] = "off"};
	int how = find_word((struct word){text, strlen(text)}, hows, 3);
	shim_config.sql = how >= 0 ? (enum sql_text)how : SQL_OFF; /* who wanted less than all must not get it */
	return how >= 0;
}

static bool
read_sql_max(const char *text)
{
	uint64_t bytes;
	if (!parse_size(text, &bytes) || bytes > SQL_MAX_MOST)
		return false;
	shim_config.sql_max = (uint32_t)bytes;
	return true;
}

static bool
read_sql_params(const char *text)
{
	return parse_bool(text, &shim_config.sql_params);
}

const struct shim_setting shim_settings[] = {
#define SHIM_SETTING(...) {__VA_ARGS__},
#include "preload/settings.def"
#undef SHIM_SETTING
};
const size_t shim_setting_count = sizeof shim_settings / sizeof *shim_settings;

/* ---- all of them ------------------------------------------------------------------------------------------------- */

const char *
shim_settings_file(void)
{
	const char *path = secure_getenv(SHIM_FILE_VARIABLE);
	return path && *path ? path : SHIM_FILE;
}

void
shim_settings_read(void)
{
	int why = conffile_read(&file, shim_settings_file());
	bool unread = why && why != ENOENT;
	shim_config.bad = unread;
	for (size_t i = 0; i < shim_setting_count; i++) {
		const struct shim_setting *s = &shim_settings[i];
		const char *here = secure_getenv(s->name), *there = conffile_get(&file, s->name);
		s->read(s->fallback);
		if (there && *there && !s->read(there))
			shim_config.bad++;
		if (here && *here && !s->read(here))
			shim_config.bad++;
	}
	const char *sql = secure_getenv("BLUEOX_SQL");
	if (unread && !(sql && *sql))
		shim_config.sql = SQL_OFF; /* the file may have asked for that */
}

const char *
shim_settings_for_libbx(const char *variable)
{
	return conffile_get(&file, variable);
}

uint32_t
shim_settings_bad(void)
{
	return shim_config.bad + conffile_wrong(&file);
}

/* Some glob of several with commas between fits: one with a slash the path, else the name. */
static bool
fits_some(const char *globs, const char *name, const char *path)
{
	for (struct word w; word_next(&globs, &w);) {
		char glob[SHIM_GLOBS_MAX];
		const char *what = memchr(w.s, '/', w.n) ? path : name;
		memcpy(glob, w.s, w.n);
		glob[w.n] = '\0';
		if (what && name_glob(glob, what, strlen(what)))
			return true;
	}
	return false;
}

bool
shim_settings_want(const char *name, const char *path)
{
	if (fits_some(shim_config.not, name, path))
		return false;
	return !shim_config.only[0] || fits_some(shim_config.only, name, path);
}
