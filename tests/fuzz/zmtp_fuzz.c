/* SPDX-License-Identifier: ISC */
/* LIBS: libbx/tcp/zmtp.c */
/* zmtp: any bytes come apart into frames that lie within them, or are bad; cut short they come apart the same way. */
#include "libbx/tcp/zmtp.h"

#include "tests/fuzz/fuzz.h"

static void
walk(const uint8_t *p, size_t n)
{
	size_t at = 0;
	struct buf pong = {0};
	for (;;) {
		struct zmtp_frame f = zmtp_read(p + at, n - at);
		if (f.kind == ZMTP_NEED_MORE || f.kind == ZMTP_BAD)
			break;
		MUST(f.size >= 2 && f.size <= n - at);
		MUST(f.body.p >= p + at && f.body.p + f.body.n == p + at + f.size);
		if (f.kind == ZMTP_READY)
			zmtp_ready_fits(f.body);
		if (f.kind == ZMTP_PING)
			zmtp_add_pong(&pong, f.body);
		for (size_t cut = 0; cut < f.size && cut < 16; cut++) {
			struct zmtp_frame part = zmtp_read(p + at, cut);
			MUST(part.kind == ZMTP_NEED_MORE);
		}
		at += f.size;
	}
	buf_fini(&pong);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *p = exact_copy(data, n);
	walk(p, n);
	if (n >= ZMTP_GREETING)
		zmtp_greeting_fits(p, &zmtp_null);
	free(p);
	return 0;
}
