/* SPDX-License-Identifier: ISC */
/* every_call_cxx: as every_call, in C++, from C++14 on; with what only C++ has. */
/* LIBS: -L@B@ -lbx */
#include <cstdio>
#include <stdexcept>
#include <string>
#if __cplusplus >= 201703L
#include <string_view>
#endif

#include "include/blueox.h"
enum plain { ONE = 1 };
enum class scoped : unsigned char { TWO = 2 };
enum class wide : long long { FAR = -5000000000LL };
static int evaluated;
static int
side()
{
	return ++evaluated;
}
static void
throws()
{
	BX_CONTEXT("thrown")
	{
		bx_set("a", 1);
		BX_TIMEIT("t") throw std::runtime_error("out");
	}
}
int
main()
{
	std::string s("a\0b", 3);
	char text[] = "text";
	char *p = text;
	const char *n = nullptr;
	int configured = evaluated ? bx_configure("127.0.0.1", 3514) : bx_configure_default();
	bx_begin("types");
	bx_set("bool", true);
	bx_set("char", 'a');
	bx_set("schar", static_cast<signed char>(-1));
	bx_set("uchar", static_cast<unsigned char>(200));
	bx_set("short", static_cast<short>(-2));
	bx_set("ushort", static_cast<unsigned short>(65535));
	bx_set("int", -3);
	bx_set("uint", 4000000000U);
	bx_set("long", -4L);
	bx_set("ulong", 18446744073709551615UL);
	bx_set("llong", -5LL);
	bx_set("ullong", 5ULL);
	bx_set("wchar", L'w');
	bx_set("c16", u'x');
	bx_set("c32", U'y');
	bx_set("plain", ONE);
	bx_set("scoped", scoped::TWO);
	bx_set("wide", wide::FAR);
	bx_set("float", 1.5F);
	bx_set("double", 2.5);
	bx_set("ldouble", 3.5L);
	bx_set("array", text);
	bx_set("pointer", p);
	bx_set("literal", "literal");
	bx_set("nil", n);
	bx_set("nullptr", nullptr);
	bx_set("string", s);
	bx_set("temporary", std::string("gone"));
#if __cplusplus >= 201703L
	bx_set("view", std::string_view("viewed", 4));
#else
	bx_set("view", std::string("view"));
#endif
	bx_set("bytes", bx_bytes("\1\2", 2));
	bx_set("strn", bx_strn("abcdef", 3));
	bx_append("list", 1);
	bx_append("list", s.c_str());
	bx_append("list", std::string("three"));
	bx_add("sum", 1);
	bx_add("sum", 2.5);
	int kept = bx_end();
	try {
		throws();
	} catch (const std::exception &) {
		evaluated += bx_current() != nullptr;
	}
	{
		bx_scope scope("scoped");
		bx_set("a", side());
		if (scope.context())
			bx_ctx_set(scope.context(), "b", 2);
	}
	{
		bx_options options;
		options.name = "with";
		options.id = "order-7";
		options.sample = {".", 1};
		bx_scope scope(options);
	}
	BX_CONTEXT("a") BX_CONTEXT(".b") BX_TIMEIT("t") bx_set("nested", 1);
#if __cplusplus >= 202002L
	BX_CONTEXT("options", .id = "order-8", .sample = {"..", 1.0}, .traceparent = "nonsense") bx_set("x", side());
#endif
	for (int i = 0; i < 3; i++)
		BX_CONTEXT("loop")
		{
			if (i == 1)
				break;
		}
	bx_log(BX_INFO, "main", "%d", side());
	bx_done(bx_new("x"));
	bx_clear();
	bx_counters c;
	bx_stats(&c);
	std::printf("%d %d %d %d\n", configured, evaluated, kept, static_cast<int>(c.events));
	bx_shutdown();
}
