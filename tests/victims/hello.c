/* SPDX-License-Identifier: ISC */
/* hello: the smallest program that has something to say. */
/* LIBS: -L@B@ -lbx */
#include "include/blueox.h"

int
main(int argc, char **argv)
{
	bx_configure_default();
	BX_CONTEXT("hello")
	{
		bx_set("who", argc > 1 ? argv[1] : "world");
		bx_set("answer", 42);
		BX_CONTEXT(".think") BX_TIMEIT("thought_for") bx_set("deep", (bool)true);
	}
	return 0;
}
