/* SPDX-License-Identifier: ISC */
/*
 * relaypack: the frames of a DATA message, packed with zstd and unpacked again.
 *
 * Apart from relaymsg, so that only what links libzstd anyway (oxd and the sender plugin) carries it.
 */
#ifndef BLUEOX_CORE_RELAYPACK_H
#define BLUEOX_CORE_RELAYPACK_H

#include "libbx/core/relaymsg.h"

/* A message as full as this has others behind it: then it is packed in half the time, a third longer. */
enum { RELAYPACK_LEVEL = 1, RELAYPACK_LEVEL_BUSY = -3, RELAYPACK_BUSY = 256 * 1024 };

/* All zeroes is valid; contexts are made at the first need and kept.  One thread at a time. */
struct relaypack {
	void *packer;   /* ZSTD_CCtx */
	void *unpacker; /* ZSTD_DCtx */
};

void relaypack_fini(struct relaypack *p);

/*
 * Appends a whole DATA message to b.  m->data says session, message, from, count, and in `frames` what
 * relaymsg_add_frame() collected; plain and zstd are found here.  Packed with `zstd` only when that makes it shorter.
 */
enum bx_err relaypack_write(struct relaypack *p, struct buf *b, const struct relay_msg *m, bool zstd);

/*
 * The frames of a DATA message that relaymsg_read() has read: borrowed from it when they came plain, else unpacked into
 * b, whose content they then are.  BX_EBAD when they are not one zstd frame that states its content size and has it.
 */
enum bx_err relaypack_read(struct relaypack *p, const struct relay_data *d, struct buf *b, struct bytes *frames);

#endif
