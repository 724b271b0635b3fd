/* SPDX-License-Identifier: ISC */
/*
 * cxx: the C++ exception that ended a process, for the handler of SIGABRT.
 *
 * std::terminate() calls abort() at last.  It is known by its frames: one of them lies in std::terminate(), or in what
 * throws or looks for a handler, of an object that is a C++ runtime.  The runtime is found by its names in the frames'
 * own objects, by reading their symbol tables: the loader's look-up takes locks and may allocate, and would not see a
 * runtime that a plugin brought along.  libstdc++ and libc++ both; not one that is linked in without its names.
 */
#ifndef BLUEOX_PRELOAD_CXX_H
#define BLUEOX_PRELOAD_CXX_H

#include <stdbool.h>

enum { CXX_TYPE_MAX = 512, CXX_WHAT_MAX = 1024 };

struct cxx_exception {
	char
	    type[CXX_TYPE_MAX]; /* "std::runtime_error", or as it is mangled; empty: terminate() without an exception */
	char what[CXX_WHAT_MAX]; /* empty: none */
	bool has_what;
};

/*
 * True when these frames are of a std::terminate(): fills in `e`.  It calls the runtime, and what() of the exception,
 * which is code of the host's: only where this thread has called abort() itself.
 */
bool cxx_terminated(void *const *frames, int count, struct cxx_exception *e);

#endif
