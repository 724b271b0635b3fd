/* SPDX-License-Identifier: ISC */
/* stack: unw_backtrace for the addresses, _dl_find_object for the modules, the notes in memory for the build ids. */
#include "libbx/stack.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h> /* types alone: nothing of it is linked */

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_DISABLE_ERROR_REPORTING ((void)0)
#define VALGRIND_ENABLE_ERROR_REPORTING  ((void)0)
#endif

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "libbx/core/mp.h"
#include "libbx/handler.h"
#include "libbx/process.h"
#include "libbx/thread.h"

#define TEXT_OF(name)     TEXT_OF_NOW(name)
#define TEXT_OF_NOW(name) #name

/* What is used of libunwind. */
struct unwinder {
	int (*backtrace)(void **pcs, int n);
	int (*init)(unw_cursor_t *c, unw_context_t *at, int flags);
	int (*step)(unw_cursor_t *c);
	int (*get)(unw_cursor_t *c, int reg, unw_word_t *value);
	int (*is_signal_frame)(unw_cursor_t *c);
};

enum { BUILD_ID_MAX = 32, PATH_BYTES_MAX = 512 };

struct module {
	const struct link_map *map;
	uint32_t path_len;
	uint8_t build_id_len;
	uint8_t build_id[BUILD_ID_MAX];
	const char *path;
};

static struct unwinder functions;
static _Atomic(const struct unwinder *) unwinder;
static _Atomic bool tried;

/* This thread is inside libunwind, whose locks a crash in there would meet again. */
static THREAD_LOCAL bool unwinding;

static void
count_refused(void)
{
	struct process *p = process_peek();
	if (p)
		atomic_fetch_add_explicit(&p->stacks_refused, 1, memory_order_relaxed);
}

/* A few instructions that do nothing but under valgrind, for which libunwind tries addresses in a way that looks wrong. */
static void
enter_unwinder(void)
{
	unwinding = true;
	VALGRIND_DISABLE_ERROR_REPORTING;
}

static void
leave_unwinder(void)
{
	VALGRIND_ENABLE_ERROR_REPORTING;
	unwinding = false;
}

/* libunwind takes a lock as a thread ends, when ThreadSanitizer, whose lock that is, has done with the thread. */
static bool
is_unsafe_here(void)
{
	return dlsym(RTLD_DEFAULT, "__tsan_init") != NULL;
}

static bool
find_functions(struct unwinder *u)
{
	void *library = is_unsafe_here() ? NULL : dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return false;
	*(void **)&u->backtrace = dlsym(library, "unw_backtrace");
	*(void **)&u->init = dlsym(library, TEXT_OF(UNW_OBJ(init_local2)));
	*(void **)&u->step = dlsym(library, TEXT_OF(UNW_OBJ(step)));
	*(void **)&u->get = dlsym(library, TEXT_OF(UNW_OBJ(get_reg)));
	*(void **)&u->is_signal_frame = dlsym(library, TEXT_OF(UNW_OBJ(is_signal_frame)));
	return u->backtrace && u->init && u->step && u->get && u->is_signal_frame;
}

static const struct unwinder *
open_unwinder(void)
{
	const struct unwinder *u = atomic_load_explicit(&unwinder, memory_order_acquire);
	if (u || atomic_load_explicit(&tried, memory_order_relaxed))
		return u;
	if (handler_may_be_running()) {
		count_refused();
		return NULL;
	}
	if (atomic_exchange(&tried, true))
		return NULL;
	if (!find_functions(&functions))
		return NULL;
	atomic_store_explicit(&unwinder, &functions, memory_order_release);
	return &functions;
}

bool
stack_prepare(void)
{
	int kept = errno;
	bool ready = open_unwinder() != NULL;
	errno = kept;
	return ready;
}

static const struct link_map *
object_of(const void *address)
{
	struct dl_find_object found;
	if (!address || _dl_find_object((void *)(uintptr_t)address, &found) != 0)
		return NULL;
	return found.dlfo_link_map;
}

