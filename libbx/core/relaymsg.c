/* SPDX-License-Identifier: ISC */
/* relaymsg: one writer and one reader a kind, found by a table; what may grow one day may be longer than we know. */
#include "libbx/core/relaymsg.h"

static const char magic[4] = {'B', 'X', 'R', 'L'};

static const char *const why_texts[] = {
    [RELAY_WHY_BAD] = "malformed",
    [RELAY_WHY_SUM] = "checksum does not match",
    [RELAY_WHY_SIZE] = "too long",
    [RELAY_WHY_CONFLICT] = "another frame has its name",
};

static const char *const reason_texts[] = {
    [RELAY_NO_SESSION] = "session not known",
    [RELAY_GAP] = "a message is missing",
    [RELAY_BAD_MESSAGE] = "message not understood",
    [RELAY_OLD_VERSION] = "no version in common",
    [RELAY_FRAME_VERSION] = "frame of a newer version",
    [RELAY_NOT_ALLOWED] = "not allowed",
    [RELAY_TOO_MANY] = "too many sessions",
    [RELAY_LEAVING] = "going down",
};

static const char *
text_of(const char *const *texts, size_t count, uint32_t i)
{
	return i < count && texts[i] ? texts[i] : "of a reason not known here";
}

const char *
relay_why_text(uint32_t why)
{
	return text_of(why_texts, sizeof why_texts / sizeof *why_texts, why);
}

const char *
relay_reason_text(uint32_t reason)
{
	return text_of(reason_texts, sizeof reason_texts / sizeof *reason_texts, reason);
}

/* What must be so of a DATA, on either side. */
static enum bx_err
data_check(const struct relay_data *d)
{
	if (d->plain > RELAY_PLAIN_MAX || d->frames.n > RELAY_PLAIN_MAX)
		return BX_ELIMIT;
	if (d->message == 0 || d->count == 0 || d->from == 0 || d->from > UINT64_MAX - d->count ||
	    d->count > d->plain / RELAY_FRAME_LENGTH || (!d->zstd && d->plain != d->frames.n))
		return BX_EBAD;
	return BX_OK;
}

/* ---- writing ---- */

static void
add_u16(struct buf *b, uint16_t v)
{
	uint8_t *p = buf_extend(b, 2);
	if (p)
		put_u16le(p, v);
}

static void
add_u32(struct buf *b, uint32_t v)
{
	uint8_t *p = buf_extend(b, 4);
	if (p)
		put_u32le(p, v);
}

static void
add_u64(struct buf *b, uint64_t v)
{
	uint8_t *p = buf_extend(b, 8);
	if (p)
		put_u64le(p, v);
}

static void
write_head(struct buf *b, const struct relay_msg *m, uint8_t flags)
{
	buf_put(b, magic, sizeof magic);
	buf_putc(b, (char)m->kind);
	buf_putc(b, (char)flags);
	add_u16(b, 0);
	buf_put(b, m->session, RELAY_SESSION);
}

static enum bx_err
write_hello(struct buf *b, const struct relay_msg *m)
{
	const struct relay_hello *h = &m->hello;
	if (h->node.n > RELAY_NODE_MAX)
		return BX_ELIMIT;
	write_head(b, m, 0);
	add_u16(b, h->version);
	add_u16(b, h->max_frame_version);
	add_u32(b, h->features);
	if (m->kind == RELAY_WELCOME) {
		add_u32(b, h->window);
		add_u32(b, h->max_msg);
		add_u32(b, h->heartbeat_ms);
	}
	add_u16(b, (uint16_t)h->node.n);
	buf_put(b, h->node.p, h->node.n);
	return BX_OK;
}

static enum bx_err
write_data(struct buf *b, const struct relay_msg *m)
{
	const struct relay_data *d = &m->data;
	enum bx_err err = data_check(d);
	if (err != BX_OK)
		return err;
	write_head(b, m, d->zstd ? RELAY_DATA_IS_ZSTD : 0);
	add_u64(b, d->message);
	add_u64(b, d->from);
	add_u32(b, d->count);
	add_u32(b, d->plain);
	add_u64(b, 0);
	buf_put(b, d->frames.p, d->frames.n);
	return BX_OK;
}

static enum bx_err
write_ack(struct buf *b, const struct relay_msg *m)
{
	if (m->ack.rejected_count > RELAY_REJECTED_MAX)
		return BX_ELIMIT;
	write_head(b, m, 0);
	add_u64(b, m->ack.upto);
	add_u32(b, m->ack.rejected_count);
	buf_put(b, m->ack.rejected, (size_t)m->ack.rejected_count * RELAY_REJECTED);
	return BX_OK;
}

static enum bx_err
write_busy(struct buf *b, const struct relay_msg *m)
{
	write_head(b, m, 0);
	add_u32(b, m->busy.retry_ms);
	return BX_OK;
}

static enum bx_err
write_nope(struct buf *b, const struct relay_msg *m)
{
	write_head(b, m, 0);
	add_u16(b, (uint16_t)m->nope.reason);
	add_u16(b, m->nope.again ? 1 : 0);
	return BX_OK;
}

/* ---- reading ---- */

