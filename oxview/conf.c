/* SPDX-License-Identifier: ISC */
/* conf: one line a setting; then each part of the query is understood by a function of its own. */
#include "oxview/conf.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libbx/core/addr.h"
#include "libbx/core/datetime.h"
#include "libbx/core/mp.h"
#include "oxview/serve.h"

#define DEFAULT_HOST "127.0.0.1:3513"

#define SETTING(field, setting_name, short_letter, setting_kind, ...)                                                  \
	{                                                                                                              \
		.name = (setting_name), .letter = (short_letter), .kind = (setting_kind),                              \
		.offset = offsetof(struct conf, field), __VA_ARGS__                                                    \
	}

static const struct setting table[] = {
    SETTING(host, "host", 'H', SET_TEXT, .value = "HOST:PORT",
	.help = "show the live stream of the oxd with this control port; without a value " DEFAULT_HOST),
    SETTING(server_key, "server-key", 0, SET_TEXT, .value = "FILE",
	.help = "with --host: public key of that oxd, where its control port is guarded"),
    SETTING(curve_key, "curve-key", 0, SET_TEXT, .value = "FILE",
	.help = "with --host: our own key, where that oxd allows some only"),
    SETTING(follow, "follow", 'F', SET_FLAG,
	.help = "go on as the files named grow, or the log directory does: new events, files and types"),
    SETTING(log_path, "log-path", 'l', SET_TEXT, .value = "DIR", .help = "read the log files in this directory"),
    SETTING(type_names, "type-name", 'n', SET_LIST, .value = "TYPE",
	.help = "only events of this type; * stands for any run of characters"),
    SETTING(start_date, "start-date", 's', SET_TEXT, .value = "DATE", .help = "only events that ended then or later"),
    SETTING(end_date, "end-date", 'e', SET_TEXT, .value = "DATE",
	.help = "only events that ended then or earlier; a day means its last moment"),
    SETTING(local, "local", 0, SET_FLAG, .help = "dates without an offset are local time, not UTC"),
    SETTING(
	overlap, "overlap", 0, SET_FLAG, .help = "also events that began in the range or before it and ended later"),
    SETTING(id, "id", 'i', SET_TEXT, .value = "ID", .help = "only events of this id, or whose id starts so"),
    SETTING(where, "where", 'w', SET_TEXT, .value = "FILTER",
	.help = "only events for which this holds: 'response.status >= 500 && duration > 250ms'"),
    SETTING(all, "all", 'a', SET_FLAG, .help = "also events that were shown already"),
    SETTING(remember, "remember", 0, SET_UINT, .value = "N", .fallback = "65536",
	.help = "how many events are remembered, so that a repeat is left out"),
    SETTING(errors_only, "errors-only", 0, SET_FLAG, .help = "only events with an error"),
    SETTING(pretty, "pretty", 'p', SET_FLAG, .help = "for people, event by event (default on a terminal)"),
    SETTING(json, "json", 'j', SET_FLAG, .help = "a line of JSON for each event (default elsewhere)"),
    SETTING(
	tree, "tree", 't', SET_FLAG, .help = "for people, events under the ones they belong to, on a scale of time"),
    SETTING(msgpack, "msgpack", 0, SET_FLAG, .help = "the bytes of each event as they were read"),
    SETTING(table, "table", 0, SET_TEXT, .value = "FIELDS",
	.help = "for people, these fields in columns: type,duration,query"),
    SETTING(csv, "csv", 0, SET_FLAG, .help = "comma-separated values, with a head; which ones --fields tells"),
    SETTING(fields, "fields", 'f', SET_TEXT, .value = "FIELDS", .help = "only these fields, with --json or --csv"),
    SETTING(count, "count", 'c', SET_FLAG, .help = "how many events, instead of the events"),
    SETTING(
	by, "by", 'b', SET_TEXT, .value = "FIELDS", .help = "how many events for each value of these, the most first"),
    SETTING(stats, "stats", 0, SET_TEXT, .value = "FIELDS",
	.help = "count, mean, p50, p90, p99 and max of these numbers, for each group of --by"),
    SETTING(timeline_ns, "timeline", 0, SET_DURATION, .value = "TIME",
	.help = "how many events in each stretch of time: 1m"),
    SETTING(histogram, "histogram", 0, SET_TEXT, .value = "FIELD", .help = "how this number is spread"),
    SETTING(top, "top", 0, SET_UINT, .value = "N", .help = "only the first N groups of --by"),
    SETTING(html, "html", 0, SET_TEXT, .value = "FILE",
	.help = "a page to look at, by itself in one file: time, latency, slowest groups, errors, samples"),
    SETTING(serve, "serve", 0, SET_TEXT, .value = "ADDRESS",
	.help = "the page of --html over --log-path, at HOST:PORT or PORT, to be asked in a browser; with --host live"),
    SETTING(errors, "errors", 0, SET_FLAG,
	.help = "kinds of error instead of the events: how many, when, where, and the top of the stack"),
    SETTING(error, "error", 0, SET_TEXT, .value = "PRINT",
	.help = "the kind of error whose fingerprint starts so, with all that is known of it"),
    SETTING(exec, "exec", 0, SET_TEXT, .value = "COMMAND",
	.help = "show nothing, and run this by the shell for what --watch and --new-errors find, as JSON on its input"),
    SETTING(watch, "watch", 0, SET_TEXT, .value = "FILTER", .help = "with --exec: for events for which this holds"),
    SETTING(new_errors, "new-errors", 0, SET_TEXT, .value = "FILE",
	.help = "with --exec: for errors whose fingerprint is not in this file, where it is then kept"),
    SETTING(exec_every_ns, "exec-every", 0, SET_DURATION, .value = "TIME", .fallback = "1m",
	.help = "least time between two runs of --exec; what comes meanwhile is told together"),
    SETTING(exec_wait_ns, "exec-wait", 0, SET_DURATION, .value = "TIME", .fallback = "1m",
	.help = "most time that the command of --exec may take"),
    SETTING(symbols_wait_ns, "symbols-wait", 0, SET_DURATION, .value = "TIME", .fallback = "20s",
	.help = "longest wait, in all, for debugging information from the servers in DEBUGINFOD_URLS"),
    SETTING(limit, "limit", 'L', SET_UINT, .value = "N", .help = "show no more than N events (--tree: N trees)"),
    SETTING(sort, "sort", 0, SET_TEXT, .value = "FIELD",
	.help = "order by a field, as in --where: start, end, duration, response.status"),
    SETTING(reverse, "reverse", 'r', SET_FLAG, .help = "the greatest first; without --sort the latest end first"),
    SETTING(memory_bytes, "memory", 0, SET_SIZE, .value = "SIZE", .fallback = "64m",
	.help = "most held in memory by --sort, --tree and sums"),
    SETTING(threads, "threads", 0, SET_UINT, .value = "N", .fallback = "0",
	.help = "threads that read log files at the same time, in answers that are the same with one; 0: the "
		"processors, four at most"),
    SETTING(explain, "explain", 0, SET_FLAG,
	.help = "say which files and how much of each would be read, and read nothing"),
    SETTING(pager, "pager", 0, SET_TEXT, .value = "COMMAND",
	.help = "what pages the output on a terminal, by the shell; without it PAGER, then less"),
    SETTING(no_pager, "no-pager", 0, SET_FLAG, .help = "page nothing"),
    SETTING(verbose, "verbose", 'v', SET_COUNT, .help = "leave nothing out in --tree; tell more on stderr"),
    SETTING(complete, "complete", 0, SET_TEXT, .value = "WHAT",
	.help = "for shells: print the types, or the fields of the latest events, that --log-path has",
	.argv_only = true),
    SETTING(help, "help", 'h', SET_FLAG, .help = "print this and exit", .argv_only = true),
    SETTING(version, "version", 'V', SET_FLAG, .help = "print the version and exit", .argv_only = true),
    SETTING(man, "man", 0, SET_FLAG, .help = "print the manual page (roff) and exit", .argv_only = true),
};

