/* SPDX-License-Identifier: ISC */
/* fault: a table of the names under which text stacks come; everything else is `error` as libbx writes it. */
#include "oxview/fault.h"

#include <ctype.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/id.h"
#include "oxview/body.h"
#include "oxview/stack.h"
#include "oxview/textstack.h"

static const char *const text_keys[] = {"stack", "traceback", "backtrace", "exception"};

static struct bytes
get(struct bytes map, const char *key)
{
	return map_get(map, key, strlen(key));
}

static struct bytes
told(struct bytes error, const char *key)
{
	return object_text(get(error, key));
}

static struct bytes
text_stack(struct bytes map)
{
	for (size_t i = 0; i < sizeof text_keys / sizeof *text_keys; i++) {
		struct bytes value = get(map, text_keys[i]);
		if (value.p && textstack_is(value))
			return value;
	}
	return (struct bytes){0};
}

static uint64_t
fold(uint64_t print, struct bytes b)
{
	return b.p ? XXH3_64bits_withSeed(b.p, b.n, print) : print;
}

/* The message without its digits: which row, which port, how long does not make it another error. */
static uint64_t
fold_message(uint64_t print, struct bytes message)
{
	uint8_t kept[512];
	size_t n = 0;
	for (size_t i = 0; i < message.n && n < sizeof kept; i++)
		if (!isdigit(message.p[i]))
			kept[n++] = message.p[i];
	return XXH3_64bits_withSeed(kept, n, print);
}

static void
make_print(const struct event *ev, struct bytes code, struct fault *f)
{
	uint64_t print = fold(fold(0, f->class_name), code); /* the code as it is: to some it is a number */
	if (f->text.p)
		print = textstack_print(f->text, print);
	else
		print = fold_message(fold(print, ev->type), f->message);
	hex_u64(f->print, print);
}

/* Libbx has made it of the class alone. */
static bool
is_class_alone(struct bytes print, struct bytes class_name)
{
	char hex[SPAN_LEN];
	if (print.n != sizeof hex || !class_name.p)
		return false;
	hex_u64(hex, XXH3_64bits(class_name.p, class_name.n));
	return memcmp(print.p, hex, sizeof hex) == 0;
}

static bool
take_print(struct bytes print, struct fault *f)
{
	if (print.n == 0 || print.n > FAULT_PRINT_MAX || (!f->stack.p && is_class_alone(print, f->class_name)))
		return false;
	for (size_t i = 0; i < print.n; i++)
		if (!isgraph(print.p[i]) || print.p[i] >= 0x80)
			return false;
	memcpy(f->print, print.p, print.n);
	return true;
}

/* What the error does not say itself, its text stack may. */
static void
add_gist(struct fault *f)
{
	struct textstack_gist gist;
	if (!f->text.p || (f->class_name.p && f->message.p))
		return;
	textstack_gist(f->text, &gist);
	if (!f->class_name.p)
		f->class_name = gist.class_name;
	if (!f->message.p)
		f->message = gist.message;
}

bool
fault_of(const struct event *ev, struct fault *f)
{
	*f = (struct fault){0};
	struct bytes error = body_error(ev), print = {0}, code = {0};
	struct bytes exception = ev->body_is_map ? get(ev->body, "exception") : (struct bytes){0};
	if (!error.p && !(exception.p && textstack_is(exception)))
		return false;
	if (error.p && object_token(error).kind == MP_MAP) {
		struct bytes stack = get(error, "stack");
		f->class_name = told(error, "class");
		f->code = told(error, "code");
		f->message = told(error, "message");
		f->stack = stack.p && stack_is(stack) ? stack : (struct bytes){0};
		if (!f->stack.p)
			f->text = text_stack(error);
		print = told(error, "print");
		code = get(error, "code");
	} else if (error.p) {
		f->message = object_text(error);
	}
	if (!f->stack.p && !f->text.p)
		f->text = text_stack(ev->body);
	add_gist(f);
	if (!take_print(print, f)) {
		f->own_print = print;
		make_print(ev, code, f);
	}
	return true;
}
