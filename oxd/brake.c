/* SPDX-License-Identifier: ISC */
/* brake: a small table in a state file. */
#include "oxd/brake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "libbx/core/mp.h"
#include "oxd/statefile.h"

#define NAME "prunes"

struct brake_type {
	int64_t at_ns; /* since boot */
	UT_hash_handle hh;
	size_t n;
	uint8_t type[];
};

static void
read_boot(char out[BRAKE_BOOT])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, BRAKE_BOOT - 1) : -1;
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

static struct brake_type *
find(const struct brake *b, struct bytes type)
{
	struct brake_type *t;
	HASH_FIND(hh, b->types, type.p, type.n, t);
	return t;
}

static bool
set(struct brake *b, struct bytes type, int64_t at_ns)
{
	struct brake_type *t = find(b, type);
	if (!t) {
		t = calloc(1, sizeof *t + type.n + 1);
		if (!t)
			return false;
		t->n = type.n;
		memcpy(t->type, type.p, type.n);
		HASH_ADD_KEYPTR(hh, b->types, t->type, t->n, t);
	}
	t->at_ns = at_ns;
	return true;
}

/* Times of another boot say nothing on this one's clock: they count as its beginning. */
static void
load(struct brake *b)
{
	struct buf content = {0};
	struct cursor c;
	struct mp_token top, boot, types, type, at;
	if (statefile_read(b->state_fd, NAME, false, STATEFILE_PRUNES, &content) != BX_OK &&
	    statefile_read(b->state_fd, NAME, true, STATEFILE_PRUNES, &content) != BX_OK) {
		buf_fini(&content);
		return;
	}
	cursor_init(&c, content.data, content.len);
	if (mp_next(&c, &top) && top.kind == MP_ARRAY && top.len == 2 && mp_next(&c, &boot) && boot.kind == MP_STR &&
	    mp_next(&c, &types) && types.kind == MP_MAP) {
		bool same = boot.len == strlen(b->boot) && memcmp(boot.data, b->boot, boot.len) == 0;
		for (uint32_t i = 0; i < types.len && mp_next(&c, &type) && mp_next(&c, &at); i++)
			if (type.kind == MP_BIN && at.kind == MP_UINT)
				set(b, (struct bytes){type.data, type.len}, same ? (int64_t)at.u : 0);
	}
	buf_fini(&content);
}

enum bx_err
brake_open(struct brake *b, const char *state_path, int64_t pause_ns)
{
	*b = (struct brake){.pause_ns = pause_ns};
	b->state_fd = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->state_fd < 0)
		return BX_EIO;
	read_boot(b->boot);
	load(b);
	return BX_OK;
}

void
brake_close(struct brake *b)
{
	struct brake_type *t, *next;
	HASH_ITER(hh, b->types, t, next)
	{
		HASH_DEL(b->types, t);
		free(t);
	}
	if (b->state_fd >= 0)
		close(b->state_fd);
	b->state_fd = -1;
}

bool
brake_allows(const struct brake *b, struct bytes type, int64_t boot_ns)
{
	const struct brake_type *t = find(b, type);
	return !t || boot_ns - t->at_ns >= b->pause_ns;
}

static void
forget_old(struct brake *b, int64_t boot_ns)
{
	struct brake_type *t, *next;
	HASH_ITER(hh, b->types, t, next)
	{
		if (boot_ns - t->at_ns < b->pause_ns)
			continue;
		HASH_DEL(b->types, t);
		free(t);
	}
}

bool
brake_note(struct brake *b, struct bytes type, int64_t boot_ns)
{
	struct buf content = {0};
	forget_old(b, boot_ns);
	errno = ENOMEM;
	if (!set(b, type, boot_ns))
		return false;
	mp_add_array(&content, 2);
	mp_add_strz(&content, b->boot);
	mp_add_map(&content, HASH_COUNT(b->types));
	for (const struct brake_type *t = b->types; t; t = t->hh.next) {
		mp_add_bin(&content, t->type, t->n);
		mp_add_uint(&content, (uint64_t)t->at_ns);
	}
	bool ok = content.err == BX_OK && statefile_write(b->state_fd, NAME, STATEFILE_PRUNES, &content) == BX_OK;
	buf_fini(&content);
	return ok;
}
