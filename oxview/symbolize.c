/* SPDX-License-Identifier: ISC */
/*
 * symbolize: each file is one session of libdwfl with one module, reported as if nothing ran.
 *
 * Of files so many are open at once; the one that was asked for longest ago makes room.  Places that were asked for are
 * kept in a small table, since the same few come again and again.
 */
#include "oxview/symbolize.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/id.h"
#include "oxview/debuginfod.h"

enum { BUILD_ID_MAX = 64, MODULES_MAX = 64, PLACES = 512 };

struct module {
	char path[PATH_MAX];
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_len;
	uint64_t used;
	Dwfl *dwfl; /* NULL: no file with this build id was found */
	Dwfl_Module *dwfl_module;
	GElf_Addr bias;      /* libdwfl's address less the ELF's own */
	const char *why_not; /* there is no file, or not all in it */
};

struct place {
	const struct module *module; /* NULL: free */
	uint64_t offset;
	struct symbols symbols;
};

struct symbolizer {
	struct module *modules[MODULES_MAX]; /* owned */
	size_t count;
	uint64_t clock; /* counts questions */
	struct debuginfod servers;
	bool (*late)(void *context); /* NULL: never */
	void *late_context;
	struct place places[PLACES];
};

struct symbolizer *
symbolizer_new(int64_t servers_ns)
{
	struct symbolizer *s = calloc(1, sizeof *s);
	if (s)
		debuginfod_init(&s->servers, servers_ns);
	return s;
}

static void
module_free(struct module **m)
{
	if ((*m)->dwfl)
		dwfl_end((*m)->dwfl);
	free(*m);
	*m = NULL;
}

void
symbolizer_free(struct symbolizer **s)
{
	for (size_t i = 0; *s && i < (*s)->count; i++)
		module_free(&(*s)->modules[i]);
	free(*s);
	*s = NULL;
}

void
symbolizer_until(struct symbolizer *s, bool (*late)(void *context), void *context)
{
	if (!s)
		return;
	s->late = late;
	s->late_context = context;
}

static bool
is_late(const struct symbolizer *s)
{
	return s->late && s->late(s->late_context);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* A path out of an event may name anything: only a regular file is read, and opening does not wait. */
static int
open_regular(const char *path, const char **why_not)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		*why_not = errno == ENOENT || errno == ENOTDIR ? "is not on this host" : "cannot be opened";
		return -1;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		*why_not = "is no regular file";
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

static Dwfl *
new_session(void)
{
	static const Dwfl_Callbacks callbacks = {
	    .find_elf = dwfl_build_id_find_elf,
	    .find_debuginfo = dwfl_standard_find_debuginfo,
	    .section_address = dwfl_offline_section_address,
	};
	return dwfl_begin(&callbacks);
}

/* Takes what is at the path for the module when it is that build.  False with the reason. */
static bool
load(struct module *m, const char *path, const char **why_not)
{
	int fd = open_regular(path, why_not);
	if (fd < 0)
		return false;
	Dwfl *dwfl = new_session();
	Dwfl_Module *module = dwfl ? dwfl_report_offline(dwfl, path, path, fd) : NULL;
	if (!module)
		close(fd); /* else it is the session's */
	if (dwfl)
		dwfl_report_end(dwfl, NULL, NULL);
	if (!module || !dwfl_module_getelf(module, &m->bias)) {
		*why_not = "is no ELF file";
	} else if (!is_the_build(m, module)) {
		*why_not = "has changed since: the file has another build id, and is not used";
	} else {
		m->dwfl = dwfl;
		m->dwfl_module = module;
		return true;
	}
	if (dwfl)
		dwfl_end(dwfl);
	return false;
}

/* By build id alone, for a file that is gone or another one. */
static bool
load_debug_file(struct module *m)
{
	const char *why_not;
	char hex[2 * BUILD_ID_MAX + 1], path[2 * BUILD_ID_MAX + 64];
	if (m->build_id_len < 2)
		return false;
	hex_encode(hex, m->build_id, m->build_id_len);
	snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%.2s/%s.debug", hex, hex + 2);
	return load(m, path, &why_not);
}

static bool
load_from_server(struct module *m, struct debuginfod *servers)
{
	const char *why_not;
	Dwfl *session = m->build_id_len >= 2 && servers->asked ? new_session() : NULL;
	if (!session)
		return false;
	debuginfod_watch(servers, session);
	char *path = debuginfod_fetch(servers, session, m->build_id, m->build_id_len);
	debuginfod_rest(servers);
	dwfl_end(session);
	bool loaded = path && load(m, path, &why_not);
	free(path);
	return loaded;
}

/* What is there of debugging information, which may be in another file, or on another machine. */
static void
look_for_debug(struct module *m, struct debuginfod *servers)
{
	Dwarf_Addr bias;
	debuginfod_watch(servers, m->dwfl);
	bool has_lines = dwfl_module_getdwarf(m->dwfl_module, &bias) != NULL;
	debuginfod_rest(servers);
	if (!has_lines)
		m->why_not = servers->tired
				 ? "is stripped, and who may have its debugging information did not answer in time"
				 : "is stripped, and its debugging information was not found";
}

static struct module *
module_new(struct symbolizer *s, struct bytes path, struct bytes build_id)
{
	struct module *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	memcpy(m->path, path.p, path.n);
	if (build_id.n)
		memcpy(m->build_id, build_id.p, build_id.n);
	m->build_id_len = build_id.n;
	if (load(m, m->path, &m->why_not) || load_debug_file(m) || load_from_server(m, &s->servers)) {
		m->why_not = NULL;
		look_for_debug(m, &s->servers);
	}
	return m;
}

/* Of builds without a file it matters where they were looked for. */
static bool
is_module(const struct module *m, struct bytes path, struct bytes build_id)
{
	bool same_path = strlen(m->path) == path.n && memcmp(m->path, path.p, path.n) == 0;
	if (build_id.n != m->build_id_len)
		return false;
	if (build_id.n == 0)
		return same_path;
	return memcmp(m->build_id, build_id.p, build_id.n) == 0 && (same_path || m->dwfl);
}

/* Where a new module goes: behind the others, or in the place of the one that was not used for longest. */
static struct module **
free_place(struct symbolizer *s)
{
	if (s->count < MODULES_MAX)
		return &s->modules[s->count++];
	struct module **oldest = &s->modules[0];
	for (size_t i = 1; i < s->count; i++)
		if (s->modules[i]->used < (*oldest)->used)
			oldest = &s->modules[i];
	for (size_t i = 0; i < PLACES; i++)
		if (s->places[i].module == *oldest)
			s->places[i].module = NULL;
	module_free(oldest);
	return oldest;
}

/* NULL: it is no module, there is no memory for one, or no time. */
static struct module *
module_of(struct symbolizer *s, struct bytes path, struct bytes build_id)
{
	if (path.n == 0 || path.n >= PATH_MAX || build_id.n > BUILD_ID_MAX || *path.p != '/' ||
	    memchr(path.p, 0, path.n))
		return NULL;
	struct module *m = NULL;
	for (size_t i = 0; i < s->count && !m; i++)
		if (is_module(s->modules[i], path, build_id))
			m = s->modules[i];
	if (!m && !is_late(s)) {
		m = module_new(s, path, build_id);
		if (m)
			*free_place(s) = m;
	}
	if (m)
		m->used = ++s->clock;
	return m;
}

/* ---- places in a file -------------------------------------------------------------------------------------------- */

static const char *
linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));
	return name ? name : dwarf_diename(die);
}

