/* SPDX-License-Identifier: ISC */
/* settings: a reader for each line of settings.def, and what hangs together once all are read. */
#include "libbx/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/frame.h"
#include "libbx/core/mp.h"
#include "libbx/core/parse.h"
#include "libbx/core/rundir.h"
#include "libbx/core/traceparent.h"
#include "libbx/process.h"
#include "libbx/redact.h"
#include "libbx/sample.h"

/* The most: with ring and frame headers it must fit into what is left of a frame that is nearly full. */
enum {
	EVENT_MAX_LEAST = 4096,
	EVENT_MAX_MOST = FRAME_MAX / 2,
	SEND_MEMORY_LEAST = 4 << 20,
	SEND_MEMORY_MOST = 1 << 30
};
#define LINGER_MAX_NS INT64_C(3600000000000)

/*
 * The next power of two that a ring may have, 0 for none.  At most half of what a process may have: the other half is for
 * the smaller rings of many threads.
 */
static uint64_t
ring_capacity_for(uint64_t wanted)
{
	uint64_t capacity = RING_CAPACITY_MIN;
	if (wanted == 0)
		return 0;
	while (capacity < wanted && capacity < RING_PROCESS_MAX / 2)
		capacity *= 2;
	return capacity;
}

static bool
read_ring_size(const char *text)
{
	uint64_t bytes;
	if (!parse_size(text, &bytes))
		return false;
	bx_config.ring_capacity = ring_capacity_for(bytes);
	return true;
}

static bool
read_event_max(const char *text)
{
	uint64_t bytes;
	if (!parse_size(text, &bytes))
		return false;
	bx_config.event_max = (uint32_t)(bytes < EVENT_MAX_MOST ? bytes : EVENT_MAX_MOST);
	return true;
}

static bool
read_target(const char *text)
{
	if (!text)
		bx_config.host[0] = '\0';
	else if (strlen(text) >= sizeof bx_config.host)
		return false;
	else
		strcpy(bx_config.host, text);
	return true;
}

static bool
read_linger(const char *text)
{
	int64_t ns;
	if (!parse_duration_ns(text, &ns) || ns < 0 || ns > LINGER_MAX_NS)
		return false;
	bx_config.linger_ns = ns;
	return true;
}

static bool
read_send_memory(const char *text)
{
	uint64_t bytes;
	if (!parse_size(text, &bytes) || bytes < SEND_MEMORY_LEAST || bytes > SEND_MEMORY_MOST)
		return false;
	bx_config.send_memory = bytes;
	return true;
}

static bool
read_run_dir(const char *text)
{
	if (!text)
		bx_config.run_dir[0] = '\0';
	else if (strlen(text) > RUNDIR_MAX)
		return false;
	else
		strcpy(bx_config.run_dir, text);
	return true;
}

static bool
read_stacks(const char *text)
{
	static const char *const words[] = {[STACKS_NEVER] = "0", [STACKS_LATE] = "1", [STACKS_EARLY] = "early"};
	for (int i = 0; i < (int)(sizeof words / sizeof *words); i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		bx_config.stacks = (enum stacks)i;
		return true;
	}
	return false;
}

static bool
read_id(const char *text)
{
	bx_config.id[0] = '\0';
	if (text)
		strncat(bx_config.id, text, sizeof bx_config.id - 1);
	return true;
}

static bool
read_traceparent(const char *text)
{
	struct traceparent trace = {.trace_id = "", .span = ""};
	if (text && !traceparent_read(text, strlen(text), &trace))
		return false;
	memcpy(bx_config.trace_id, trace.trace_id, sizeof bx_config.trace_id);
	memcpy(bx_config.trace_span, trace.span, sizeof bx_config.trace_span);
	return true;
}

const struct bx_setting bx_settings[] = {
#define BX_SETTING(...) {__VA_ARGS__},
#include "libbx/settings.def"
#undef BX_SETTING
};
const size_t bx_setting_count = sizeof bx_settings / sizeof *bx_settings;

static void
read_host(void)
{
	char host[256];
	if (gethostname(host, sizeof host) != 0)
		host[0] = '\0';
	host[sizeof host - 1] = '\0';
	uint32_t n = (uint32_t)strlen(host);
	uint8_t *p =
	    mp_is_utf8(host, n) ? mp_put_str_header(bx_config.host_mp, n) : mp_put_bin_header(bx_config.host_mp, n);
	memcpy(p, host, n);
	bx_config.host_mp_len = (uint32_t)(p + n - bx_config.host_mp);
}

static void
limit_event_to_ring(void)
{
	uint64_t quarter = bx_config.ring_capacity / 4;
	if (quarter && bx_config.event_max > quarter)
		bx_config.event_max = (uint32_t)quarter;
	if (bx_config.event_max < EVENT_MAX_LEAST)
		bx_config.event_max = EVENT_MAX_LEAST;
}

static const char *(*second_source)(const char *variable);

void
settings_source(const char *(*source)(const char *variable))
{
	second_source = source;
}

static void
read_from(const struct bx_setting *s, const char *text)
{
	if (text && *text && !s->read(text))
		bx_config.bad_settings++;
}

void
settings_read(void)
{
	int kept = errno;
	for (size_t i = 0; i < bx_setting_count; i++) {
		const struct bx_setting *s = &bx_settings[i];
		s->read(s->fallback);
		if (second_source)
			read_from(s, second_source(s->name));
		read_from(s, secure_getenv(s->name));
	}
	limit_event_to_ring();
	read_host();
	const char *program = program_invocation_short_name;
	strncat(bx_config.program, program ? program : "", sizeof bx_config.program - 1);
	errno = kept;
}