/* `-H` takes a value, and may stand without one where no value can follow: last, or before another option. */
static char **
with_default_host(int argc, char **argv, int *new_argc)
{
	static char value[] = DEFAULT_HOST;
	char **out = calloc(2 * (size_t)argc + 1, sizeof *out);
	bool options = true;
	*new_argc = 0;
	for (int i = 0; out && i < argc; i++) {
		out[(*new_argc)++] = argv[i];
		options = options && strcmp(argv[i], "--") != 0;
		bool bare = i > 0 && options && (strcmp(argv[i], "-H") == 0 || strcmp(argv[i], "--host") == 0);
		if (bare && (i + 1 == argc || (argv[i + 1][0] == '-' && argv[i + 1][1])))
			out[(*new_argc)++] = value;
	}
	return out;
}

static bool
fail(char *err, size_t err_cap, const char *option, const char *text, const char *wrong)
{
	snprintf(err, err_cap, "%s '%s' %s", option, text, wrong);
	return false;
}

static bool
understand_dates(struct conf *c, int64_t now_ns, char *err, size_t err_cap)
{
	struct datetime when;
	const char *wrong;
	const char *(*parse)(const char *text, int64_t now_ns, struct datetime *out) =
	    c->local ? datetime_parse_local : datetime_parse;
	if (c->start_date) {
		if ((wrong = parse(c->start_date, now_ns, &when)))
			return fail(err, err_cap, "--start-date", c->start_date, wrong);
		c->select.has_from = true;
		c->select.from_ns = when.first_ns;
	}
	if (c->end_date) {
		if ((wrong = parse(c->end_date, now_ns, &when)))
			return fail(err, err_cap, "--end-date", c->end_date, wrong);
		c->select.has_to = true;
		c->select.to_ns = when.last_ns;
	}
	if (c->select.has_from && c->select.has_to && c->select.from_ns > c->select.to_ns)
		return fail(err, err_cap, "--end-date", c->end_date, "lies before --start-date");
	return true;
}

