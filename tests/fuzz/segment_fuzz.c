/* SPDX-License-Identifier: ISC */
/*
 * segment: a journal directory of any bytes is recovered, and a second recovery finds what the first one left.
 *
 * Input: a byte that tells how many segments (1 to 3), one for what a snapshot covers, then the segments' bodies.  Where
 * the byte behind a record's kind has not its lowest bit the checksum is made to hold, where it has not the next one the
 * number is made the one that must come: so most inputs get past both.
 */
/* LIBS: oxd/journal_recover.c oxd/segment.c oxd/scan.c oxd/record.c oxd/source.c oxd/disk.c oxd/say.c oxd/stats.c */
#include <fcntl.h>
#include <unistd.h>
#include <utlist.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/bytes.h"
#include "oxd/disk.h"
#include "oxd/journal_recover.h"
#include "oxd/say.h"
#include "oxd/scan.h"
#include "tests/fuzz/fuzz.h"

enum { SEGMENTS_MAX = 3, STEP = 16 };

static int dir_fd = -1;
static char dir_path[64];

static void
remove_dir(void)
{
	rmdir(dir_path);
}

static void
empty_dir(void)
{
	for (uint64_t first = 0; first <= 4 * STEP; first++) {
		char name[64];
		snprintf(name, sizeof name, "%016llx.seg", (unsigned long long)first);
		unlinkat(dir_fd, name, 0);
		snprintf(name, sizeof name, "%016llx.seg.damaged", (unsigned long long)first);
		unlinkat(dir_fd, name, 0);
	}
	unlinkat(dir_fd, SEGMENT_SPARE, 0);
}

static void
open_dir_once(void)
{
	if (dir_fd >= 0)
		return;
	snprintf(dir_path, sizeof dir_path, "/dev/shm/bx-fuzz-XXXXXX");
	MUST(mkdtemp(dir_path) != NULL);
	atexit(remove_dir);
	dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY);
	MUST(dir_fd >= 0);
	say_init("fuzz", -8);
}

static void
make_hold(uint8_t *body, size_t n, uint64_t number, uint64_t seed)
{
	for (size_t at = 0; n - at >= RECORD_HEADER; number++) {
		uint8_t *p = body + at;
		uint32_t len = record_length(p);
		uint8_t as_is = p[5];
		if (len == 0 || len > n - at)
			return;
		p[5] = 0;
		if (!(as_is & 2))
			put_u64le(p + 16, number);
		if (!(as_is & 1))
			put_u64le(p + 8, XXH3_64bits_withSeed(p + 16, len - 16, seed ^ get_u64le(p)));
		size_t padded = ((size_t)len + 7) & ~(size_t)7;
		if (padded > n - at)
			return;
		at += padded;
	}
}

static void
write_segments(const uint8_t *data, size_t n, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		size_t part = i + 1 == count ? n : n / (count - i);
		uint64_t first = 1 + i * (uint64_t)STEP;
		struct segment *s;
		MUST(segment_create(dir_fd, first, SEGMENT_HEADER + ((part + 7) & ~(size_t)7) + 64, 0, false, &s) ==
		     BX_OK);
		uint8_t *body = exact_copy(data, part);
		make_hold(body, part, first, s->seed);
		MUST(disk_write(s->fd, body, part, SEGMENT_HEADER));
		free(body);
		segment_unref(&s);
		data += part;
		n -= part;
	}
}

static uint64_t newest;

static void
note_record(void *arg, const struct record *rec)
{
	(void)arg;
	MUST(rec->number > newest);
	newest = rec->number;
	volatile uint8_t last = 0;
	for (size_t i = 0; i < rec->frame.n; i++)
		last = rec->frame.p[i];
	(void)last;
}

static uint64_t
recover(uint64_t covers, uint64_t *lost)
{
	static struct stats stats;
	struct journal_replay replay = {.record = note_record};
	struct recovered r;
	char err[256] = "";
	memset(&stats, 0, sizeof stats);
	newest = covers;
	MUST(journal_recover(dir_fd, covers, &replay, &stats, &r, err, sizeof err) == BX_OK);
	MUST(r.last >= covers && r.last >= newest && r.lost_count <= RECOVER_LOST_MAX);
	*lost = stats_get(&stats, STAT_journal_lost);
	struct segment *s, *next;
	LL_FOREACH_SAFE(r.segments, s, next)
	{
		MUST(!next || s->first < next->first);
		MUST(next || !r.ends_open || s->end <= s->bytes);
		LL_DELETE(r.segments, s);
		segment_unref(&s);
	}
	return r.last;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	open_dir_once();
	write_segments(data + 2, n - 2, 1 + data[0] % SEGMENTS_MAX);
	uint64_t covers = data[1] % (SEGMENTS_MAX * STEP), lost, lost_again;
	uint64_t last = recover(covers, &lost);
	MUST(recover(covers, &lost_again) == last);
	MUST(lost_again <= lost);
	empty_dir();
	return 0;
}
