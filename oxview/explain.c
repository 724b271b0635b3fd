/* SPDX-License-Identifier: ISC */
/* explain: the plan of each file in a line, and their sum in another. */
#include "oxview/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/logdir.h"
#include "oxview/plan.h"
#include "oxview/text.h"
#include "oxview/units.h"

struct total {
	uint64_t files, read_files, wanted, size, index_bytes;
	bool unknown; /* the size of some file is not known without unpacking it */
};

static void
put_count(uint64_t n, struct buf *out)
{
	char text[UNITS_TEXT];
	count_text(n, text);
	buf_puts(out, text);
}

static bool
explain_file(const char *path, const struct select *select, struct total *total, struct buf *out)
{
	struct plan p;
	if (!plan_make(&p, path, select))
		return false;
	text_line(out, path, strlen(path));
	buf_puts(out, ": ");
	if (p.count == 0)
		buf_puts(out, "nothing");
	else if (p.size == 0 && !p.indexed)
		buf_puts(out, "all of it");
	else
		put_count(p.wanted_bytes, out);
	if (p.size > 0) {
		buf_puts(out, " of ");
		put_count(p.size, out);
		buf_puts(out, " bytes");
	}
	if (p.indexed) {
		buf_puts(out, ", ");
		put_count(p.wanted_blocks, out);
		buf_puts(out, " of ");
		put_count(p.blocks, out);
		buf_puts(out, " blocks");
	} else {
		buf_printf(out, " (%s)", p.why_not);
	}
	buf_putc(out, '\n');
	total->files++;
	total->read_files += p.count > 0;
	total->wanted += p.wanted_bytes;
	total->size += p.size;
	total->index_bytes += p.index_bytes;
	total->unknown = total->unknown || (p.size == 0 && p.count > 0);
	plan_fini(&p);
	return true;
}

static void
explain_total(const struct total *t, struct buf *out)
{
	put_count(t->read_files, out);
	buf_puts(out, " of ");
	put_count(t->files, out);
	buf_puts(out, " files, ");
	put_count(t->wanted, out);
	buf_puts(out, " of ");
	put_count(t->size, out);
	buf_puts(out, " bytes, and ");
	put_count(t->index_bytes, out);
	buf_puts(out, " bytes of index");
	buf_puts(out, t->unknown ? "; packed files of unknown size not counted\n" : "\n");
}

static bool
out_of_memory(const struct source_env *env)
{
	trouble_add(env->trouble, "out of memory");
	return false;
}

bool
explain_files(char *const *paths, size_t count, const struct source_env *env, struct buf *out)
{
	struct total total = {0};
	for (size_t i = 0; i < count; i++)
		if (!explain_file(paths[i], env->select, &total, out))
			return out_of_memory(env);
	explain_total(&total, out);
	return true;
}

bool
explain_logdir(const char *path, const struct source_env *env, struct buf *out)
{
	struct total total = {0};
	struct logdir_list files;
	enum bx_err err = logdir_read(path, &files);
	if (err != BX_OK) {
		source_tell_unreadable(env, path, err);
		return false;
	}
	bool ok = true;
	for (size_t i = 0; i < files.count && ok; i++) {
		char *file;
		if (!select_file(env->select, &files.files[i].name))
			continue;
		ok = asprintf(&file, "%s/%s", path, files.files[i].path) >= 0;
		if (!ok)
			break;
		ok = explain_file(file, env->select, &total, out);
		free(file);
	}
	logdir_list_fini(&files);
	if (!ok)
		return out_of_memory(env);
	explain_total(&total, out);
	return true;
}