/* Where an inlined function was called. */
static void
call_site(Dwarf_Die *inlined, Dwarf_Die *unit, struct symbol *caller)
{
	Dwarf_Attribute attribute;
	Dwarf_Word file, line;
	Dwarf_Files *files;
	size_t count;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
	    dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
		caller->file = dwarf_filesrc(files, file, NULL, NULL);
	if (caller->file && dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0 &&
	    line <= INT_MAX)
		caller->line = (int)line;
}

/* The functions that were inlined at a place: out->at[0 .. count - 1], and what is known of the next. */
static void
find_inlined(const struct module *m, Dwarf_Addr at, struct symbols *out)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit = dwfl_module_addrdie(m->dwfl_module, at, &bias), *inner = NULL, *scopes = NULL;
	int inner_count = unit ? dwarf_getscopes(unit, at - bias, &inner) : 0;
	int count = inner_count > 0 ? dwarf_getscopes_die(&inner[0], &scopes) : 0;
	for (int i = 0; i < count && out->count < SYMBOLS_MAX - 1; i++) {
		int tag = dwarf_tag(&scopes[i]);
		if (tag == DW_TAG_subprogram) {
			out->at[out->count].function = linkage_name(&scopes[i]);
			break;
		}
		if (tag != DW_TAG_inlined_subroutine)
			continue;
		struct symbol *s = &out->at[out->count++];
		s->function = linkage_name(&scopes[i]);
		s->inlined = true;
		call_site(&scopes[i], unit, s + 1);
	}
	free(scopes);
	free(inner);
}

static void
look_up(const struct module *m, uint64_t offset, struct symbols *out)
{
	GElf_Sym sym;
	GElf_Off into = 0;
	Dwarf_Addr at = offset + m->bias;
	Dwfl_Line *line = dwfl_module_getsrc(m->dwfl_module, at);
	if (line)
		out->at[0].file = dwfl_lineinfo(line, NULL, &out->at[0].line, NULL, NULL, NULL);
	find_inlined(m, at, out);
	struct symbol *last = &out->at[out->count];
	const char *name = dwfl_module_addrinfo(m->dwfl_module, at, &into, &sym, NULL, NULL, NULL);
	if (name)
		last->function = name; /* which says more where there are parts and copies of one function */
	out->offset = name ? into : 0;
	out->count += last->function != NULL;
	out->why = m->why_not;
	if (out->count == 0 && !m->why_not)
		out->why = "has no function at that place";
}

static struct place *
place_of(struct symbolizer *s, const struct module *m, uint64_t offset)
{
	uint64_t mixed = (offset ^ (uintptr_t)m >> 4) * 0x9e3779b97f4a7c15ULL;
	return &s->places[mixed >> 55 & (PLACES - 1)];
}

static const char no_time[] = "was not looked into, as time was over";

void
symbolize(struct symbolizer *s, struct bytes path, struct bytes build_id, uint64_t offset, struct symbols *out)
{
	*out = (struct symbols){0};
	struct module *m = s ? module_of(s, path, build_id) : NULL;
	if (!m || !m->dwfl) {
		out->why = m ? m->why_not : s && is_late(s) ? no_time : "is not named by a path";
		return;
	}
	struct place *p = place_of(s, m, offset);
	if (p->module != m || p->offset != offset) {
		if (is_late(s)) {
			out->why = no_time;
			return;
		}
		*p = (struct place){.module = m, .offset = offset};
		look_up(m, offset, &p->symbols);
	}
	*out = p->symbols;
}
