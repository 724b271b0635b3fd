/* SPDX-License-Identifier: ISC */
/* oxview: shows events.  A source gives them, show takes them; this file ties the two and decides the exit status. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "oxview/complete.h"
#include "oxview/conf.h"
#include "oxview/crew.h"
#include "oxview/explain.h"
#include "oxview/help.h"
#include "oxview/out.h"
#include "oxview/pager.h"
#include "oxview/progress.h"
#include "oxview/serve.h"
#include "oxview/show.h"
#include "oxview/show_errors.h"
#include "oxview/show_report.h"
#include "oxview/source_open.h"
#include "oxview/text.h"
#include "oxview/trouble.h"
#include "oxview/watch.h"

enum { EXIT_ALL_SHOWN = 0, EXIT_TROUBLE = 1, EXIT_USAGE = 2 };

static struct conf_streams
look_at_streams(void)
{
	bool terminal = isatty(STDIN_FILENO);
	return (struct conf_streams){
	    .stdin_usable = !terminal && errno != EBADF,
	    .stdout_terminal = isatty(STDOUT_FILENO),
	};
}

static void
flush(void *show)
{
	show_flush(show);
}

static void
show_all(const struct conf *c, struct out *out, struct trouble *trouble)
{
	struct show show;
	struct source_env env = {.select = &c->select, .trouble = trouble, .before_wait = flush, .context = &show};
	show_init(&show, c, out, trouble);
	if (crew_run(c, &show) == CREW_SHOWN) {
		show_end(&show);
		show_fini(&show);
		return;
	}
	env.finder = show_finder(&show);
	struct source *source = source_open(c, &env);
	if (!source) {
		if (trouble->count == 0)
			trouble_add(trouble, "out of memory");
		show_fini(&show);
		return;
	}
	struct event ev;
	while (source_next(source, &ev) && show_event(&show, &ev))
		;
	show_end(&show);
	show_fini(&show);
	source_free(&source);
}

static void
explain(const struct conf *c, struct out *out, struct trouble *trouble)
{
	struct source_env env = {.select = &c->select, .trouble = trouble};
	if (c->source == FROM_LOGDIR)
		explain_logdir(c->log_path, &env, &out->buf);
	else
		explain_files(c->files, c->file_count, &env, &out->buf);
}

static int
print_words(const struct conf *c, struct out *out)
{
	if (c->complete)
		complete(c, out);
	else if (c->version)
		buf_puts(&out->buf, "oxview " BX_VERSION "\n");
	else if (c->man)
		help_man(&c->settings, &out->buf);
	else
		help_text(&c->settings, &out->buf);
	out_flush(out);
	return out->error ? EXIT_TROUBLE : EXIT_ALL_SHOWN;
}

/* What comes to an end is paged, and what takes long says how far it is. */
static void
begin_on_terminal(const struct conf *c, struct out *out, struct pager *pager)
{
	bool terminal = isatty(STDOUT_FILENO);
	if (c->source == FROM_LIVE || c->follow || c->serve || c->exec)
		return;
	if (terminal && !c->no_pager && !c->html && c->style != STYLE_MSGPACK)
		pager_start(pager, c->pager);
	if (pager->child > 0) {
		out->terminal = pager->terminal;
		out->prompt = false;
	}
	progress_start();
	out->ends_progress = terminal;
}

static int
run(const struct conf *c)
{
	struct trouble trouble = {0};
	struct pager pager = {.terminal = -1};
	struct out out;
	out_init(&out, STDOUT_FILENO, isatty(STDOUT_FILENO));
	if (c->help || c->version || c->man || c->complete) {
		int status = print_words(c, &out);
		out_fini(&out);
		return status;
	}
	begin_on_terminal(c, &out, &pager);
	if (c->explain)
		explain(c, &out, &trouble);
	else if (c->serve)
		serve(c, &out, &trouble);
	else if (c->html)
		show_report(c, &trouble);
	else if (c->exec)
		watch(c, &trouble);
	else if (c->about_errors)
		show_errors(c, &out, &trouble);
	else
		show_all(c, &out, &trouble);
	progress_end();
	out_flush(&out);
	if (out.error)
		trouble_add(&trouble, "standard output: %s", strerror(out.error));
	out_fini(&out);
	pager_end(&pager);
	return trouble.count ? EXIT_TROUBLE : EXIT_ALL_SHOWN;
}

/* The text that is wrong, for the terminal that it came from; controls in it are for nobody. */
static void
show_mistake(const struct buf *mistake)
{
	struct buf safe = {0};
	const char *at = (const char *)mistake->data, *end = at + mistake->len;
	while (at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		text_line(&safe, at, (size_t)((line ? line : end) - at));
		buf_putc(&safe, '\n');
		at = line ? line + 1 : end;
	}
	if (safe.len > 0 && write(STDERR_FILENO, safe.data, safe.len) < 0)
		errno = 0; /* the status says it too */
	buf_fini(&safe);
}

int
main(int argc, char **argv)
{
	struct conf c;
	char err[600];
	setlocale(LC_CTYPE, "");
	errno = 0;
	if (!conf_read(&c, argc, argv, look_at_streams(), clock_wall_ns(), err, sizeof err)) {
		struct trouble trouble = {0};
		trouble_tell(&trouble, "%s", err);
		show_mistake(&c.mistake);
		conf_fini(&c);
		return EXIT_USAGE;
	}
	int status = run(&c);
	conf_fini(&c);
	return status;
}
