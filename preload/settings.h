/* SPDX-License-Identifier: ISC */
/*
 * settings: what the shim is told by the environment and by /etc/blueox/preload.conf, one table.
 *
 * Read once a process, when it is first to record something: a program that asks for nothing that we trace opens no
 * file.  A value that is not understood is as if it were not set, in the environment as in the file, and is counted: a
 * guest neither prints nor leaves its host without events for a typo.  `oxrun --check` says what is wrong.
 *
 * Nothing here allocates, and all of it may run in a signal handler.
 */
#ifndef BLUEOX_PRELOAD_SETTINGS_H
#define BLUEOX_PRELOAD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the shim makes. */
enum kind { KIND_SQL, KIND_MEMCACHE, KIND_LOG, KIND_CRASH, KINDS };

enum sql_text { SQL_FULL, SQL_STRIP, SQL_OFF };

enum { SHIM_NAME_MAX = 200, SHIM_GLOBS_MAX = 1000 };

struct shim_config {
	uint32_t kinds;         /* a bit for each of enum kind: 1U << KIND_SQL */
	int64_t slow_ns[KINDS]; /* what takes at least that long is slow; INT64_MAX: nothing is */
	enum sql_text sql;
	uint32_t sql_max; /* bytes */
	bool sql_params;
	bool keep_deepbind;
	bool tcp;
	bool ring_early;            /* known once the settings are read; process_watch() looks before */
	char name[SHIM_NAME_MAX];   /* empty: the program's own */
	char prefix[SHIM_NAME_MAX]; /* empty: none */
	char only[SHIM_GLOBS_MAX], not [SHIM_GLOBS_MAX]; /* globs with commas between */
	uint32_t bad;                                    /* values that were not understood */
};

/* Written while the process's recording is settled (preload/process.h), constant since. */
extern struct shim_config shim_config;

struct shim_setting {
	const char *name;
	const char *value;              /* what the manual calls it: SIZE, PATH */
	const char *fallback;           /* as text; NULL: unset */
	bool (*read)(const char *text); /* into shim_config; false: not, or not wholly, understood.  NULL: unset */
	const char *help;               /* a clause, lower case, no full stop */
};

extern const struct shim_setting shim_settings[];
extern const size_t shim_setting_count;

#define SHIM_FILE          "/etc/blueox/preload.conf"
#define SHIM_FILE_VARIABLE "BLUEOX_PRELOAD_CONF" /* names another file; looked at in the environment only */

/* The file that is read: SHIM_FILE, or as the variable says. */
const char *shim_settings_file(void);

/* Reads environment and file into shim_config.  Keeps errno.  Not in a setuid program: see process_wanted(). */
void shim_settings_read(void);

/* What the file says of a variable of libbx; NULL: nothing. */
const char *shim_settings_for_libbx(const char *variable);

/* How many values and lines nobody understands, once libbx has asked for its own. */
uint32_t shim_settings_bad(void);

/* Whether a program of this name and path (NULL: not known) is to be recorded, as BLUEOX_ONLY and BLUEOX_NOT say. */
bool shim_settings_want(const char *name, const char *path);

#endif
