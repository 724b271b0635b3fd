/* SPDX-License-Identifier: ISC */
/* oxctl_store: find the directory, look into it, run one of a table of commands. */
#include "oxd/oxctl_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "libbx/core/datetime.h"
#include "libbx/core/mp.h"
#include "libbx/core/name.h"
#include "libbx/core/parse.h"
#include "oxd/oxctl_answer.h"
#include "oxd/oxctl_link.h"
#include "oxd/say.h"

static const struct {
	const char *name;
	store_command *run;
} commands[] = {
    {"list", oxctl_store_list},
    {"verify", oxctl_store_verify},
    {"cat", oxctl_store_cat},
    {"export", oxctl_store_export},
    {"compress", oxctl_store_compress},
    {"prune", oxctl_store_prune},
    {"reindex", oxctl_store_reindex},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* ---- small things ------------------------------------------------------------------------------------------------ */

bool
store_dir_wants(const struct logdir_file *f, const char *type)
{
	return !type || name_glob(type, f->name.type, f->name.type_len);
}

void
store_put_size(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)bytes;
	size_t u = 0;
	for (; v >= 1000 && u < sizeof units / sizeof *units - 1; u++)
		v /= 1024;
	buf_printf(out, u == 0 ? "%6.0f %-3s" : "%6.1f %-3s", v, units[u]);
}

bool
store_read_date(const char *option, const char *text, bool last, int64_t *ns)
{
	struct datetime when;
	int64_t now_ns = clock_wall_ns(), ago_ns;
	size_t n = strlen(text);
	bool has_unit = n > 1 && (text[n - 1] == 'd' || text[n - 1] == 'h' || text[n - 1] == 'm');
	if (has_unit && parse_duration_ns(text, &ago_ns)) {
		*ns = now_ns - ago_ns;
		return true;
	}
	const char *wrong = datetime_parse(text, now_ns, &when);
	if (wrong) {
		say(SAY_ERROR, "--%s '%s': %s", option, text, wrong);
		return false;
	}
	*ns = last ? when.last_ns : when.first_ns;
	return true;
}

/* ---- the directory ----------------------------------------------------------------------------------------------- */

static void
take_paths(struct store_dir *d, const struct buf *answer)
{
	struct cursor c;
	char text[ANSWER_TEXT_MAX];
	cursor_init(&c, answer->data, answer->len);
	snprintf(d->log_path, sizeof d->log_path, "%s", answer_find_text(c, "log_path", text));
	if (!d->state_path[0])
		snprintf(d->state_path, sizeof d->state_path, "%s", answer_find_text(c, "state_path", text));
}

static int
ask_for_paths(struct store_dir *d)
{
	struct oxctl_link link;
	struct buf request = {0}, answer = {0};
	int status = oxctl_link_open(&link, d->o);
	if (status != 0) {
		say(SAY_ERROR, "without an oxd, say which directory is meant: --log-path=DIR");
		return status;
	}
	mp_add_map(&request, 1);
	mp_pair_text(&request, "cmd", "STORE");
	if (oxctl_link_ask(&link, &request, OXCTL_SOON_MS, &answer))
		take_paths(d, &answer);
	if (!d->log_path[0]) {
		say(SAY_ERROR, "the oxd at %s does not say where its log files are", d->o->host);
		status = 1;
	}
	oxctl_link_close(&link);
	buf_fini(&request);
	buf_fini(&answer);
	return status;
}

/* What the last two checkpoints list is not at rest, also while their oxd is stopped. */
static void
read_checkpoints(struct store_dir *d)
{
	struct checkpoint c;
	int fd = d->state_path[0] ? open(d->state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	for (int prev = 1; fd >= 0 && prev >= 0; prev--)
		if (checkpoint_read(fd, prev != 0, &c) == BX_OK)
			kept_add(&d->kept, &c);
	if (fd >= 0)
		close(fd);
}

static int
open_dir(struct store_dir *d)
{
	if (d->o->log_path)
		snprintf(d->log_path, sizeof d->log_path, "%s", d->o->log_path);
	if (d->o->state_path)
		snprintf(d->state_path, sizeof d->state_path, "%s", d->o->state_path);
	int status = d->o->log_path ? 0 : ask_for_paths(d);
	if (status != 0)
		return status;
	d->fd = open(d->log_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd >= 0)
		d->held = flock(d->fd, LOCK_EX | LOCK_NB) != 0;
	/* The directory first, the lists then, as the keeper does. */
	if (d->fd < 0 || logdir_read(d->log_path, &d->files) != BX_OK) {
		say(SAY_ERROR, "%s: %s", d->log_path, strerror(errno));
		return 1;
	}
	read_checkpoints(d);
	return kept_take(&d->kept, &d->live) ? 0 : 1;
}

static void
close_dir(struct store_dir *d)
{
	kept_drop(&d->live);
	kept_fini(&d->kept);
	logdir_list_fini(&d->files);
	if (d->fd >= 0)
		close(d->fd);
}

int
oxctl_store(const struct oxctl *o, char **words)
{
	struct store_dir d = {.o = o, .fd = -1};
	store_command *run = NULL;
	for (size_t i = 0; words[0] && i < COMMANDS; i++)
		if (strcmp(commands[i].name, words[0]) == 0)
			run = commands[i].run;
	if (!run || (words[1] && words[2])) {
		if (words[0])
			return oxctl_usage("store", run ? words[2] : words[0]);
		say(SAY_ERROR, "'oxctl store' needs a command: list, verify, cat, export, compress, prune, reindex");
		return 2;
	}
	kept_init(&d.kept);
	int status = open_dir(&d);
	if (status == 0)
		status = run(&d, words[1]);
	close_dir(&d);
	return status;
}
