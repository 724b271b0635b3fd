/* SPDX-License-Identifier: ISC */
/* oxrun_check: the tables that libbx and the shim read, asked line by line; they print nothing, so somebody has to. */
#include "preload/oxrun_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/process.h"
#include "libbx/settings.h"
#include "preload/conffile.h"
#include "preload/settings.h"

/* What a line of one of the two tables of settings says of itself. */
struct line {
	const char *name, *value, *fallback, *help;
	bool (*read)(const char *text);
};

static void
not_understood(const struct line *line, const char *where, const char *text, struct buf *out)
{
	buf_printf(out, "\n%-18s   %s%s%s is not, or not wholly, understood; it is %s: %s", "", where,
	    where[0] ? " " : "", text, line->value, line->help);
}

static bool
is_wrong(const struct line *line, const char *text)
{
	return text && *text && !line->read(text);
}

/* The file counts where the environment says nothing, or nothing that is understood. */
static bool
check_variable(const struct line *line, struct conffile *file, const char *path, struct buf *out)
{
	const char *here = getenv(line->name), *there = conffile_get(file, line->name);
	line->read(line->fallback);
	bool wrong_there = is_wrong(line, there), wrong_here = is_wrong(line, here);
	buf_printf(out, "%-18s ", line->name);
	if (here && *here)
		buf_printf(out, "%s", here);
	else if (there && *there)
		buf_printf(out, "%s (%s)", there, path);
	else if (line->fallback)
		buf_printf(out, "%s (default)", line->fallback);
	else
		buf_puts(out, "(unset)");
	if (wrong_here)
		not_understood(line, "", here, out);
	if (wrong_there)
		not_understood(line, path, there, out);
	buf_putc(out, '\n');
	return !wrong_here && !wrong_there;
}

static bool
check_lines(const struct conffile *file, const char *path, struct buf *out)
{
	for (uint32_t i = 0; i < file->count; i++) {
		const struct conffile_line *line = &file->lines[i];
		if (!line->name)
			buf_printf(out, "%s:%u: is no line of the form name = value\n", path, line->number);
		else if (!line->asked_for)
			buf_printf(out, "%s:%u: no setting is called '%s'\n", path, line->number, line->name);
	}
	if (file->left_out)
		buf_printf(
		    out, "%s: only the first %d lines and %d bytes are read\n", path, CONFFILE_LINES, CONFFILE_BYTES);
	return conffile_wrong(file) == 0;
}

static bool
check_settings(struct buf *out)
{
	static struct conffile file;
	const char *path = shim_settings_file();
	int why = conffile_read(&file, path);
	bool good = !why || why == ENOENT;
	if (!good)
		buf_printf(out, "%s: %s\n", path, strerror(why));
	for (size_t i = 0; i < bx_setting_count; i++) {
		const struct bx_setting *s = &bx_settings[i];
		good &=
		    check_variable(&(struct line){s->name, s->value, s->fallback, s->help, s->read}, &file, path, out);
	}
	for (size_t i = 0; i < shim_setting_count; i++) {
		const struct shim_setting *s = &shim_settings[i];
		good &=
		    check_variable(&(struct line){s->name, s->value, s->fallback, s->help, s->read}, &file, path, out);
	}
	return check_lines(&file, path, out) && good;
}

bool
check_environment(struct buf *out)
{
	bool good = check_settings(out);
	if (!bx_config.ring_capacity) {
		buf_puts(out, "BLUEOX_RING_SIZE=0 keeps recording off\n");
		good = false;
	}
	return good;
}
