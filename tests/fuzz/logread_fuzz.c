/* SPDX-License-Identifier: ISC */
/* logread: any bytes for a file; the same comes out in steps of any size, and it always ends. */
/* LIBS: -lz -lbz2 -lzstd */
#include <sys/mman.h>
#include <unistd.h>

#include "libbx/core/buf.h"
#include "libbx/core/compress.h"
#include "libbx/core/logdir.h"
#include "libbx/core/logread.h"
#include "tests/fuzz/fuzz.h"

enum { OUT_MAX = 1 << 20 };

static enum bx_err
read_all(const uint8_t *data, size_t n, size_t step, struct buf *out)
{
	struct logread r;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	MUST(fd >= 0 && write(fd, data, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	logread_open(&r, fd);
	enum bx_err err = BX_OK;
	for (size_t got = 1; err == BX_OK && got > 0 && out->len < OUT_MAX; out->len += got) {
		uint8_t *to = buf_reserve(out, step);
		MUST(to != NULL);
		err = logread_read(&r, to, step, &got);
		MUST(got <= step);
	}
	MUST(err == BX_OK || (err == BX_EBAD && r.problem));
	logread_close(&r);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf small = {0}, large = {0};
	enum bx_err a = read_all(data, n, 97, &small), b = read_all(data, n, 65536, &large);
	size_t same = small.len < large.len ? small.len : large.len;
	MUST(same == 0 || memcmp(small.data, large.data, same) == 0);
	MUST(same >= OUT_MAX || (a == b && (a != BX_OK || small.len == large.len)));
	buf_fini(&small);
	buf_fini(&large);
	compress_read_table(data, n);

	char *name = strndup((const char *)data, n);
	struct logname parsed;
	enum logdir_pack pack;
	MUST(name != NULL);
	if (logdir_parse_later("20151124", name, &parsed, &pack))
		MUST(parsed.type_len > 0 && parsed.type_len <= LOGNAME_TYPE_MAX && !parsed.type[parsed.type_len]);
	logdir_parse(name, &parsed, &pack);
	free(name);
	return 0;
}
