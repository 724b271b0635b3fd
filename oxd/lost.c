/* SPDX-License-Identifier: ISC */
/* lost: one walk over a segment. */
#include "oxd/lost.h"

#include "libbx/core/frame.h"
#include "oxd/scan.h"

void
lost_count_frame(struct bytes bytes, struct lost *l)
{
	struct frame frame;
	struct frame_event ev;
	if (bytes.n == 0 || frame_open(bytes.p, bytes.n, &frame) != BX_OK)
		return;
	while (frame_next(&frame, &ev)) {
		if (l->count == 0 || ev.end < l->first)
			l->first = ev.end;
		if (l->count == 0 || ev.end > l->last)
			l->last = ev.end;
		l->count++;
		l->bytes += ev.map.n;
	}
}

void
lost_count(const struct segment *s, uint64_t lo, uint64_t hi, struct lost *out)
{
	struct scan scan;
	struct record rec;
	*out = (struct lost){0};
	scan_init(&scan, NULL);
	scan_start(&scan, s->fd, s->seed, SEGMENT_HEADER, s->bytes);
	for (uint64_t number = s->first; number <= hi; number = rec.number + 1) {
		if (scan_next(&scan, number, &rec) != BX_OK && scan_find(&scan, number, &rec) != BX_OK)
			break;
		if (rec.number >= lo && rec.number <= hi)
			lost_count_frame(rec.frame, out);
	}
	scan_fini(&scan);
}
