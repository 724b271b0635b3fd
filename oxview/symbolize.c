/* SPDX-License-Identifier: ISC */
/*
 * symbolize: each file is one session of libdwfl with one module, reported as if nothing ran.
 *
 * Candidates in order: the path itself, then the debug file of that build id.  The first whose build id is right is
 * kept; that none was is kept too, so that a missing file is looked for once.
 */
#include "oxview/symbolize.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/id.h"

enum { BUILD_ID_MAX = 64 };

struct module {
	struct module *next;
	char path[PATH_MAX];
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_len;
	Dwfl *dwfl; /* NULL: no file with this build id was found */
	Dwfl_Module *dwfl_module;
	GElf_Addr bias; /* libdwfl's address less the ELF's own */
};

struct symbolizer {
	struct module *modules; /* newest first */
};

struct symbolizer *
symbolizer_new(void)
{
	return calloc(1, sizeof(struct symbolizer));
}

void
symbolizer_free(struct symbolizer **s)
{
	while (*s && (*s)->modules) {
		struct module *m = (*s)->modules;
		(*s)->modules = m->next;
		if (m->dwfl)
			dwfl_end(m->dwfl);
		free(m);
	}
	free(*s);
	*s = NULL;
}

/* A path out of an event may name anything: only a regular file is read, and opening does not wait. */
static int
open_regular(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
is_the_build(const struct module *m, Dwfl_Module *module)
{
	const unsigned char *bits;
	GElf_Addr at;
	int n = dwfl_module_build_id(module, &bits, &at);
	return m->build_id_len == 0 ||
	       (n > 0 && (size_t)n == m->build_id_len && memcmp(bits, m->build_id, (size_t)n) == 0);
}

static bool
load(struct module *m, const char *path)
{
	static const Dwfl_Callbacks callbacks = {
	    .find_elf = dwfl_build_id_find_elf,
	    .find_debuginfo = dwfl_standard_find_debuginfo,
	    .section_address = dwfl_offline_section_address,
	};
	int fd = open_regular(path);
	if (fd < 0)
		return false;
	Dwfl *dwfl = dwfl_begin(&callbacks);
	Dwfl_Module *module = dwfl ? dwfl_report_offline(dwfl, path, path, fd) : NULL;
	if (!module)
		close(fd); /* else it is the session's */
	if (dwfl)
		dwfl_report_end(dwfl, NULL, NULL);
	if (module && dwfl_module_getelf(module, &m->bias) && is_the_build(m, module)) {
		m->dwfl = dwfl;
		m->dwfl_module = module;
		return true;
	}
	if (dwfl)
		dwfl_end(dwfl);
	return false;
}

static void
load_debug_file(struct module *m)
{
	char hex[2 * BUILD_ID_MAX + 1], path[2 * BUILD_ID_MAX + 64];
	if (m->build_id_len < 2)
		return;
	hex_encode(hex, m->build_id, m->build_id_len);
	snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%.2s/%s.debug", hex, hex + 2);
	load(m, path);
}

static struct module *
module_of(struct symbolizer *s, struct bytes path, struct bytes build_id)
{
	if (path.n == 0 || path.n >= PATH_MAX || build_id.n > BUILD_ID_MAX || *path.p != '/' ||
	    memchr(path.p, 0, path.n))
		return NULL;
	for (struct module *m = s->modules; m; m = m->next) {
		if (strlen(m->path) == path.n && memcmp(m->path, path.p, path.n) == 0 &&
		    m->build_id_len == build_id.n &&
		    (build_id.n == 0 || memcmp(m->build_id, build_id.p, build_id.n) == 0))
			return m;
	}
	struct module *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	memcpy(m->path, path.p, path.n);
	if (build_id.n)
		memcpy(m->build_id, build_id.p, build_id.n);
	m->build_id_len = build_id.n;
	m->next = s->modules;
	s->modules = m;
	if (!load(m, m->path))
		load_debug_file(m);
	return m;
}

void
symbolize(struct symbolizer *s, struct bytes path, struct bytes build_id, uint64_t offset, struct symbol *out)
{
	*out = (struct symbol){0};
	struct module *m = s ? module_of(s, path, build_id) : NULL;
	if (!m || !m->dwfl)
		return;
	GElf_Sym sym;
	GElf_Off into;
	Dwarf_Addr at = offset + m->bias;
	out->function = dwfl_module_addrinfo(m->dwfl_module, at, &into, &sym, NULL, NULL, NULL);
	out->function_offset = into;
	Dwfl_Line *line = out->function ? dwfl_module_getsrc(m->dwfl_module, at) : NULL;
	if (line)
		out->file = dwfl_lineinfo(line, NULL, &out->line, NULL, NULL, NULL);
}
