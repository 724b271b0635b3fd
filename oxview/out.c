/* SPDX-License-Identifier: ISC */
/* out: the buf is the buffer; it is written whole and cleared, so formats may go back in what they wrote of one event. */
#include "oxview/out.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { ENOUGH = 128 * 1024 };

void
out_init(struct out *o, int fd, bool prompt)
{
	*o = (struct out){.fd = fd, .prompt = prompt};
}

void
out_fini(struct out *o)
{
	buf_fini(&o->buf);
}

bool
out_flush(struct out *o)
{
	if (o->buf.err != BX_OK && !o->error)
		o->error = ENOMEM;
	size_t at = 0;
	while (at < o->buf.len && !o->closed && !o->error) {
		ssize_t n = write(o->fd, o->buf.data + at, o->buf.len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno == EPIPE)
			o->closed = true;
		else if (errno == EAGAIN) /* somebody else made this terminal or pipe non-blocking */
			poll(&(struct pollfd){.fd = o->fd, .events = POLLOUT}, 1, -1);
		else if (errno != EINTR)
			o->error = errno;
	}
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
