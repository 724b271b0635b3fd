/* SPDX-License-Identifier: ISC */
/*
 * pq_session: what every event says of its connection, asked and written once a session, then copied.
 */
#ifndef BLUEOX_PRELOAD_PQ_SESSION_H
#define BLUEOX_PRELOAD_PQ_SESSION_H

#include "preload/pack.h"
#include "preload/real.h"

enum { PQ_SESSION_BYTES = 512, PQ_SESSION_FIELDS = 6, PQ_SESSION_TEXT_MAX = 128 };

struct pq_session {
	int server_pid; /* 0: not connected, as far as is known */
	uint32_t count; /* fields; 0: not asked yet */
	uint32_t len;
	uint8_t fields[PQ_SESSION_BYTES]; /* db, user, host, port, server_pid, server_version, as MessagePack */
};

void pq_session_ask(struct pq_session *s, const struct real_pq *real, const PGconn *pg);

/*
 * True when what the application gave as the address of a server was misread, a password with an unquoted character in it,
 * for example: then pieces of it may be anywhere, in messages too.
 */
bool pq_session_is_misread(const struct real_pq *real, const PGconn *pg);

#endif
