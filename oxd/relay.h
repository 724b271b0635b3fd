/* SPDX-License-Identifier: ISC */
/*
 * relay: the receiving end, what each message of a sender means and what is answered (doc/RELAY.md).
 *
 * No socket and no thread here: messages come in as bytes with the connection they came on, answers leave through a
 * function.  A session is known by its connection and its 8 bytes.  What it sends is checked frame by frame and handed to
 * the ingest thread; the debt that this makes, an ACK, is paid when everything that was then in the journal is synced
 * (T2).  A sender that breaks a rule loses its session, never more.
 */
#ifndef BLUEOX_OXD_RELAY_H
#define BLUEOX_OXD_RELAY_H

#include <uthash.h>

#include "libbx/core/relaypack.h"
#include "oxd/journal.h"
#include "oxd/relay_peer.h"
#include "oxd/relay_queue.h"

enum {
	RELAY_PEER_MAX = 32,          /* bytes of a connection's name, as ZeroMQ gives it */
	RELAY_SESSIONS_MAX = 4096,    /* beyond that one that is silent goes */
	RELAY_WINDOW = 16 << 20,      /* more than a sync covers, or the sender would wait for the disk */
	RELAY_WINDOW_LEAST = 1 << 20, /* sessions of one address share two windows, but none has less than this */
	RELAY_TAKES_MAX = 2 << 20,    /* one message; a frame of the longest kind fits unpacked */
	RELAY_COUNTS_MAX =
	    RELAY_TAKES_MAX + (512 << 10), /* a longer one costs the connection, by ZeroMQ; one between is counted */
	RELAY_HEARTBEAT_MS = 1000,
	RELAY_FORGET_MS = 600000, /* a session that has said nothing for so long */
	RELAY_DEAF_MS = 30000,    /* and one that takes no answer */
	RELAY_DEBTS_MAX = 64,     /* beyond that one ACK does for two messages */
};

/* A connection: `id` is ZeroMQ's name for it. */
struct relay_from {
	uint8_t id[RELAY_PEER_MAX];
	size_t n;
};

enum relay_sent { RELAY_SENT, RELAY_SEND_LATER, RELAY_SEND_GONE };

struct relay_session;

struct relay {
	struct relay_queue *queue; /* borrowed */
	struct journal *journal;   /* borrowed */
	struct stats *stats;       /* borrowed */
	enum relay_sent (*send)(void *arg, const struct relay_from *to, struct bytes message);
	void *arg;
	char node[RELAY_NODE_MAX + 1];

	struct relay_session *by_from, *by_handle;
	struct relay_session *owing; /* those with debts, or told to wait */
	struct relay_peers peers;
	uint64_t handles;
	size_t max_sessions; /* 0: RELAY_SESSIONS_MAX */
	int64_t swept_ns;
	struct relaypack pack;
	struct buf out;
};

void relay_fini(struct relay *r);

/* True when a DATA could be taken on now, or would be refused at once: whether to read on. */
bool relay_reads(const struct relay *r);

/* One message.  `address` is where it comes from; NULL where that is not known. */
void relay_take(
    struct relay *r, const struct relay_from *from, const char *address, struct bytes message, int64_t now_ns);

/* What has become due: acknowledgements, signs of life, sessions to forget. */
void relay_settle(struct relay *r, int64_t now_ns);
bool relay_owes(const struct relay *r); /* something is going to be due soon */

/* oxd leaves: every session is told. */
void relay_say_goodbye(struct relay *r);

size_t relay_sessions(const struct relay *r);
size_t relay_debts(const struct relay *r); /* ACKs owed, of all sessions */

/* One MessagePack array that tells of each session. */
void relay_encode(const struct relay *r, int64_t now_ns, struct buf *out);

#endif
