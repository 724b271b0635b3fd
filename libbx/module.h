/* SPDX-License-Identifier: ISC */
/*
 * module: the loaded object that an address lies in, with its path and build id as they go into a stack.
 *
 * What was found of an object is kept, so that the next stack copies it.  An object that was unloaded and another one
 * that came to its place are not mistaken for each other: the build id is compared with the one in memory, and the path
 * with the loader's, each time.
 */
#ifndef BLUEOX_MODULE_H
#define BLUEOX_MODULE_H

#include <stdbool.h>
#include <stdint.h>

enum { MODULE_PATH_MAX = 512, MODULE_ID_MAX = 32, MODULE_BYTES = MODULE_PATH_MAX + MODULE_ID_MAX + 32 };

struct module {
	uintptr_t start, size; /* as mapped */
	uintptr_t bias;
	uint64_t print; /* XXH3-64 of the build id; where there is none, of the path */
	const char *path;
	const uint8_t *build_id; /* in the object's own memory */
	uint32_t path_len, build_id_len;
	const uint8_t *written; /* {path, build_id} as MessagePack; NULL: not kept */
	uint32_t written_len;
};

/* False where no object lies: code made at run time, or of an object that has gone. */
bool module_at(struct module *m, const void *address);

/* Writes {path, build_id} as MessagePack, at most MODULE_BYTES. */
uint8_t *module_write(const struct module *m, uint8_t *p);

static inline bool
module_holds(const struct module *m, const void *address)
{
	return (uintptr_t)address - m->start < m->size;
}

#endif
