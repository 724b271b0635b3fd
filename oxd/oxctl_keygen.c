/* SPDX-License-Identifier: ISC */
/* oxctl_keygen: a new key, its secret in a file that only its owner can read, its public part beside it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "libbx/core/keyfile.h"
#include "oxd/oxctl.h"
#include "oxd/say.h"

/* Never over one that is there: a key that is lost locks its owner out. */
static bool
write_new(const char *path, mode_t mode, const struct buf *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	bool ok = fd >= 0 && content->err == BX_OK && write(fd, content->data, content->len) == (ssize_t)content->len &&
		  fsync(fd) == 0;
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (!ok)
		say(SAY_ERROR, "%s: %s", path, strerror(why));
	return ok;
}

int
oxctl_keygen(const struct oxctl *o, char **words)
{
	struct keyfile key;
	struct buf text = {0}, public_path = {0}, out = {0};
	(void)o;
	if (!words[0] || words[1])
		return oxctl_usage("keygen", words[0] ? words[1] : "");
	if (zmq_curve_keypair(key.public_key, key.secret_key) != 0) {
		say(SAY_ERROR, "this libzmq has no CURVE");
		return 1;
	}
	buf_printf(&public_path, "%s.pub", words[0]);
	buf_putc(&public_path, '\0');
	buf_printf(&text, "# BlueOx key; the other side gets the file beside it, .pub\npublic = %s\n", key.public_key);
	size_t public_n = text.len;
	buf_printf(&text, "secret = %s\n", key.secret_key);
	bool ok = write_new(words[0], 0600, &text);
	text.len = public_n;
	ok = ok && write_new((const char *)public_path.data, 0644, &text);
	if (ok)
		buf_printf(&out, "%s\n", key.public_key);
	explicit_bzero(&key, sizeof key);
	explicit_bzero(text.data, text.cap);
	buf_fini(&text);
	buf_fini(&public_path);
	int printed = oxctl_print(&out);
	return ok ? printed : 1;
}
