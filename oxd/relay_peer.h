/* SPDX-License-Identifier: ISC */
/*
 * relay_peer: an address that sends to the relay port, and what it may cost us.
 *
 * Whatever a sender does that brings no frame (a HELLO, nonsense, a message that is refused) is written on the bill of its
 * address, at a fixed price near what it costs the relay thread.  A bill is paid off at a tenth of the time that passes;
 * while it is over its limit, what an address sends outside a session is dropped unread, and so a tenth of one thread is all
 * that it can waste.  Sessions that do as they should go on.
 *
 * Accounts are few: those with a session or a bill.  When there are too many, newcomers share one.  The relay thread.
 */
#ifndef BLUEOX_OXD_RELAY_PEER_H
#define BLUEOX_OXD_RELAY_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

enum { RELAY_ADDRESS_MAX = 64, RELAY_PEERS_MAX = 4096 };

/* What things cost, in ns. */
enum {
	RELAY_PRICE_HELLO = 20000,
	RELAY_PRICE_MESSAGE = 5000,  /* one that is refused, and 1 ns for each byte of it, unpacked */
	RELAY_PRICE_REJECTED = 1000, /* a frame */
	RELAY_BILL_MAX = 1000000000,
};

struct relay_peer {
	char address[RELAY_ADDRESS_MAX];
	size_t sessions;
	int64_t bill_ns; /* at `at_ns` */
	int64_t at_ns;
	UT_hash_handle hh;
};

/* All zeroes is valid and empty. */
struct relay_peers {
	struct relay_peer *table;
	struct relay_peer others; /* of those for whom there was no account */
};

void relay_peers_fini(struct relay_peers *p);

/* The account of an address; never NULL, valid until the next relay_peers_sweep() that finds it without session. */
struct relay_peer *relay_peer_of(struct relay_peers *p, const char *address);

void relay_peer_charge(struct relay_peer *p, int64_t price_ns, int64_t now_ns);
bool relay_peer_is_broke(struct relay_peer *p, int64_t now_ns);

/* Forgets accounts without session and bill. */
void relay_peers_sweep(struct relay_peers *p, int64_t now_ns);

#endif