/* What is wrong in a filter or list of fields, and where: the option's name and column, and the text with a mark. */
static bool
fail_at(
    struct conf *c, const char *option, const char *text, const struct filter_error *wrong, char *err, size_t err_cap)
{
	snprintf(err, err_cap, "%s: column %u: %s", option, wrong->column, wrong->text);
	filter_error_show(wrong, text, &c->mistake);
	return false;
}

static bool
understand_fields(struct conf *c, const char *option, const char *text, struct paths **out, char *err, size_t err_cap)
{
	struct filter_error wrong = {1, "is not UTF-8"};
	*out = mp_is_utf8(text, strlen(text)) ? paths_parse(text, strlen(text), &wrong) : NULL;
	return *out || fail_at(c, option, text, &wrong, err, err_cap);
}

static bool
understand_query(struct conf *c, int64_t now_ns, char *err, size_t err_cap)
{
	struct filter_error wrong;
	if (c->where) {
		c->filter = filter_parse(c->where, strlen(c->where), now_ns, &wrong);
		if (!c->filter)
			return fail_at(c, "--where", c->where, &wrong, err, err_cap);
		c->select.where = c->filter;
	}
	if (!c->sort || c->about_errors)
		return true;
	if (!understand_fields(c, "--sort", c->sort, &c->sort_by, err, err_cap))
		return false;
	return paths_count(c->sort_by) == 1 || fail(err, err_cap, "--sort", c->sort, "is more than one field");
}

/* Each column of a sum has a name of its own. */
static bool
names_differ(const struct conf *c, char *err, size_t err_cap)
{
	static const char *const own[] = {"time", "count", "from", "to"};
	struct filter_error none;
	struct paths *all =
	    c->sums_spec.paths ? paths_parse(c->sums_spec.paths, strlen(c->sums_spec.paths), &none) : NULL;
	bool ok = true;
	for (size_t i = 0; all && ok && i < paths_count(all); i++) {
		struct bytes name = paths_name(all, i);
		for (size_t k = 0; ok && k < sizeof own / sizeof *own; k++) {
			ok = name.n != strlen(own[k]) || memcmp(name.p, own[k], name.n) != 0;
			if (!ok)
				snprintf(err, err_cap,
				    "'%s' is a column of the sums themselves: write .body.%s for the field", own[k],
				    own[k]);
		}
		for (size_t k = 0; ok && k < i; k++) {
			ok = !bytes_equal(name, paths_name(all, k));
			if (!ok)
				snprintf(err, err_cap, "'%.*s' is named twice", (int)(name.n < 100 ? name.n : 100),
				    (const char *)name.p);
		}
	}
	paths_free(&all);
	return ok;
}

