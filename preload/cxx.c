/* SPDX-License-Identifier: ISC */
/*
 * cxx: what the Itanium C++ ABI lays down, and of what it leaves open, what libstdc++ and libc++abi have in common.
 *
 * The object of a caught exception lies right behind its header.  Both runtimes let a type ask whether it can catch
 * another through the fifth entry of its virtual table, and std::exception::what() is the third entry of that class.
 */
#include "preload/cxx.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- a name in an object's symbol table -------------------------------------------------------------------------- */

struct symbols {
	uintptr_t base;
	const ElfW(Sym) * table;
	const char *names;
	const uint32_t *hash; /* DT_GNU_HASH */
};

static uintptr_t
pointer_of(const struct link_map *object, const ElfW(Dyn) * entry)
{
	uintptr_t value =
	    entry->d_un.d_ptr; /* the loader has added the base already, but where the section is read-only */
	return value < object->l_addr ? value + object->l_addr : value;
}

static bool
symbols_of(struct symbols *s, const struct link_map *object)
{
	*s = (struct symbols){.base = object->l_addr};
	for (const ElfW(Dyn) *d = object->l_ld; d && d->d_tag != DT_NULL; d++) {
		const void *at = (const void *)pointer_of(object, d); /* NOLINT(performance-no-int-to-ptr) */
		if (d->d_tag == DT_SYMTAB)
			s->table = at;
		else if (d->d_tag == DT_STRTAB)
			s->names = at;
		else if (d->d_tag == DT_GNU_HASH)
			s->hash = at;
	}
	return s->table && s->names && s->hash;
}

/* As the loader looks a name up (DT_GNU_HASH): buckets of chains, the lowest bit of a hash ends a chain. */
static const ElfW(Sym) * symbol(const struct symbols *s, const char *name)
{
	uint32_t hash = 5381, buckets = s->hash[0], first = s->hash[1], bloom_words = s->hash[2];
	for (const char *c = name; *c; c++)
		hash = hash * 33 + (uint8_t)*c;
	const uint32_t *bucket = s->hash + 4 + bloom_words * (sizeof(ElfW(Addr)) / sizeof *s->hash);
	const uint32_t *chain = bucket + buckets;
	uint32_t i = buckets ? bucket[hash % buckets] : 0;
	if (i < first)
		return NULL;
	for (;; i++) {
		const ElfW(Sym) *found = &s->table[i];
		uint32_t its = chain[i - first];
		if ((its | 1) == (hash | 1) && found->st_shndx != SHN_UNDEF &&
		    strcmp(s->names + found->st_name, name) == 0)
			return found;
		if (its & 1)
			return NULL;
	}
}

static void *
address_of(const struct symbols *s, const char *name)
{
	const ElfW(Sym) *found = symbol(s, name);
	return found ? (void *)(s->base + found->st_value) : NULL; /* NOLINT(performance-no-int-to-ptr) */
}

/* ---- is it a terminate()? ---------------------------------------------------------------------------------------- */

/* What is on the stack of a terminate(), and not on that of an abort() in a catch block. */
static const char *const signs[] = {"_ZSt9terminatev", "__cxa_throw", "__cxa_rethrow", "__gxx_personality_v0"};
enum { SIGNS = sizeof signs / sizeof *signs };

static bool
is_sign(const struct symbols *s, const void *frame)
{
	uintptr_t call = (uintptr_t)frame - 1 - s->base;
	for (int i = 0; i < SIGNS; i++) {
		const ElfW(Sym) *found = symbol(s, signs[i]);
		if (found && call >= found->st_value && call < found->st_value + found->st_size)
			return true;
	}
	return false;
}

/* The runtime in which terminate() was called. */
static bool
find_runtime(struct symbols *s, void *const *frames, int count)
{
	const struct link_map *last = NULL;
	bool is_runtime = false;
	for (int i = 0; i < count; i++) {
		struct dl_find_object found;
		if (_dl_find_object((uint8_t *)frames[i] - 1, &found) != 0)
			continue;
		if (found.dlfo_link_map != last)
			is_runtime = symbols_of(s, found.dlfo_link_map) && symbol(s, "__cxa_current_exception_type");
		last = found.dlfo_link_map;
		if (is_runtime && is_sign(s, frames[i]))
			return true;
	}
	return false;
}

