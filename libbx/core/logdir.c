/* SPDX-License-Identifier: ISC */
/* logdir: read the names, look at each that is ours, sort, and put twins together. */
#include "libbx/core/logdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libbx/core/index.h"

static const char *const suffixes[LOGDIR_PACKS] = {"", ".zst", ".gz", ".bz2"};

const char *
logdir_suffix(enum logdir_pack pack)
{
	return suffixes[pack];
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool
ends_in(const char *s, size_t n, const char *suffix)
{
	size_t k = strlen(suffix);
	return n > k && memcmp(s + n - k, suffix, k) == 0;
}

/* The length without what a pack put behind it. */
static size_t
unpacked_len(const char *file, enum logdir_pack *pack)
{
	size_t n = strlen(file);
	*pack = LOGDIR_PLAIN;
	for (int p = LOGDIR_PLAIN + 1; p < LOGDIR_PACKS; p++) {
		if (!ends_in(file, n, suffixes[p]))
			continue;
		*pack = (enum logdir_pack)p;
		return n - strlen(suffixes[p]);
	}
	return n;
}

bool
logdir_parse(const char *file, struct logname *name, enum logdir_pack *pack)
{
	char plain[LOGNAME_MAX];
	size_t n = unpacked_len(file, pack);
	if (n >= sizeof plain)
		return false;
	memcpy(plain, file, n);
	plain[n] = '\0';
	return logname_parse(plain, name);
}

static bool
all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

/* YYYYMMDD as the start of that day. */
static bool
parse_day(const char *s, int64_t *start)
{
	int v[4] = {0};
	if (!all_digits(s, 8))
		return false;
	for (int i = 0; i < 8; i++)
		v[i < 4 ? 0 : i < 6 ? 1 : 2] = v[i < 4 ? 0 : i < 6 ? 1 : 2] * 10 + (s[i] - '0');
	struct tm tm = {.tm_year = v[0] - 1900, .tm_mon = v[1] - 1, .tm_mday = v[2]};
	if (v[1] < 1 || v[1] > 12 || v[2] < 1)
		return false;
	*start = (int64_t)timegm(&tm);
	return tm.tm_mday == v[2] && tm.tm_mon == v[1] - 1;
}

/* What follows the day in a name: nothing, the hour, and then nothing or a host. */
static bool
parse_rest(const char *s, size_t n, struct logname *name)
{
	name->hourly = n >= 2 && all_digits(s, 2);
	if (name->hourly) {
		int hour = (s[0] - '0') * 10 + (s[1] - '0');
		if (hour > 23)
			return false;
		name->day_start += (int64_t)hour * 3600;
		s += 2;
		n -= 2;
	}
	return n == 0 || (*s == '-' && n > 1);
}

bool
logdir_parse_later(const char *folder, const char *file, struct logname *name, enum logdir_pack *pack)
{
	int64_t day;
	*name = (struct logname){0};
	if (strlen(folder) != 8 || !parse_day(folder, &day))
		return false;
	size_t n = unpacked_len(file, pack);
	if (*pack == LOGDIR_ZST || !ends_in(file, n, ".log"))
		return false;
	n -= 4;
	/* Types and hosts may hold dashes and digits: the first place that can be the date is taken. */
	for (size_t i = 1; i + 9 <= n && i <= LOGNAME_TYPE_MAX; i++) {
		if (file[i] != '-' || memcmp(file + i + 1, folder, 8) != 0)
			continue;
		name->day_start = day;
		if (!parse_rest(file + i + 9, n - i - 9, name))
			continue;
		memcpy(name->type, file, i);
		name->type[i] = '\0';
		name->type_len = i;
		return true;
	}
	return false;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct reading {
	struct logdir_list *out;
	size_t cap;
	char **indexes; /* names of indexes, without .idx */
	size_t index_count, index_cap;
	enum bx_err err;
};

static void
add_file(struct reading *r, int dir_fd, const char *folder, const char *file, struct logdir_file *f)
{
	struct stat st;
	struct logdir_list *d = r->out;
	if (fstatat(dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return; /* gone since */
	f->link = S_ISLNK(st.st_mode);
	if (f->link && fstatat(dir_fd, file, &st, 0) != 0)
		return;
	if (!S_ISREG(st.st_mode)) {
		d->others++;
		return;
	}
	if (d->count == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;
		struct logdir_file *grown = realloc(d->files, cap * sizeof *grown);
		if (!grown) {
			r->err = BX_ENOMEM;
			return;
		}
		d->files = grown;
		r->cap = cap;
	}
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
	f->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	if (asprintf(&f->path, "%s%s%s", folder ? folder : "", folder ? "/" : "", file) < 0) {
		f->path = NULL;
		r->err = BX_ENOMEM;
		return;
	}
	d->files[d->count++] = *f;
}

static void
read_folder(struct reading *r, int dir_fd, const char *folder)
{
	struct logdir_file f;
	int fd = openat(dir_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		r->out->others++;
		return;
	}
	for (struct dirent *e; r->err == BX_OK && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		f = (struct logdir_file){.later_layout = true};
		if (logdir_parse_later(folder, e->d_name, &f.name, &f.pack))
			add_file(r, fd, folder, e->d_name, &f);
		else
			r->out->others++;
	}
	closedir(dir);
}

static void
add_index(struct reading *r, const char *file, size_t n)
{
	if (r->index_count == r->index_cap) {
		size_t cap = r->index_cap ? 2 * r->index_cap : 64;
		char **grown = realloc(r->indexes, cap * sizeof *grown);
		if (!grown) {
			r->err = BX_ENOMEM;
			return;
		}
		r->indexes = grown;
		r->index_cap = cap;
	}
	char *copy = strndup(file, n);
	if (copy)
		r->indexes[r->index_count++] = copy;
	else
		r->err = BX_ENOMEM;
}

static bool
is_index(const char *file, size_t *n)
{
	struct logname name;
	enum logdir_pack pack;
	char plain[LOGNAME_MAX];
	size_t len = strlen(file);
	if (!ends_in(file, len, INDEX_SUFFIX) || len - strlen(INDEX_SUFFIX) >= sizeof plain)
		return false;
	*n = len - strlen(INDEX_SUFFIX);
	memcpy(plain, file, *n);
	plain[*n] = '\0';
	return logdir_parse(plain, &name, &pack) && pack == LOGDIR_PLAIN;
}

static void
read_name(struct reading *r, int dir_fd, const char *file)
{
	struct logdir_file f = {.path = NULL};
	size_t n;
	int64_t day;
	if (logdir_parse(file, &f.name, &f.pack))
		add_file(r, dir_fd, NULL, file, &f);
	else if (is_index(file, &n))
		add_index(r, file, n);
	else if (strlen(file) == 8 && parse_day(file, &day))
		read_folder(r, dir_fd, file);
	else
		r->out->others++;
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

/* Length of the path without what a pack put behind it: equal ones are twins. */
static size_t
stem_len(const struct logdir_file *f)
{
	return strlen(f->path) - strlen(suffixes[f->pack]);
}

static int
by_name(const void *a, const void *b)
{
	const struct logdir_file *x = a, *y = b;
	size_t n = x->name.type_len < y->name.type_len ? x->name.type_len : y->name.type_len;
	int order = memcmp(x->name.type, y->name.type, n);
	if (order == 0)
		order = (x->name.type_len > y->name.type_len) - (x->name.type_len < y->name.type_len);
	if (order == 0)
		order = (x->name.day_start > y->name.day_start) - (x->name.day_start < y->name.day_start);
	if (order == 0)
		order = (x->name.part > y->name.part) - (x->name.part < y->name.part);
	if (order == 0) {
		size_t xn = stem_len(x), yn = stem_len(y);
		order = memcmp(x->path, y->path, xn < yn ? xn : yn);
		order = order ? order : (xn > yn) - (xn < yn);
	}
	return order ? order : (x->pack > y->pack) - (x->pack < y->pack);
}

/* Of several that differ in how they are packed only, the first stays: packs are sorted by which is taken. */
static void
join_twins(struct logdir_list *d)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->count; i++) {
		struct logdir_file *f = &d->files[i], *before = kept > 0 ? &d->files[kept - 1] : NULL;
		size_t n = stem_len(f);
		if (before && stem_len(before) == n && memcmp(before->path, f->path, n) == 0) {
			before->twins |= 1U << f->pack;
			free(f->path);
		} else {
			d->files[kept++] = *f;
		}
	}
	d->count = kept;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is found goes; what is left are indexes without a log. */
static void
join_indexes(struct reading *r)
{
	struct logdir_list *d = r->out;
	size_t lost = 0;
	bool *found = calloc(r->index_count + 1, sizeof *found);
	if (!found) {
		r->err = BX_ENOMEM;
		return;
	}
	if (r->index_count > 0)
		qsort(r->indexes, r->index_count, sizeof *r->indexes, by_text);
	for (size_t i = 0; r->index_count > 0 && i < d->count; i++) {
		struct logdir_file *f = &d->files[i];
		char stem[LOGNAME_MAX], *key = stem;
		if (f->later_layout || stem_len(f) >= sizeof stem)
			continue;
		memcpy(stem, f->path, stem_len(f));
		stem[stem_len(f)] = '\0';
		char **at = bsearch(&key, r->indexes, r->index_count, sizeof *r->indexes, by_text);
		f->has_index = at != NULL;
		if (at)
			found[at - r->indexes] = true;
	}
	for (size_t i = 0; i < r->index_count; i++) {
		if (found[i])
			free(r->indexes[i]);
		else
			r->indexes[lost++] = r->indexes[i];
	}
	free(found);
	d->lost_indexes = r->indexes;
	d->lost_index_count = lost;
	r->indexes = NULL;
	r->index_count = 0;
}

enum bx_err
logdir_read(const char *path, struct logdir_list *out)
{
	struct reading r = {.out = out, .err = BX_OK};
	*out = (struct logdir_list){0};
	DIR *dir = opendir(path);
	if (!dir)
		return BX_EIO;
	for (struct dirent *e; r.err == BX_OK && (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			read_name(&r, dirfd(dir), e->d_name);
	closedir(dir);
	if (r.err == BX_OK && out->count > 0) {
		qsort(out->files, out->count, sizeof *out->files, by_name);
		join_twins(out);
	}
	if (r.err == BX_OK)
		join_indexes(&r);
	for (size_t i = 0; i < r.index_count; i++)
		free(r.indexes[i]);
	free(r.indexes);
	if (r.err != BX_OK)
		logdir_list_fini(out);
	return r.err;
}

void
logdir_list_fini(struct logdir_list *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->files[i].path);
	free(d->files);
	for (size_t i = 0; i < d->lost_index_count; i++)
		free(d->lost_indexes[i]);
	free(d->lost_indexes);
	*d = (struct logdir_list){0};
}

static int
open_regular(int dir_fd, const char *path)
{
	struct stat st;
	int fd = openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

int
logdir_open(int dir_fd, const char *path)
{
	int fd = open_regular(dir_fd, path);
	size_t n = strlen(path);
	char packed[4096];
	if (fd >= 0 || errno != ENOENT || !ends_in(path, n, ".log") || n + 5 > sizeof packed)
		return fd;
	snprintf(packed, sizeof packed, "%s%s", path, suffixes[LOGDIR_ZST]);
	fd = open_regular(dir_fd, packed);
	if (fd < 0)
		errno = ENOENT;
	return fd;
}
