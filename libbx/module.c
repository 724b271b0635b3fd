/* SPDX-License-Identifier: ISC */
/*
 * module: _dl_find_object for the object, the notes in memory for its build id, a table of what was found before.
 *
 * An entry of the table is written once, by the thread that claimed it, and never changed: there is nothing to lock, and
 * a signal handler may look.  A host that loads and unloads objects without end fills it; what comes then is described
 * anew each time.
 */
#include "libbx/module.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/mp.h"

enum { FIRST_PAGE = 4096 }; /* of an object: readable, if it is one at all */
enum { KNOWN_BITS = 6, KNOWN_MAX = 1 << KNOWN_BITS, KNOWN_PROBES = 4 };
enum { KNOWN_NONE, KNOWN_CLAIMED, KNOWN_WRITTEN };

struct known {
	_Atomic uint32_t state;
	uint32_t written_len, path_len, build_id_len;
	uint32_t id_at; /* of the build id in the object; 0: it has none, or not in its first page */
	const struct link_map *map;
	uintptr_t start, size;
	uint64_t print;
	char path[MODULE_PATH_MAX];
	uint8_t build_id[MODULE_ID_MAX];
	uint8_t written[MODULE_BYTES];
};

static struct known table[KNOWN_MAX];

/* The path of the program itself, which its link map does not tell. */
static const char *
program_path(void)
{
	static char path[MODULE_PATH_MAX];
	static _Atomic int state; /* 0 unknown, 1 being read, 2 read */
	int unknown = 0;
	if (atomic_load(&state) == 2)
		return path;
	if (atomic_compare_exchange_strong(&state, &unknown, 1)) {
		int kept = errno;
		ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
		path[n > 0 ? n : 0] = '\0';
		errno = kept;
		atomic_store(&state, 2);
	}
	return atomic_load(&state) == 2 ? path : "";
}

static void
find_build_id(struct module *m, const uint8_t *note, size_t n)
{
	struct cursor c;
	cursor_init(&c, note, n);
	while (cursor_left(&c) >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) h;
		memcpy(&h, cursor_take(&c, sizeof h), sizeof h);
		const uint8_t *name = cursor_take(&c, ((size_t)h.n_namesz + 3) & ~(size_t)3);
		const uint8_t *id = cursor_take(&c, ((size_t)h.n_descsz + 3) & ~(size_t)3);
		if (!name || !id)
			return;
		if (h.n_type != NT_GNU_BUILD_ID || h.n_namesz != 4 || memcmp(name, "GNU", 4) != 0)
			continue;
		m->build_id_len = h.n_descsz < MODULE_ID_MAX ? h.n_descsz : MODULE_ID_MAX;
		m->build_id = id;
		return;
	}
}

/* The ELF header stands at the start of the mapping, and the program headers in the same first page nearly always. */
static void
read_build_id(struct module *m)
{
	const uint8_t *start = (const uint8_t *)m->start; /* NOLINT(performance-no-int-to-ptr) */
	const ElfW(Ehdr) *elf = (const ElfW(Ehdr) *)(const void *)start;
	if (m->size < FIRST_PAGE || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf->e_phentsize != sizeof(ElfW(Phdr)) || elf->e_phoff > FIRST_PAGE ||
	    elf->e_phoff + (size_t)elf->e_phnum * sizeof(ElfW(Phdr)) > FIRST_PAGE)
		return;
	const ElfW(Phdr) *headers = (const ElfW(Phdr) *)(const void *)(start + elf->e_phoff);
	for (int i = 0; i < elf->e_phnum && !m->build_id_len; i++) {
		uintptr_t at = m->bias + headers[i].p_vaddr - m->start;
		if (headers[i].p_type == PT_NOTE && at < m->size && headers[i].p_memsz <= m->size - at)
			find_build_id(m, start + at, headers[i].p_memsz);
	}
}

