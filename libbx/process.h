/* SPDX-License-Identifier: ISC */
/*
 * process: what all threads of one process share, in memory that the kernel zeroes when the process forks.
 *
 * The page is private, anonymous and MADV_WIPEONFORK: in a child every word of it is zero, whoever forked and however
 * (fork, clone, a library that never calls atfork handlers).  Zero means "new process": generation 0 is given a number
 * that no ancestor used, and a thread whose own generation differs drops everything it holds of rings before it
 * touches them.  Nothing here takes a lock or allocates but by mmap, so all of it may run in a signal handler.
 */
#ifndef BLUEOX_PROCESS_H
#define BLUEOX_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "libbx/core/ringfile.h"

enum {
	PROCESS_RINGS = RING_PROCESS_MAX / RING_CAPACITY_MIN, /* slots: as many as the smallest rings would need */
	PROCESS_POOLS = 16,                                   /* lists of contexts that ended threads left */
};

/* A ring of this process.  Who changes `use` from FREE or NONE owns the slot until it stores another value. */
struct ring_slot {
	_Atomic uint32_t use;
	_Atomic
	    uint32_t private; /* memory of this process alone, emptied by its sender; set before use leaves RING_MAKING */
	_Atomic(struct ring_header *) header; /* set before use leaves RING_MAKING */
};

enum { RING_NONE, RING_MAKING, RING_FREE, RING_TAKEN };

/* The thread that sends this process's private rings to another host, and what it tells: libbx/tcp/plugin.h. */
struct sender {
	_Atomic uint32_t state;  /* SENDER_...; whoever moves it on from NONE or ENDED starts the thread.  A futex */
	_Atomic uint32_t asleep; /* 1 while it waits and may be woken: what a doorbell's word is on a host's oxd */
	_Atomic uint32_t leave;  /* it shall hand over what it can and end */
	_Atomic int64_t retry;   /* monotonic ns before which it is not started */
	_Atomic uint64_t acknowledged; /* events */
	_Atomic uint64_t rejected;     /* events that the receiver refused, or that had to be given up */
	_Atomic uint64_t damaged;      /* records that were no events any more, or are longer than a frame */
	_Atomic uint64_t failures;     /* connections that failed, or could not be made */
};

enum { SENDER_NONE, SENDER_STARTING, SENDER_RUNNING, SENDER_ENDED };

struct process {
	_Atomic uint64_t generation;
	_Atomic uint32_t pid;          /* 0 until shortly after the generation is set */
	_Atomic uint32_t slots_used;   /* slots at and above were never used */
	_Atomic uint64_t ring_bytes;   /* of all rings made, headers aside */
	_Atomic uint64_t rings_most;   /* that they may be; 0 until somebody asked */
	_Atomic uint32_t stack_caches; /* threads for which libunwind keeps memory */
	_Atomic int64_t ring_retry;    /* monotonic ns before which no ring is made, after a failure */
	_Atomic(uint32_t *) doorbell;  /* oxd's word, mapped read-only; NULL until the first ring */

	/* drops that no ring's header carries yet */
	_Atomic uint64_t pending[RING_DROP_SLOTS];
	_Atomic uint64_t pending_bytes;
	_Atomic bool pending_any;
	_Atomic uint64_t left_events, left_dropped[RING_DROP_SLOTS]; /* of rings that were left */
	_Atomic uint64_t fields_ignored, fields_left_out, bad_names, bad_handles, bad_traceparents, stacks_refused,
	    sampled_out;

	_Atomic uint32_t forks; /* under way, and known to wait: see libbx/unwinding.h */

	_Atomic bool first_top; /* the id from the environment is spent */
	_Atomic uint32_t root;  /* see root.c */
	_Atomic bool root_done;
	_Atomic uintptr_t pools[PROCESS_POOLS];
	struct sender sender;
	struct ring_slot rings[PROCESS_RINGS];
};

/* When libunwind is opened. */
enum stacks { STACKS_NEVER, STACKS_LATE, STACKS_EARLY };

/* What libbx/settings.c read, once, before `on` was first set; constant since.  Survives a fork unchanged. */
struct config {
	_Atomic uint32_t on; /* 0: recording is off; CONFIG_OFFERED; else the how manieth turning on this is */
	uint64_t ring_capacity;
	uint32_t event_max;
	char host[256]; /* BLUEOX_HOST */
	uint64_t send_memory;
	int64_t linger_ns;
	char run_dir[4000]; /* as given; empty: to be found at each new ring */
	char program[64];
	uint8_t host_mp[260]; /* host name as MessagePack */
	uint32_t host_mp_len;
	char id[200];      /* BLUEOX_ID */
	char trace_id[33]; /* TRACEPARENT */
	char trace_span[17];
	enum stacks stacks;
	_Atomic uint32_t bad_settings; /* variables whose value was not understood */
};

extern struct config bx_config;

/* The shim is there and turns recording on when the first event is about to be made (libbx/shim.h). */
#define CONFIG_OFFERED UINT32_MAX

/* The page, made at the first call; NULL when there is no memory for it.  Its generation is set. */
struct process *process_get(void);

/* As it is: NULL where process_get() would make one or give it its generation.  Nothing has been emitted then. */
struct process *process_peek(void);

/* Adds the counts of a ring that is being left to those of the process. */
void process_keep_counts(struct process *p, const struct ring_header *h);

/* Counts a dropped event that no ring took. */
void process_drop(struct process *p, enum ring_drop reason, uint64_t bytes);

/* The same where there is not even memory for the page, and how many such there are. */
void process_drop_unpaged(void);
uint64_t process_unpaged(void);

/* The ring in a slot, or NULL.  What it points to stays readable even when its thread leaves the ring meanwhile. */
static inline const struct ring_header *
process_ring(struct process *p, uint32_t slot)
{
	if (atomic_load(&p->rings[slot].use) < RING_FREE)
		return NULL;
	return atomic_load(&p->rings[slot].header);
}

/* Which turning on it is, 0 while recording is off. */
static inline uint32_t
config_on(void)
{
	return atomic_load_explicit(&bx_config.on, memory_order_acquire);
}

#endif
