/* SPDX-License-Identifier: ISC */
/*
 * reclaim: when may oxd take a ring file away?
 *
 * The writer keeps nothing but a mapping, publishes events, and may end at any time; it is promised each event when the
 * publish is done.  oxd drains, and at some time decides that nobody can write any more: it asks the kernel whether any
 * mapping is left (a write lease), and only then reads the head for the last time, drains, and unlinks.
 *
 * What must hold: when the writer has ended, oxd has taken everything that was promised.  Planted mistakes:
 *
 *   HEAD_FIRST  the head is read before the lease is asked for
 *   FLAG        no lease: oxd sets a flag that the writer looks at before it publishes
 *   FLAG_AFTER  the same, but the writer looks after it published, and oxd drains twice
 */
#define EVENTS 2

byte head, promised; /* the writer's */
byte taken;          /* oxd's */
bool mapped = 1;     /* the kernel's */
bool closed, leave;

active proctype writer() {
	byte n = 0;
	bool told_to_leave;
	do
	:: n < EVENTS ->
#ifdef FLAG
		told_to_leave = leave;
		if :: told_to_leave -> break :: else fi;
#endif
		head++;
#ifdef FLAG_AFTER
		told_to_leave = leave;
		if :: told_to_leave -> promised++; break :: else fi;
#endif
		promised++;
		n++
	:: n >= 0 -> break /* SIGKILL, exit, the end of the thread */
	od;
	mapped = 0
}

active proctype oxd() {
	byte h;
	bool in_use;
	do
	:: !closed -> h = head; taken = h /* as always */
	:: !closed ->
#if defined(FLAG) || defined(FLAG_AFTER)
		leave = 1; h = head; taken = h; h = head; taken = h; closed = 1
#elif defined(HEAD_FIRST)
		h = head; in_use = mapped;
		if :: !in_use && taken == h -> closed = 1 :: else fi
#else
		in_use = mapped;
		if :: !in_use -> h = head; taken = h; closed = 1 :: else fi
#endif
	:: closed -> break
	od;
	!mapped -> assert(taken >= promised)
}