void
stack_take(struct stack *s, const void *skip_object)
{
	s->count = 0;
	if (bx_config.stacks == STACKS_NEVER)
		return;
	int kept = errno, cancel;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* the unwinder makes system calls that end threads */
	const struct unwinder *u = open_unwinder();
	enter_unwinder();
	int n = u ? u->backtrace(s->pcs, STACK_FRAMES) : 0;
	leave_unwinder();
	pthread_setcancelstate(cancel, &cancel);
	errno = kept;
	const struct link_map *own = object_of((const void *)(uintptr_t)stack_take), *skip = object_of(skip_object);
	int first = 0;
	while (first < n) {
		const struct link_map *at = object_of(s->pcs[first]);
		if (at != own && (!skip || at != skip))
			break;
		first++;
	}
	if (first == n) /* all in one object: a static program, where nothing can be told apart */
		first = 0;
	s->count = n > 0 ? n - first : 0;
	memmove(s->pcs, s->pcs + first, (size_t)s->count * sizeof *s->pcs);
}

#ifdef __x86_64__
#define PC(at) (at)->uc_mcontext.gregs[REG_RIP]

/* Goes back to the caller where the first instruction of a function is to run that is none. */
static void
undo_call(ucontext_t *at)
{
	const greg_t *sp = (const greg_t *)at->uc_mcontext.gregs[REG_RSP]; /* NOLINT(performance-no-int-to-ptr) */
	at->uc_mcontext.gregs[REG_RIP] = *sp;
	at->uc_mcontext.gregs[REG_RSP] += (greg_t)sizeof *sp;
}
#elif defined __aarch64__
#define PC(at) (at)->uc_mcontext.pc

static void
undo_call(ucontext_t *at)
{
	at->uc_mcontext.pc = at->uc_mcontext.regs[30];
}
#endif

#ifdef PC
static int
walk(const struct unwinder *u, ucontext_t *at, bool exact, void **pcs, int max)
{
	unw_cursor_t cursor;
	unw_word_t pc;
	int n = 0;
	if (u->init(&cursor, at, exact ? UNW_INIT_SIGNAL_FRAME : 0) < 0)
		return 0;
	do {
		bool trampoline = u->is_signal_frame(&cursor) > 0;
		if (u->get(&cursor, UNW_REG_IP, &pc) < 0 || pc == 0)
			break;
		/* All but return addresses are given as if they were: stack_write() takes one off. */
		pcs[n++] = (void *)(pc + (exact || trampoline)); /* NOLINT(performance-no-int-to-ptr) */
		exact = trampoline;
	} while (n < max && u->step(&cursor) > 0);
	return n;
}

int
stack_take_interrupted(const void *context, void **pcs, int max)
{
	ucontext_t at = *(const ucontext_t *)context;
	const struct unwinder *u = atomic_load_explicit(&unwinder, memory_order_acquire);
	if (bx_config.stacks == STACKS_NEVER || max < 2)
		return 0;
	int n = 0, kept = errno;
	bool called = !object_of((void *)PC(&at));              /* NOLINT(performance-no-int-to-ptr) */
	pcs[n++] = (void *)(uintptr_t)((uintptr_t)PC(&at) + 1); /* NOLINT(performance-no-int-to-ptr) */
	if (!u || unwinding) {
		count_refused();
		return n;
	}
	enter_unwinder();
	if (called)
		undo_call(&at);
	int walked = walk(u, &at, !called, pcs + called, max - called);
	leave_unwinder();
	errno = kept;
	return walked > 0 ? walked + called : n;
}
#else
int
stack_take_interrupted(const void *context, void **pcs, int max)
{
	(void)context;
	(void)pcs;
	(void)max;
	return 0;
}
#endif

/* The path of the program itself, which its link map does not tell. */
static const char *
program_path(void)
{
	static char path[PATH_BYTES_MAX];
	static _Atomic int state; /* 0 unknown, 1 being read, 2 read */
	int unknown = 0;
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
		m->build_id_len = (uint8_t)(h.n_descsz < BUILD_ID_MAX ? h.n_descsz : BUILD_ID_MAX);
		memcpy(m->build_id, id, m->build_id_len);
		return;
	}
}

