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
pq_statement_new(const char *name, const char *query, size_t keep_max)
{
	if (!name || !query)
		return NULL;
	size_t name_size = strlen(name) + 1, size = strlen(query);
	size_t kept =
	    size < keep_max + 1 ? size : keep_max + 1; /* one more byte tells whether a cut splits a character */
	struct pq_statement *s = malloc(sizeof *s + name_size + kept);
	if (!s)
		return NULL;
	char *copy = (char *)(s + 1);
	memcpy(copy, name, name_size);
	memcpy(copy + name_size, query, kept);
	*s = (struct pq_statement){
	    .hash = hash_name(name), .name = copy, .query = copy + name_size, .query_kept = kept, .query_size = size};
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
