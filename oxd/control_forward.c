/* SPDX-License-Identifier: ISC */
/* control_forward: where this oxd sends to, told and changed while it runs. */
#include <errno.h>
#include <string.h>

#include "libbx/core/mp.h"
#include "oxd/control_command.h"

/* {list: [...]} of the request, one after the other; NULL, or what is wrong. */
static const char *
each_given(struct bytes request, struct upstreams *list, bool remove)
{
	struct mp_token t;
	struct cursor c;
	if (!control_get(request, "to", &t) || t.kind != MP_ARRAY)
		return "'to' must be a list of addresses";
	/* control_get() has left the header only: walk to it again */
	cursor_init(&c, request.p, request.n);
	mp_next(&c, &t);
	for (uint32_t i = t.len; i > 0; i--) {
		struct mp_token key;
		mp_next(&c, &key);
		if (mp_str_is(&key, "to"))
			break;
		mp_skip(&c);
	}
	mp_next(&c, &t);
	for (uint32_t i = 0; i < t.len; i++) {
		struct mp_token one;
		char text[UPSTREAM_TEXT];
		if (!mp_next(&c, &one) || one.kind != MP_STR || one.len >= sizeof text || memchr(one.data, 0, one.len))
			return "'to' must be a list of addresses";
		memcpy(text, one.data, one.len);
		text[one.len] = '\0';
		const char *wrong =
		    remove ? upstreams_remove(list, text) ? NULL : "it is not in the list" : upstreams_add(list, text);
		if (wrong)
			return wrong;
	}
	return t.len ? NULL : "an address is needed";
}

static void
tell_list(struct control *c)
{
	mp_add_map(&c->answer, 1);
	mp_add_strz(&c->answer, "forward");
	forward_encode(c->world.forward, &c->answer);
}

void
control_forward(struct control *c, struct bytes request)
{
	char op[16] = "list";
	struct upstreams list;
	const char *wrong = NULL;
	control_get_text(request, "op", op, sizeof op);
	forward_list(c->world.forward, &list);
	if (strcmp(op, "list") == 0) {
		tell_list(c);
		return;
	}
	if (strcmp(op, "set") == 0) {
		list.count = 0;
		wrong = each_given(request, &list, false);
	} else if (strcmp(op, "add") == 0) {
		wrong = each_given(request, &list, false);
	} else if (strcmp(op, "remove") == 0) {
		wrong = each_given(request, &list, true);
		if (!wrong && list.count == 0)
			wrong =
			    "it is the last one: name another first, or say 'off', and what was not sent stays here";
	} else if (strcmp(op, "off") == 0) {
		list.count = 0;
		if (!c->world.logwriter)
			wrong = "nothing is logged here: without --log-path events would go nowhere";
	} else {
		wrong = "op is list, set, add, remove or off";
	}
	if (!wrong && !forward_set(c->world.forward, &list))
		wrong = strerror(errno);
	if (wrong)
		control_error(c, wrong);
	else
		tell_list(c);
}
