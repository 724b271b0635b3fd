/* SPDX-License-Identifier: ISC */
/* relaymsg: any bytes are refused or read; what was read is written again the same, as far as it is known. */
#include "libbx/core/relaymsg.h"

#include "libbx/core/bytes.h"
#include "libbx/core/relaypack.h"
#include "tests/fuzz/fuzz.h"

static void
unpack(const struct relay_msg *m)
{
	struct relaypack pack = {0};
	struct buf out = {0};
	struct bytes frames, frame;
	if (relaypack_read(&pack, &m->data, &out, &frames) == BX_OK) {
		MUST(frames.n == m->data.plain);
		struct cursor c;
		cursor_init(&c, frames.p, frames.n);
		while (relaymsg_next_frame(&c, &frame))
			MUST(frame.p >= frames.p && frame.p + frame.n <= frames.p + frames.n);
	}
	buf_fini(&out);
	relaypack_fini(&pack);
}

static void
read_and_write_again(const uint8_t *p, size_t n)
{
	struct relay_msg m;
	if (relaymsg_read(p, n, &m) != BX_OK)
		return;
	struct buf again = {0};
	MUST(relaymsg_write(&again, &m) == BX_OK);
	MUST(again.len <= n);
	MUST(memcmp(again.data, p, again.len) == 0);
	if (m.kind == RELAY_DATA) {
		MUST(again.len == n);
		unpack(&m);
	}
	if (m.kind == RELAY_ACK)
		for (uint32_t i = 0; i < m.ack.rejected_count; i++)
			MUST(relay_why_text(relaymsg_rejected(&m.ack, i).why) != NULL);
	if (m.kind == RELAY_NOPE)
		MUST(relay_reason_text(m.nope.reason) != NULL);
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *p = exact_copy(data, n);
	read_and_write_again(p, n);
	if (n >= RELAY_DATA_HEADER && p[4] == RELAY_DATA) { /* once more with a size that holds, to come past it */
		put_u32le(p + 36, (uint32_t)(n - RELAY_DATA_HEADER));
		p[5] = 0;
		read_and_write_again(p, n);
	}
	free(p);
	return 0;
}
