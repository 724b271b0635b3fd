/* SPDX-License-Identifier: ISC */
/* logpack: log files packed and read again, whole, cut and damaged; and what a directory of them is taken for. */
/* LIBS: -lz -lbz2 -lzstd */
#include <bzlib.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "libbx/core/compress.h"
#include "libbx/core/indexing.h"
#include "libbx/core/logdir.h"
#include "libbx/core/logread.h"
#include "libbx/core/mp.h"
#include "tests/unit/unit.h"

static const char log_name[] = "request.261122.log", zst_name[] = "request.261122.log.zst";

/* ---- a directory ------------------------------------------------------------------------------------------------- */

struct place {
	char dir[128];
	int fd;
	struct buf log;
};

static void
write_file(int dir_fd, const char *name, const void *p, size_t n)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

static struct buf
read_file(int dir_fd, const char *name)
{
	struct buf b = {0};
	struct stat st = {0};
	int fd = openat(dir_fd, name, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
		fail_msg("%s: %s", name, strerror(errno));
	assert_int_equal(read(fd, buf_extend(&b, (size_t)st.st_size), (size_t)st.st_size), st.st_size);
	close(fd);
	return b;
}

static bool
there(struct place *p, const char *name)
{
	return faccessat(p->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
begin(struct place *p, unsigned events)
{
	const char *tmp = getenv("TEST_TMP");
	*p = (struct place){.fd = -1};
	snprintf(p->dir, sizeof p->dir, "%.100s/pack-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY);
	for (unsigned i = 0; i < events; i++) {
		uint8_t waste[300];
		for (size_t k = 0; k < sizeof waste; k++)
			waste[k] = (uint8_t)(i * k % 11);
		mp_add_map(&p->log, 2);
		mp_add_strz(&p->log, "type");
		mp_add_strz(&p->log, "request");
		mp_add_strz(&p->log, "body");
		mp_add_map(&p->log, 1);
		mp_add_strz(&p->log, "n");
		mp_add_bin(&p->log, waste, i % sizeof waste);
	}
	write_file(p->fd, log_name, p->log.data, p->log.len);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void
finish(struct place *p)
{
	close(p->fd);
	buf_fini(&p->log);
	nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- packs ------------------------------------------------------------------------------------------------------- */

static struct buf
gzip_of(const struct buf *b)
{
	struct buf out = {0};
	z_stream z = {0};
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t cap = deflateBound(&z, b->len);
	z.next_in = b->data;
	z.avail_in = (uInt)b->len;
	z.next_out = buf_extend(&out, cap);
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.len = z.total_out;
	deflateEnd(&z);
	return out;
}

static struct buf
bzip2_of(const struct buf *b)
{
	struct buf out = {0};
	unsigned cap = (unsigned)(b->len + b->len / 50 + 1000);
	assert_int_equal(
	    BZ2_bzBuffToBuffCompress((char *)buf_extend(&out, cap), &cap, (char *)b->data, (unsigned)b->len, 1, 0, 0),
	    BZ_OK);
	out.len = cap;
	return out;
}

static struct buf
zstd_of(const struct buf *b)
{
	struct buf out = {0};
	size_t cap = ZSTD_compressBound(b->len);
	out.len = ZSTD_compress(buf_reserve(&out, cap), cap, b->data, b->len, 3);
	return out;
}

static struct buf
plain_of(const struct buf *b)
{
	struct buf out = {0};
	buf_put(&out, b->data, b->len);
	return out;
}

static const struct {
	enum logread_pack pack;
	struct buf (*make)(const struct buf *b);
} packs[] = {{LOGREAD_PLAIN, plain_of}, {LOGREAD_ZSTD, zstd_of}, {LOGREAD_GZIP, gzip_of}, {LOGREAD_BZIP2, bzip2_of}};

/* Reads all of a file in steps of this many bytes. */
static enum bx_err
read_back(struct place *p, const char *name, size_t step, struct buf *out, enum logread_pack *pack)
{
	struct logread r;
	enum bx_err err;
	logread_open(&r, openat(p->fd, name, O_RDONLY));
	for (;;) {
		size_t got;
		uint8_t *to = buf_reserve(out, step);
		err = logread_read(&r, to, step, &got);
		if (err != BX_OK || got == 0)
			break;
		out->len += got;
	}
	*pack = r.pack;
	if (err == BX_EBAD)
		assert_non_null(r.problem);
	logread_close(&r);
	return err;
}

static void
whatever_it_is_packed_with_the_same_bytes_come_out(void **state)
{
	(void)state;
	struct place p;
	begin(&p, 3000);
	for (size_t i = 0; i < COUNT_OF(packs); i++) {
		struct buf packed = packs[i].make(&p.log);
		write_file(p.fd, "x", packed.data, packed.len);
		for (size_t step = 1; step < 1 << 20; step *= 37) {
			struct buf out = {0};
			enum logread_pack pack;
			assert_int_equal(read_back(&p, "x", step, &out, &pack), BX_OK);
			assert_int_equal(pack, packs[i].pack);
			assert_int_equal(out.len, p.log.len);
			assert_memory_equal(out.data, p.log.data, out.len);
			buf_fini(&out);
		}
		buf_fini(&packed);
	}
	finish(&p);
}

static void
several_packed_streams_in_a_row_are_one(void **state)
{
	(void)state;
	struct place p;
	begin(&p, 500);
	for (size_t i = 0; i < COUNT_OF(packs); i++) {
		struct buf packed = packs[i].make(&p.log), twice = {0}, out = {0};
		enum logread_pack pack;
		buf_put(&twice, packed.data, packed.len);
		buf_put(&twice, packed.data, packed.len);
		write_file(p.fd, "x", twice.data, twice.len);
		assert_int_equal(read_back(&p, "x", 5000, &out, &pack), BX_OK);
		assert_int_equal(out.len, 2 * p.log.len);
		assert_memory_equal(out.data + p.log.len, p.log.data, p.log.len);
		buf_fini(&packed);
		buf_fini(&twice);
		buf_fini(&out);
	}
	finish(&p);
}

static void
cut_anywhere_a_packed_file_gives_what_is_whole_and_says_so(void **state)
{
	(void)state;
	struct place p;
	begin(&p, 40);
	for (size_t i = 1; i < COUNT_OF(packs); i++) {
		struct buf packed = packs[i].make(&p.log);
		for (size_t len = 4; len < packed.len; len++) {
			struct buf out = {0};
			enum logread_pack pack;
			write_file(p.fd, "x", packed.data, len);
			enum bx_err err = read_back(&p, "x", 10000, &out, &pack);
			if (err != BX_EBAD || out.len > p.log.len ||
			    (out.len && memcmp(out.data, p.log.data, out.len) != 0))
				fail_msg("%s cut at %zu of %zu: error %d, %zu bytes", logread_pack_text(packs[i].pack),
				    len, packed.len, err, out.len);
			buf_fini(&out);
		}
		buf_fini(&packed);
	}
	finish(&p);
}

static void
a_changed_byte_in_a_packed_file_is_never_taken_for_the_log(void **state)
{
	(void)state;
	struct place p;
	begin(&p, 3000);
	uint64_t size;
	assert_int_equal(compress_pack(p.fd, log_name, NULL, &size), BX_OK);
	struct buf packed = read_file(p.fd, zst_name);
	uint32_t frames = compress_read_table(packed.data, packed.len);
	assert_true(frames > 1);
	size_t table = 8 + 8 * (size_t)frames + 9;
	for (size_t i = 0; i < packed.len - table; i += 61) {
		struct buf out = {0};
		enum logread_pack pack;
		packed.data[i] ^= 0x20;
		write_file(p.fd, "x", packed.data, packed.len);
		enum bx_err err = read_back(&p, "x", 100000, &out, &pack);
		if (err == BX_OK && pack == LOGREAD_ZSTD &&
		    (out.len != p.log.len || memcmp(out.data, p.log.data, out.len) != 0))
			fail_msg("a change at %zu gave other bytes without a word", i);
		packed.data[i] ^= 0x20;
		buf_fini(&out);
	}
	buf_fini(&packed);
	finish(&p);
}

static void
skipping_is_the_same_as_reading(void **state)
{
	(void)state;
	struct place p;
	begin(&p, 3000);
	for (size_t i = 0; i < COUNT_OF(packs); i++) {
		struct buf packed = packs[i].make(&p.log);
		write_file(p.fd, "x", packed.data, packed.len);
		for (size_t at = 0; at < p.log.len; at += at < 3 ? 1 : 33333) {
			struct logread r;
			uint8_t some[100];
			size_t got, want = p.log.len - at < sizeof some ? p.log.len - at : sizeof some;
			logread_open(&r, openat(p.fd, "x", O_RDONLY));
			assert_int_equal(logread_skip(&r, at), BX_OK);
			assert_int_equal(logread_full(&r, some, sizeof some, &got), BX_OK);
			assert_int_equal(got, want);
			assert_memory_equal(some, p.log.data + at, want);
			logread_close(&r);
		}
		struct logread r;
		logread_open(&r, openat(p.fd, "x", O_RDONLY));
		assert_int_equal(logread_skip(&r, p.log.len + 1), BX_ESHORT);
		logread_close(&r);
		buf_fini(&packed);
	}
	finish(&p);
}

/* ---- packing a log ----------------------------------------------------------------------------------------------- */

static void
frames_are_the_blocks_of_the_index_and_any_zstd_reads_them(void **state)
{
	(void)state;
	struct place p;
	struct index_end end = {0};
	begin(&p, 6000);
	assert_int_equal(indexing_extend(p.fd, log_name, p.log.len, true, NULL, &end), BX_OK);
	uint64_t size;
	assert_int_equal(compress_pack(p.fd, log_name, NULL, &size), BX_OK);
	struct buf packed = read_file(p.fd, zst_name);
	assert_int_equal(size, packed.len);
	assert_int_equal(compress_read_table(packed.data, packed.len), end.entries);
	struct index_walk w;
	struct index_entry e;
	size_t at = 0;
	assert_int_equal(index_walk_open(&w, p.fd, log_name), BX_OK);
	while (index_walk_next(&w, &e)) {
		size_t n = ZSTD_findFrameCompressedSize(packed.data + at, packed.len - at);
		assert_int_equal(ZSTD_getFrameContentSize(packed.data + at, packed.len - at), e.length);
		uint8_t *block = malloc(e.length);
		assert_int_equal(ZSTD_decompress(block, e.length, packed.data + at, n), e.length);
		assert_true(index_block_holds(&e, block));
		free(block);
		at += n;
	}
	index_walk_close(&w);
	struct stat before, after;
	assert_int_equal(fstatat(p.fd, log_name, &before, 0) | fstatat(p.fd, zst_name, &after, 0), 0);
	assert_int_equal(before.st_mode, after.st_mode);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	buf_fini(&packed);
	finish(&p);
}

static void
settling_removes_the_log_only_when_both_are_the_same(void **state)
{
	(void)state;
	struct place p;
	uint64_t size;
	begin(&p, 2000);
	assert_int_equal(compress_pack(p.fd, log_name, NULL, &size), BX_OK);
	assert_int_equal(compress_pack(p.fd, log_name, NULL, &size), BX_EIO);
	assert_int_equal(errno, EEXIST);
	struct buf packed = read_file(p.fd, zst_name);
	for (int how = 0; how < 4; how++) {
		static const char *const whats[] = {"changed", "cut", "gone on", "another"};
		struct buf spoilt = {0};
		buf_put(&spoilt, packed.data, packed.len);
		if (how == 0)
			spoilt.data[packed.len / 3] ^= 1;
		else if (how == 1)
			spoilt.len /= 2;
		else if (how == 2)
			buf_put(&spoilt, packed.data, packed.len);
		else
			memcpy(spoilt.data, "other bytes", 11);
		write_file(p.fd, zst_name, spoilt.data, spoilt.len);
		if (compress_settle(p.fd, log_name, NULL) == BX_OK || !there(&p, log_name) || !there(&p, zst_name))
			fail_msg("a .zst that was %s was taken for the log", whats[how]);
		buf_fini(&spoilt);
	}
	write_file(p.fd, zst_name, packed.data, packed.len);
	assert_int_equal(compress_settle(p.fd, log_name, NULL), BX_OK);
	assert_true(!there(&p, log_name) && there(&p, zst_name));
	struct buf out = {0};
	enum logread_pack pack;
	assert_int_equal(read_back(&p, zst_name, 50000, &out, &pack), BX_OK);
	assert_int_equal(out.len, p.log.len);
	assert_memory_equal(out.data, p.log.data, out.len);
	buf_fini(&out);
	buf_fini(&packed);
	finish(&p);
}

static void
a_link_in_the_place_of_any_of_the_files_is_not_followed(void **state)
{
	(void)state;
	struct place p;
	uint64_t size;
	struct index_end end = {0};
	begin(&p, 100);
	write_file(p.fd, "precious", "precious", 8);
	assert_int_equal(symlinkat("precious", p.fd, "request.261122.log.idx"), 0);
	assert_int_equal(indexing_extend(p.fd, log_name, p.log.len, true, NULL, &end), BX_EIO);
	assert_int_equal(symlinkat("precious", p.fd, zst_name), 0);
	assert_int_equal(compress_pack(p.fd, log_name, NULL, &size), BX_EIO);
	assert_int_equal(compress_settle(p.fd, log_name, NULL), BX_EIO);
	assert_int_equal(unlinkat(p.fd, zst_name, 0), 0);
	assert_int_equal(symlinkat("precious", p.fd, "request.261122.log.zst.new"), 0);
	assert_int_equal(compress_pack(p.fd, log_name, NULL, &size), BX_OK); /* a leftover of that name goes */
	struct buf same = read_file(p.fd, "precious");
	assert_int_equal(same.len, 8);
	assert_int_equal(unlinkat(p.fd, log_name, 0) | symlinkat("precious", p.fd, log_name), 0);
	assert_int_equal(unlinkat(p.fd, zst_name, 0), 0);
	assert_int_equal(compress_pack(p.fd, log_name, NULL, &size), BX_EIO);
	buf_fini(&same);
	finish(&p);
}

static void
told_to_stop_it_leaves_everything_as_it_was(void **state)
{
	(void)state;
	struct place p;
	uint64_t size;
	static _Atomic bool stop = true;
	begin(&p, 2000);
	assert_int_equal(compress_pack(p.fd, log_name, &stop, &size), BX_ELIMIT);
	assert_true(there(&p, log_name) && !there(&p, zst_name) && !there(&p, "request.261122.log.zst.new"));
	assert_int_equal(compress_pack(p.fd, log_name, NULL, &size), BX_OK);
	assert_int_equal(compress_settle(p.fd, log_name, &stop), BX_ELIMIT);
	assert_true(there(&p, log_name) && there(&p, zst_name));
	finish(&p);
}

/* ---- directories ------------------------------------------------------------------------------------------------- */

static void
names_of_the_later_layout_are_understood(void **state)
{
	(void)state;
	static const struct {
		const char *folder, *file, *type;
		bool hourly;
		int hour;
		enum logdir_pack pack;
	} good[] = {
	    {"20151124", "request-20151124.log", "request", false, 0, LOGDIR_PLAIN},
	    {"20151124", "request.sql-2015112417.log.gz", "request.sql", true, 17, LOGDIR_GZ},
	    {"20151124", "request-20151124-web1.log.bz2", "request", false, 0, LOGDIR_BZ2},
	    {"20151124", "request-2015112400-web-1.example.log", "request", true, 0, LOGDIR_PLAIN},
	    {"20151124", "a-b-20151124-20151124.log", "a-b", false, 0, LOGDIR_PLAIN},
	    {"20160229", "x-20160229.log", "x", false, 0, LOGDIR_PLAIN},
	};
	static const char *const bad[][2] = {{"20151124", "request-20151125.log"}, {"20151124", "request.151124.log"},
	    {"20151124", "-20151124.log"}, {"20151124", "request-20151124.log.zst"}, {"20151124", "request-20151124"},
	    {"20151124", "request-2015112424.log"}, {"20151124", "request-20151124-.log"},
	    {"20151124", "request-201511241.log"}, {"20150229", "request-20150229.log"},
	    {"2015112", "request-2015112.log"}, {"20151324", "request-20151324.log"},
	    {"20151124", "request-20151124.log.gz.new"}};
	struct logname name;
	enum logdir_pack pack;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		if (!logdir_parse_later(good[i].folder, good[i].file, &name, &pack))
			fail_msg("%s is not understood", good[i].file);
		assert_string_equal(name.type, good[i].type);
		assert_int_equal(name.hourly, good[i].hourly);
		assert_int_equal(pack, good[i].pack);
		assert_int_equal(name.day_start % 86400, good[i].hour * 3600);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (logdir_parse_later(bad[i][0], bad[i][1], &name, &pack))
			fail_msg("%s/%s is taken for a log file", bad[i][0], bad[i][1]);
}

static void
a_directory_lists_what_is_ours_once_and_counts_the_rest(void **state)
{
	(void)state;
	static const char *const files[] = {"b.261122.log", "b.261122.log.zst", "b.261122.log.idx", "b.261121.log.gz",
	    "b.261122.1.log", "a.26112207.log.bz2", "b.261122.log.zst.new", "notes.txt", ".hidden", "b.261122.log.old",
	    "gone.261122.log.idx", "20261122/b-20261122-web1.log.gz", "20261122/readme"};
	static const char *const expected[] = {"a.26112207.log.bz2", "b.261121.log.gz",
	    "20261122/b-20261122-web1.log.gz", "b.261122.log", "link.261122.log", "b.261122.1.log"};
	struct place p;
	begin(&p, 0);
	unlinkat(p.fd, log_name, 0);
	mkdirat(p.fd, "20261122", 0755);
	for (size_t i = 0; i < COUNT_OF(files); i++)
		write_file(p.fd, files[i], "x", 1);
	mkdirat(p.fd, "c.261122.log", 0755);
	assert_int_equal(symlinkat("notes.txt", p.fd, "link.261122.log"), 0);
	assert_int_equal(symlinkat("nowhere", p.fd, "nolink.261122.log"), 0);
	struct logdir_list d;
	assert_int_equal(logdir_read(p.dir, &d), BX_OK);
	assert_int_equal(d.count, COUNT_OF(expected));
	for (size_t i = 0; i < d.count; i++) {
		bool found = false;
		for (size_t k = 0; k < COUNT_OF(expected); k++)
			found |= strcmp(d.files[i].path, expected[k]) == 0;
		if (!found)
			fail_msg("%s is listed", d.files[i].path);
		bool twin = strcmp(d.files[i].path, "b.261122.log") == 0;
		assert_int_equal(d.files[i].twins, twin ? 1 << LOGDIR_ZST : 0);
		assert_int_equal(d.files[i].has_index, twin);
		assert_int_equal(d.files[i].link, strcmp(d.files[i].path, "link.261122.log") == 0);
	}
	assert_int_equal(d.lost_index_count, 1);
	assert_string_equal(d.lost_indexes[0], "gone.261122.log");
	assert_int_equal(d.others, 6); /* .new, notes, .hidden, .old, readme, a folder called like a log */
	logdir_list_fini(&d);
	assert_int_equal(logdir_read("/nonexistent", &d), BX_EIO);
	finish(&p);
}

static void
a_file_that_was_packed_since_it_was_listed_is_found(void **state)
{
	(void)state;
	struct place p;
	uint64_t size;
	begin(&p, 1000);
	assert_int_equal(compress_pack(p.fd, log_name, NULL, &size), BX_OK);
	assert_int_equal(compress_settle(p.fd, log_name, NULL), BX_OK);
	struct logread r;
	uint8_t some[64];
	size_t got;
	logread_open(&r, logdir_open(p.fd, log_name));
	assert_int_equal(logread_full(&r, some, sizeof some, &got), BX_OK);
	assert_memory_equal(some, p.log.data, sizeof some);
	logread_close(&r);
	assert_int_equal(logdir_open(p.fd, "other.261122.log"), -1);
	assert_int_equal(errno, ENOENT);
	finish(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whatever_it_is_packed_with_the_same_bytes_come_out),
	    cmocka_unit_test(several_packed_streams_in_a_row_are_one),
	    cmocka_unit_test(cut_anywhere_a_packed_file_gives_what_is_whole_and_says_so),
	    cmocka_unit_test(a_changed_byte_in_a_packed_file_is_never_taken_for_the_log),
	    cmocka_unit_test(skipping_is_the_same_as_reading),
	    cmocka_unit_test(frames_are_the_blocks_of_the_index_and_any_zstd_reads_them),
	    cmocka_unit_test(settling_removes_the_log_only_when_both_are_the_same),
	    cmocka_unit_test(a_link_in_the_place_of_any_of_the_files_is_not_followed),
	    cmocka_unit_test(told_to_stop_it_leaves_everything_as_it_was),
	    cmocka_unit_test(names_of_the_later_layout_are_understood),
	    cmocka_unit_test(a_directory_lists_what_is_ours_once_and_counts_the_rest),
	    cmocka_unit_test(a_file_that_was_packed_since_it_was_listed_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
