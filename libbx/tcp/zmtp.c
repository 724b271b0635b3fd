/* SPDX-License-Identifier: ISC */
/* zmtp: lengths are compared with what there is before anything is believed. */
#include "libbx/tcp/zmtp.h"

#include <string.h>

#include "libbx/core/bytes.h"
#include "libbx/core/cursor.h"

enum { MORE = 1, LONG = 2, COMMAND = 4, KNOWN_FLAGS = MORE | LONG | COMMAND };
enum { VERSION_MAJOR = 3, VERSION_MINOR = 1, MECHANISM_AT = 12, PING_TTL = 2, PING_CONTEXT_MAX = 16 };

const struct zmtp_mechanism zmtp_null = {.name = "NULL"};

void
zmtp_put_greeting(uint8_t out[ZMTP_GREETING], const struct zmtp_mechanism *m)
{
	memset(out, 0, ZMTP_GREETING);
	out[0] = 0xff;
	out[9] = 0x7f;
	out[10] = VERSION_MAJOR;
	out[11] = VERSION_MINOR;
	memcpy(out + MECHANISM_AT, m->name, sizeof m->name);
}

bool
zmtp_greeting_fits(const uint8_t in[ZMTP_GREETING], const struct zmtp_mechanism *m)
{
	return in[0] == 0xff && in[9] == 0x7f && in[10] >= VERSION_MAJOR &&
	       memcmp(in + MECHANISM_AT, m->name, sizeof m->name) == 0;
}

static void
add_command(struct buf *b, const char *name, const void *data, size_t n)
{
	size_t name_len = strlen(name);
	buf_putc(b, COMMAND);
	buf_putc(b, (char)(1 + name_len + n)); /* ours are short */
	buf_putc(b, (char)name_len);
	buf_put(b, name, name_len);
	buf_put(b, data, n);
}

void
zmtp_add_ready(struct buf *b)
{
	static const char properties[] = "\x0bSocket-Type\0\0\0\x06"
					 "DEALER\x08Identity\0\0\0";
	add_command(b, "READY", properties, sizeof properties); /* its NUL is the last byte of a length */
}

bool
zmtp_ready_fits(struct bytes body)
{
	struct cursor c;
	cursor_init(&c, body.p, body.n);
	while (cursor_left(&c) && cursor_err(&c) == BX_OK) {
		uint8_t name_len = cursor_u8(&c);
		const uint8_t *name = cursor_take(&c, name_len);
		uint32_t n = cursor_u32be(&c);
		const uint8_t *value = cursor_take(&c, n);
		if (value && name_len == 11 && memcmp(name, "Socket-Type", 11) == 0)
			return n == 6 && memcmp(value, "ROUTER", 6) == 0;
	}
	return false;
}

void
zmtp_add_pong(struct buf *b, struct bytes ping)
{
	size_t n = ping.n > PING_TTL ? ping.n - PING_TTL : 0;
	add_command(b, "PONG", ping.p + PING_TTL, n > PING_CONTEXT_MAX ? 0 : n);
}

size_t
zmtp_put_header(uint8_t out[ZMTP_HEADER_MAX], uint64_t n)
{
	if (n <= UINT8_MAX) {
		out[0] = 0;
		out[1] = (uint8_t)n;
		return 2;
	}
	out[0] = LONG;
	put_u64be(out + 1, n);
	return 9;
}

static enum zmtp_kind
command_kind(struct bytes *body)
{
	static const struct {
		const char *name;
		enum zmtp_kind kind;
	} names[] = {{"READY", ZMTP_READY}, {"ERROR", ZMTP_ERROR}, {"PING", ZMTP_PING}};
	if (body->n == 0 || body->p[0] > body->n - 1)
		return ZMTP_BAD;
	size_t n = body->p[0];
	const uint8_t *name = body->p + 1;
	*body = (struct bytes){name + n, body->n - 1 - n};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == n && memcmp(names[i].name, name, n) == 0)
			return names[i].kind;
	return ZMTP_COMMAND;
}

struct zmtp_frame
zmtp_read(const uint8_t *p, size_t n)
{
	struct zmtp_frame none = {.kind = ZMTP_NEED_MORE}, bad = {.kind = ZMTP_BAD};
	if (n == 0)
		return none;
	if (p[0] & ~KNOWN_FLAGS)
		return bad;
	size_t header = p[0] & LONG ? 9 : 2;
	if (n < header)
		return none;
	uint64_t size = p[0] & LONG ? get_u64be(p + 1) : p[1];
	if (size > ZMTP_FRAME_MAX)
		return bad;
	if (size > n - header)
		return none;
	struct zmtp_frame f = {.body = {p + header, size}, .size = header + size};
	if (p[0] & COMMAND)
		f.kind = command_kind(&f.body);
	else
		f.kind = p[0] & MORE ? ZMTP_PART : ZMTP_MESSAGE;
	return f;
}
