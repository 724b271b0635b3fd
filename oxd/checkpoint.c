/* SPDX-License-Identifier: ISC */
/* checkpoint: to MessagePack and back. */
#include "oxd/checkpoint.h"

#include <stdlib.h>

#include "libbx/core/mp.h"
#include "oxd/statefile.h"

#define NAME "checkpoint"
enum { FILE_FIELDS = 5 };

void
checkpoint_fini(struct checkpoint *c)
{
	free(c->files);
	buf_fini(&c->account);
	*c = (struct checkpoint){0};
}

struct checkpoint_file *
checkpoint_add(struct checkpoint *c)
{
	struct checkpoint_file *grown = realloc(c->files, (c->count + 1) * sizeof *grown);
	if (!grown)
		return NULL;
	c->files = grown;
	grown[c->count] = (struct checkpoint_file){0};
	return &grown[c->count++];
}

enum bx_err
checkpoint_write(int state_fd, const struct checkpoint *c)
{
	struct buf b = {.err = c->account.err};
	mp_add_map(&b, c->account.len ? 4 : 3);
	mp_add_strz(&b, "number");
	mp_add_uint(&b, c->number);
	mp_add_strz(&b, "hourly");
	mp_add_bool(&b, c->hourly);
	mp_add_strz(&b, "files");
	mp_add_array(&b, (uint32_t)c->count);
	for (size_t i = 0; i < c->count; i++) {
		const struct checkpoint_file *f = &c->files[i];
		mp_add_array(&b, FILE_FIELDS);
		mp_add_strz(&b, f->name);
		mp_add_uint(&b, f->dev);
		mp_add_uint(&b, f->ino);
		mp_add_uint(&b, f->len);
		mp_add_uint(&b, f->tail_sum);
	}
	buf_put(&b, c->account.data, c->account.len);
	enum bx_err err = b.err != BX_OK ? b.err : statefile_write(state_fd, NAME, STATEFILE_CHECKPOINT, &b);
	buf_fini(&b);
	return err;
}

static void
take_file(struct cursor *c, struct checkpoint *out)
{
	struct mp_token name;
	uint32_t items = statefile_array(c, FILE_FIELDS);
	if (!statefile_take(c, MP_STR, &name) || name.len >= LOGNAME_MAX || memchr(name.data, '/', name.len)) {
		cursor_fail(c, BX_EBAD);
		return;
	}
	struct checkpoint_file *f = checkpoint_add(out);
	if (!f) {
		cursor_fail(c, BX_ENOMEM);
		return;
	}
	memcpy(f->name, name.data, name.len);
	f->dev = statefile_uint(c);
	f->ino = statefile_uint(c);
	f->len = statefile_uint(c);
	f->tail_sum = statefile_uint(c);
	for (uint32_t i = FILE_FIELDS; i < items && mp_skip(c); i++)
		;
}

static enum bx_err
decode(const struct buf *b, struct checkpoint *out)
{
	struct cursor c;
	struct mp_token top, key, t;
	bool has_number = false;
	cursor_init(&c, b->data, b->len);
	if (!statefile_take(&c, MP_MAP, &top))
		return BX_EBAD;
	for (uint32_t i = 0; i < top.len && mp_next(&c, &key); i++) {
		if (mp_str_is(&key, "number")) {
			out->number = statefile_uint(&c);
			has_number = true;
		} else if (mp_str_is(&key, "hourly")) {
			out->hourly = statefile_take(&c, MP_BOOL, &t) && t.b;
		} else if (mp_str_is(&key, "files") && statefile_take(&c, MP_ARRAY, &t)) {
			for (uint32_t n = t.len; n > 0 && c.err == BX_OK; n--)
				take_file(&c, out);
		} else {
			mp_skip(&c);
		}
	}
	return c.err != BX_OK ? c.err : has_number ? BX_OK : BX_EBAD;
}

enum bx_err
checkpoint_read(int state_fd, bool prev, struct checkpoint *c)
{
	struct buf b = {0};
	*c = (struct checkpoint){0};
	enum bx_err err = statefile_read(state_fd, NAME, prev, STATEFILE_CHECKPOINT, &b);
	if (err == BX_OK)
		err = decode(&b, c);
	if (err != BX_OK)
		checkpoint_fini(c);
	buf_fini(&b);
	return err;
}
