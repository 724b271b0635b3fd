/* SPDX-License-Identifier: ISC */
/*
 * conf: what oxview was asked for, checked.
 *
 * conf_read() turns environment and arguments into one struct in which everything that can be wrong before the first
 * event is read has been found wrong already.
 */
#ifndef BLUEOX_OXVIEW_CONF_H
#define BLUEOX_OXVIEW_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libbx/core/settings.h"
#include "libbx/core/paths.h"
#include "oxview/errors.h"
#include "oxview/select.h"
#include "oxview/sums.h"

#define CONF_ENV "OXVIEW_"

enum conf_source { FROM_STDIN, FROM_FILES, FROM_LOGDIR, FROM_LIVE };
enum conf_style { STYLE_JSON, STYLE_PRETTY, STYLE_TREE, STYLE_MSGPACK, STYLE_TABLE, STYLE_CSV };

struct conf {
	/* as given */
	const char *host, *log_path, *server_key, *curve_key;
	struct setting_list type_names;
	const char *start_date, *end_date, *id, *sort, *where;
	const char *table, *fields, *by, *stats, *histogram, *html, *serve, *error;
	const char *watch, *new_errors, *exec;
	const char *pager, *complete;
	bool no_pager;
	bool errors, all, follow, local, overlap, explain, errors_only, reverse, pretty, json, tree, msgpack, csv,
	    count, help, version, man;
	uint64_t limit, top; /* 0: none */
	int64_t timeline_ns, symbols_wait_ns, exec_every_ns, exec_wait_ns;
	uint64_t remember;
	uint64_t memory_bytes;
	int verbose;
	uint64_t threads; /* 0 is understood as what there is */

	/* as understood */
	enum conf_source source;
	enum conf_style style;
	struct select select;
	struct filter *filter;       /* owned */
	struct filter *watch_filter; /* owned; NULL: none */
	struct paths *sort_by;       /* owned; NULL: as they come */
	int64_t now_ns;
	const char *columns_text;
	struct paths *columns; /* owned; of --fields, --table, --csv; NULL: whole events */
	bool sums;             /* counts are shown, not events */
	struct sums_spec sums_spec;
	struct buf sums_paths; /* owned */
	bool about_errors;     /* kinds of error are shown, or one of them */
	enum errors_order errors_order;
	bool errors_reverse;
	struct buf mistake; /* owned: a text with a mark under the column that is wrong */
	char **files;       /* NULL-terminated, owned; the strings are argv's */
	size_t file_count;
	struct settings settings; /* owns the texts */
};

/* How standard input and output look, which decides the defaults. */
struct conf_streams {
	bool stdin_usable; /* open, and no terminal */
	bool stdout_terminal;
};

/*
 * False with one line in err, and perhaps more in `mistake`, when something is wrong.  With --help, --version or --man nothing else is looked at.
 * argv must outlive the conf.
 */
bool conf_read(
    struct conf *c, int argc, char **argv, struct conf_streams streams, int64_t now_ns, char *err, size_t err_cap);
void conf_fini(struct conf *c);

/* What its events come from can be read once only: standard input, a pipe, a stream. */
bool conf_reads_once(const struct conf *c);

#endif