/* The ELF header stands at the start of the mapping, and the program headers in the same first page nearly always. */
static void
read_build_id(struct module *m, const struct dl_find_object *object)
{
	const ElfW(Ehdr) *elf = object->dlfo_map_start;
	size_t mapped = (size_t)((uint8_t *)object->dlfo_map_end - (uint8_t *)object->dlfo_map_start);
	if (mapped < 4096 || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_phentsize != sizeof(ElfW(Phdr)) ||
	    elf->e_phoff > 4096 || elf->e_phoff + (size_t)elf->e_phnum * sizeof(ElfW(Phdr)) > 4096)
		return;
	const ElfW(Phdr) *headers = (const ElfW(Phdr) *)(const void *)((const uint8_t *)elf + elf->e_phoff);
	for (int i = 0; i < elf->e_phnum && !m->build_id_len; i++) {
		const uint8_t *at =
		    (const uint8_t *)m->map->l_addr + headers[i].p_vaddr; /* NOLINT(performance-no-int-to-ptr) */
		const uint8_t *start = object->dlfo_map_start, *end = object->dlfo_map_end;
		if (headers[i].p_type == PT_NOTE && at >= start && at < end && headers[i].p_memsz <= (size_t)(end - at))
			find_build_id(m, at, headers[i].p_memsz);
	}
}

static void
describe(struct module *m, const struct dl_find_object *object)
{
	*m = (struct module){.map = object->dlfo_link_map};
	m->path = m->map->l_name && m->map->l_name[0] ? m->map->l_name : program_path();
	m->path_len = (uint32_t)strnlen(m->path, PATH_BYTES_MAX);
	read_build_id(m, object);
}

static int
module_of(struct module *modules, int *count, const struct dl_find_object *object)
{
	for (int i = 0; i < *count; i++)
		if (modules[i].map == object->dlfo_link_map)
			return i;
	describe(&modules[*count], object);
	return (*count)++;
}

static uint8_t *
write_module(uint8_t *p, const struct module *m)
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

enum { MODULES_MAX = 12 }; /* 12 * (512 + 32 + 32) < STACK_BYTES less the frames' 64 * 11 */
_Static_assert(MODULES_MAX *(PATH_BYTES_MAX + BUILD_ID_MAX + 32) + STACK_FRAMES * 12 + 64 <= STACK_BYTES, "room");

uint8_t *
stack_write(const struct stack *s, uint8_t *p, uint64_t *print)
{
	struct module modules[MODULES_MAX];
	struct {
		int module;
		uint64_t offset;
	} frames[STACK_FRAMES];
	int module_count = 0, frame_count = 0;
	for (int i = 0; i < s->count; i++) {
		struct dl_find_object object;
		uint8_t *call = (uint8_t *)s->pcs[i] - 1; /* into the call, not behind it */
		if (_dl_find_object(call, &object) != 0)
			continue; /* made at run time, or already gone */
		bool known = false;
		for (int m = 0; m < module_count; m++)
			known |= modules[m].map == object.dlfo_link_map;
		if (!known && module_count == MODULES_MAX)
			break;
		int m = module_of(modules, &module_count, &object);
		frames[frame_count].module = m;
		frames[frame_count++].offset = (uint64_t)(uintptr_t)call - object.dlfo_link_map->l_addr;
	}
	p = mp_put_map_header(p, 2);
	p = mp_put_array_header(mp_put_str(p, "modules", 7), (uint32_t)module_count);
	for (int m = 0; m < module_count; m++)
		p = write_module(p, &modules[m]);
	p = mp_put_array_header(mp_put_str(p, "frames", 6), (uint32_t)frame_count);
	for (int i = 0; i < frame_count; i++) {
		p = mp_put_array_header(p, 2);
		p = mp_put_uint(p, (uint64_t)frames[i].module);
		p = mp_put_uint(p, frames[i].offset);
		const struct module *m = &modules[frames[i].module];
		*print = m->build_id_len ? XXH3_64bits_withSeed(m->build_id, m->build_id_len, *print)
					 : XXH3_64bits_withSeed(m->path, m->path_len, *print);
		*print = XXH3_64bits_withSeed(&frames[i].offset, sizeof frames[i].offset, *print);
	}
	return p;
}
