/* SPDX-License-Identifier: ISC */
/*
 * relay: whatever senders say, in whatever order, the receiver stays in bounds, answers in messages that can be read,
 * and acknowledges nothing beyond what it was sent and what is synced.
 *
 * Input, again and again: a byte (connection in the low bits, what the journal does in the high ones), a length of two
 * bytes, so many bytes of a message.  Session bytes are put right, so that sessions come about.
 */
/* LIBS: oxd/relay.c oxd/relay_peer.c oxd/relay_queue.c oxd/say.c oxd/stats.c -lzstd */
#include "oxd/relay.h"
#include "tests/fuzz/fuzz.h"

enum { CONNECTIONS = 4 };

static uint64_t synced, appended;
static uint64_t sent_upto[CONNECTIONS];

uint64_t
journal_synced(const struct journal *j)
{
	(void)j;
	return synced;
}

void
doorbell_ring(struct doorbell *d)
{
	(void)d;
}

static enum relay_sent
listen(void *arg, const struct relay_from *to, struct bytes message)
{
	struct relay_msg m;
	(void)arg;
	uint8_t *p = exact_copy(message.p, message.n);
	MUST(relaymsg_read(p, message.n, &m) == BX_OK);
	if (m.kind == RELAY_ACK)
		MUST(m.ack.upto <= sent_upto[to->id[0] % CONNECTIONS]);
	free(p);
	return to->id[1] ? RELAY_SEND_LATER : RELAY_SENT;
}

static void
ingest(struct relay_queue *q)
{
	struct relay_parcel *p = relay_queue_take(q);
	if (!p)
		return;
	while (p->at < p->frames.len) {
		uint32_t length = get_u32le(p->frames.data + p->at), n = length & ~RELAY_PASS_OVER;
		MUST(n <= p->frames.len - p->at - RELAY_FRAME_LENGTH);
		struct frame f;
		if (!(length & RELAY_PASS_OVER))
			MUST(frame_open(p->frames.data + p->at + RELAY_FRAME_LENGTH, n, &f) == BX_OK && f.len == n);
		p->at += RELAY_FRAME_LENGTH + n;
		p->n++;
	}
	p->ticket = ++appended;
	relay_queue_give(q, p);
}

static void
note_sent(unsigned connection, const uint8_t *p, size_t n)
{
	struct relay_msg m;
	if (relaymsg_read(p, n, &m) != BX_OK)
		return;
	if (m.kind == RELAY_HELLO)
		sent_upto[connection] = 0;
	else if (m.kind == RELAY_DATA && m.data.from + m.data.count - 1 > sent_upto[connection])
		sent_upto[connection] = m.data.from + m.data.count - 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct doorbell bell = {0};
	struct relay_queue queue;
	struct stats stats = {0};
	MUST(relay_queue_init(&queue, &bell));
	struct relay relay = {.queue = &queue, .stats = &stats, .send = listen, .node = "fuzz", .max_sessions = 8};
	synced = appended = 0;
	memset(sent_upto, 0, sizeof sent_upto);
	int64_t now_ns = 0;
	while (n >= 3) {
		struct relay_from from = {.id = {data[0] % CONNECTIONS, data[0] >> 7}, .n = 5};
		unsigned does = data[0] >> 2 & 15;
		size_t len = get_u16le(data + 1) % 4096;
		data += 3, n -= 3;
		if (len > n)
			len = n;
		uint8_t *message = exact_copy(data, len);
		if (len >= RELAY_HEADER) {
			memcpy(message, "BXRL", 4);
			memset(message + 8, 's', RELAY_SESSION);
		}
		if (relay_reads(&relay)) {
			note_sent(from.id[0], message, len);
			relay_take(&relay, &from, "10.0.0.1", (struct bytes){message, len}, now_ns);
		}
		free(message);
		data += len, n -= len;
		relay_queue_tell_blocked(&queue, does & 1);
		if (!(does & 1))
			ingest(&queue);
		if (does & 2)
			synced = appended;
		if (does & 4)
			now_ns += 1000000000;
		relay_settle(&relay, now_ns);
	}
	relay_say_goodbye(&relay);
	MUST(relay_sessions(&relay) == 0);
	relay_fini(&relay);
	relay_queue_fini(&queue);
	return 0;
}
