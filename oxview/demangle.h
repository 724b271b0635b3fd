/* SPDX-License-Identifier: ISC */
/* demangle: C++ names as they are written. */
#ifndef BLUEOX_OXVIEW_DEMANGLE_H
#define BLUEOX_OXVIEW_DEMANGLE_H

#ifdef __cplusplus
extern "C" {
#endif

/* The name of a C++ symbol, to be freed; NULL for one that is none. */
char *demangle(const char *symbol);

#ifdef __cplusplus
}
#endif

#endif
