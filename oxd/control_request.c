/* SPDX-License-Identifier: ISC */
/* control_request: what a request has under a key. */
#include <string.h>

#include "oxd/control_command.h"

/* The request is one whole map, so nothing here can fail but the search. */
bool
control_get(struct bytes request, const char *key, struct mp_token *value)
{
	struct cursor c;
	struct mp_token top, t;
	cursor_init(&c, request.p, request.n);
	mp_next(&c, &top);
	for (uint32_t i = 0; i < top.len; i++) {
		struct cursor peek = c;
		mp_next(&peek, &t);
		bool it =
		    (t.kind == MP_STR || t.kind == MP_BIN) && t.len == strlen(key) && memcmp(t.data, key, t.len) == 0;
		mp_skip(&c);
		peek = c;
		if (it)
			return mp_next(&peek, value);
		mp_skip(&c);
	}
	return false;
}

bool
control_get_text(struct bytes request, const char *key, char *out, size_t cap)
{
	struct mp_token t;
	if (!control_get(request, key, &t) || (t.kind != MP_STR && t.kind != MP_BIN) || t.len >= cap ||
	    memchr(t.data, '\0', t.len))
		return false;
	memcpy(out, t.data, t.len);
	out[t.len] = '\0';
	return true;
}
