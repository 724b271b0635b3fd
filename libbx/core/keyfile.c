/* SPDX-License-Identifier: ISC */
/* keyfile: one read, two lines looked for. */
#include "libbx/core/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4096 };

/* Z85's own alphabet. */
static bool
is_key(const char *p, size_t n)
{
	static const char alphabet[] =
	    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\0' || !strchr(alphabet, p[i]))
			return false;
	return n == KEY_TEXT - 1;
}

/* `name = value` at the start of a line. */
static bool
find_line(const char *text, const char *name, char out[KEY_TEXT])
{
	size_t name_n = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		line += strspn(line, " \t");
		if (strncmp(line, name, name_n) != 0)
			continue;
		const char *p = line + name_n + strspn(line + name_n, " \t");
		if (*p != '=')
			continue;
		p += 1 + strspn(p + 1, " \t");
		size_t n = strcspn(p, " \t\r\n");
		if (!is_key(p, n))
			return false;
		memcpy(out, p, n);
		out[n] = '\0';
		return true;
	}
	return false;
}

const char *
keyfile_read(const char *path, bool secret, struct keyfile *out)
{
	char text[FILE_MAX + 1];
	struct stat st;
	*out = (struct keyfile){0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return strerror(errno);
	ssize_t n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, text, FILE_MAX) : -1;
	close(fd);
	if (n < 0)
		return "is no file that can be read";
	text[n] = '\0';
	if (!find_line(text, "public", out->public_key))
		return "has no line 'public = KEY' with a key of 40 characters";
	bool has_secret = find_line(text, "secret", out->secret_key);
	explicit_bzero(text, sizeof text);
	if (secret && !has_secret)
		return "has no line 'secret = KEY' with a key of 40 characters";
	if (has_secret && (st.st_mode & 077))
		return "holds a secret that others can read: chmod 600";
	return NULL;
}
