/* SPDX-License-Identifier: ISC */
/* settings: any file and any words are taken or refused with one line that ends inside its buffer. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libbx/core/addr.h"
#include "libbx/core/parse.h"
#include "libbx/core/settings.h"
#include "preload/conffile.c"
#include "tests/fuzz/fuzz.h"

struct config {
	bool flag;
	int count, choice;
	uint64_t number, size;
	int64_t duration;
	const char *text;
	struct setting_list list;
};

static const char *const words_of_choice[] = {"always", "interval", "never", NULL};

#define AT(field) offsetof(struct config, field)
static const struct setting table[] = {
    {"flag", 'f', SET_FLAG, AT(flag), NULL, NULL, "a flag", NULL, false},
    {"verbose", 'v', SET_COUNT, AT(count), NULL, NULL, "say more", NULL, false},
    {"number", 'n', SET_UINT, AT(number), "7", "N", "a number", NULL, false},
    {"size", 0, SET_SIZE, AT(size), "256k", "SIZE", "a size", NULL, false},
    {"after", 0, SET_DURATION, AT(duration), "100ms", "TIME", "a duration", NULL, false},
    {"path", 'p', SET_TEXT, AT(text), "/var", "PATH", "a path", NULL, false},
    {"list", 'l', SET_LIST, AT(list), NULL, "X", "a list", NULL, false},
    {"sync", 0, SET_CHOICE, AT(choice), "interval", "WHEN", "a choice", words_of_choice, false},
};
enum { SETTINGS = sizeof table / sizeof *table, ERR_CAP = 80, WORDS_MAX = 32 };

static struct settings
fresh(struct config *config)
{
	struct settings s;
	memset(config, 0, sizeof *config);
	MUST(settings_init(&s, table, SETTINGS, NULL, config));
	return s;
}

static void
refused_with_a_line(bool ok, const char err[ERR_CAP])
{
	MUST(memchr(err, '\0', ERR_CAP) != NULL);
	MUST(ok || err[0] != '\0');
}

static void
as_file(const uint8_t *data, size_t n)
{
	struct config config;
	struct settings s = fresh(&config);
	char err[ERR_CAP] = "", path[64];
	int fd = memfd_create("settings", MFD_CLOEXEC);
	MUST(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	refused_with_a_line(settings_file(&s, path, err, sizeof err), err);
	close(fd);
	settings_fini(&s);
}

/* The shim's file: whatever it is, what is asked for ends inside it, and all lines are accounted for. */
static void
as_conffile(const uint8_t *data, size_t n)
{
	static const char *const names[] = {"BLUEOX_SQL", "BLUEOX_SQL_MAX", "BLUEOX_", "", "TRACEPARENT"};
	static struct conffile f;
	if (n > CONFFILE_BYTES)
		n = CONFFILE_BYTES;
	memcpy(f.text, data, n);
	conffile_parse(&f, n);
	MUST(f.count <= CONFFILE_LINES);
	uint32_t wrong = conffile_wrong(&f);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = conffile_get(&f, names[i]);
		MUST(!value || (value >= f.text && value + strlen(value) <= f.text + n));
		MUST(conffile_wrong(&f) <= wrong);
	}
}

static void
as_words(const char *text)
{
	struct config config;
	struct settings s = fresh(&config);
	char err[ERR_CAP] = "", *copy = strdup(text), *save = NULL;
	char *argv[WORDS_MAX + 2] = {"prog"}, *rest[WORDS_MAX + 2];
	int argc = 1;
	MUST(copy != NULL);
	for (char *w = strtok_r(copy, "\n", &save); w && argc <= WORDS_MAX; w = strtok_r(NULL, "\n", &save))
		argv[argc++] = w;
	refused_with_a_line(settings_argv(&s, argc, argv, rest, err, sizeof err), err);
	for (int i = 0; rest[i]; i++)
		MUST(i < argc && strlen(rest[i]) <= strlen(text));
	free(copy);
	settings_fini(&s);
}

static void
as_values(const char *text)
{
	uint64_t u = 7, size = 7;
	int64_t ns = 7;
	bool yes;
	struct addr a;
	char endpoint[ADDR_ENDPOINT_MAX];
	MUST(parse_uint(text, &u) || u == 7);
	MUST(parse_size(text, &size) || size == 7);
	MUST(parse_duration_ns(text, &ns) ? ns >= 0 : ns == 7);
	parse_bool(text, &yes);
	if (!addr_parse(text, "127.0.0.1", 3514, &a)) {
		addr_endpoint(&a, endpoint);
		MUST(memchr(endpoint, '\0', sizeof endpoint) != NULL);
		addr_is_local(&a);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = strndup((const char *)data, n);
	MUST(text != NULL);
	as_file(data, n);
	as_conffile(data, n);
	as_words(text);
	as_values(text);
	free(text);
	return 0;
}
