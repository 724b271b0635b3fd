/* SPDX-License-Identifier: ISC */
/* report_page: its bytes come from report_page.S. */
#include "oxview/report_page.h"

extern const char report_page_text[];
extern const uint64_t report_page_size;

/* How long the head is: the place of the data is the only NUL in the page. */
static size_t
head_size(void)
{
	const char *data = memchr(report_page_text, '\0', report_page_size);
	return data ? (size_t)(data - report_page_text) : report_page_size - 1;
}

void
report_page_head(struct buf *out)
{
	buf_put(out, report_page_text, head_size());
}

void
report_page_tail(struct buf *out)
{
	size_t n = head_size() + 1;
	buf_put(out, report_page_text + n, report_page_size - n);
}