/* The paths of --by, --stats and --histogram, each seen to be right, as one list. */
static bool
understand_sums(struct conf *c, char *err, size_t err_cap)
{
	const struct {
		const char *option, *text;
		size_t most, *count;
	} lists[] = {
	    {"--by", c->by, PATHS_MAX / 2, &c->sums_spec.by},
	    {"--stats", c->stats, PATHS_MAX / 4, &c->sums_spec.numbers},
	    {"--histogram", c->histogram, 1, &c->sums_spec.numbers},
	};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct paths *paths;
		if (!lists[i].text)
			continue;
		if (!understand_fields(c, lists[i].option, lists[i].text, &paths, err, err_cap))
			return false;
		size_t n = paths_count(paths);
		paths_free(&paths);
		if (n > lists[i].most)
			return fail(err, err_cap, lists[i].option, lists[i].text, "is too many fields");
		*lists[i].count += n;
		buf_printf(&c->sums_paths, "%s%s", c->sums_paths.len ? "," : "", lists[i].text);
		c->sums = true;
	}
	if (c->top && !c->by) {
		snprintf(err, err_cap, "--top needs --by");
		return false;
	}
	if (c->sums_paths.len > 0) {
		buf_putc(&c->sums_paths, '\0');
		c->sums_spec.paths = (const char *)c->sums_paths.data;
	}
	c->sums = c->sums || c->count || c->timeline_ns > 0;
	c->sums_spec.stretch = (double)c->timeline_ns / 1e9;
	c->sums_spec.memory_bytes = c->memory_bytes;
	if (c->sums_paths.err == BX_OK)
		return names_differ(c, err, err_cap);
	snprintf(err, err_cap, "out of memory");
	return false;
}

static bool
understand_columns(struct conf *c, char *err, size_t err_cap)
{
	static const char csv_default[] = ".id,.type,.host,.pid,.start,.end,.body";
	c->columns_text = c->table ? c->table : c->fields ? c->fields : c->csv && !c->sums ? csv_default : NULL;
	return !c->columns_text || understand_fields(c,
				       c->table    ? "--table"
				       : c->fields ? "--fields"
						   : "--csv",
				       c->columns_text, &c->columns, err, err_cap);
}

/* Kinds of error have an order of their own: the most first, or what --sort names. */
static bool
understand_errors(struct conf *c, bool sorted, char *err, size_t err_cap)
{
	static const char *const orders[] = {
	    [ERRORS_BY_COUNT] = "count", [ERRORS_BY_FIRST] = "first", [ERRORS_BY_LAST] = "last"};
	const char *wrong = NULL;
	if (!c->about_errors)
		return true;
	if (c->errors && c->error)
		wrong = "choose one of --errors and --error";
	else if (c->tree || c->msgpack || c->csv || c->table || c->fields)
		wrong = "--errors and --error are shown for people, or with --json";
	else if (c->sums || c->html || c->serve)
		wrong = "--errors and --error do not go with --html, --serve and sums";
	if (wrong) {
		snprintf(err, err_cap, "%s", wrong);
		return false;
	}
	c->errors_order = c->reverse ? ERRORS_BY_LAST : ERRORS_BY_COUNT;
	c->errors_reverse = c->reverse || !sorted;
	for (size_t i = 0; sorted && i < sizeof orders / sizeof *orders; i++) {
		c->errors_order = (enum errors_order)i;
		if (strcmp(c->sort, orders[i]) == 0)
			return true;
	}
	return !sorted || fail(err, err_cap, "--sort", c->sort, "is none of count, first and last, which --errors has");
}

/* What does not go together is told, not ignored. */
static bool
understand_shapes(struct conf *c, char *err, size_t err_cap)
{
	const char *wrong = NULL;
	bool html = c->html != NULL;
	if (c->pretty + c->json + c->tree + c->msgpack + c->csv + (c->table != NULL) + html + (c->serve != NULL) > 1)
		wrong = "choose one of --pretty, --json, --tree, --msgpack, --csv, --table, --html and --serve";
	else if (c->fields && (c->pretty || c->tree || c->msgpack || c->table))
		wrong = "--fields goes with --json and --csv";
	else if (c->sums && (c->tree || c->msgpack || c->table || c->fields || c->sort))
		wrong = "sums are shown with --pretty, --json or --csv, in an order of their own";
	else if ((html || c->serve) && (c->sums || c->fields || c->sort || c->limit))
		wrong = "--html and --serve have sums of their own, and take no --fields, --sort, --reverse, --limit";
	else if (html && (!*c->html || strcmp(c->html, "-") == 0))
		wrong = "--html wants the name of a file: it is whole or not there";
	if (!wrong)
		return true;
	snprintf(err, err_cap, "%s", wrong);
	return false;
}

