/* SPDX-License-Identifier: ISC */
/*
 * late: libraries that are loaded when a function of theirs is first called.
 *
 * libzmq, libmicrohttpd and libdw bring thirty others with them, some of which do work of their own when they are loaded:
 * three quarters of the time that a short question took, for libraries that it does not need.  So oxview is not linked with
 * them.  Each has a file here with a function of the same name and type for every one that oxview calls, which the
 * compiler holds against the library's own header; one that is missing there is an error of the linker.
 */
#ifndef BLUEOX_OXVIEW_LATE_LATE_H
#define BLUEOX_OXVIEW_LATE_LATE_H

#include <stdatomic.h>

/* One function of this soname.  When it cannot be had the process ends with status 127 and a message, as ld.so does. */
void *late_find(const char *soname, const char *function);

/* The function `name`, handed on to the library whose soname LATE_LIBRARY is. */
#define LATE(type, name, parameters, arguments)                                                                        \
	type name parameters                                                                                           \
	{                                                                                                              \
		typedef __typeof__(&name) late_fn;                                                                     \
		static _Atomic(late_fn) late_found;                                                                    \
		late_fn late_call = atomic_load_explicit(&late_found, memory_order_acquire);                           \
		if (!late_call) {                                                                                      \
			*(void **)(void *)&late_call = late_find(LATE_LIBRARY, #name);                                 \
			atomic_store_explicit(&late_found, late_call, memory_order_release);                           \
		}                                                                                                      \
		return late_call arguments;                                                                            \
	}

#endif
