/* SPDX-License-Identifier: ISC */
/*
 * logdir: the log files that a directory holds, whoever made them and however they are packed.
 *
 * Known are the names of logname.h, with .zst, .gz or .bz2 behind them, and the dated folders of later BlueOx:
 * YYYYMMDD/TYPE-YYYYMMDD[HH][-HOST].log[.bz2|.gz].  Everything else is left out.  Where a file is
 * there both plain and packed it is listed once, plain: that is what a daemon in the middle of packing it leaves.
 */
#ifndef BLUEOX_CORE_LOGDIR_H
#define BLUEOX_CORE_LOGDIR_H

#include "libbx/core/logname.h"

enum logdir_pack { LOGDIR_PLAIN, LOGDIR_ZST, LOGDIR_GZ, LOGDIR_BZ2, LOGDIR_PACKS };

struct logdir_file {
	struct logname name;
	char *path;            /* owned; as it stands in the directory, with its folder where it is in one */
	enum logdir_pack pack; /* by the name's end */
	bool later_layout;
	bool link;      /* a symbolic link to a file: read, never changed */
	unsigned twins; /* 1 << pack for each packed copy that is there as well */
	bool has_index; /* NAME.log.idx is there */
	uint64_t dev, ino, size;
	int64_t mtime_ns;
};

struct logdir_list {
	struct logdir_file *files; /* owned; by type, date, part, path */
	size_t count;
	size_t others;       /* entries that are none of ours */
	char **lost_indexes; /* owned: names of logs of which only the index is there */
	size_t lost_index_count;
};

/* BX_EIO with errno: the directory cannot be read.  BX_ENOMEM. */
enum bx_err logdir_read(const char *path, struct logdir_list *out);
void logdir_list_fini(struct logdir_list *d);

/* One name of the directory itself: NAME.log and what may stand behind it.  False when it is none of ours. */
bool logdir_parse(const char *file, struct logname *name, enum logdir_pack *pack);

/* FOLDER/FILE of the later layout.  The host, when there is one, is left out. */
bool logdir_parse_later(const char *folder, const char *file, struct logname *name, enum logdir_pack *pack);

/* What a pack's names end in: "", ".zst", ".gz", ".bz2". */
const char *logdir_suffix(enum logdir_pack pack);

/*
 * Opens dir_fd/path for reading; where it is gone since it was listed, what it was packed into.  -1 with errno.
 * Regular files only, no links.
 */
int logdir_open(int dir_fd, const char *path);

#endif
