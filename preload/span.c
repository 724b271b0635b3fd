/* SPDX-License-Identifier: ISC */
#include "preload/span.h"

#include "preload/crash.h"

/* An address in this object, whose frames are left out of stacks.  (What returns where says nothing: calls are inlined.) */
static const char ours;

bx_ctx *
span_begin(const char *name)
{
	crash_watch();
	return bx_new(name);
}

void
span_end(bx_ctx *span)
{
	bx_done(span);
}

bx_ctx *
span_begin_known(const char *name, uint32_t known, int64_t *begin_ns)
{
	crash_watch();
	*begin_ns = 0;
	return bx__ctx_new(name, known, begin_ns);
}

void
span_end_at(bx_ctx *span, int64_t end_ns)
{
	if (span)
		bx__ctx_done(span, end_ns);
}

void
span_drop(bx_ctx *span)
{
	if (span)
		bx__ctx_drop(span);
}

void
span_set_cut(bx_ctx *span, const char *key, const char *text, size_t len, size_t max)
{
	if (len > max) {
		len = max;
		while (
		    len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) /* a continuation byte: back to its start */
			len--;
	}
	span_set(span, key, bx_strn(text, len));
}

void
span_set_list(bx_ctx *span, const char *key, const struct bx_slice *texts, size_t count)
{
	bx__ctx_texts(span, key, texts, count);
}

void
span_set_error(bx_ctx *span, const struct bx__error *error)
{
	if (!span)
		return;
	struct bx__error with_skip = *error;
	with_skip.skip_object = &ours;
	bx__ctx_error(span, &with_skip);
}

void
span_keep_asked(enum kind kind, struct span_asked *asked)
{
	asked->count = 0;
	if (shim_config.slow_ns[kind] != INT64_MAX)
		asked->count = bx__stack_now(asked->frames, SPAN_FRAMES, &ours);
}

void
span_set_slow(bx_ctx *span, const struct span_asked *asked)
{
	bool kept = asked && asked->count > 0;
	span_set(span, "slow", (bool)true);
	bx__ctx_stack(span, "stack", kept ? asked->frames : NULL, kept ? asked->count : 0, &ours);
}
