/* SPDX-License-Identifier: ISC */
#include "preload/oxrun_target.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/oxrun_find.h"

enum { HEAD_BYTES = 4096, SCRIPTS_DEEP = 4 };

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_NONE
#endif

static size_t
read_head(const char *path, uint8_t head[HEAD_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, head, HEAD_BYTES) : 0;
	if (fd >= 0)
		close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* The next word of a line, of n bytes that are left. */
static size_t
take_word(const uint8_t *at, size_t n, char word[PATH_MAX])
{
	size_t used = 0, len = 0;
	while (used < n && (at[used] == ' ' || at[used] == '\t'))
		used++;
	while (used < n && len < PATH_MAX - 1 && at[used] > ' ')
		word[len++] = (char)at[used++];
	word[len] = '\0';
	return used;
}

/* The interpreter that a `#!` line names; of `env NAME` the one of that name. */
static bool
script_interpreter(const uint8_t *head, size_t n, char path[PATH_MAX])
{
	char name[PATH_MAX];
	if (n < 3 || head[0] != '#' || head[1] != '!')
		return false;
	size_t used = 2 + take_word(head + 2, n - 2, path);
	const char *slash = strrchr(path, '/');
	if (slash && strcmp(slash, "/env") == 0) {
		take_word(head + used, n - used, name);
		if (strcmp(name, "-S") == 0)
			take_word(head + used + 3, n - used - 3, name);
		if (name[0] && name[0] != '-' && !strchr(name, '='))
			find_program(name, path);
	}
	return path[0] != '\0';
}

static const char *
judge_elf(const uint8_t *head, size_t n)
{
	ElfW(Ehdr) elf;
	memcpy(&elf, head, sizeof elf);
	if (elf.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    (OWN_MACHINE != EM_NONE && elf.e_machine != OWN_MACHINE))
		return "is for another kind of machine";
	for (size_t i = 0; i < elf.e_phnum; i++) {
		ElfW(Phdr) part;
		size_t at = elf.e_phoff + i * sizeof part;
		if (elf.e_phoff > n || at > n || n - at < sizeof part)
			return NULL; /* out of sight: nothing known against it */
		memcpy(&part, head + at, sizeof part);
		if (part.p_type != PT_INTERP)
			continue;
		if (part.p_offset > n || n - part.p_offset < part.p_filesz)
			return NULL;
		bool gnu = memmem(head + part.p_offset, part.p_filesz, "/ld-linux", strlen("/ld-linux"));
		return gnu ? NULL : "uses another C library";
	}
	return "is statically linked";
}

static bool
is_elf(const uint8_t *head, size_t n)
{
	return n >= sizeof(ElfW(Ehdr)) && memcmp(head, ELFMAG, SELFMAG) == 0;
}

static size_t
read_program(const char *command, uint8_t head[HEAD_BYTES], char program[PATH_MAX])
{
	char next[PATH_MAX];
	if (!find_program(command, program))
		return 0;
	size_t n = read_head(program, head);
	for (int i = 0; i < SCRIPTS_DEEP && script_interpreter(head, n, next); i++) {
		memcpy(program, next, sizeof next);
		n = read_head(program, head);
	}
	if (n >= 2 && memcmp(head, "#!", 2) != 0 && !is_elf(head, n)) { /* execvp() hands it to the shell */
		snprintf(program, PATH_MAX, "/bin/sh");
		n = read_head(program, head);
	}
	return n;
}

const char *
target_refuses(const char *command)
{
	char program[PATH_MAX];
	uint8_t head[HEAD_BYTES];
	size_t n = read_program(command, head, program);
	return is_elf(head, n) ? judge_elf(head, n) : NULL;
}

void
target_program(const char *command, char program[PATH_MAX])
{
	uint8_t head[HEAD_BYTES];
	read_program(command, head, program);
}
