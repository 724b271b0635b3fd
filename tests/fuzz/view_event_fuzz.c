/* SPDX-License-Identifier: ISC */
/* oxview: any bytes through the feed, and every event that comes out of it through every style. */
/* LIBS: oxview/feed.c oxview/plan.c oxview/select.c oxview/trouble.c oxview/text.c oxview/body.c oxview/format_json.c oxview/json_quick.c oxview/format_pretty.c oxview/format_tree.c oxview/tree.c oxview/summary.c oxview/stack.c oxview/units.c oxview/bar.c oxview/term.c oxview/symbolize.c oxview/debuginfod.c @B@/obj/oxview/demangle.cc.o -lstdc++ -ldw -lelf -lm */
#include <sys/mman.h>
#include <unistd.h>

#include "oxview/double.h"
#include "oxview/feed.h"
#include "oxview/format_json.h"
#include "oxview/format_pretty.h"
#include "oxview/format_tree.h"
#include "tests/fuzz/fuzz.h"

enum { HELD_MAX = 64 };

/* The one C++ file is left out: numbers are printf's here. */
size_t
double_text(char *out, double value)
{
	return (size_t)snprintf(out, DOUBLE_TEXT, "%.17g", value);
}

size_t
float_text(char *out, float value)
{
	return double_text(out, (double)value);
}

size_t
double_text_marked(char *out, double value)
{
	return double_text(out, value);
}

size_t
float_text_marked(char *out, float value)
{
	return double_text(out, (double)value);
}

/* Nothing that a terminal obeys may be written for people. */
static void
check_safe(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		MUST((b->data[i] >= 0x20 || b->data[i] == '\n') && b->data[i] != 0x7f);
}

/* A line of JSON has no raw control but its own newline. */
static void
check_line(const struct buf *b)
{
	for (size_t i = 0; i + 1 < b->len; i++)
		MUST(b->data[i] >= 0x20);
	MUST(b->len > 0 && b->data[b->len - 1] == '\n');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct term term = {.columns = 60, .utf8 = true};
	struct buf said = {0}, out = {0}, kept = {0};
	struct trouble trouble = {.lines = &said};
	struct event ev, events[HELD_MAX];
	size_t at[HELD_MAX + 1] = {0}, held = 0, shown = 0;
	struct feed f;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0 ||
	    !feed_open(&f, fd, "fuzz", 64, &trouble))
		return 0;
	while (feed_next(&f, &ev)) {
		shown += ev.raw.n;
		buf_clear(&out);
		format_json(&ev, &out);
		check_line(&out);
		buf_clear(&out);
		format_pretty(&ev, &term, NULL, &out);
		check_safe(&out);
		if (held < HELD_MAX) {
			buf_put(&kept, ev.raw.p, ev.raw.n);
			at[++held] = kept.len;
		}
	}
	MUST(shown <= size && (shown < size) == (trouble.count > 0)); /* what is not shown is told of */
	for (size_t i = 0; i < held; i++)
		event_parse(kept.data + at[i], at[i + 1] - at[i], &events[i]);
	struct tree t;
	if (tree_build(&t, events, held, false)) {
		buf_clear(&out);
		for (size_t i = 0; i < t.group_count; i++)
			format_tree(&t.groups[i], &term, i % 2, &out);
		check_safe(&out);
		tree_fini(&t);
	}
	feed_close(&f);
	buf_fini(&said);
	buf_fini(&out);
	buf_fini(&kept);
	return 0;
}
