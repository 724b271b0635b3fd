/* SPDX-License-Identifier: ISC */
/* stats: the words of stats.def, by number. */
#include "oxd/stats.h"

static const struct {
	const char *name, *unit, *sentence;
} words[] = {
#define COUNTER(name, unit, sentence) {#name, unit, sentence},
#include "oxd/stats.def"
#undef COUNTER
};

const char *
stat_name(enum counter which)
{
	return words[which].name;
}

const char *
stat_unit(enum counter which)
{
	return words[which].unit;
}

const char *
stat_sentence(enum counter which)
{
	return words[which].sentence;
}
