/* SPDX-License-Identifier: ISC */
/* relaypack: sizes are compared before zstd is let near the bytes: it never gets more room than was agreed. */
#include "libbx/core/relaypack.h"

#include <zstd.h>

void
relaypack_fini(struct relaypack *p)
{
	ZSTD_freeCCtx(p->packer);
	ZSTD_freeDCtx(p->unpacker);
	*p = (struct relaypack){0};
}

/* Packs into room behind the header at `start`; false when that failed or would not be shorter. */
static bool
pack(struct relaypack *p, struct buf *b, size_t start, struct bytes plain)
{
	if (!p->packer)
		p->packer = ZSTD_createCCtx();
	uint8_t *to = buf_extend(b, plain.n);
	if (!p->packer || !to)
		return false;
	int level = plain.n < RELAYPACK_BUSY ? RELAYPACK_LEVEL : RELAYPACK_LEVEL_BUSY;
	size_t n = ZSTD_compressCCtx(p->packer, to, plain.n, plain.p, plain.n, level);
	if (ZSTD_isError(n) || n >= plain.n) {
		b->len -= plain.n;
		return false;
	}
	b->len = start + RELAY_DATA_HEADER + n;
	return true;
}

enum bx_err
relaypack_write(struct relaypack *p, struct buf *b, const struct relay_msg *m, bool zstd)
{
	struct relay_msg head = *m;
	size_t start = b->len;
	if (m->kind != RELAY_DATA)
		return BX_EBAD;
	if (m->data.frames.n > RELAY_PLAIN_MAX)
		return BX_ELIMIT;
	head.data.plain = (uint32_t)m->data.frames.n;
	if (zstd) {
		head.data.zstd = true;
		head.data.frames = (struct bytes){0};
		enum bx_err err = relaymsg_write(b, &head);
		if (err != BX_OK || pack(p, b, start, m->data.frames))
			return err;
		if (b->err != BX_OK)
			return b->err;
		b->len = start;
	}
	head.data.zstd = false;
	head.data.frames = m->data.frames;
	return relaymsg_write(b, &head);
}

enum bx_err
relaypack_read(struct relaypack *p, const struct relay_data *d, struct buf *b, struct bytes *frames)
{
	*frames = d->frames;
	if (!d->zstd)
		return BX_OK;
	*frames = (struct bytes){0};
	if (d->plain > RELAY_PLAIN_MAX)
		return BX_ELIMIT;
	if (ZSTD_getFrameContentSize(d->frames.p, d->frames.n) != d->plain ||
	    ZSTD_findFrameCompressedSize(d->frames.p, d->frames.n) != d->frames.n)
		return BX_EBAD;
	if (!p->unpacker)
		p->unpacker = ZSTD_createDCtx();
	buf_clear(b);
	uint8_t *to = buf_extend(b, d->plain);
	if (!p->unpacker || !to)
		return BX_ENOMEM;
	size_t n = ZSTD_decompressDCtx(p->unpacker, to, d->plain, d->frames.p, d->frames.n);
	if (n != d->plain) { /* an error is a number greater than any size */
		buf_clear(b);
		return BX_EBAD;
	}
	*frames = (struct bytes){to, n};
	return BX_OK;
}
