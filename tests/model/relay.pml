/* SPDX-License-Identifier: ISC */
/*
 * relay: from the journal of a host to the log of the central, straight or through a relay, with kills and power cuts.
 *
 * A host's oxd appends the events of its rings to its journal, a frame each, and gives the frame its name (origin, seq).
 * It forwards from its own cursor, in sessions: to the central, or to the relay, which forwards to the central itself and
 * may be as slow as it likes.  Receivers know frames again by their names.  The wire loses messages.  What is between
 * bx_end and the host's journal, and between the central's journal and its log files, is in ring_to_log.pml; here a ring
 * is a row of events, and the log a set.
 *
 * What must hold: no event is logged twice; and when nothing can move any more, every event that was promised and not
 * excused (the host's power cut took it before the host's journal had synced it) is logged.
 *
 * One process; every option of the big loop is one indivisible step, and a crash comes between any two.  Mistakes, each
 * of which the checker must find:
 *
 *   ACK_EARLY      the central acknowledges before its journal is synced
 *   ACK_DUP_EARLY  the same, only for a frame that it knows already
 *   RELAY_ACKS     the relay acknowledges before its journal is synced
 *   FWD_UNSYNCED   the host forwards what its journal has not synced, and uses the number again after a power cut
 *   HIGH_WATER     a receiver remembers of an origin its highest seq only
 *   LAST_SEGMENTS  origins are rebuilt from the segments that are left, without a snapshot
 *   SNAP_UNSYNCED  the snapshot tells of frames that are not synced
 *   TRIM_EARLY     segments go though no snapshot covers them
 *   RESUME         WELCOME says how far the receiver is, and the sender believes it
 *   CURSOR_SENT    the cursor moves when a frame is sent
 *   NO_GAP_CHECK   DATA is taken although one before it is missing, and an ACK covers all up to it
 */
#ifndef EVENTS
#define EVENTS 2
#endif
#define FRAMES 7

#ifndef CRASHES
#define CRASHES 1
#endif
byte crashes = CRASHES; /* of whatever: a kill or a power cut of the host or the central, a power cut of the relay */
byte losses = 1, switches = 1;

typedef Frame { byte origin; byte seq; byte event };
#define NAME(f) (1 << (f.origin * 4 + f.seq))
#ifdef HIGH_WATER
#define KNOWN(set, f) ((set >> (f.origin * 4)) & 15 & (15 << f.seq))
#else
#define KNOWN(set, f) (set & NAME(f))
#endif

/* ---- the host: rings survive kills, the journal power cuts as far as it is synced ---- */
byte emitted;              /* events promised so far; those from `taken` on are in rings */
byte taken;
byte excused;              /* a set */
Frame host[FRAMES];
byte h_len, h_synced;
byte cursor_saved;         /* durable, late */

/* in memory */
byte cursor, origin, seq;
bool to_relay;             /* which peer is used */
byte session, sent, message; /* session 0: none; journal number and message number that went last */

/* ---- the wire to the central ---- */
chan data = [2] of { byte, byte, byte, byte, byte, byte }; /* session, message, number, origin, seq, event */
chan acks = [1] of { byte, byte };                         /* session, up to */

/* ---- the relay ---- */
Frame mid[FRAMES];
byte m_len, m_synced, m_cursor;
int m_names;               /* in memory; rebuilt from its journal, none of which goes here */
bool m_owes, m_waits;      /* an ACK to the host; one from the central */
byte m_ticket, m_wants;

/* ---- the central ---- */
Frame top[FRAMES];
byte t_len, t_synced, t_gone, t_logged; /* numbers; frames below t_gone are removed with their segments */
int snap_names;
byte snap_n;               /* the snapshot covers frames below */
byte logged;               /* a set of events, durable */

/* in memory */
int t_names;
byte t_session, t_message, t_upto, t_ticket; /* one session, and what it is owed */
bool t_owes;

byte i, s_, g_, n_;
Frame f_;
bool known_;

#ifdef FWD_UNSYNCED
#define MAY_GO h_len
#else
#define MAY_GO h_synced
#endif

inline clear_scratch() { s_ = 0; g_ = 0; n_ = 0; f_.origin = 0; f_.seq = 0; f_.event = 0; known_ = 0; i = 0 }

