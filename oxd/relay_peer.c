/* SPDX-License-Identifier: ISC */
/* relay_peer: one leaky bucket an address. */
#include "oxd/relay_peer.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAID_OFF = 10 }; /* one part in so many of the time */

struct relay_peer *
relay_peer_of(struct relay_peers *p, const char *address)
{
	struct relay_peer *peer;
	char key[RELAY_ADDRESS_MAX];
	snprintf(key, sizeof key, "%s", address);
	HASH_FIND_STR(p->table, key, peer);
	if (peer)
		return peer;
	if (HASH_COUNT(p->table) >= RELAY_PEERS_MAX || !(peer = calloc(1, sizeof *peer)))
		return &p->others;
	snprintf(peer->address, sizeof peer->address, "%s", key);
	HASH_ADD_STR(p->table, address, peer);
	return peer;
}

static void
pay(struct relay_peer *p, int64_t now_ns)
{
	if (now_ns > p->at_ns)
		p->bill_ns -= (now_ns - p->at_ns) / PAID_OFF < p->bill_ns ? (now_ns - p->at_ns) / PAID_OFF : p->bill_ns;
	p->at_ns = now_ns;
}

void
relay_peer_charge(struct relay_peer *p, int64_t price_ns, int64_t now_ns)
{
	pay(p, now_ns);
	p->bill_ns += price_ns;
}

bool
relay_peer_is_broke(struct relay_peer *p, int64_t now_ns)
{
	if (p->bill_ns <= RELAY_BILL_MAX)
		return false;
	pay(p, now_ns);
	return p->bill_ns > RELAY_BILL_MAX;
}

void
relay_peers_sweep(struct relay_peers *p, int64_t now_ns)
{
	struct relay_peer *peer, *next;
	HASH_ITER(hh, p->table, peer, next)
	{
		pay(peer, now_ns);
		if (peer->sessions == 0 && peer->bill_ns == 0) {
			HASH_DEL(p->table, peer);
			free(peer);
		}
	}
}

void
relay_peers_fini(struct relay_peers *p)
{
	struct relay_peer *peer, *next;
	HASH_ITER(hh, p->table, peer, next)
	{
		HASH_DEL(p->table, peer);
		free(peer);
	}
}
