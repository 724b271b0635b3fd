/* SPDX-License-Identifier: ISC */
/*
 * store: what is done with log files that nobody writes any more, and which of them go.
 *
 * The daemon's keeper and `oxctl store` share it, so that both do the same.  Only files of our own layout are ever
 * changed, and only regular ones; what is done to one leaves its events readable at every moment.
 */
#ifndef BLUEOX_OXD_STORE_H
#define BLUEOX_OXD_STORE_H

#include <stdatomic.h>

#include "libbx/core/logdir.h"

/* True when we may change it at all: a regular file of our own layout. */
bool store_is_ours(const struct logdir_file *f);

/* When the day or hour in its name is over. */
int64_t store_period_end_ns(const struct logdir_file *f);

/* Indexes it to its end, then packs it.  As compress_pack(). */
enum bx_err store_pack(int dir_fd, const struct logdir_file *f, const _Atomic bool *stop, uint64_t *packed);

/* Removes it, its twin, and then its index.  BX_EIO with errno; BX_EBAD: it is not the file that was listed. */
enum bx_err store_remove(int dir_fd, const struct logdir_file *f);

/* Bytes on disk, index and twin included. */
uint64_t store_bytes(int dir_fd, const struct logdir_file *f);

/* ---- which go ------------------------------------------------------------------------------------------------------ */

struct store_limits {
	int64_t before_ns; /* days that are over by then go; INT64_MIN: none for its age */
	uint64_t bytes;    /* the oldest go until no more than this is left; 0: any size */
};

/* What the chooser knows of each listed file. */
struct store_item {
	const struct logdir_file *file;
	uint64_t bytes;
	bool live;   /* it, or another of its type and day, is still written: none of that day goes */
	bool braked; /* another day of its type went a moment ago */
	bool goes;   /* the answer */
};

enum store_choice {
	STORE_ALL_CHOSEN,
	STORE_BRAKED, /* more would go but for the brake */
};

/*
 * Marks what goes.  With `one_day` at most one day of each type, and none of a day younger than one that the brake
 * held back, so that a large type never costs a small one its newer days.  Items are sorted as they are listed.
 */
enum store_choice store_choose(struct store_item *items, size_t count, const struct store_limits *limits, bool one_day);

#endif
