/* SPDX-License-Identifier: ISC */
/*
 * doorbell: how a sleeping ingest thread is woken, by programs and by oxd's own threads.
 *
 * The first word of $RUN/doorbell is 1 while the ingest thread sleeps on it and 0 otherwise.  Programs map the file
 * read-only: a program whose ring gets half full makes one FUTEX_WAKE, and only when the word is 1.  Threads of oxd
 * also clear the word, so that their wake cannot be missed.
 */
#ifndef BLUEOX_OXD_DOORBELL_H
#define BLUEOX_OXD_DOORBELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct doorbell {
	_Atomic uint32_t *word; /* mapped */
};

/* The file is made once and kept: running programs have it mapped.  False with errno. */
bool doorbell_open(struct doorbell *d, int run_fd);
void doorbell_close(struct doorbell *d);

/* Ingest thread: says that it is going to sleep.  It then looks once more whether there is work, and then waits. */
void doorbell_arm(struct doorbell *d);
bool doorbell_wait(struct doorbell *d, int64_t ns); /* returns at once when it was rung since the arming */
void doorbell_disarm(struct doorbell *d);

/* Any thread of oxd, after it has put the work where the ingest thread looks. */
void doorbell_ring(struct doorbell *d);

#endif
