/* SPDX-License-Identifier: ISC */
/* probe: functions in place of libc's, which pass on all but the one use; and the relocations of an object, by name. */
#include "libbx/probe.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- in place of libc's ------------------------------------------------------------------------------------------ */

static int
no_pipe(int fds[2], int flags)
{
	(void)fds; /* stay -1, which libunwind does not close */
	(void)flags;
	errno = EMFILE;
	return -1;
}

/* One byte is what it reads of its pipe; other reads are of files that it opened itself. */
static ssize_t
nothing_to_read(int fd, void *buf, size_t n)
{
	if (n != 1)
		return read(fd, buf, n);
	errno = EAGAIN;
	return -1;
}

/* A futex that does not wait: the kernel reads the word, then finds it to be another one, or the time to be over. */
static bool
is_readable(const void *address)
{
	static const struct timespec no_time;
	uintptr_t word = (uintptr_t)address & ~(uintptr_t)3;
	return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0x5eeeeee5, &no_time, NULL, 0) == 0 || errno != EFAULT;
}

static ssize_t
look_at(int fd, const void *address, size_t n)
{
	if (n != 1)
		return write(fd, address, n);
	if (is_readable(address))
		return 1;
	errno = EFAULT;
	return -1;
}

/* 1.6 writes in this way; arguments come in registers, whether a function is variadic or not. */
static long
look_by_number(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_write)
		return look_at((int)a, (const void *)b, (size_t)c); /* NOLINT(performance-no-int-to-ptr) */
	return syscall(number, a, b, c, d, e, f);
}

static const struct {
	const char *name;
	void *function;
} ours[] = {
    {"pipe2", (void *)no_pipe},
    {"read", (void *)nothing_to_read},
    {"syscall", (void *)look_by_number},
    {"write", (void *)look_at},
};

/* ---- binding ----------------------------------------------------------------------------------------------------- */

#ifdef __x86_64__
#define SLOT   R_X86_64_JUMP_SLOT
#define GLOBAL R_X86_64_GLOB_DAT
#elif defined __aarch64__
#define SLOT   R_AARCH64_JUMP_SLOT
#define GLOBAL R_AARCH64_GLOB_DAT
#endif

#ifdef SLOT
struct object {
	uintptr_t base;
	const ElfW(Sym) * symbols;
	const char *names;
	const ElfW(Rela) * lists[2]; /* of calls, of addresses */
	size_t bytes[2];
};

/* Where glibc has not added the base itself. */
static uintptr_t
address_of(const struct object *o, const ElfW(Dyn) * d)
{
	return d->d_un.d_ptr < o->base ? o->base + d->d_un.d_ptr : d->d_un.d_ptr;
}

static bool
open_object(struct object *o, const struct link_map *map)
{
	bool rela = false;
	*o = (struct object){.base = map->l_addr};
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
		uintptr_t at = address_of(o, d);
		switch (d->d_tag) { /* NOLINTBEGIN(performance-no-int-to-ptr) */
		case DT_SYMTAB:
			o->symbols = (const ElfW(Sym) *)at;
			break;
		case DT_STRTAB:
			o->names = (const char *)at;
			break;
		case DT_JMPREL:
			o->lists[0] = (const ElfW(Rela) *)at;
			break;
		case DT_PLTRELSZ:
			o->bytes[0] = d->d_un.d_val;
			break;
		case DT_RELA:
			o->lists[1] = (const ElfW(Rela) *)at;
			break;
		case DT_RELASZ:
			o->bytes[1] = d->d_un.d_val;
			break;
		case DT_PLTREL:
			rela = d->d_un.d_val == DT_RELA;
			break;
		default:
			break;
		} /* NOLINTEND(performance-no-int-to-ptr) */
	}
	return rela && o->symbols && o->names;
}

/* Slots may lie where nothing may be written once the linker has bound them. */
static void
bind_slot(uintptr_t slot, void *function)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *start = (void *)(slot & ~(uintptr_t)(page - 1)); /* NOLINT(performance-no-int-to-ptr) */
	if (mprotect(start, page, PROT_READ | PROT_WRITE) == 0)
		atomic_store((_Atomic(void *) *)slot, function); /* NOLINT(performance-no-int-to-ptr) */
}

static void
bind_list(const struct object *o, int list)
{
	for (size_t i = 0; o->lists[list] && i < o->bytes[list] / sizeof(ElfW(Rela)); i++) {
		const ElfW(Rela) *r = &o->lists[list][i];
		unsigned type = (unsigned)ELF64_R_TYPE(r->r_info);
		if (type != SLOT && type != GLOBAL)
			continue;
		const char *name = o->names + o->symbols[ELF64_R_SYM(r->r_info)].st_name;
		for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
			if (strcmp(name, ours[k].name) == 0)
				bind_slot(o->base + r->r_offset, ours[k].function);
	}
}

void
probe_without_descriptors(void *library)
{
	struct link_map *map;
	struct object object;
	if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0 || !open_object(&object, map))
		return;
	bind_list(&object, 0);
	bind_list(&object, 1);
}
#else
void
probe_without_descriptors(void *library)
{
	(void)library;
}
#endif
