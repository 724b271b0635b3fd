/* SPDX-License-Identifier: ISC */
/*
 * control_command: what commands of the control port are made of.
 *
 * A command gets the request, which is one whole map, and writes one map into c->answer; or calls control_wait(), and
 * its look then writes the answer when it is there.  Control thread only; nothing here may block.
 */
#ifndef BLUEOX_OXD_CONTROL_COMMAND_H
#define BLUEOX_OXD_CONTROL_COMMAND_H

#include "libbx/core/event.h"
#include "libbx/core/mp.h"
#include "oxd/control.h"

typedef void control_command(struct control *c, struct bytes request);

/* ---- what they use ----------------------------------------------------------------------------------------------- */

/* Replaces the answer by {error: why}, or {ok: true}. */
void control_error(struct control *c, const char *why);
void control_ok(struct control *c);

/* The answer comes later: `look` is called every few milliseconds, and an error given after a minute.  Others are answered
 * meanwhile: what it needs is in c->job. */
void control_wait(struct control *c, control_look *look);

/* The value of a key of the request; false when it is not there, or no text that fits. */
bool control_get(struct bytes request, const char *key, struct mp_token *value);
bool control_get_text(struct bytes request, const char *key, char *out, size_t cap);

/* ---- those with a file of their own ------------------------------------------------------------------------------ */

control_command control_forward;
control_command control_peers;
control_command control_status;
control_command control_store;

#endif
