/* SPDX-License-Identifier: ISC */
/* logname: no type leaves its directory, what is made reads back, and what reads back would be made again. */
#include "libbx/core/logname.h"
#include "tests/fuzz/fuzz.h"

static void
check_name(const char *file)
{
	MUST(memchr(file, '\0', LOGNAME_MAX) != NULL);
	MUST(file[0] != '.' && strchr(file, '/') == NULL);
	for (const char *p = file; *p; p++)
		MUST(*p > ' ' && *p < 127);
}

static void
made_names_read_back(struct bytes type, int64_t arrival_ns, bool hourly, unsigned part)
{
	char file[LOGNAME_MAX];
	struct logname back;
	logname_make(type, arrival_ns, hourly, part, file);
	check_name(file);
	MUST(logname_parse(file, &back));
	MUST(back.hourly == hourly && back.part == part);
	MUST(arrival_ns / 1000000000 - back.day_start < (hourly ? 3600 : 86400));
	if (strchr(file, '~') == NULL)
		MUST(back.type_len == type.n && memcmp(back.type, type.p, type.n) == 0);
}

static void
read_names_are_made_again(const char *file)
{
	char again[LOGNAME_MAX];
	struct logname name;
	if (!logname_parse(file, &name))
		return;
	MUST(name.type_len < sizeof name.type && name.type[name.type_len] == '\0' && name.part < 10000);
	if (strchr(file, '~') != NULL) /* the type was cut, and cannot be known */
		return;
	logname_make((struct bytes){(const uint8_t *)name.type, name.type_len}, name.day_start * 1000000000,
	    name.hourly, name.part, again);
	MUST(strcmp(again, file) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *file = strndup((const char *)data, n);
	MUST(file != NULL);
	read_names_are_made_again(file);
	free(file);
	uint32_t when = 0;
	if (n >= sizeof when)
		memcpy(&when, data, sizeof when);
	int64_t arrival_ns =
	    (946684800 + (int64_t)(when & 0x7fffffff)) * 1000000000; /* 2000 to 2068, as names can say */
	uint8_t *type = exact_copy(data, n);
	made_names_read_back((struct bytes){type, n}, arrival_ns, when >> 31, (unsigned)(n % 10000));
	free(type);
	return 0;
}
