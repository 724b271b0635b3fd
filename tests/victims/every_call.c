/* SPDX-License-Identifier: ISC */
/*
 * every_call: each call of blueox.h and each type of value, in C.  Prints what came of it; tests/e2e/libbx_header compiles it
 * with every compiler and standard, with and without BX_DISABLE.
 */
/* LIBS: -L@B@ -lbx */
#include <stdio.h>

#include "include/blueox.h"
enum color { RED, GREEN = 7 };
enum big { BIG = 0x7fffffff, NEG = -1 };
static int evaluated;
static int
side(void)
{
	return ++evaluated;
}
static const char *
name(void)
{
	evaluated++;
	return "request";
}
static int
way_out(int i)
{
	BX_CONTEXT("way_out")
	{
		BX_TIMEIT("t")
		{
			if (i)
				return 7;
		}
	}
	return 0;
}
int
main(void)
{
	char text[] = "text";
	const char *const fixed = "fixed";
	char *nothing = NULL;
	struct bx_counters c;
	char trace[BX_TRACEPARENT_BYTES];
	struct {
		unsigned bits : 3;
	} b = {5};
	const _Bool yes = 1;
	const int ci = 3;
	volatile int vi = 4;
	const enum color color = GREEN;
	int kept = 0;
	int configured = evaluated ? bx_configure("127.0.0.1", 3514) : bx_configure_default();
	bx_begin("types");
	bx_set("bool", yes);
	bx_set("char", (char)'a');
	bx_set("schar", (signed char)-1);
	bx_set("uchar", (unsigned char)200);
	bx_set("short", (short)-2);
	bx_set("ushort", (unsigned short)65535);
	bx_set("int", -3);
	bx_set("uint", 4000000000U);
	bx_set("long", -4L);
	bx_set("ulong", 18446744073709551615UL);
	bx_set("llong", -5LL);
	bx_set("ullong", 5ULL);
	bx_set("size", sizeof b);
	bx_set("cint", ci);
	bx_set("vint", vi);
	bx_set("enum", color);
	bx_set("constant", RED);
	bx_set("negative", (enum big)NEG);
	bx_set("bits", (int)b.bits);
	bx_set("float", 1.5F);
	bx_set("double", 2.5);
	bx_set("ldouble", 3.5L);
	bx_set("array", text);
	bx_set("fixed", fixed);
	bx_set("literal", "literal");
	bx_set("nil", nothing);
	bx_set("bytes", bx_bytes("\1\2", 2));
	bx_set("strn", bx_strn("abcdef", 3));
	bx_append("list", 1);
	bx_append("list", "two");
	bx_add("sum", 1);
	bx_add("sum", 2);
	bx_add("sumf", 1.5);
	kept += bx_end();
	BX_CONTEXT(name(), .id = "order-7", .sample = {".", 1.0}, .traceparent = "nonsense")
	{
		bx_set("side", side());
		bx_ctx_set(bx_current(), "other", side());
	}
	BX_CONTEXT("a") BX_CONTEXT(".b") BX_TIMEIT("t") bx_set("nested", 1);
	for (int i = 0; i < 3; i++)
		BX_CONTEXT("loop")
		{
			if (i == 1)
				break;
			side();
		}
	if (way_out(1) != 7)
		return 2;
	bx_ctx *ctx = bx_new("made");
	bx_start(ctx);
	bx_error("class", "code", "n %d", side());
	bx_stack("where");
	bx_stop(ctx);
	kept += bx_done(ctx);
	bx_log(BX_INFO, "main", "%d", side());
	bx_log_configure(BX_DEBUG, NULL);
	(void)bx_find(".");
	bx_clear();
	bx_traceparent(trace);
	bx_stats(&c);
	bx_done(bx_new("x"));
	bx_done(bx_new_with(&(struct bx_options){.name = "y"}));
	bx_begin("left");
	bx_end();
	bx_current();
	bx_configured();
	bx_clear();
	printf("%d %d %d %d\n", configured, evaluated, kept, (int)c.events);
	bx_shutdown();
	return 0;
}