/* ---- the exception ------------------------------------------------------------------------------------------------ */

struct type_info {
	void *const *virtuals;
	const char *name;
};

/* What both runtimes have in common of an exception's header: the object lies behind it. */
struct header {
	const struct type_info
	    *type; /* of one that was thrown again by std::rethrow_exception(), with libstdc++: the object */
	void *destructor, *unexpected_handler, *terminate_handler;
	struct header *next;
	int handler_count, switch_value;
	const void *action_record, *language_data;
	void *catch_temp, *adjusted;
	struct {                /* at 16 bytes */
		uint64_t class; /* "GNUCC++\0", "CLNGC++\0"; the last byte is 1 for one that was thrown again */
		void *cleanup;
		uintptr_t private[2];
	} unwind;
};

#define LLVM_CLASS   UINT64_C(0x434c4e47432b2b00) /* "CLNGC++", the last byte aside */
#define THROWN_AGAIN UINT64_C(1)

/* Of the exception that is caught, the innermost.  libc++abi has two words more in front of what they have in common. */
static const struct header *
caught(const struct symbols *s, bool *llvm)
{
	enum { LLVM_WORDS = 2 };
	void *found = address_of(s, "__cxa_get_globals_fast");
	void *const *(*globals)(void);
	memcpy(&globals, &found, sizeof globals);
	void *const *first = found ? globals() : NULL;
	if (!first || !*first)
		return NULL;
	const struct header *h = *first, *shifted = (const void *)((void *const *)*first + LLVM_WORDS);
	*llvm = (shifted->unwind.class & ~THROWN_AGAIN) == LLVM_CLASS;
	return *llvm ? shifted : h;
}

static void *
object_of(const struct header *h, bool llvm)
{
	if (!(h->unwind.class & THROWN_AGAIN))
		return (void *)(uintptr_t)(h + 1);
	return llvm ? ((void *const *)h)[-1] : *(void *const *)h;
}

static void
copy(char *to, size_t cap, const char *text)
{
	size_t n = strnlen(text, cap - 1);
	memcpy(to, text, n);
	to[n] = '\0';
}

static void
set_type(struct cxx_exception *e, const struct symbols *s, const char *name)
{
	void *found = address_of(s, "__cxa_demangle");
	char *(*demangle)(const char *, char *, size_t *, int *);
	memcpy(&demangle, &found, sizeof demangle);
	if (*name == '*') /* a type of one object alone */
		name++;
	int status = 0;
	char *shown = found && strnlen(name, CXX_TYPE_MAX) < CXX_TYPE_MAX ? demangle(name, NULL, NULL, &status) : NULL;
	copy(e->type, sizeof e->type, shown ? shown : name);
	free(shown);
}

static void
set_what(struct cxx_exception *e, const struct symbols *s, const struct type_info *thrown, void *object)
{
	enum { CAN_CATCH = 4, WHAT = 2 };
	const struct type_info *base = address_of(s, "_ZTISt9exception");
	bool (*can_catch)(const struct type_info *self, const struct type_info *other, void **at, unsigned outer);
	const char *(*what)(const void *self);
	if (!base || !object)
		return;
	memcpy(&can_catch, &base->virtuals[CAN_CATCH], sizeof can_catch);
	if (!can_catch(base, thrown, &object, 1))
		return;
	memcpy(&what, &(*(void *const *const *)object)[WHAT], sizeof what);
	const char *text = what(object);
	e->has_what = text != NULL;
	if (text)
		copy(e->what, sizeof e->what, text);
}

bool
cxx_terminated(void *const *frames, int count, struct cxx_exception *e)
{
	struct symbols s;
	e->type[0] = e->what[0] = '\0';
	e->has_what = false;
	if (!find_runtime(&s, frames, count))
		return false;
	void *found = address_of(&s, "__cxa_current_exception_type");
	const struct type_info *(*current_type)(void);
	memcpy(&current_type, &found, sizeof current_type);
	const struct type_info *thrown = current_type();
	bool llvm = false;
	const struct header *h = thrown ? caught(&s, &llvm) : NULL;
	if (thrown)
		set_type(e, &s, thrown->name);
	if (h)
		set_what(e, &s, thrown, object_of(h, llvm));
	return true;
}
