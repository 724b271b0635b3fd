/* SPDX-License-Identifier: ISC */
/*
 * settings: what libbx honours from the environment, one table.  Under the shim a file may say what the environment does not.
 *
 * A value that is not understood is as if it were not set, and is counted: a library neither prints nor leaves its host
 * without events for a typo.  Who wants to know asks bx_stats() (bad_settings) or `oxrun --check`.
 */
#ifndef BLUEOX_SETTINGS_H
#define BLUEOX_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct bx_setting {
	const char *name;
	const char *value;              /* what the manual calls it: SIZE, PATH */
	const char *fallback;           /* as text; NULL: unset */
	bool (*read)(const char *text); /* into bx_config; false: not understood, nothing changed.  NULL: unset */
	const char *help;               /* a clause, lower case, no full stop */
};

extern const struct bx_setting bx_settings[];
extern const size_t bx_setting_count;

/* Reads all of them, once a process, into bx_config, and counts what it does not understand.  Allocates nothing, keeps
 * errno.  In a setuid program nothing is read from the environment. */
void settings_read(void);

/* From where a variable is taken that the environment lacks; before settings_read(). */
void settings_source(const char *(*source)(const char *variable));

#endif
