/* SPDX-License-Identifier: ISC */
/* quota: token buckets in a hash by type and program. */
#include "oxd/quota.h"

#include <stdlib.h>
#include <string.h>

#include "libbx/core/name.h"
#include "libbx/core/parse.h"

struct quota_budget {
	double left;
	int64_t filled_ns;
	size_t n;
	UT_hash_handle hh;
	char key[]; /* type, a zero byte, program */
};

const char *
quota_init(struct quota *q, const char *text)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"/s", 1e9}, {"/m", 60e9}, {"/h", 3600e9}};
	*q = (struct quota){.text = text};
	const char *colon = strrchr(text, ':'), *slash = colon ? strchr(colon, '/') : NULL;
	char number[32];
	uint64_t events;
	if (!slash)
		return "is not TYPEGLOB: N/s";
	size_t n = (size_t)(colon - text);
	while (n > 0 && text[n - 1] == ' ')
		n--;
	if (n == 0 || n >= sizeof q->glob)
		return "has no type pattern that fits before the colon";
	memcpy(q->glob, text, n);
	do
		colon++;
	while (*colon == ' ');
	if ((size_t)(slash - colon) >= sizeof number)
		return "has no number of events that makes sense";
	memcpy(number, colon, (size_t)(slash - colon));
	number[slash - colon] = '\0';
	if (!parse_uint(number, &events) || events == 0 || events > 1000000000)
		return "has no number of events that makes sense";
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(slash, units[i].unit) != 0)
			continue;
		q->most = (double)events;
		q->per_ns = (double)events / units[i].ns;
		return NULL;
	}
	return "is not a rate per /s, /m or /h";
}

void
quota_fini(struct quota *q)
{
	struct quota_budget *b, *next;
	HASH_ITER(hh, q->budgets, b, next)
	{
		HASH_DEL(q->budgets, b);
		free(b);
	}
	free(q->shared);
	*q = (struct quota){0};
}

static struct quota_budget *
make_budget(const struct quota *q, const char *key, size_t n, int64_t now_ns)
{
	struct quota_budget *b = calloc(1, sizeof *b + n);
	if (!b)
		return NULL;
	b->left = q->most;
	b->filled_ns = now_ns;
	b->n = n;
	memcpy(b->key, key, n);
	return b;
}

static struct quota_budget *
budget_of(struct quota *q, const char *key, size_t n, int64_t now_ns)
{
	struct quota_budget *b;
	HASH_FIND(hh, q->budgets, key, n, b);
	if (b)
		return b;
	if (HASH_COUNT(q->budgets) >= QUOTA_BUDGETS_MAX) {
		if (!q->shared)
			q->shared = make_budget(q, "", 0, now_ns);
		return q->shared;
	}
	b = make_budget(q, key, n, now_ns);
	if (b)
		HASH_ADD(hh, q->budgets, key, n, b);
	return b;
}

bool
quota_takes(struct quota *q, struct bytes type, const char *program, int64_t now_ns)
{
	char key[512];
	if (!name_glob(q->glob, (const char *)type.p, type.n))
		return true;
	size_t type_n = type.n < 256 ? type.n : 256, program_n = strnlen(program, 128);
	memcpy(key, type.p, type_n);
	key[type_n] = '\0';
	memcpy(key + type_n + 1, program, program_n);
	q->matched++;
	struct quota_budget *b = budget_of(q, key, type_n + 1 + program_n, now_ns);
	if (!b)
		return true; /* no memory to count with */
	b->left += (double)(now_ns - b->filled_ns) * q->per_ns;
	b->filled_ns = now_ns;
	if (b->left > q->most)
		b->left = q->most;
	if (b->left < 1) {
		q->dropped++;
		return false;
	}
	b->left -= 1;
	return true;
}
