/* SPDX-License-Identifier: ISC */
/* control_peers: who sends to our relay port. */
#include "libbx/core/mp.h"
#include "oxd/control_command.h"

static bool
peers_are_told(struct control *c)
{
	struct buf list = {0};
	if (!relay_port_answer(c->world.peers, c->job->ticket, &list))
		return false;
	mp_add_map(&c->answer, 1);
	mp_add_strz(&c->answer, "peers");
	buf_put(&c->answer, list.data, list.len);
	buf_fini(&list);
	return true;
}

void
control_peers(struct control *c, struct bytes request)
{
	(void)request;
	c->job->ticket = relay_port_question(c->world.peers);
	control_wait(c, peers_are_told);
}
