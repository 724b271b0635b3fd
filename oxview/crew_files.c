/* SPDX-License-Identifier: ISC */
/* crew_files: what can be sought in is found out by opening each file once. */
#include "oxview/crew_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/logdir.h"
#include "libbx/core/logseek.h"
#include "oxview/lane.h"

/* Takes over the path, NULL included. */
static bool
add(struct crew_files *f, char *path)
{
	if (path && f->count == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 16;
		struct crew_file *grown = realloc(f->files, cap * sizeof *grown);
		if (grown) {
			f->files = grown;
			f->cap = cap;
		}
	}
	if (!path || f->count == f->cap) {
		free(path);
		return false;
	}
	struct crew_file *file = &f->files[f->count++];
	*file = (struct crew_file){.path = path};
	struct stat st;
	struct logseek seek;
	int fd = strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode) ? -1 : lane_open(path);
	if (fd < 0)
		return false; /* one thread tells what is wrong with it */
	logseek_open(&seek, fd);
	file->can_seek = logseek_size(&seek, fd, &file->size);
	if (!file->can_seek)
		file->size = (uint64_t)st.st_size;
	logseek_close(&seek);
	close(fd);
	f->bytes += file->size;
	return true;
}

static bool
add_directory(struct crew_files *f, const struct conf *conf)
{
	struct logdir_list list;
	const struct logdir_file *first = NULL;
	bool ok = logdir_read(conf->log_path, &list) == BX_OK;
	for (size_t i = 0; ok && i < list.count; i++) {
		const struct logdir_file *file = &list.files[i];
		char *path;
		if (!select_file(&conf->select, &file->name))
			continue;
		first = first ? first : file;
		bool same = file->name.type_len == first->name.type_len &&
			    memcmp(file->name.type, first->name.type, first->name.type_len) == 0;
		ok = (same || conf->sums) &&
		     add(f, asprintf(&path, "%s/%s", conf->log_path, file->path) < 0 ? NULL : path);
	}
	logdir_list_fini(&list);
	return ok;
}

bool
crew_files_find(struct crew_files *f, const struct conf *conf)
{
	*f = (struct crew_files){0};
	if (conf->source == FROM_LOGDIR)
		return add_directory(f, conf);
	for (size_t i = 0; i < conf->file_count; i++)
		if (!add(f, strdup(conf->files[i])))
			return false;
	return true;
}

void
crew_files_fini(struct crew_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->files[i].path);
	free(f->files);
	*f = (struct crew_files){0};
}
