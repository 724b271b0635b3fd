/* SPDX-License-Identifier: ISC */
/*
 * ring_to_log: from bx_end to two log files, with kills and power cuts between any two steps.
 *
 * What must hold: no event is in the log files twice, in any state; bytes once written to a log file never change but
 * by a power cut; and when nothing can move any more, every event that was promised (its bx_end returned) and not
 * excused (a power cut took its ring before the journal had synced it) is there.
 *
 * One process.  Every option of the big loop is one indivisible step of one part of the machine, and a crash is an
 * option like any other, so it comes between any two steps.  What a part keeps in memory is reset by its crash; what is
 * durable is not.  An event is its number; event e goes to log file e % 2.
 *
 * Each mistake below was made on paper once.  Defining one plants it, and the checker must then find a failure:
 *
 *   TAIL_FIRST    the ring's tail moves before the records are in the journal
 *   RING_TAIL     after a restart, draining goes on from the ring's own tail instead of the journal's position
 *   NO_POSITIONS  journal segments go though no durable snapshot says up to where rings were drained
 *   LOG_UNSYNCED  the log writer reads what the journal has not synced
 *   CK_SPLIT      the checkpoint's number and its file lengths are not written as one
 *   CK_NOSYNC     the checkpoint tells lengths that are not synced
 *   APPEND        after a restart the log writer appends behind what stands there, instead of comparing
 *   NEW_FILE      the same, only for files that were born after the checkpoint
 *   SEG_EARLY     journal segments go when the log files are written, not when the checkpoint says so
 */
#define EVENTS 3
#define RING 2   /* events that the ring holds */
#define FRAMES 7 /* frames that the journal may take */
#define FILES 2
#define AT(file, i) (8 * (file) + (i))

/* How often each crash may come. */
#ifndef CRASHES
#define CRASHES 2
#endif
byte kills_of_program = 1;
byte kills_of_oxd = CRASHES;
byte power_cuts = CRASHES;

/* ---- program and ring; the ring survives kills, not power cuts ---- */
bool running = 1;
byte writer_at, done;     /* 0 idle, 1 record written, 2 head published; events begun so far */
byte head, tail;          /* in events */
byte slot[RING];
byte promised, excused;   /* sets of events */

/* ---- oxd: the journal, durable up to `synced` after a power cut, whole after a kill ---- */
typedef Frame { byte lo; byte hi };    /* the events lo .. hi - 1 of the ring, which are its positions too */
Frame journal[FRAMES];
byte appended, synced;    /* numbers */
byte gone;                /* frames below are removed with their segments */
byte snapshot_at, snapshot_n; /* durable: drained position, and the number up to which the snapshot knows it */

/* in memory */
byte drain_at, drain_upto;    /* 0 idle, 1 records copied, 2 appended, tail not moved */
byte position;                /* where draining stands */

/* ---- oxd: the log writer; file contents survive kills, and power cuts as far as they are synced ---- */
byte content[16], length[FILES], file_synced[FILES];
byte check_n, check_len[FILES];        /* the durable checkpoint */

/* in memory */
byte next_n, next_event;               /* the frame being written, and how many of its events are */
byte stands[FILES];                    /* where it stands in each file; behind it old bytes are compared */
byte taking_n, taking_len[FILES], check_at; /* a checkpoint on its way to the disk */

byte i, e;
bool found;

inline restart_oxd() {
	drain_at = 0; drain_upto = 0;
	position = tail;
#ifndef RING_TAIL
	if :: snapshot_at > position -> position = snapshot_at :: else fi;
	if :: appended > gone && journal[appended - 1].hi > position -> position = journal[appended - 1].hi :: else fi;
	tail = position;
#endif
	next_n = check_n; next_event = 0; check_at = 0; taking_n = 0; taking_len[0] = 0; taking_len[1] = 0;
	stands[0] = check_len[0]; stands[1] = check_len[1];
#ifdef APPEND
	stands[0] = length[0]; stands[1] = length[1];
#endif
#ifdef NEW_FILE
	if :: check_len[0] == 0 -> stands[0] = length[0] :: else fi;
	if :: check_len[1] == 0 -> stands[1] = length[1] :: else fi;
#endif
	skip
}

/* A power cut keeps a file up to some length between what is synced and what was written. */
inline cut_file(f) {
	do
	:: length[f] > file_synced[f] -> length[f]--
	:: break
	od
}

inline must_be_in_no_file(event) {
	i = 0; do :: i < length[0] -> assert(content[AT(0, i)] != event); i++ :: else -> break od;
	i = 0; do :: i < length[1] -> assert(content[AT(1, i)] != event); i++ :: else -> break od;
	i = 0
}

#ifdef LOG_UNSYNCED
#define READABLE appended
#else
#define READABLE synced
#endif
#ifdef SEG_EARLY
#define LOGGED next_n
#else
#define LOGGED check_n
#endif
#ifdef NO_POSITIONS
#define REMOVABLE(n) ((n) < LOGGED)
#else
#define REMOVABLE(n) ((n) < LOGGED && (n) < snapshot_n)
#endif

