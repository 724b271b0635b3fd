/* SPDX-License-Identifier: ISC */
/*
 * fields_test: random sequences of set, append and add, held against a model that is plain enough to be believed.
 *
 * The model is a map of maps without any limit; what libbx leaves out for want of room is left out there as well, and
 * libbx must have been short of room.  Bodies are compared as maps, without order.
 */
#include "include/blueox.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/context.h"
#include "libbx/core/event.h"
#include "libbx/core/mp.h"
#include "libbx/core/rand.h"
#include "tests/unit/unit.h"

/* ---- the model ---- */

enum kind { NIL, INT, FLOAT, TEXT, MAP, LIST };

struct value {
	enum kind kind;
	char *key; /* in a map */
	__int128 i;
	double f;
	char *text;
	size_t len;
	struct value **children;
	size_t count;
};

static void
clear(struct value *v)
{
	for (size_t i = 0; i < v->count; i++) {
		clear(v->children[i]);
		free(v->children[i]->key);
		free(v->children[i]);
	}
	free(v->children);
	free(v->text);
	v->children = NULL;
	v->text = NULL;
	v->count = 0;
	v->kind = NIL;
}

static struct value *
child(struct value *v, const char *key, size_t n, bool make)
{
	for (size_t i = 0; i < v->count && key; i++)
		if (strlen(v->children[i]->key) == n && memcmp(v->children[i]->key, key, n) == 0)
			return v->children[i];
	if (!make)
		return NULL;
	v->children = realloc(v->children, (v->count + 1) * sizeof *v->children);
	struct value *c = calloc(1, sizeof *c);
	c->key = key ? strndup(key, n) : NULL;
	v->children[v->count++] = c;
	return c;
}

/* Where a dotted key leads; what is no map on the way becomes one. */
static struct value *
place(struct value *v, const char *key)
{
	for (const char *dot; (dot = strchr(key, '.')); key = dot + 1) {
		v = child(v, key, (size_t)(dot - key), true);
		if (v->kind != MAP)
			clear(v);
		v->kind = MAP;
	}
	return child(v, key, strlen(key), true);
}

static void
put(struct value *to, const struct value *v)
{
	clear(to);
	to->kind = v->kind;
	to->i = v->i;
	to->f = v->f;
	to->len = v->len;
	to->text = v->text ? memcpy(malloc(v->len + 1), v->text, v->len + 1) : NULL;
}

static void
model_append(struct value *to, const struct value *v)
{
	if (to->kind != LIST)
		clear(to);
	to->kind = LIST;
	put(child(to, NULL, 0, true), v);
}

static void
model_add(struct value *to, const struct value *v)
{
	struct value sum = *v;
	if (to->kind == FLOAT || (to->kind == INT && v->kind == FLOAT)) {
		sum.kind = FLOAT;
		sum.f = (to->kind == FLOAT ? to->f : (double)to->i) + (v->kind == FLOAT ? v->f : (double)v->i);
	} else if (to->kind == INT) {
		sum.i = to->i + v->i;
		if (sum.i > UINT64_MAX || sum.i < INT64_MIN) {
			sum.kind = FLOAT;
			sum.f = (double)sum.i;
		}
	}
	put(to, &sum);
}

/* ---- what libbx wrote ---- */

static void
read_value(struct cursor *c, struct value *v)
{
	struct mp_token t;
	assert_true(mp_next(c, &t));
	switch (t.kind) {
	case MP_NIL:
		break;
	case MP_UINT:
		v->kind = INT;
		v->i = t.u;
		break;
	case MP_INT:
		v->kind = INT;
		v->i = t.i;
		break;
	case MP_FLOAT:
		v->kind = FLOAT;
		v->f = t.f;
		break;
	case MP_STR:
		v->kind = TEXT;
		v->len = t.len;
		v->text = strndup((const char *)t.data, t.len);
		break;
	case MP_MAP:
		v->kind = MAP;
		for (uint32_t i = 0; i < t.len; i++) {
			struct mp_token key;
			assert_true(mp_next(c, &key) && key.kind == MP_STR);
			assert_null(child(v, (const char *)key.data, key.len, false)); /* no key stands twice */
			read_value(c, child(v, (const char *)key.data, key.len, true));
		}
		break;
	case MP_ARRAY:
		v->kind = LIST;
		for (uint32_t i = 0; i < t.len; i++)
			read_value(c, child(v, NULL, 0, true));
		break;
	default:
		fail_msg("kind %d", (int)t.kind);
	}
}