static bool
understand_style(struct conf *c, bool stdout_terminal, char *err, size_t err_cap)
{
	if (!understand_sums(c, err, err_cap) || !understand_shapes(c, err, err_cap) ||
	    !understand_errors(c, c->about_errors && c->sort, err, err_cap) || !understand_columns(c, err, err_cap))
		return false;
	bool for_people = c->pretty || (stdout_terminal && !c->json && !c->csv);
	if (c->top && c->timeline_ns && !for_people) {
		snprintf(err, err_cap, "--top with --timeline is drawn only: add --pretty, or take --limit for rows");
		return false;
	}
	c->style = c->pretty         ? STYLE_PRETTY
		   : c->json         ? STYLE_JSON
		   : c->tree         ? STYLE_TREE
		   : c->msgpack      ? STYLE_MSGPACK
		   : c->table        ? STYLE_TABLE
		   : c->csv          ? STYLE_CSV
		   : c->fields       ? STYLE_JSON
		   : c->about_errors ? STYLE_PRETTY
				     : (stdout_terminal ? STYLE_PRETTY : STYLE_JSON);
	return true;
}

static bool
understand_exec(struct conf *c, int64_t now_ns, char *err, size_t err_cap)
{
	struct filter_error mistake;
	const char *wrong = NULL;
	if (!c->exec && (c->watch || c->new_errors))
		wrong = "--watch and --new-errors need --exec, a command to run";
	else if (c->exec && !c->watch && !c->new_errors)
		wrong = "--exec needs to know what for: --watch, --new-errors, or both";
	else if (c->exec && (c->pretty || c->json || c->tree || c->msgpack || c->csv || c->table || c->fields ||
				c->sums || c->sort || c->limit || c->html || c->serve || c->about_errors || c->explain))
		wrong = "--exec runs a command, and shows nothing: it goes with no shape, order, limit or sum";
	if (wrong) {
		snprintf(err, err_cap, "%s", wrong);
		return false;
	}
	if (!c->watch)
		return true;
	c->watch_filter = filter_parse(c->watch, strlen(c->watch), now_ns, &mistake);
	return c->watch_filter || fail_at(c, "--watch", c->watch, &mistake, err, err_cap);
}

static bool
understand_served(struct conf *c, char *err, size_t err_cap)
{
	struct addr where;
	const char *wrong = serve_where(c->serve, &where);
	c->source = FROM_LOGDIR;
	if (wrong)
		return fail(err, err_cap, "--serve", c->serve, wrong);
	if (c->log_path && c->file_count == 0)
		return true;
	snprintf(
	    err, err_cap, "--serve wants a log directory: --log-path; with --host it shows what an oxd takes in too");
	return false;
}

static bool
understand_source(struct conf *c, bool host_in_argv, bool log_in_argv, bool stdin_usable, char *err, size_t err_cap)
{
	if (c->serve)
		return understand_served(c, err, err_cap);
	if (host_in_argv + log_in_argv + (c->file_count > 0) > 1) {
		snprintf(err, err_cap, "choose one source: --host, --log-path, or files");
		return false;
	}
	if (c->file_count > 0)
		c->source = FROM_FILES;
	else if (host_in_argv || (c->host && !log_in_argv))
		c->source = FROM_LIVE;
	else if (c->log_path)
		c->source = FROM_LOGDIR;
	else
		c->source = FROM_STDIN;
	if (c->source == FROM_STDIN && !stdin_usable) {
		snprintf(
		    err, err_cap, "nothing to read: give files, --log-path or --host, or pipe a log into it (--help)");
		return false;
	}
	return true;
}

static bool
understand_explain(const struct conf *c, char *err, size_t err_cap)
{
	if (!c->explain || c->source == FROM_FILES || c->source == FROM_LOGDIR)
		return true;
	snprintf(err, err_cap, "--explain is about files: give some, or --log-path");
	return false;
}

