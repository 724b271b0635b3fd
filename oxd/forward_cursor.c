/* SPDX-License-Identifier: ISC */
/* forward_cursor: {number, account} in a state file. */
#include "oxd/forward_cursor.h"

#include <unistd.h>

#include "libbx/core/mp.h"
#include "oxd/statefile.h"

#define NAME "forward"
static const int64_t save_ns = 1000000000;

static bool
read_one(int state_fd, bool prev, uint64_t *number)
{
	struct buf b = {0};
	struct cursor c;
	struct mp_token top, key, value;
	bool found = false;
	if (statefile_read(state_fd, NAME, prev, STATEFILE_FORWARD, &b) == BX_OK) {
		cursor_init(&c, b.data, b.len);
		bool map = mp_next(&c, &top) && top.kind == MP_MAP;
		for (uint32_t i = 0; map && i < top.len && mp_next(&c, &key); i++) {
			if (!mp_str_is(&key, "number")) {
				mp_skip(&c);
				continue;
			}
			found = mp_next(&c, &value) && value.kind == MP_UINT;
			*number = found ? value.u : 0;
		}
	}
	buf_fini(&b);
	return found;
}

bool
forward_cursor_read(int state_fd, uint64_t *number)
{
	return read_one(state_fd, false, number) || read_one(state_fd, true, number);
}

void
forward_cursor_open(struct forward_cursor *c, struct journal *journal, int state_fd, uint64_t fresh)
{
	uint64_t number = fresh;
	bool found = forward_cursor_read(state_fd, &number);
	c->journal = journal;
	c->state_fd = state_fd;
	atomic_store(&c->number, number); /* any thread may be reading it */
	c->durable = found;
	c->saved = number;
	c->saved_ns = 0;
	if (!found || !read_one(state_fd, true, &c->before) || c->before > c->saved)
		c->before = c->saved;
	c->place = journal_cursor_add(journal, c->before, number);
}

void
forward_cursor_close(struct forward_cursor *c, bool forget)
{
	if (!c->journal)
		return;
	journal_cursor_remove(c->journal, c->place);
	c->journal = NULL;
	if (forget) {
		unlinkat(c->state_fd, NAME, 0);
		unlinkat(c->state_fd, NAME ".prev", 0);
		fsync(c->state_fd);
	}
}

void
forward_cursor_move(struct forward_cursor *c, uint64_t number)
{
	if (number > atomic_load(&c->number))
		atomic_store(&c->number, number);
}

bool
forward_cursor_save(struct forward_cursor *c, int64_t mono_ns, bool now)
{
	uint64_t number = atomic_load(&c->number);
	/* Once more after the last one, so that the generation before lets go of the journal too. */
	if ((c->durable && number == c->saved && c->before == c->saved) ||
	    (c->durable && !now && mono_ns - c->saved_ns < save_ns))
		return true;
	struct buf b = {0}, account = {0};
	if (c->audit)
		audit_encode_read(c->audit, AUDIT_FORWARD, &account);
	mp_add_map(&b, account.len ? 2 : 1);
	mp_pair_uint(&b, "number", number);
	buf_put(&b, account.data, account.len);
	if (account.err != BX_OK)
		b.err = account.err;
	buf_fini(&account);
	bool ok = b.err == BX_OK && statefile_write(c->state_fd, NAME, STATEFILE_FORWARD, &b) == BX_OK;
	buf_fini(&b);
	c->saved_ns = mono_ns;
	if (!ok)
		return false;
	if (c->audit)
		audit_read_is_saved(c->audit);
	c->durable = true;
	c->before = c->saved;
	c->saved = number;
	journal_cursor_move(c->journal, c->place, c->before, c->saved);
	return true;
}
