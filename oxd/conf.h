/* SPDX-License-Identifier: ISC */
/*
 * conf: the settings of oxd, one table for argv, OXD_ variables, the file, --help and the man page.
 *
 * Texts are owned by the settings and live until oxd_conf_fini().
 */
#ifndef BLUEOX_OXD_CONF_H
#define BLUEOX_OXD_CONF_H

#include "libbx/core/addr.h"
#include "libbx/core/settings.h"
#include "oxd/metrics.h"
#include "oxd/upstream.h"

struct conf {
	const char *control_text, *collect_text, *relay_text;
	const char *log_path, *state_path, *run_dir;
	struct setting_list forward;
	bool logs; /* log files are written here */
	uint64_t journal_size, journal_segment;
	int sync;       /* enum journal_sync */
	int when_full;  /* 0 block, 1 drop-oldest */
	int log_format; /* enum say_format */
	bool rotate_hours;
	int64_t close_idle_ns;
	const char *compress_text;
	int64_t compress_after_ns; /* below 0: never */
	uint64_t retain_days, retain_size;
	int64_t prune_pause_ns;
	int verbose;
	const char *file;
	const char *metrics_text;
	struct metrics_where metrics; /* where metrics_text is given */
	const char *curve_key, *curve_allow, *server_key;
	bool require_curve;
	uint64_t max_rings, max_connections;
	struct setting_list rules, quotas, redact;
	int64_t report_ns;
	bool check_config;
	bool help, version, man, man_conf;

	struct addr control, collect, relay;
	struct upstreams upstreams;
	struct settings settings;
};

/* Reads argv, environment and file.  On a mistake one line in err that names it. */
bool oxd_conf_read(struct conf *c, int argc, char **argv, char *err, size_t err_cap);
void oxd_conf_fini(struct conf *c);

/* --check-config: every mistake, one a line; 0 when there is none, 1 for mistakes in the settings, 2 on the command line. */
int oxd_conf_check(int argc, char **argv, struct buf *out);

/* Names of what differs from `c` and takes effect at the next start only, with commas; empty when nothing does. */
void conf_needs_restart(const struct conf *c, const struct conf *fresh, struct buf *names);

struct rules_config;
void conf_rules(const struct conf *c, struct rules_config *out);

void conf_help(const struct conf *c, struct buf *out);
void conf_man(const struct conf *c, struct buf *out);
void conf_man_file(const struct conf *c, struct buf *out); /* oxd.conf(5) */

#endif
