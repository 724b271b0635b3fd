/* SPDX-License-Identifier: ISC */
/*
 * settings: one table is the options, the environment variables, the file, the defaults, --help and the man page.
 *
 * A program states each setting in one line; it can then be given as `--a-b V`, as PREFIX_A_B in the environment, and
 * as `a-b = V` in the settings file, in that order of precedence.  Core prints nothing: what is wrong comes back as one
 * line of text, and help is written to a buf.
 */
#ifndef BLUEOX_CORE_SETTINGS_H
#define BLUEOX_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/buf.h"

enum setting_kind {
	SET_FLAG,     /* bool; takes no value in argv */
	SET_COUNT,    /* int; each mention adds one (-vv) */
	SET_UINT,     /* uint64_t */
	SET_SIZE,     /* uint64_t, bytes */
	SET_DURATION, /* int64_t, nanoseconds */
	SET_TEXT,     /* const char * */
	SET_LIST,     /* struct setting_list; may be given more than once */
	SET_CHOICE,   /* int, index into choices */
};

struct setting_list {
	const char **items;
	size_t count;
};

struct setting {
	const char *name; /* with dashes: log-path */
	char letter;      /* short option, or 0 */
	enum setting_kind kind;
	size_t offset;              /* of the field in the program's config struct */
	const char *fallback;       /* default, as text; NULL leaves the field zero */
	const char *value;          /* what --help calls the value: PATH, HOST:PORT */
	const char *help;           /* one sentence, lower case, no full stop */
	const char *const *choices; /* SET_CHOICE: NULL-terminated */
	bool argv_only;             /* neither environment nor file: --help, --version */
};

struct settings_origin;

struct settings {
	const struct setting *table;
	size_t count;
	const char *env_prefix; /* "OXD_"; NULL takes nothing from the environment */
	void *config;           /* the struct that the offsets are into */
	bool
	    command_follows; /* in argv options end at the first word that is none: what follows is another program's */
	struct settings_origin *origins; /* owned: where each value came from, in order */
	size_t origin_count;
	void **owned; /* owned */
	size_t owned_count;
};

/* Fills config with the defaults.  Must come first. */
bool settings_init(struct settings *s, const struct setting *table, size_t count, const char *env_prefix, void *config);
void settings_fini(struct settings *s); /* texts and lists in config die with it */

/*
 * Each takes one source.  Call them in rising precedence: file, environment, argv; a later one replaces an earlier one,
 * lists included.  False with one line in err (at most err_cap bytes) that names the source and the input.
 */
bool settings_file(struct settings *s, const char *path, char *err, size_t err_cap);
/* As settings_file(), but goes on behind a mistake and tells each, one line a call.  True when there was none. */
typedef void settings_tell(void *arg, const char *line);
bool settings_file_all(struct settings *s, const char *path, settings_tell *tell, void *arg);

/*
 * Where a value came from: `FILE:LINE`, `environment OXD_X`, `--x`; NULL when it is the default.  `item` is the place in
 * a list, else 0.
 */
const char *settings_where(const struct settings *s, const char *name, size_t item);

/* True when setting i of the same table has the same value in both. */
bool settings_equal(const struct settings *a, const struct settings *b, size_t i);

bool settings_env(struct settings *s, char *err, size_t err_cap);

/* Arguments that are no options are moved to the front of rest (room for argc), in order; NULL-terminated. */
bool settings_argv(struct settings *s, int argc, char **argv, char **rest, char *err, size_t err_cap);

/* The options part of --help: one line or two a setting, default included. */
void settings_help(const struct settings *s, struct buf *out);

/* The same as mdoc/man `.TP` paragraphs. */
void settings_man(const struct settings *s, struct buf *out);

/* The same for the settings file: what may stand in it, as `name = VALUE`, and whether `reloads` says that it is taken over while
 * the program runs. */
void settings_man_file(const struct settings *s, bool (*reloads)(const struct setting *set), struct buf *out);

#endif