/* J6: a receiver takes f_ unless it knows its name. */
inline central_accept() {
	if
	:: KNOWN(t_names, f_) -> known_ = 1
	:: else -> assert(t_len < FRAMES);
		top[t_len].origin = f_.origin; top[t_len].seq = f_.seq; top[t_len].event = f_.event;
		t_len++; t_names = t_names | NAME(f_)
	fi
}

inline end_session() { session = 0; sent = 0; message = 0 }

inline restart_host() {
	cursor = cursor_saved;
	end_session(); m_owes = 0; m_ticket = 0;
	taken = emitted;
	if :: h_len > 0 -> taken = host[h_len - 1].event + 1 :: else -> taken = 0 fi;
	do :: taken < emitted && (excused & (1 << taken)) -> taken++ :: else -> break od;
	origin++; seq = 0
}

inline restart_central() {
#ifdef LAST_SEGMENTS
	t_names = 0;
	i = t_gone;
#else
	t_names = snap_names;
	i = snap_n;
#endif
	do :: i < t_len -> t_names = t_names | NAME(top[i]); i++ :: else -> break od;
	t_session = 0; t_message = 0; t_upto = 0; t_ticket = 0; t_owes = 0;
	m_waits = 0; m_wants = 0;
	i = 0
}

init {
	if :: to_relay = 1 :: skip fi;
	do
	/* ---- the host takes events in ---- */
	:: d_step { emitted < EVENTS -> emitted++ }
	:: d_step { taken < emitted -> assert(h_len < FRAMES);
		host[h_len].origin = origin; host[h_len].seq = seq; host[h_len].event = taken;
		h_len++; seq++; taken++ }
	:: d_step { h_synced < h_len -> h_synced = h_len }

	/* ---- sender and central ---- */
	:: d_step { !to_relay && session == 0 && nfull(data) -> /* HELLO and WELCOME: any earlier session is over */
		session = 1 + t_session % 3; t_session = session; t_message = 0; t_upto = 0; t_owes = 0; t_ticket = 0;
		message = 0;
#ifdef RESUME
		i = 0; n_ = 0; /* the receiver tells how many frames of this host it has */
		do :: i < t_len -> n_++; i++ :: else -> break od;
		if :: n_ > h_len -> n_ = h_len :: else fi;
		if :: n_ > cursor -> cursor = n_ :: else fi;
		clear_scratch();
#endif
		sent = cursor }
	:: atomic { !to_relay && session > 0 && sent < MAY_GO && nfull(data) ->
		message++;
		data!session, message, sent + 1, host[sent].origin, host[sent].seq, host[sent].event;
		sent++;
#ifdef CURSOR_SENT
		cursor = sent
#endif
		}
	:: atomic { nempty(data) && losses > 0 -> losses--; data?s_, g_, n_, f_.origin, f_.seq, f_.event; clear_scratch() }
	:: atomic { nempty(data) -> data?s_, g_, n_, f_.origin, f_.seq, f_.event;
		if
		:: s_ != t_session -> /* NOPE{again} */
			if :: s_ == session -> end_session() :: else fi
#ifndef NO_GAP_CHECK
		:: s_ == t_session && g_ != t_message + 1 -> /* NOPE{again}, and the session is forgotten */
			t_session = 0; t_owes = 0; t_ticket = 0; t_upto = 0; t_message = 0;
			if :: s_ == session -> end_session() :: else fi
		:: s_ == t_session && g_ == t_message + 1 ->
#else
		:: s_ == t_session ->
#endif
			central_accept();
			t_message = g_; t_upto = n_; t_owes = 1;
#ifdef ACK_DUP_EARLY
			if :: !known_ -> t_ticket = t_len :: else fi
#else
			t_ticket = t_len
#endif
		fi;
		clear_scratch() }
#ifdef ACK_EARLY
	:: atomic { t_owes && nfull(acks) ->
#else
	:: atomic { t_owes && nfull(acks) && t_synced >= t_ticket ->
#endif
		acks!t_session, t_upto; t_owes = 0; t_ticket = 0 }
	:: atomic { nempty(acks) -> acks?s_, n_;
		if
		:: s_ == session && n_ > cursor && n_ <= sent -> cursor = n_
		:: else
		fi;
		clear_scratch() }
	:: d_step { losses > 0 && session > 0 -> losses--; end_session() } /* the connection broke */
	/* three heartbeats of silence: sent, nothing on the wire, nothing owed */
	:: d_step { session > 0 && sent > cursor && empty(data) && empty(acks) && !t_owes -> end_session() }
	:: d_step { cursor_saved < cursor -> cursor_saved = cursor }

	/* ---- another peer: a new session, from the same cursor ---- */
	:: d_step { switches > 0 -> switches--; to_relay = !to_relay; end_session(); m_owes = 0; m_ticket = 0 }

	/* ---- sender and relay: one frame at a time ---- */
	:: d_step { to_relay && !m_owes && cursor < MAY_GO ->
		f_.origin = host[cursor].origin; f_.seq = host[cursor].seq; f_.event = host[cursor].event;
		if
		:: KNOWN(m_names, f_)
		:: else -> assert(m_len < FRAMES);
			mid[m_len].origin = f_.origin; mid[m_len].seq = f_.seq; mid[m_len].event = f_.event;
			m_len++; m_names = m_names | NAME(f_)
		fi;
		m_owes = 1; m_ticket = m_len; clear_scratch() }
#ifdef RELAY_ACKS
	:: d_step { to_relay && m_owes -> cursor++; m_owes = 0; m_ticket = 0 }
#else
	:: d_step { to_relay && m_owes && m_synced >= m_ticket -> cursor++; m_owes = 0; m_ticket = 0 }
#endif
	:: d_step { m_synced < m_len -> m_synced = m_len }

	/* ---- relay and central ---- */
	:: d_step { m_cursor < m_synced && !m_waits ->
		f_.origin = mid[m_cursor].origin; f_.seq = mid[m_cursor].seq; f_.event = mid[m_cursor].event;
		central_accept(); m_waits = 1; m_wants = t_len; clear_scratch() }
	:: d_step { m_waits && t_synced >= m_wants -> m_cursor++; m_waits = 0; m_wants = 0 }

	/* ---- the central by itself ---- */
	:: d_step { t_synced < t_len -> t_synced = t_len }
	:: d_step { t_logged < t_synced -> assert(!(logged & (1 << top[t_logged].event))); /* twice */
		logged = logged | (1 << top[t_logged].event); t_logged++ }
#ifdef SNAP_UNSYNCED
	:: d_step { snap_names != t_names || snap_n < t_synced -> snap_names = t_names; snap_n = t_synced }
#else
	:: d_step { snap_n < t_synced ->
		do :: snap_n < t_synced -> snap_names = snap_names | NAME(top[snap_n]); snap_n++ :: else -> break od;
		skip }
#endif
#ifdef TRIM_EARLY
	:: d_step { t_gone < t_logged -> t_gone++; if :: snap_n < t_gone -> snap_n = t_gone :: else fi }
#else
	:: d_step { t_gone < t_logged && t_gone < snap_n -> t_gone++ }
#endif

	/* ---- crashes ---- */
	:: d_step { crashes > 0 -> crashes--; restart_host() }
	:: d_step { crashes > 0 -> crashes--;
		h_len = h_synced;
		i = 0; if :: h_len > 0 -> i = host[h_len - 1].event + 1 :: else fi;
		do :: i < emitted -> excused = excused | (1 << i); i++ :: else -> break od;
		i = 0; restart_host() }
	:: d_step { crashes > 0 -> crashes--; restart_central() }
	:: d_step { crashes > 0 -> crashes--; t_len = t_synced; restart_central() }
	:: d_step { crashes > 0 -> crashes--;
		m_len = m_synced; m_names = 0;
		do :: i < m_len -> m_names = m_names | NAME(mid[i]); i++ :: else -> break od;
		i = 0; m_owes = 0; m_ticket = 0; m_waits = 0; m_wants = 0 }
	/* the crashes are over: everything must now arrive */
	:: d_step { crashes + losses + switches > 0 -> crashes = 0; losses = 0; switches = 0 }
	:: else -> break
	od;
	skip; /* a loop may not be left into a d_step */
	d_step {
		i = 0;
		do
		:: i < emitted -> assert((logged & (1 << i)) || (excused & (1 << i))); i++ /* else it is lost */
		:: else -> break
		od
	}
}
