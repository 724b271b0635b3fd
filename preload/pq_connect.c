/* SPDX-License-Identifier: ISC */
#include "preload/pq_connect.h"

#include <string.h>

#include "preload/pq_error.h"
#include "preload/pq_session.h"

/* libpq did not understand what it was given, and quotes it; or it quotes the password. */
static bool
message_may_tell(const struct real_pq *real, const PGconn *pg, const char *message)
{
	const char *password = real->PQpass(pg);
	return !real->PQuser(pg) || pq_session_is_misread(real, pg) ||
	       (password && *password && strstr(message, password));
}

static void
set_failure(bx_ctx *span, const struct real_pq *real, const PGconn *pg)
{
	const char *message = pg ? real->PQerrorMessage(pg) : "out of memory";
	bool may_tell = pg && message_may_tell(real, pg, message);
	pq_error_text(span, NULL, may_tell ? "no connection; libpq's message may hold the password" : message);
}

void
pq_connect_end(bx_ctx *span, int64_t begin_ns, const struct real_pq *real, const PGconn *pg, bool abandoned)
{
	int64_t now = span_clock_ns();
	struct pq_session s = {0};
	if (pg)
		pq_session_ask(&s, real, pg);
	if (!abandoned && (!pg || real->PQstatus(pg) != CONNECTION_OK))
		set_failure(span, real, pg);
	struct pack p = span_open(span, 64 + s.len, 2 + PQ_SESSION_FIELDS);
	if (p.at) {
		PACK_KEY(&p, "time");
		pack_double(&p, span_seconds(now - begin_ns));
		if (abandoned) {
			PACK_KEY(&p, "abandoned");
			pack_true(&p);
		}
		pack_fields(&p, s.fields, s.len, s.count);
		span_close(&p);
	}
	span_note_slow(span, KIND_SQL, now - begin_ns, NULL);
	span_end_at(span, now);
}
