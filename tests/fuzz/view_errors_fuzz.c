/* SPDX-License-Identifier: ISC */
/* oxview --errors: events with any body, their stacks, and places in a file of ours that nobody would name. */
/* LIBS: oxview/errors.c oxview/fault.c oxview/textstack.c oxview/format_errors.c oxview/format_error.c oxview/srcline.c oxview/text.c oxview/body.c oxview/format_json.c oxview/json_quick.c oxview/format_pretty.c oxview/format_tree.c oxview/tree.c oxview/summary.c oxview/stack.c oxview/units.c oxview/bar.c oxview/term.c oxview/symbolize.c oxview/debuginfod.c @B@/obj/oxview/demangle.cc.o -lstdc++ -ldw -lelf -lm */
#include <unistd.h>

#include "oxview/double.h"
#include "oxview/errors.h"
#include "oxview/format_error.h"
#include "oxview/format_errors.h"
#include "tests/fuzz/fuzz.h"

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

static void
check_lines(const struct buf *b, size_t lines)
{
	for (size_t i = 0; i < b->len; i++) {
		MUST(b->data[i] >= 0x20 || b->data[i] == '\n');
		lines -= b->data[i] == '\n';
	}
	MUST(lines == 0);
}

/* All shapes of what was gathered, read again by nobody. */
static void
show(struct errors *e, struct symbolizer *symbols)
{
	static const struct term term = {.columns = 60, .utf8 = true};
	struct buf out = {0};
	errors_sort(e, ERRORS_BY_LAST, true);
	format_errors(e, 0, &term, symbols, &out);
	check_safe(&out);
	buf_clear(&out);
	format_errors_json(e, 0, symbols, &out);
	check_lines(&out, e->count);
	for (size_t i = 0; i < e->count && i < 4; i++) {
		struct event ev;
		struct fault_story story = {.group = e->groups[i], .why_not = "no more"};
		if (e->groups[i]->sample_count > 0 &&
		    event_parse(e->groups[i]->samples[0].raw, e->groups[i]->samples[0].n, &ev) == BX_OK) {
			story.events = &ev;
			story.count = 1;
		}
		buf_clear(&out);
		format_error(&story, false, &term, symbols, &out);
		check_safe(&out);
		buf_clear(&out);
		format_error_json(&story, symbols, &out);
		check_lines(&out, 1);
	}
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct symbolizer *symbols; /* kept: opening ourselves takes long */
	struct errors e;
	struct event ev;
	size_t used, added = 0;
	if (!symbols)
		symbols = symbolizer_new(0);
	MUST(errors_init(&e, "", 32 * 1024));
	for (size_t at = 0; at < size; at += used) {
		if (event_read(data + at, size - at, &ev, &used) != BX_OK) {
			used = 1;
			continue;
		}
		uint8_t *copy = exact_copy(data + at, used);
		MUST(event_parse(copy, used, &ev) == BX_OK);
		errors_add(&e, &ev);
		free(copy);
		added++;
	}
	uint64_t count = e.left_out;
	for (size_t i = 0; i < e.count; i++)
		count += e.groups[i]->count;
	MUST(count == e.events && e.events <= added && e.used_bytes <= e.memory_bytes);
	show(&e, symbols);
	errors_fini(&e);
	return 0;
}