static bool
understand_follow(const struct conf *c, char *err, size_t err_cap)
{
	const char *wrong = NULL;
	if (!c->follow)
		return true;
	if (c->source != FROM_FILES && c->source != FROM_LOGDIR)
		wrong = "--follow is about files: give some, or --log-path; --host shows what an oxd takes in";
	else if (c->style == STYLE_TREE || c->html || c->sort || c->sums || c->about_errors)
		wrong = "--tree, --html, --errors, --sort, --reverse and sums need an end, and --follow has none";
	for (size_t i = 0; i < c->file_count; i++)
		if (strcmp(c->files[i], "-") == 0)
			wrong = "standard input cannot be followed, it is read to its end";
	if (wrong)
		snprintf(err, err_cap, "%s", wrong);
	return !wrong;
}

static bool
understand_live(const struct conf *c, char *err, size_t err_cap)
{
	struct addr a;
	if (c->source != FROM_LIVE && !(c->serve && c->host))
		return true;
	const char *wrong = addr_parse(c->host, "127.0.0.1", 3513, &a);
	if (wrong) {
		snprintf(err, err_cap, "--host '%s': %s", c->host, wrong);
		return false;
	}
	if (c->curve_key && !c->server_key) {
		snprintf(err, err_cap, "--curve-key needs --server-key, the public key of the oxd");
		return false;
	}
	if (c->serve || (c->style != STYLE_TREE && !c->html && !c->sort && !c->sums && !c->about_errors))
		return true;
	snprintf(err, err_cap,
	    "--tree, --html, --errors, --sort, --reverse and sums need an end, and the live stream has none");
	return false;
}

/* That we may run on. */
static uint64_t
processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	return n < 4 ? (uint64_t)n : 4;
}

static bool
understand(struct conf *c, bool host_in_argv, bool log_in_argv, struct conf_streams streams, int64_t now_ns, char *err,
    size_t err_cap)
{
	while (c->files[c->file_count])
		c->file_count++;
	c->about_errors = c->errors || c->error;
	if (c->reverse && !c->sort && !c->about_errors)
		c->sort = ".end";
	c->now_ns = now_ns;
	if (c->threads == 0)
		c->threads = processors();
	c->select.types = c->type_names;
	c->select.id = c->id;
	c->select.overlap = c->overlap;
	c->select.errors_only = c->errors_only;
	return understand_dates(c, now_ns, err, err_cap) && understand_query(c, now_ns, err, err_cap) &&
	       understand_style(c, streams.stdout_terminal, err, err_cap) && understand_exec(c, now_ns, err, err_cap) &&
	       understand_source(c, host_in_argv, log_in_argv, streams.stdin_usable, err, err_cap) &&
	       understand_explain(c, err, err_cap) && understand_follow(c, err, err_cap) &&
	       understand_live(c, err, err_cap);
}

bool
conf_read(struct conf *c, int argc, char **argv, struct conf_streams streams, int64_t now_ns, char *err, size_t err_cap)
{
	*c = (struct conf){0};
	int full_argc;
	char **full_argv = with_default_host(argc, argv, &full_argc);
	c->files = calloc(2 * (size_t)argc + 1, sizeof *c->files);
	bool ok =
	    full_argv && c->files && settings_init(&c->settings, table, sizeof table / sizeof *table, CONF_ENV, c);
	if (!ok)
		snprintf(err, err_cap, "out of memory");
	ok = ok && settings_env(&c->settings, err, err_cap);
	const char *env_host = c->host, *env_log = c->log_path;
	ok = ok && settings_argv(&c->settings, full_argc, full_argv, c->files, err, err_cap);
	free(full_argv);
	if (!ok || c->help || c->version || c->man || c->complete)
		return ok;
	return understand(c, c->host != env_host, c->log_path != env_log, streams, now_ns, err, err_cap);
}

void
conf_fini(struct conf *c)
{
	filter_free(&c->filter);
	filter_free(&c->watch_filter);
	paths_free(&c->sort_by);
	paths_free(&c->columns);
	buf_fini(&c->sums_paths);
	buf_fini(&c->mistake);
	settings_fini(&c->settings);
	free(c->files);
	c->files = NULL;
}

bool
conf_reads_once(const struct conf *c)
{
	struct stat st;
	for (size_t i = 0; i < c->file_count; i++)
		if (strcmp(c->files[i], "-") == 0 || (stat(c->files[i], &st) == 0 && !S_ISREG(st.st_mode)))
			return true;
	return c->source == FROM_STDIN || c->source == FROM_LIVE;
}
