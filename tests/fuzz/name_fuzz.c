/* SPDX-License-Identifier: ISC */
/* name: any name under any open names resolves to a well-formed one whose parent is where the rules put it. */
#include "libbx/core/name.h"
#include "tests/fuzz/fuzz.h"

enum { OPEN_MAX = 6, GLOB_MAX = 12 };

static bool
well_formed(const char *s, size_t n)
{
	return n > 0 && n <= NAME_MAX_LEN && s[0] != '.' && s[n - 1] != '.' && !memmem(s, n, "..", 2);
}

static void
check(const char *given, const struct name *open, int count)
{
	char out[NAME_MAX_LEN + 1];
	struct name_result r;
	if (!name_resolve(given, open, count, out, &r))
		return;
	struct name resolved = {out, r.len};
	bool relative = *given == '.' || *given == '^';
	MUST(well_formed(out, r.len));
	MUST(r.parent >= -1 && r.parent < count);
	if (!relative)
		MUST(r.len == strlen(given) && memcmp(out, given, r.len) == 0);
	if (!relative && r.parent >= 0)
		MUST(name_is_under(open[r.parent], resolved));
	if (relative)
		MUST(r.parent == (count == 0 ? -1 : *given == '^' ? 0 : count - 1));
	bool repeats = false;
	for (int i = 0; i < count; i++)
		repeats |= open[i].n == r.len && memcmp(open[i].s, out, r.len) == 0;
	MUST(r.repeats == repeats);
}

/* By the definition: a star is nothing, or one character and the star again. */
static bool
slow_glob(const char *pattern, const char *name, size_t n)
{
	if (*pattern == '\0')
		return n == 0;
	if (*pattern == '*')
		return slow_glob(pattern + 1, name, n) || (n > 0 && slow_glob(pattern, name + 1, n - 1));
	return n > 0 && *pattern == *name && slow_glob(pattern + 1, name + 1, n - 1);
}

/* Input: the given name, then the open ones, one a line.  Names that cannot be open are left out. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = strndup((const char *)data, n), *save = NULL;
	MUST(text != NULL);
	struct name open[OPEN_MAX];
	int count = 0;
	const char *given = strtok_r(text, "\n", &save);
	for (char *s = strtok_r(NULL, "\n", &save); s && count < OPEN_MAX; s = strtok_r(NULL, "\n", &save))
		if (well_formed(s, strlen(s)))
			open[count++] = (struct name){s, strlen(s)};
	check(given ? given : "", open, count);
	if (given && count > 0 && strlen(given) < GLOB_MAX && open[0].n < GLOB_MAX)
		MUST(name_glob(given, open[0].s, open[0].n) == slow_glob(given, open[0].s, open[0].n));
	free(text);
	return 0;
}