static void
assert_same(const struct value *got, const struct value *expected, const char *path)
{
	char below[4096];
	if (!got) {
		fail_msg("%s: not there", path);
		return;
	}
	if (got->kind != expected->kind || got->count != expected->count)
		fail_msg("%s: kind %d with %zu children, expected kind %d with %zu", path, (int)got->kind, got->count,
		    (int)expected->kind, expected->count);
	if ((got->kind == INT && got->i != expected->i) || (got->kind == FLOAT && got->f != expected->f))
		fail_msg("%s: another number", path);
	if (got->kind == TEXT && got->text && expected->text &&
	    (got->len != expected->len || memcmp(got->text, expected->text, got->len) != 0))
		fail_msg("%s: another text", path);
	for (size_t i = 0; i < expected->count; i++) {
		const char *key = expected->children[i]->key;
		const struct value *c = key ? child((struct value *)got, key, strlen(key), false) : got->children[i];
		snprintf(below, sizeof below, "%s/%s", path, key ? key : "-");
		assert_same(c, expected->children[i], below);
	}
}

static struct ring *
ring(void)
{
	return &bx_thread.ring;
}

/* As oxd does, so that no test is about a full ring. */
static void
drain(void)
{
	atomic_store(&ring()->header->tail, ring()->head);
	atomic_store(&ring()->header->tail_check, ~ring()->head);
}

static void
read_body(uint64_t pos, struct value *body)
{
	struct ring_view view;
	struct event ev;
	struct cursor c;
	const uint8_t *at = ring()->data + (pos & (ring()->capacity - 1));
	assert_int_equal(ring_record_read(at, ring()->head - pos, pos, ring()->capacity, &view), BX_OK);
	assert_int_equal(event_parse(view.map, view.map_len, &ev), BX_OK);
	cursor_init(&c, ev.body.p, ev.body.n);
	read_value(&c, body);
	assert_int_equal(cursor_left(&c), 0);
}

/* ---- random events ---- */

struct style {
	const char *name;
	int parts;         /* different parts at each place */
	int depth;         /* parts in a key at most */
	int ops;           /* at most */
	int text_max;      /* bytes */
	int appends, adds; /* of a hundred */
};

static struct rand rnd;

static unsigned
below(unsigned n)
{
	return (unsigned)(rand_u64(&rnd) % n);
}

static void
random_key(const struct style *s, char *key)
{
	int depth = 1 + (int)below((unsigned)s->depth);
	for (int i = 0; i < depth; i++) {
		if (i)
			*key++ = '.';
		unsigned part = below((unsigned)s->parts);
		if (part == 7) /* an empty one */
			continue;
		key += sprintf(key, part % 5 == 4 ? "a_part_of_some_length_%u" : "p%u", part);
	}
	*key = '\0';
}

static void
random_value(const struct style *s, struct value *v, bool number)
{
	static const int64_t edges[] = {0, 1, -1, 127, 128, -32, -33, 65535, 65536, INT32_MAX, INT64_MAX, INT64_MIN, 5};
	*v = (struct value){.kind = INT};
	switch (below(number ? 4 : 7)) {
	case 0:
	case 1:
		v->i = edges[below(sizeof edges / sizeof *edges)];
		break;
	case 2:
		v->i = below(300);
		break;
	case 3:
		v->kind = FLOAT;
		v->f = below(1000) / 8.0;
		break;
	case 4:
		v->kind = NIL;
		break;
	default:
		v->kind = TEXT;
		v->len = below((unsigned)s->text_max + 1);
		v->text = malloc(v->len + 1);
		memset(v->text, 'a' + (int)below(26), v->len);
		v->text[v->len] = '\0';
	}
}

