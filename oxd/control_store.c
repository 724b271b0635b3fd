/* SPDX-License-Identifier: ISC */
/*
 * control_store: what `oxctl store` asks of a running oxd, whose log files nobody else may change.
 *
 * A job may take longer than an asker waits: a request begins it, and further ones, without `do`, tell how far it is.
 */
#include "oxd/control_command.h"

static const char *const tasks[] = {
    [KEEPER_NONE] = "", [KEEPER_COMPRESS] = "compress", [KEEPER_PRUNE] = "prune", [KEEPER_REINDEX] = "reindex"};
enum { TASKS = sizeof tasks / sizeof *tasks };

static void
tell(struct control *c)
{
	struct keeper_report r;
	keeper_tell(c->world.keeper, &r);
	mp_add_map(&c->answer, 9);
	mp_pair_uint(&c->answer, "job", r.number);
	mp_pair_text(&c->answer, "do", tasks[r.job.task]);
	mp_pair_bool(&c->answer, "running", r.running);
	mp_pair_uint(&c->answer, "files", r.files);
	mp_pair_uint(&c->answer, "bytes", r.bytes);
	mp_pair_uint(&c->answer, "failed", r.failed);
	mp_pair_text(&c->answer, "problem", r.problem);
	mp_pair_text(&c->answer, "log_path", c->world.log_path);
	mp_pair_text(&c->answer, "state_path", c->world.state_path);
}

/* False when a key is there and makes no sense. */
static bool
read_numbers(struct bytes request, struct keeper_job *job)
{
	struct mp_token t;
	job->before_ns = INT64_MIN;
	if (control_get(request, "before", &t)) {
		if (t.kind != MP_UINT || t.u > INT64_MAX / 1000000000)
			return false;
		job->before_ns = (int64_t)t.u * 1000000000;
	}
	if (control_get(request, "size", &t)) {
		if (t.kind != MP_UINT)
			return false;
		job->bytes = t.u;
	}
	return true;
}

void
control_store(struct control *c, struct bytes request)
{
	char what[32];
	struct mp_token type;
	struct keeper_job job = {.task = KEEPER_NONE};
	if (!c->world.keeper) {
		control_error(c, "nothing is logged here");
		return;
	}
	if (!control_get_text(request, "do", what, sizeof what)) {
		tell(c);
		return;
	}
	for (int i = 1; i < TASKS; i++)
		if (strcmp(tasks[i], what) == 0)
			job.task = (enum keeper_task)i;
	if (job.task == KEEPER_NONE)
		control_error(c, "STORE can do compress, prune and reindex");
	else if (!read_numbers(request, &job) ||
		 (control_get(request, "type", &type) && !control_get_text(request, "type", job.type, sizeof job.type)))
		control_error(c, "'before' is in seconds, 'size' in bytes, 'type' a pattern");
	else if (job.task == KEEPER_PRUNE && job.before_ns == INT64_MIN && job.bytes == 0)
		control_error(c, "prune needs 'before' or 'size'");
	else if (!keeper_ask(c->world.keeper, &job))
		control_error(c, "another job is under way");
	else
		tell(c);
}
