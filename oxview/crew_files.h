/* SPDX-License-Identifier: ISC */
/* crew_files: which files several threads are to read, in the order in which one would. */
#ifndef BLUEOX_OXVIEW_CREW_FILES_H
#define BLUEOX_OXVIEW_CREW_FILES_H

#include "oxview/conf.h"

struct crew_file {
	char *path;    /* owned */
	uint64_t size; /* unpacked, where it can be gone to any place of it; else as it lies there */
	bool can_seek;
};

struct crew_files {
	struct crew_file *files; /* owned */
	size_t count, cap;
	uint64_t bytes;
};

/*
 * False: this is nothing for several threads.  Something is no regular file, the directory cannot be read, or its events must be
 * merged from several types to be in order.
 */
bool crew_files_find(struct crew_files *f, const struct conf *conf);
void crew_files_fini(struct crew_files *f);

#endif
