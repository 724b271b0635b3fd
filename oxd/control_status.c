/* SPDX-License-Identifier: ISC */
/* control_status: STATUS, what an oxd is and has done. */
#include <string.h>
#include <unistd.h>

#include "include/blueox.h"
#include "libbx/core/clock.h"
#include "oxd/control_command.h"

static void
add_state(struct control *c)
{
	char text[320];
	journal_state_text(c->world.journal, text, sizeof text);
	if (strcmp(text, "ok") == 0 && c->world.logwriter)
		logwriter_state_text(c->world.logwriter, text, sizeof text);
	mp_pair_text(&c->answer, "state", text);
}

static void
add_journal(struct control *c)
{
	const struct control_world *w = &c->world;
	uint64_t bytes, segments;
	journal_usage(w->journal, &bytes, &segments);
	mp_add_strz(&c->answer, "journal");
	mp_add_map(&c->answer, 8);
	mp_pair_uint(&c->answer, "last", journal_last(w->journal));
	mp_pair_uint(&c->answer, "synced", journal_synced(w->journal));
	mp_pair_uint(&c->answer, "written", w->logwriter ? logwriter_written(w->logwriter) : 0);
	mp_pair_uint(&c->answer, "checkpoint", w->logwriter ? logwriter_checkpointed(w->logwriter) : 0);
	mp_pair_uint(&c->answer, "snapshot", journal_snapshot_covers(w->journal));
	mp_pair_uint(&c->answer, "bytes", bytes);
	mp_pair_uint(&c->answer, "segments", segments);
	mp_pair_double(&c->answer, "waits", clock_seconds(journal_waits_ns(w->journal)));
}

/* Ports that other hosts can reach in plain text. */
static void
add_exposed(struct control *c)
{
	const struct port *ports[] = {c->world.collect, c->world.relay};
	uint32_t count = 0;
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		count += ports[i] && ports[i]->exposed;
	mp_add_strz(&c->answer, "exposed");
	mp_add_array(&c->answer, count);
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		if (ports[i] && ports[i]->exposed)
			mp_add_strz(&c->answer, ports[i]->text);
}

void
control_status(struct control *c, struct bytes request)
{
	(void)request;
	const struct control_world *w = &c->world;
	struct buf *b = &c->answer;
	mp_add_map(b, 15);
	seen_encode(w->seen, b); /* four */
	add_state(c);
	mp_pair_text(&c->answer, "version", BX_VERSION);
	mp_pair_uint(&c->answer, "pid", (uint64_t)getpid());
	mp_pair_double(b, "started", clock_seconds(w->started_ns));
	mp_pair_text(&c->answer, "run_dir", w->run_path);
	if (w->log_path) {
		mp_pair_text(&c->answer, "log_path", w->log_path);
	} else {
		mp_add_strz(b, "log_path");
		mp_add_nil(b);
	}
	mp_pair_text(&c->answer, "state_path", w->state_path);
	add_journal(c);
	add_exposed(c);
	mp_add_strz(b, "forward");
	forward_encode(w->forward, b);
	mp_add_strz(b, "counters");
	mp_add_map(b, STAT_COUNT);
	for (int i = 0; i < STAT_COUNT; i++)
		mp_pair_uint(&c->answer, stat_name((enum counter)i), stats_get(w->stats, (enum counter)i));
}
