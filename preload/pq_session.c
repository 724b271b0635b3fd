/* SPDX-License-Identifier: ISC */
#include "preload/pq_session.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(3 * (PQ_SESSION_TEXT_MAX + 5 + PACK_MORE) + 3 * (15 + PACK_MORE) <= PQ_SESSION_BYTES, "a session fits");

static void
pack_name(struct pack *p, const char *key, size_t key_len, const char *text)
{
	if (!text || !*text)
		return;
	pack_key(p, key, key_len);
	pack_text(p, text, pack_cut(text, strlen(text), PQ_SESSION_TEXT_MAX));
}

static void
pack_port(struct pack *p, const char *port)
{
	char *end;
	unsigned long number = port && *port ? strtoul(port, &end, 10) : 0;
	if (number == 0 || *end)
		return;
	PACK_KEY(p, "port");
	pack_uint(p, number);
}

static bool
has_at(const char *text)
{
	return text && strchr(text, '@');
}

bool
pq_session_is_misread(const struct real_pq *real, const PGconn *pg)
{
	return has_at(real->PQhost(pg)) || has_at(real->PQport(pg)) || has_at(real->PQdb(pg));
}

void
pq_session_ask(struct pq_session *s, const struct real_pq *real, const PGconn *pg)
{
	struct pack p = {.at = s->fields};
	if (!pq_session_is_misread(real, pg)) {
		pack_name(&p, "db", 2, real->PQdb(pg));
		pack_name(&p, "user", 4, real->PQuser(pg));
		pack_name(&p, "host", 4, real->PQhost(pg));
		pack_port(&p, real->PQport(pg));
	}
	int version = real->PQserverVersion(pg);
	s->server_pid = real->PQbackendPID(pg);
	if (s->server_pid > 0) {
		PACK_KEY(&p, "server_pid");
		pack_uint(&p, (uint64_t)s->server_pid);
	}
	if (version > 0) {
		PACK_KEY(&p, "server_version");
		pack_uint(&p, (uint64_t)version);
	}
	s->count = p.count;
	s->len = (uint32_t)(p.at - s->fields);
}
