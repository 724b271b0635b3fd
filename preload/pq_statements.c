/* SPDX-License-Identifier: ISC */
#include "preload/pq_statements.h"

#include <stdlib.h>
#include <string.h>

enum { LISTS = 64 };

struct pq_statements {
	size_t count;
	struct pq_statement *lists[LISTS];
};

static uint32_t
hash_name(const char *name)
{
	uint32_t hash = 2166136261U; /* FNV-1a */
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash;
}

struct pq_statement *
pq_statement_new(const char *name, const char *query, size_t size, enum pq_text how)
{
	size_t name_size = strlen(name) + 1;
	struct pq_statement *s = malloc(sizeof *s + name_size + pq_text_room(size));
	if (!s)
		return NULL;
	char *copy = (char *)(s + 1);
	memcpy(copy, name, name_size);
	struct pack p = {.at = (uint8_t *)copy + name_size};
	*s = (struct pq_statement){.hash = hash_name(name), .fields = p.at, .name = copy};
	pq_text_pack(&p, query, size, how);
	s->fields_len = (size_t)(p.at - s->fields);
	s->field_count = p.count;
	return s;
}

void
pq_statement_free(struct pq_statement **statement)
{
	free(*statement);
	*statement = NULL;
}

static struct pq_statement **
place_of(struct pq_statements *all, const char *name, uint32_t hash)
{
	struct pq_statement **at = &all->lists[hash % LISTS];
	while (*at && ((*at)->hash != hash || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	return at;
}

void
pq_statements_put(struct pq_statements **all, struct pq_statement *statement)
{
	if (!*all)
		*all = calloc(1, sizeof **all);
	if (!*all) {
		pq_statement_free(&statement);
		return;
	}
	struct pq_statement **at = place_of(*all, statement->name, statement->hash), *old = *at;
	if (!old && (*all)->count == PQ_STATEMENTS_MAX) {
		pq_statement_free(&statement);
		return;
	}
	statement->next = old ? old->next : NULL;
	*at = statement;
	if (old)
		free(old);
	else
		(*all)->count++;
}

const struct pq_statement *
pq_statements_find(const struct pq_statements *all, const char *name)
{
	if (!all || !name)
		return NULL;
	uint32_t hash = hash_name(name);
	const struct pq_statement *s = all->lists[hash % LISTS];
	while (s && (s->hash != hash || strcmp(s->name, name) != 0))
		s = s->next;
	return s;
}

void
pq_statements_remove(struct pq_statements *all, const char *name)
{
	if (!all)
		return;
	struct pq_statement **at = place_of(all, name, hash_name(name)), *s = *at;
	if (!s)
		return;
	*at = s->next;
	all->count--;
	free(s);
}

void
pq_statements_free(struct pq_statements **all)
{
	for (size_t i = 0; *all && i < LISTS; i++) {
		while ((*all)->lists[i]) {
			struct pq_statement *s = (*all)->lists[i];
			(*all)->lists[i] = s->next;
			free(s);
		}
	}
	free(*all);
	*all = NULL;
}
