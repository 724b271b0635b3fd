/* SPDX-License-Identifier: ISC */
#include "preload/pq_text.h"

#include "preload/settings.h"
#include "preload/sql.h"

enum { HEX_DIGITS = 16, FIXED = 3 * (16 + PACK_MORE) + HEX_DIGITS };

size_t
pq_text_room(size_t size)
{
	if (shim_config.sql == SQL_OFF)
		return 0;
	return FIXED + (size < shim_config.sql_max ? size : shim_config.sql_max);
}

static void
pack_size(struct pack *p, size_t size)
{
	if (size <= shim_config.sql_max)
		return;
	PACK_KEY(p, "query_size");
	pack_uint(p, size);
}

static void
pack_fingerprint(struct pack *p, uint64_t print)
{
	static const char digits[] = "0123456789abcdef";
	char hex[HEX_DIGITS];
	for (int i = 0; i < HEX_DIGITS; i++)
		hex[i] = digits[print >> (4 * (HEX_DIGITS - 1 - i)) & 15];
	PACK_KEY(p, "fingerprint");
	pack_text(p, hex, sizeof hex);
}

/* Stripped where it will stand, behind the longest header that there may be; then it moves up to its own. */
static void
pack_stripped(struct pack *p, const char *query, size_t size, bool backslashes)
{
	uint64_t print;
	size_t max = shim_config.sql_max;
	PACK_KEY(p, "query");
	char *text = (char *)p->at + MP_HEADER_MAX;
	size_t len = sql_strip(query, size, backslashes, text, max, &print);
	size_t shown = len < max ? len : max;
	if (len > max) /* a character may be cut in two: the bytes that make it up are all of one kind */
		while (shown > 0 && max - shown < 4 && !mp_is_text(text, shown))
			shown--;
	p->at = mp_is_text(text, shown) ? mp_put_str_header(p->at, (uint32_t)shown)
					: mp_put_bin_header(p->at, (uint32_t)shown);
	memmove(p->at, text, shown);
	p->at += shown;
	pack_size(p, len);
	if (shim_config.sql == SQL_STRIP)
		pack_fingerprint(p, print);
}

enum pq_text
pq_text_how(const char *query, size_t size)
{
	return shim_config.sql == SQL_STRIP || sql_may_tell_password(query, size) ? PQ_STRIPPED : PQ_AS_IS;
}

void
pq_text_pack(struct pack *p, const char *query, size_t size, enum pq_text how)
{
	if (shim_config.sql == SQL_OFF)
		return;
	if (how == PQ_HIDDEN) {
		PACK_KEY(p, "query_size");
		pack_uint(p, size);
		return;
	}
	if (how != PQ_AS_IS) {
		pack_stripped(p, query, size, how == PQ_STRIPPED_BACKSLASHES);
		return;
	}
	PACK_KEY(p, "query");
	pack_text(p, query, pack_cut(query, size, shim_config.sql_max));
	pack_size(p, size);
}
