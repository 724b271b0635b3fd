/* SPDX-License-Identifier: ISC */
/* wire3: fixed offsets; the body is looked into only for a type that was cut. */
#include "oxd/wire3.h"

#include "libbx/core/bytes.h"
#include "libbx/core/frame.h"
#include "libbx/core/mp.h"

enum { AT_END = 1, AT_HOST = 9, AT_TYPE = 73 };

static bool
pascal(const uint8_t *p, struct bytes *out)
{
	*out = (struct bytes){p + 1, p[0]};
	return p[0] <= WIRE3_TEXT;
}

/* A type of 64 bytes or more arrives cut to 63; the map has it whole. */
static void
lengthen_type(struct wire3 *w)
{
	struct event ev;
	if (w->type.n != WIRE3_TEXT || event_parse(w->map.p, w->map.n, &ev) != BX_OK)
		return;
	if (ev.type.n > WIRE3_TEXT && ev.type.n <= FRAME_TYPE_MAX && memcmp(ev.type.p, w->type.p, WIRE3_TEXT) == 0)
		w->type = ev.type;
}

enum wire3_fault
wire3_read(struct bytes meta, struct bytes map, struct wire3 *out)
{
	if (meta.n > 0 && meta.p[0] != WIRE3_VERSION)
		return WIRE3_BAD_VERSION;
	if (meta.n != WIRE3_META)
		return WIRE3_BAD_LENGTH;
	out->end = double_of_bits(get_u64be(meta.p + AT_END));
	if (!pascal(meta.p + AT_HOST, &out->host) || !pascal(meta.p + AT_TYPE, &out->type))
		return WIRE3_BAD_LENGTH;
	if (!mp_is_one_map(map.p, map.n))
		return WIRE3_BAD_BODY;
	out->map = map;
	lengthen_type(out);
	return WIRE3_OK;
}
