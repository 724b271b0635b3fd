/* SPDX-License-Identifier: ISC */
/* out: the buf is the buffer; it is written whole and cleared, so formats may go back in what they wrote of one event. */
#include "oxview/out.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "oxview/progress.h"

enum { ENOUGH = 128 * 1024 };

void
out_init(struct out *o, int fd, bool prompt)
{
	*o = (struct out){.fd = fd, .terminal = fd, .prompt = prompt};
}

void
out_fini(struct out *o)
{
	buf_fini(&o->buf);
}

static void
write_all(struct out *o, const uint8_t *p, size_t len)
{
	size_t at = 0;
	if (len > 0 && o->ends_progress) {
		o->ends_progress = false;
		progress_end();
	}
	while (at < len && !o->closed && !o->error) {
		ssize_t n = write(o->fd, p + at, len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno == EPIPE)
			o->closed = true;
		else if (errno == EAGAIN) /* somebody else made this terminal or pipe non-blocking */
			poll(&(struct pollfd){.fd = o->fd, .events = POLLOUT}, 1, -1);
		else if (errno != EINTR)
			o->error = errno;
	}
}

bool
out_put(struct out *o, const void *p, size_t n)
{
	if (n < ENOUGH) {
		buf_put(&o->buf, p, n);
		return out_done(o);
	}
	out_flush(o);
	write_all(o, p, n);
	return !o->closed && !o->error;
}

bool
out_flush(struct out *o)
{
	if (o->buf.err != BX_OK && !o->error)
		o->error = ENOMEM;
	write_all(o, o->buf.data, o->buf.len);
	buf_clear(&o->buf);
	return !o->closed && !o->error;
}

bool
out_done(struct out *o)
{
	if (o->buf.len >= ENOUGH || o->prompt || o->buf.err != BX_OK)
		return out_flush(o);
	return !o->closed && !o->error;
}