/* May be longer: what a newer program adds stands behind what is known. */
static void
read_hello(struct cursor *c, struct relay_msg *m)
{
	struct relay_hello *h = &m->hello;
	h->version = cursor_u16le(c);
	h->max_frame_version = cursor_u16le(c);
	h->features = cursor_u32le(c);
	if (m->kind == RELAY_WELCOME) {
		h->window = cursor_u32le(c);
		h->max_msg = cursor_u32le(c);
		h->heartbeat_ms = cursor_u32le(c);
	}
	h->node.n = cursor_u16le(c);
	if (h->node.n > RELAY_NODE_MAX || (c->err == BX_OK && h->version == 0))
		cursor_fail(c, BX_EBAD);
	h->node.p = cursor_take(c, h->node.n);
}

static void
read_data(struct cursor *c, struct relay_msg *m)
{
	struct relay_data *d = &m->data;
	d->message = cursor_u64le(c);
	d->from = cursor_u64le(c);
	d->count = cursor_u32le(c);
	d->plain = cursor_u32le(c);
	uint64_t zero = cursor_u64le(c);
	d->frames.n = cursor_left(c);
	d->frames.p = cursor_take(c, d->frames.n);
	if (zero != 0)
		cursor_fail(c, BX_EBAD);
	if (cursor_err(c) == BX_OK)
		cursor_fail(c, data_check(d));
}

static void
read_ack(struct cursor *c, struct relay_msg *m)
{
	m->ack.upto = cursor_u64le(c);
	m->ack.rejected_count = cursor_u32le(c);
	if (m->ack.rejected_count > RELAY_REJECTED_MAX)
		cursor_fail(c, BX_ELIMIT);
	m->ack.rejected = cursor_take(c, (size_t)m->ack.rejected_count * RELAY_REJECTED);
}

static void
read_busy(struct cursor *c, struct relay_msg *m)
{
	m->busy.retry_ms = cursor_u32le(c);
}

static void
read_nope(struct cursor *c, struct relay_msg *m)
{
	m->nope.reason = (enum relay_reason)cursor_u16le(c);
	uint16_t again = cursor_u16le(c);
	m->nope.again = again == 1;
	if (again > 1)
		cursor_fail(c, BX_EBAD);
}

/* ---- both, by kind ---- */

static const struct {
	enum bx_err (*write)(struct buf *b, const struct relay_msg *m);
	void (*read)(struct cursor *c, struct relay_msg *m);
	uint8_t flags;
} kinds[] = {
    [RELAY_HELLO] = {write_hello, read_hello, 0},
    [RELAY_WELCOME] = {write_hello, read_hello, 0},
    [RELAY_DATA] = {write_data, read_data, RELAY_DATA_IS_ZSTD},
    [RELAY_ACK] = {write_ack, read_ack, 0},
    [RELAY_BUSY] = {write_busy, read_busy, 0},
    [RELAY_NOPE] = {write_nope, read_nope, 0},
};

static bool
kind_known(unsigned kind)
{
	return kind < sizeof kinds / sizeof *kinds && kinds[kind].read;
}

enum bx_err
relaymsg_write(struct buf *b, const struct relay_msg *m)
{
	enum bx_err err = kind_known(m->kind) ? kinds[m->kind].write(b, m) : BX_EBAD;
	return err != BX_OK ? err : b->err;
}

bool
relaymsg_session(const void *p, size_t n, uint8_t session[RELAY_SESSION])
{
	if (n < RELAY_HEADER || memcmp(p, magic, sizeof magic) != 0)
		return false;
	memcpy(session, (const uint8_t *)p + 8, RELAY_SESSION);
	return true;
}

enum bx_err
relaymsg_read(const void *p, size_t n, struct relay_msg *m)
{
	*m = (struct relay_msg){0};
	if (n > RELAY_MESSAGE_MAX)
		return BX_ELIMIT;
	struct cursor c;
	cursor_init(&c, p, n);
	const uint8_t *head = cursor_take(&c, RELAY_HEADER);
	if (!head)
		return cursor_err(&c);
	if (!relaymsg_session(head, RELAY_HEADER, m->session) || get_u16le(head + 6) != 0 || head[4] == 0)
		return BX_EBAD;
	m->kind = (enum relay_kind)head[4];
	if (!kind_known(head[4]) || (head[5] & ~kinds[head[4]].flags) != 0)
		return BX_EVERSION;
	if (m->kind == RELAY_DATA)
		m->data.zstd = (head[5] & RELAY_DATA_IS_ZSTD) != 0;
	kinds[head[4]].read(&c, m);
	return cursor_err(&c);
}

/* ---- lists ---- */

struct relay_rejected
relaymsg_rejected(const struct relay_ack *a, uint32_t i)
{
	const uint8_t *p = a->rejected + (size_t)i * RELAY_REJECTED;
	return (struct relay_rejected){get_u64le(p), get_u32le(p + 8)};
}

void
relaymsg_add_rejected(struct buf *list, uint64_t n, uint32_t why)
{
	add_u64(list, n);
	add_u32(list, why);
}

void
relaymsg_add_frame(struct buf *frames, struct bytes frame)
{
	add_u32(frames, (uint32_t)frame.n);
	buf_put(frames, frame.p, frame.n);
}

bool
relaymsg_next_frame(struct cursor *frames, struct bytes *frame)
{
	if (cursor_left(frames) == 0)
		return false;
	frame->n = cursor_u32le(frames);
	frame->p = cursor_take(frames, frame->n);
	return cursor_err(frames) == BX_OK;
}
