/* SPDX-License-Identifier: ISC */
/* oxrun_conf: what oxrun was told, from its environment (OXRUN_...) and arguments; and its help and man page. */
#ifndef BLUEOX_PRELOAD_OXRUN_CONF_H
#define BLUEOX_PRELOAD_OXRUN_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "libbx/core/settings.h"

enum oxd_choice { OXD_AUTO, OXD_PRIVATE, OXD_NEVER };

struct conf {
	const char *name;     /* NULL: no job event */
	const char *library;  /* NULL: to be found */
	int oxd;              /* enum oxd_choice */
	const char *log_path; /* of the private oxd, which is then wanted; NULL: a new directory */
	bool summary, json;
	bool check, help, man, version;
	char **command; /* NULL-terminated, at least one word unless check, help, man or version */
	struct settings settings;
};

/* False with one line in err that says what is wrong. */
bool conf_read(struct conf *c, int argc, char **argv, char *err, size_t err_cap);
void conf_fini(struct conf *c);

void conf_help(const struct conf *c, struct buf *out);
void conf_man(const struct conf *c, struct buf *out);

#endif