init {
	do
	/* ---- the program: write the record, publish it, return from bx_end ---- */
	:: d_step { running && writer_at == 0 && done < EVENTS && head - tail < RING -> slot[head % RING] = done; writer_at = 1 }
	:: d_step { running && writer_at == 1 -> head++; writer_at = 2 }
	:: d_step { running && writer_at == 2 -> promised = promised | (1 << done); done++; writer_at = 0 }

	/* ---- drain: copy one or two records, append them as a frame, move the tail ---- */
	:: atomic { drain_at == 0 && position < head ->
		drain_upto = position + 1;
		if :: drain_upto < head -> drain_upto++ :: skip fi;
		assert(slot[position % RING] == position); /* not overwritten before it was taken */
		drain_at = 1 }
#ifdef TAIL_FIRST
	:: d_step { drain_at == 1 -> tail = drain_upto; drain_at = 2 }
	:: d_step { drain_at == 2 -> journal[appended].lo = position; journal[appended].hi = drain_upto; appended++;
		position = drain_upto; drain_upto = 0; drain_at = 0 }
#else
	:: d_step { drain_at == 1 -> assert(appended < FRAMES);
		journal[appended].lo = position; journal[appended].hi = drain_upto; appended++;
		position = drain_upto; drain_upto = 0; drain_at = 2 }
	:: d_step { drain_at == 2 -> tail = position; drain_at = 0 }
#endif
	:: d_step { synced < appended -> synced = appended }

	/* ---- log writer: one event at a time ---- */
	:: d_step { check_at == 0 && next_n < READABLE ->
		assert(next_n >= gone); /* what it still needs is there */
		e = journal[next_n].lo + next_event;
		if
		:: stands[e % 2] < length[e % 2] -> assert(content[AT(e % 2, stands[e % 2])] == e) /* the same bytes again */
		:: else -> must_be_in_no_file(e); content[AT(e % 2, length[e % 2])] = e; length[e % 2] = length[e % 2] + 1
		fi;
		stands[e % 2] = stands[e % 2] + 1; next_event++;
		if :: e + 1 == journal[next_n].hi -> next_n++; next_event = 0 :: else fi;
		e = 0 }

	/* ---- checkpoint, between frames: sync the files, then write number and lengths ---- */
	:: d_step { check_at == 0 && next_event == 0 && check_n != next_n ->
		taking_n = next_n; taking_len[0] = stands[0]; taking_len[1] = stands[1];
#ifndef CK_NOSYNC
		file_synced[0] = length[0]; file_synced[1] = length[1];
#endif
		check_at = 1 }
#ifdef CK_SPLIT
	:: d_step { check_at == 1 -> check_n = taking_n; check_at = 2 }
	:: d_step { check_at == 2 -> check_len[0] = taking_len[0]; check_len[1] = taking_len[1]; check_at = 0 }
#else
	:: d_step { check_at == 1 -> check_n = taking_n; check_len[0] = taking_len[0]; check_len[1] = taking_len[1];
		taking_n = 0; taking_len[0] = 0; taking_len[1] = 0; check_at = 0 }
#endif

	/* ---- a snapshot of positions, of synced frames only; then old segments may go ---- */
	:: d_step { snapshot_n < synced -> snapshot_n = synced; snapshot_at = journal[synced - 1].hi }
	:: d_step { gone < appended && REMOVABLE(gone) -> gone++ }

	/* ---- crashes ---- */
	:: d_step { kills_of_program > 0 && running -> kills_of_program--; running = 0 }
	:: d_step { kills_of_oxd > 0 -> kills_of_oxd--; restart_oxd() }
	:: atomic { power_cuts > 0 -> power_cuts--;
		/* the ring is gone, and a new process goes on with the next number in a ring of its own */
		if :: running && writer_at > 0 -> done++ :: else fi;
		writer_at = 0;
		appended = synced;
		i = snapshot_at;
		if :: appended > gone && journal[appended - 1].hi > i -> i = journal[appended - 1].hi :: else fi;
		do :: i < done -> excused = excused | (1 << i); i++ :: else -> break od;
		i = 0;
		head = done; tail = done;
		cut_file(0); cut_file(1);
		restart_oxd() }
	/* the crashes are over: everything must now arrive */
	:: d_step { kills_of_program + kills_of_oxd + power_cuts > 0 -> kills_of_program = 0; kills_of_oxd = 0; power_cuts = 0 }
	:: else -> break
	od;
	skip; /* a loop may not be left into a d_step */
	d_step {
		e = 0;
		do
		:: e < EVENTS ->
			if
			:: (promised & (1 << e)) && !(excused & (1 << e)) ->
				found = 0;
				i = 0; do :: i < length[0] -> if :: content[AT(0, i)] == e -> found = 1 :: else fi; i++ :: else -> break od;
				i = 0; do :: i < length[1] -> if :: content[AT(1, i)] == e -> found = 1 :: else fi; i++ :: else -> break od;
				assert(found) /* else it is lost */
			:: else
			fi;
			e++
		:: else -> break
		od
	}
}
