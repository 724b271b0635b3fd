/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_sanitizer.h"

#include <stddef.h>

const struct sanitizer sanitizers[] = {
    {"libasan.so", "ASAN_OPTIONS", "verify_asan_link_order=0",
	"it starts though another library is loaded before its own"},
    {"libtsan.so", "TSAN_OPTIONS", "ignore_noninstrumented_modules=1",
	"it sees no races where it cannot see the atomic operations"},
    {NULL, NULL, NULL, NULL},
};