static uint8_t *
write_anew(const struct module *m, uint8_t *p)
{
	p = mp_put_map_header(p, m->build_id_len ? 2 : 1);
	p = mp_put_str(p, "path", 4);
	p = mp_is_utf8(m->path, m->path_len) ? mp_put_str_header(p, m->path_len) : mp_put_bin_header(p, m->path_len);
	memcpy(p, m->path, m->path_len);
	p += m->path_len;
	if (!m->build_id_len)
		return p;
	p = mp_put_str(p, "build_id", 8);
	p = mp_put_bin_header(p, m->build_id_len);
	memcpy(p, m->build_id, m->build_id_len);
	return p + m->build_id_len;
}

/* ---- what is known ---- */

static bool
same_path(const struct known *k, const char *path)
{
	return strncmp(path, k->path, k->path_len) == 0 &&
	       (k->path_len == MODULE_PATH_MAX || path[k->path_len] == '\0');
}

/* The bytes of the build id where this entry has them, in the object that is there now. */
static bool
same_build_id(const struct known *k, struct module *m)
{
	if (k->id_at) {
		m->build_id = (const uint8_t *)m->start + k->id_at; /* NOLINT(performance-no-int-to-ptr) */
		m->build_id_len = k->build_id_len;
	} else {
		m->build_id_len = 0;
		read_build_id(m);
	}
	return m->build_id_len == k->build_id_len &&
	       (!m->build_id || memcmp(m->build_id, k->build_id, k->build_id_len) == 0);
}

static bool
is_known(const struct known *k, const struct link_map *map, struct module *m)
{
	if (k->map != map || k->start != m->start || k->size != m->size || !same_path(k, m->path) ||
	    !same_build_id(k, m))
		return false;
	m->print = k->print;
	m->path_len = k->path_len;
	m->written = k->written;
	m->written_len = k->written_len;
	return true;
}

static void
keep(struct known *k, const struct link_map *map, const struct module *m)
{
	uintptr_t id_at = m->build_id_len ? (uintptr_t)m->build_id - m->start : 0;
	k->map = map;
	k->start = m->start;
	k->size = m->size;
	k->print = m->print;
	k->path_len = m->path_len;
	k->build_id_len = m->build_id_len;
	k->id_at = id_at + MODULE_ID_MAX <= FIRST_PAGE ? (uint32_t)id_at : 0;
	memcpy(k->path, m->path, m->path_len);
	if (m->build_id_len)
		memcpy(k->build_id, m->build_id, m->build_id_len);
	k->written_len = (uint32_t)(write_anew(m, k->written) - k->written);
	atomic_store_explicit(&k->state, KNOWN_WRITTEN, memory_order_release);
}

static void
describe(struct module *m)
{
	m->path_len = (uint32_t)strnlen(m->path, MODULE_PATH_MAX);
	m->build_id_len = 0;
	read_build_id(m);
	m->print = m->build_id_len ? XXH3_64bits(m->build_id, m->build_id_len) : XXH3_64bits(m->path, m->path_len);
}

bool
module_at(struct module *m, const void *address)
{
	struct dl_find_object found;
	if (_dl_find_object((void *)(uintptr_t)address, &found) != 0)
		return false;
	const struct link_map *map = found.dlfo_link_map;
	m->start = (uintptr_t)found.dlfo_map_start;
	m->size = (uintptr_t)found.dlfo_map_end - m->start;
	m->bias = map->l_addr;
	m->path = map->l_name && map->l_name[0] ? map->l_name : program_path();
	m->written = NULL;
	m->build_id = NULL;
	uint32_t first = (uint32_t)((uint64_t)(m->start >> 12) * 0x9e3779b97f4a7c15U >> (64 - KNOWN_BITS));
	for (uint32_t i = 0; i < KNOWN_PROBES; i++) {
		struct known *k = &table[(first + i) % KNOWN_MAX];
		uint32_t state = atomic_load_explicit(&k->state, memory_order_acquire);
		if (state == KNOWN_WRITTEN && is_known(k, map, m))
			return true;
		if (state == KNOWN_NONE && atomic_compare_exchange_strong(&k->state, &state, KNOWN_CLAIMED)) {
			describe(m);
			keep(k, map, m);
			return true;
		}
	}
	describe(m);
	return true;
}

uint8_t *
module_write(const struct module *m, uint8_t *p)
{
	if (!m->written)
		return write_anew(m, p);
	memcpy(p, m->written, m->written_len);
	return p + m->written_len;
}
