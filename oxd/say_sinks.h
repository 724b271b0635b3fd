/* SPDX-License-Identifier: ISC */
/*
 * say_sinks: messages for programs: JSON lines on stderr, or fields to the systemd journal.
 *
 * The journal is spoken to only when stderr is its stream, as systemd says in JOURNAL_STREAM: then a message with fields
 * takes the place of the line.  When the journal does not take it the line is written after all.
 */
#ifndef BLUEOX_OXD_SAY_SINKS_H
#define BLUEOX_OXD_SAY_SINKS_H

#include <stdbool.h>

#include "oxd/say.h"

enum say_format { SAY_FORMAT_AUTO, SAY_FORMAT_TEXT, SAY_FORMAT_JSON };

say_sink say_to_json, say_to_journal;

bool say_journal_is_there(void); /* stderr is its stream */

/* SAY_FORMAT_AUTO: the journal where it is, text elsewhere.  Before any thread runs. */
void say_choose(enum say_format format);

#endif
