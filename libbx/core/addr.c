/* SPDX-License-Identifier: ISC */
/* addr: split at the last colon, except inside brackets. */
#include "libbx/core/addr.h"

#include <stdio.h>
#include <string.h>

static const char *
parse_port(const char *s, uint16_t *port)
{
	unsigned v = 0;
	size_t n = strlen(s);
	if (n == 0 || n > 5 || strspn(s, "0123456789") != n)
		return "the port must be a number from 0 to 65535";
	for (; *s; s++)
		v = v * 10 + (unsigned)(*s - '0');
	if (v > 65535)
		return "the port must be a number from 0 to 65535";
	*port = (uint16_t)v;
	return NULL;
}

static const char *
set_host(struct addr *a, const char *s, size_t n)
{
	if (n == 0)
		return "the host is empty";
	if (n >= sizeof a->host)
		return "the host is too long";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == '/' || s[i] == 127)
			return "the host has a character that no host name has";
	memcpy(a->host, s, n);
	a->host[n] = '\0';
	return NULL;
}

static const char *
parse_bracketed(const char *text, int default_port, struct addr *a)
{
	const char *close = strchr(text, ']');
	if (!close)
		return "a '[' without its ']'";
	const char *wrong = set_host(a, text + 1, (size_t)(close - text - 1));
	if (wrong)
		return wrong;
	if (close[1] == ':')
		return parse_port(close + 2, &a->port);
	if (close[1] != '\0' || default_port < 0)
		return "expected ':PORT' after ']'";
	a->port = (uint16_t)default_port;
	return NULL;
}

const char *
addr_parse(const char *text, const char *default_host, int default_port, struct addr *out)
{
	*out = (struct addr){0};
	if (strncmp(text, "ipc://", 6) == 0) {
		out->ipc = true;
		if (text[6] == '\0' || strlen(text + 6) >= 100)
			return "an ipc path must have 1 to 99 bytes";
		snprintf(out->host, sizeof out->host, "%s", text + 6);
		return NULL;
	}
	if (strncmp(text, "tcp://", 6) == 0)
		text += 6;
	if (text[0] == '[')
		return parse_bracketed(text, default_port, out);
	const char *colon = strrchr(text, ':');
	if (!colon) {
		if (*text && strspn(text, "0123456789") == strlen(text)) {
			const char *wrong = set_host(out, default_host, strlen(default_host));
			return wrong ? wrong : parse_port(text, &out->port);
		}
		if (default_port < 0)
			return "expected HOST:PORT";
		out->port = (uint16_t)default_port;
		return set_host(out, text, strlen(text));
	}
	if (memchr(text, ':', (size_t)(colon - text)))
		return "an IPv6 address needs brackets, [::1]:3514";
	const char *wrong = set_host(out, text, (size_t)(colon - text));
	return wrong ? wrong : parse_port(colon + 1, &out->port);
}

void
addr_endpoint(const struct addr *a, char out[ADDR_ENDPOINT_MAX])
{
	if (a->ipc) {
		snprintf(out, ADDR_ENDPOINT_MAX, "ipc://%s", a->host);
		return;
	}
	char port[8] = "*";
	if (a->port)
		snprintf(port, sizeof port, "%u", a->port);
	bool v6 = strchr(a->host, ':') != NULL;
	snprintf(out, ADDR_ENDPOINT_MAX, "tcp://%s%s%s:%s", v6 ? "[" : "", a->host, v6 ? "]" : "", port);
}

bool
addr_is_local(const struct addr *a)
{
	bool v4_loop = strncmp(a->host, "127.", 4) == 0 && strspn(a->host, "0123456789.") == strlen(a->host);
	return a->ipc || strcmp(a->host, "localhost") == 0 || v4_loop || strcmp(a->host, "::1") == 0;
}