#define CALL(verb, key, v)                                                                                             \
	((v)->kind == INT        ? bx_##verb(key, (int64_t)(v)->i)                                                     \
	    : (v)->kind == FLOAT ? bx_##verb(key, (v)->f)                                                              \
				 : bx_##verb(key, (const char *)(v)->text))

static void
one_op(const struct style *s, struct value *model)
{
	char key[1200];
	struct value v;
	unsigned dice = below(100);
	bool is_add = dice < (unsigned)s->adds, is_append = !is_add && dice < (unsigned)(s->adds + s->appends);
	random_key(s, key);
	random_value(s, &v, is_add);
	const struct fields *f = &bx_thread.current->fields;
	uint32_t before = f->left_out;
	if (is_add && v.kind == INT)
		bx_add(key, (int64_t)v.i);
	else if (is_add)
		bx_add(key, v.f);
	else if (is_append)
		CALL(append, key, &v);
	else
		CALL(set, key, &v);
	assert_int_equal(f->room, f->cap - FIELDS_KEPT_BACK - f->used - (f->in_tree ? 0 : FIELD_COST * f->count));
	if (f->left_out != before) {
		assert_in_range(f->room, 0, 64 + FIELD_PARTS_MAX * 16 + strlen(key) + v.len);
	} else {
		struct value *to = place(model, key);
		if (is_add)
			model_add(to, &v);
		else if (is_append)
			model_append(to, &v);
		else
			put(to, &v);
	}
	free(v.text);
}

static void
one_event(const struct style *s)
{
	struct value model = {.kind = MAP}, body = {0};
	drain();
	uint64_t pos = ring()->head;
	bx_begin("t");
	int ops = (int)below((unsigned)s->ops);
	for (int i = 0; i < ops; i++)
		one_op(s, &model);
	uint32_t left_out = bx_thread.current->fields.left_out;
	assert_int_equal(bx_end(), 1);
	if (left_out) {
		struct value count = {.kind = INT, .i = left_out};
		put(place(&model, "truncated"), &count);
	}
	read_body(pos, &body);
	assert_same(&body, &model, s->name);
	clear(&model);
	clear(&body);
}

static const struct style styles[] = {
    {"a few plain keys", 6, 1, 30, 40, 0, 0},
    {"a few plain keys, added to", 6, 1, 60, 10, 0, 60},
    {"plain keys, lists too", 12, 1, 60, 40, 40, 20},
    {"many plain keys", 4000, 1, 3000, 20, 0, 10},
    {"keys that overrule one another", 3, 3, 40, 20, 20, 20},
    {"deep keys", 4, 12, 60, 20, 10, 10},
    {"a wide tree", 60, 2, 2000, 10, 10, 10},
    {"more than fits", 30, 3, 600, 3000, 20, 5},
    {"lists that grow and go", 2, 2, 3000, 60, 95, 2},
    {"the same few again and again", 2, 2, 6000, 200, 0, 30},
};

static void
any_sequence_ends_as_the_model_says(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__ /* one thread, and some twenty times as slow */
	int rounds = 15;
#else
	int rounds = getenv("SOAK") ? 20000 : 150;
#endif
	rnd = (struct rand){{1, 2, 3, 4}};
	for (int i = 0; i < rounds; i++)
		for (size_t s = 0; s < sizeof styles / sizeof *styles; s++)
			one_event(&styles[s]);
}

/* ---- said one by one ---- */

static void
show(const struct value *v, struct buf *out)
{
	switch (v->kind) {
	case NIL:
		buf_puts(out, "nil");
		break;
	case INT:
		if (v->i > INT64_MAX)
			buf_printf(out, "%llu", (unsigned long long)v->i);
		else
			buf_printf(out, "%lld", (long long)v->i);
		break;
	case FLOAT:
		buf_printf(out, "%.1f", v->f);
		break;
	case TEXT:
		buf_printf(out, "'%s'", v->text);
		break;
	case MAP:
	case LIST:
		buf_putc(out, v->kind == MAP ? '{' : '[');
		for (size_t i = 0; i < v->count; i++) {
			buf_puts(out, i ? "," : "");
			if (v->kind == MAP)
				buf_printf(out, "%s:", v->children[i]->key);
			show(v->children[i], out);
		}
		buf_putc(out, v->kind == MAP ? '}' : ']');
	}
}

static void
assert_event(uint64_t pos, const char *expected)
{
	struct value body = {0};
	struct buf text = {0};
	read_body(pos, &body);
	show(&body, &text);
	buf_putc(&text, '\0');
	assert_string_equal((const char *)text.data, expected);
	buf_fini(&text);
	clear(&body);
}

#define EVENT(expected, ...)                                                                                           \
	do {                                                                                                           \
		drain();                                                                                               \
		uint64_t pos_ = ring()->head;                                                                          \
		bx_begin("t");                                                                                         \
		__VA_ARGS__;                                                                                           \
		assert_int_equal(bx_end(), 1);                                                                         \
		assert_event(pos_, expected);                                                                          \
	} while (0)

static void
append_and_add_start_from_nothing(void **state)
{
	(void)state;
	EVENT("{a:[1,'x',nil,2.5],n:3}", bx_append("a", 1); bx_append("a", "x"); bx_append("a", (const char *)NULL);
	      bx_append("a", 2.5F); bx_add("n", 1); bx_add("n", 2U));
	EVENT("{a:{b:[1,2],n:7}}", bx_append("a.b", 1); bx_add("a.n", 7); bx_append("a.b", 2L));
	EVENT("{f:1.5,g:3.5}", bx_add("f", 1.5); bx_add("g", 3); bx_add("g", 0.5F));
	bx_ctx *ctx = bx_new("t");
	uint64_t pos = ring()->head;
	bx_ctx_append(ctx, "a", bx_strn("hello", 2));
	bx_ctx_add(ctx, "n", (bool)1);
	assert_int_equal(bx_done(ctx), 1);
	assert_event(pos, "{a:['he'],n:1}");
}

static void
a_field_of_another_kind_is_replaced(void **state)
{
	(void)state;
	EVENT("{a:[2]}", bx_set("a", 1); bx_append("a", 2));
	EVENT("{a:[2]}", bx_set("a.b", 1); bx_append("a", 2));
	EVENT("{a:5}", bx_set("a", "text"); bx_add("a", 5));
	EVENT("{a:5}", bx_append("a", 1); bx_add("a", 5));
	EVENT("{a:5}", bx_set("a.b", 1); bx_add("a", 5));
	EVENT("{a:{b:2}}", bx_append("a", 1); bx_set("a.b", 2));
	EVENT("{a:{b:2}}", bx_set("a", 1); bx_add("a.b", 2));
	EVENT("{a:1}", bx_append("a", 1); bx_append("a", 2); bx_set("a", 1));
	EVENT("{a:{b:{c:1}}}", bx_set("a.b", 1); bx_set("a.b.c", 1));
	EVENT("{a:{b:1}}", bx_set("a.b.c", 1); bx_set("a.b.d", 1); bx_set("a.b", 1));
	EVENT("{a:{x:2}}", bx_set("a.y", 1); bx_set("a", 5); bx_set("a.x", 2));
}

static void
a_sum_that_no_integer_holds_goes_on_as_a_float(void **state)
{
	(void)state;
	EVENT("{n:18446744073709551615}", bx_set("n", INT64_MAX); bx_add("n", INT64_MAX); bx_add("n", 1));
	EVENT("{n:18446744073709551616.0}", bx_set("n", UINT64_MAX); bx_add("n", 1));
	EVENT("{n:-9223372036854775808}", bx_set("n", 0); bx_add("n", INT64_MIN));
	EVENT("{n:-1}", bx_set("n", UINT64_MAX); bx_set("n", 0); bx_add("n", -1));
}

static void
what_there_is_no_room_for_is_left_out_whole(void **state)
{
	(void)state;
	static char big[70000];
	memset(big, 'x', sizeof big - 1);
	EVENT("{a:1,truncated:3}", bx_set("a", 1); bx_set("big", big); bx_append("a", big); bx_set("a.b", big));
	EVENT("{l:[1,2],truncated:1}", bx_append("l", 1); bx_append("l", big); bx_append("l", 2));
	EVENT("{truncated:2}", bx_set("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", 1);
	      bx_set(big + sizeof big - 1 - 1025, 1));
}

static void
what_was_replaced_gives_its_room_back(void **state)
{
	(void)state;
	static char big[40001];
	memset(big, 'x', sizeof big - 1);
	for (int way = 0; way < 6; way++) {
		drain();
		bx_begin("t");
		bx_set("a", big);
		if (way == 0)
			bx_set("a", 1);
		else if (way == 1)
			bx_set("a.b", 1);
		else if (way == 2)
			bx_append("a", 1);
		else if (way == 3)
			bx_add("a", 1);
		else if (way == 4)
			bx_append("a", big + 20000), bx_set("a", 1);
		else
			bx_set("a.b.c", big + 20000), bx_set("a", 1);
		bx_set("b", big);
		assert_int_equal(bx_thread.current->fields.left_out, 0);
		assert_int_equal(bx_end(), 1);
	}
}

/* ---- */

static char run_dir[] = "/dev/shm/bx-fields-XXXXXX", rings_dir[64];

static int
set_up(void **state)
{
	(void)state;
	if (!mkdtemp(run_dir))
		return -1;
	snprintf(rings_dir, sizeof rings_dir, "%s/rings", run_dir);
	mkdir(rings_dir, 0700);
	setenv("BLUEOX_RUN_DIR", run_dir, 1);
	setenv("BLUEOX_RING_SIZE", "1m", 1);
	if (bx_configure_default() != 0)
		return -1;
	bx_begin("warm");
	return bx_end() == 1 ? 0 : -1;
}

static int
tear_down(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", run_dir);
	return system(command); /* NOLINT(cert-env33-c) */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(append_and_add_start_from_nothing),
	    cmocka_unit_test(a_field_of_another_kind_is_replaced),
	    cmocka_unit_test(a_sum_that_no_integer_holds_goes_on_as_a_float),
	    cmocka_unit_test(what_there_is_no_room_for_is_left_out_whole),
	    cmocka_unit_test(what_was_replaced_gives_its_room_back),
	    cmocka_unit_test(any_sequence_ends_as_the_model_says),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
