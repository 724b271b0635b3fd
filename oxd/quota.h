/* SPDX-License-Identifier: ISC */
/*
 * quota: how many events of one type and one program are taken in a while.
 *
 * `TYPEGLOB: N/s` (or /m, /h).  Each type and program that the pattern covers has a budget of its own: N at once, refilled
 * at the rate.  What is beyond it is dropped and counted.  So a program that has gone mad spends its own budget and no
 * other's.  One thread.
 */
#ifndef BLUEOX_OXD_QUOTA_H
#define BLUEOX_OXD_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "libbx/core/event.h"

enum { QUOTA_BUDGETS_MAX = 4096 }; /* types and programs of one quota that have their own; further ones share one */

struct quota_budget;

struct quota {
	const char *text; /* as given; borrowed */
	char glob[256];
	double most;   /* events at once */
	double per_ns; /* refill */
	uint64_t matched, dropped;
	struct quota_budget *budgets, *shared; /* owned */
};

/* NULL when it is well formed, else what is wrong with it. */
const char *quota_init(struct quota *q, const char *text);
void quota_fini(struct quota *q);

/* True when an event of this type and program is within the budget; it is then spent. */
bool quota_takes(struct quota *q, struct bytes type, const char *program, int64_t now_ns);

#endif
