/* SPDX-License-Identifier: ISC */
/*
 * relaymsg: what two ends of a relay say to each other, one ZeroMQ part a message.
 *
 * Fixed layouts, little-endian; doc/RELAY.md has them to the byte, and the rules of the conversation.  Every message
 * begins with the same 16 bytes, of which 8 name the session, so that what belongs to an earlier one is recognised
 * whoever carried it.
 *
 *    0  u8[4] "BXRL"
 *    4  u8    kind
 *    5  u8    flags, of DATA only
 *    6  u16   0
 *    8  u8[8] session
 */
#ifndef BLUEOX_CORE_RELAYMSG_H
#define BLUEOX_CORE_RELAYMSG_H

#include "libbx/core/buf.h"
#include "libbx/core/bytes.h"
#include "libbx/core/cursor.h"
#include "libbx/core/event.h"

enum {
	RELAY_VERSION = 1,
	RELAY_SESSION = 8,
	RELAY_HEADER = 16,
	RELAY_NODE_MAX = 255,
	RELAY_DATA_HEADER = 48,
	RELAY_PLAIN_MAX = 16 << 20,                              /* frames of a message, with their lengths, unpacked */
	RELAY_MESSAGE_MAX = RELAY_DATA_HEADER + RELAY_PLAIN_MAX, /* a whole message; more is not sent and not taken */
	RELAY_REJECTED = 12,                                     /* bytes of one entry of an ACK's list */
	RELAY_REJECTED_MAX = 4096,                               /* entries of one ACK */
	RELAY_FRAME_LENGTH = 4,                                  /* bytes in front of each frame of a DATA */
};

enum relay_kind {
	RELAY_HELLO = 1,
	RELAY_WELCOME,
	RELAY_DATA,
	RELAY_ACK,
	RELAY_BUSY,
	RELAY_NOPE,
};

enum { RELAY_CAN_ZSTD = 1 };     /* features of HELLO and WELCOME; unknown ones are not used */
enum { RELAY_DATA_IS_ZSTD = 1 }; /* flags of DATA; a message with an unknown one is a newer sender's */

/* Why a frame was not taken, in an ACK. */
enum relay_why {
	RELAY_WHY_BAD = 1,  /* malformed */
	RELAY_WHY_SUM,      /* its checksum does not hold */
	RELAY_WHY_SIZE,     /* longer than the receiver takes */
	RELAY_WHY_CONFLICT, /* its name is taken by other bytes */
};

/* Why a session is not, or no longer. */
enum relay_reason {
	RELAY_NO_SESSION = 1, /* DATA of a session that is not known, or known from another connection */
	RELAY_GAP,            /* a message is missing before this one */
	RELAY_BAD_MESSAGE,    /* a message of this session could not be read */
	RELAY_OLD_VERSION,    /* no version that both speak */
	RELAY_FRAME_VERSION,  /* a frame of a version that the receiver did not offer to take */
	RELAY_NOT_ALLOWED,
	RELAY_TOO_MANY, /* sessions */
	RELAY_LEAVING,  /* the receiver is going down */
};

/* A message, to be written or as read.  What it points to is borrowed: from the caller, or from the bytes read. */
struct relay_msg {
	enum relay_kind kind;
	uint8_t session[RELAY_SESSION];
	union {
		struct relay_hello {
			uint16_t version; /* the highest that the sender speaks; in WELCOME the one that is spoken */
			uint16_t
			    max_frame_version; /* the newest format of frames; in WELCOME that the receiver takes */
			uint32_t features;
			struct bytes node; /* who: for people */
			/* of WELCOME only */
			uint32_t window;       /* bytes of DATA messages that may be under way */
			uint32_t max_msg;      /* bytes of one DATA message */
			uint32_t heartbeat_ms; /* while it owes an ACK the receiver says something this often */
		} hello;
		struct relay_data {
			uint64_t message; /* number of this DATA in its session, from 1, dense */
			uint64_t from;    /* number of the first frame; those behind it follow without a gap */
			uint32_t count;   /* of frames, at least 1 */
			uint32_t plain;   /* bytes of `frames` once unpacked */
			bool zstd;
			struct bytes frames; /* as they travel; relaypack.h unpacks */
		} data;
		struct relay_ack {
			uint64_t upto; /* every frame up to this number is safe, or rejected */
			uint32_t rejected_count;
			const uint8_t *rejected; /* entries of RELAY_REJECTED bytes: relaymsg_rejected() */
		} ack;
		struct relay_busy {
			uint32_t retry_ms;
		} busy;
		struct relay_nope {
			enum relay_reason reason;
			bool again; /* a new HELLO may do better, at once */
		} nope;
	};
};

/* One entry of an ACK's list. */
struct relay_rejected {
	uint64_t n;
	uint32_t why;
};

/*
 * Appends the message to b.  What a reader would refuse is refused here: BX_ELIMIT for what is too long, BX_EBAD.
 * For DATA `frames` is appended too; relaypack_write() packs it straight into b instead.
 */
enum bx_err relaymsg_write(struct buf *b, const struct relay_msg *m);

/*
 * Reads one whole message.  BX_EVERSION: of a kind or with a flag that only a newer program knows; session and kind are
 * set then, and it is no damage.  The frames of a DATA are not looked into.
 */
enum bx_err relaymsg_read(const void *p, size_t n, struct relay_msg *m);

/* The first 16 bytes only, for who wants to answer what it cannot read: false when they are not those of a message. */
bool relaymsg_session(const void *p, size_t n, uint8_t session[RELAY_SESSION]);

struct relay_rejected relaymsg_rejected(const struct relay_ack *a, uint32_t i); /* i < a->rejected_count */
void relaymsg_add_rejected(struct buf *list, uint64_t n, uint32_t why);         /* for ack.rejected of one to write */

/* The frames of a DATA, unpacked: each behind its length, so that one that is damaged does not hide those behind it. */
void relaymsg_add_frame(struct buf *frames, struct bytes frame);
bool relaymsg_next_frame(struct cursor *frames, struct bytes *frame); /* false at the end, or when the cursor failed */

const char *relay_why_text(uint32_t why); /* "checksum does not match"; never NULL */
const char *relay_reason_text(uint32_t reason);

#endif
