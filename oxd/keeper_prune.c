/* SPDX-License-Identifier: ISC */
/* keeper_prune: days that are over what is kept, the oldest first, and never in a hurry. */
#include "oxd/keeper_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libbx/core/clock.h"
#include "oxd/say.h"
#include "oxd/store.h"

enum { CLOCK_DAYS = 2 };

/* The time of the last arrival, or what the newest name says, is near what the clock says. */
static bool
clock_is_likely(const struct keeper *k, const struct keeper_round *r)
{
	int64_t from_ns = atomic_load(&k->newest_arrival_ns), to_ns = from_ns;
	for (size_t i = 0; from_ns == 0 && i < r->files.count; i++) {
		if (store_period_end_ns(&r->files.files[i]) <= to_ns)
			continue;
		to_ns = store_period_end_ns(&r->files.files[i]);
	}
	if (from_ns == 0)
		from_ns = to_ns - day_ns;
	return r->wall_ns > from_ns - CLOCK_DAYS * day_ns && r->wall_ns < to_ns + CLOCK_DAYS * day_ns;
}

static struct store_item *
make_items(struct keeper *k, const struct keeper_round *r, bool brake, size_t *count)
{
	struct store_item *items = calloc(r->files.count + 1, sizeof *items);
	int64_t boot_ns = clock_ns(CLOCK_BOOTTIME);
	*count = 0;
	for (size_t i = 0; items && i < r->files.count; i++) {
		const struct logdir_file *f = &r->files.files[i];
		if (!store_is_ours(f))
			continue;
		struct bytes type = {(const uint8_t *)f->name.type, f->name.type_len};
		items[(*count)++] = (struct store_item){
		    .file = f,
		    .bytes = store_bytes(k->dir_fd, f),
		    .live = keeper_is_live(r, f),
		    .braked = brake && !brake_allows(&k->brake, type, boot_ns),
		};
	}
	return items;
}

static bool
remove_one(struct keeper *k, const struct keeper_round *r, const struct store_item *item)
{
	struct tended *t = keeper_tend(k, item->file->path);
	enum bx_err err = store_remove(k->dir_fd, item->file);
	if (err != BX_OK) {
		keeper_tell_failure(k, "remove", t, err);
		return false;
	}
	say(SAY_INFO, "log file %s removed (%llu bytes)", item->file->path, (unsigned long long)item->bytes);
	stats_add(k->stats, STAT_log_pruned, 1);
	stats_add(k->stats, STAT_log_pruned_bytes, item->bytes);
	r->gone[item->file - r->files.files] = true;
	return true;
}

/* The note of the brake comes first, and durably: a kill behind it only makes the rest of that day wait. */
static bool
may_remove(struct keeper *k, const struct store_item *item)
{
	static struct say_limit limit;
	struct bytes type = {(const uint8_t *)item->file->name.type, item->file->name.type_len};
	if (brake_note(&k->brake, type, clock_ns(CLOCK_BOOTTIME)))
		return true;
	stats_add(k->stats, STAT_store_failures, 1);
	say_limited(&limit, SAY_WARNING, "log files: nothing is removed, since %s/prunes cannot be written: %s",
	    k->cfg.state_path, strerror(errno));
	return false;
}

void
keeper_prune(struct keeper *k, const struct keeper_round *r)
{
	static struct say_limit limit;
	struct store_limits limits = {.before_ns = INT64_MIN, .bytes = k->limits.retain_bytes};
	if (k->limits.retain_days > 0)
		limits.before_ns = r->wall_ns - (int64_t)k->limits.retain_days * day_ns;
	size_t count;
	struct store_item *items = make_items(k, r, true, &count);
	if (!items)
		return;
	bool held = store_choose(items, count, &limits, true) == STORE_BRAKED, any = false;
	for (size_t i = 0; i < count; i++)
		any |= items[i].goes;
	if (any && !clock_is_likely(k, r)) {
		say_limited(&limit, SAY_WARNING,
		    "log files: nothing is removed, since the clock and the newest event are more than %d days apart",
		    CLOCK_DAYS);
		any = false;
		held = true;
	}
	/* Items are sorted by type: files of one day and type follow each other. */
	const struct store_item *noted = NULL;
	for (size_t i = 0; any && i < count && !atomic_load(&k->stop); i++) {
		if (!items[i].goes)
			continue;
		const struct logname *name = &items[i].file->name;
		if (!noted || noted->file->name.type_len != name->type_len ||
		    memcmp(noted->file->name.type, name->type, name->type_len) != 0)
			any = may_remove(k, &items[i]);
		noted = &items[i];
		if (any)
			remove_one(k, r, &items[i]);
	}
	stats_add(k->stats, STAT_log_prune_held, held);
	free(items);
}

void
keeper_prune_as_told(struct keeper *k, const struct keeper_round *r)
{
	struct store_limits limits = {.before_ns = r->job.job.before_ns, .bytes = r->job.job.bytes};
	size_t count, wanted = 0;
	struct store_item *items = make_items(k, r, false, &count);
	for (size_t i = 0; items && i < count; i++)
		if (keeper_wants(&r->job, KEEPER_PRUNE, items[i].file))
			items[wanted++] = items[i];
	if (items)
		store_choose(items, wanted, &limits, false);
	for (size_t i = 0; items && i < wanted && !atomic_load(&k->stop); i++) {
		if (!items[i].goes)
			continue;
		if (remove_one(k, r, &items[i]))
			keeper_count_done(k, items[i].bytes);
	}
	free(items);
}
