/* SPDX-License-Identifier: ISC */
/* configure: reading the environment, once, into bx_config; nothing is opened here. */
#include "include/blueox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "libbx/core/id.h"
#include "libbx/core/mp.h"
#include "libbx/core/parse.h"
#include "libbx/core/rundir.h"
#include "libbx/process.h"

enum { EVENT_MAX_DEFAULT = 64 * 1024, EVENT_MAX_LEAST = 4096 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool usable; /* the environment made sense */

static bool
env_size(const char *name, uint64_t fallback, uint64_t *out)
{
	const char *text = secure_getenv(name);
	*out = fallback;
	return !text || !*text || parse_size(text, out);
}

/* The next power of two that a ring may have, 0 for none. */
static uint64_t
ring_capacity_for(uint64_t wanted)
{
	uint64_t capacity = RING_CAPACITY_MIN;
	if (wanted == 0)
		return 0;
	while (capacity < wanted && capacity < RING_CAPACITY_MAX)
		capacity *= 2;
	return capacity;
}

static bool
read_sizes(void)
{
	uint64_t ring, event;
	if (!env_size("BLUEOX_RING_SIZE", RING_CAPACITY_DEFAULT, &ring) ||
	    !env_size("BLUEOX_EVENT_MAX", EVENT_MAX_DEFAULT, &event))
		return false;
	bx_config.ring_capacity = ring_capacity_for(ring);
	if (event > bx_config.ring_capacity / 4)
		event = bx_config.ring_capacity / 4;
	if (event < EVENT_MAX_LEAST)
		event = EVENT_MAX_LEAST;
	bx_config.event_max = (uint32_t)event;
	return bx_config.ring_capacity != 0;
}

static bool
read_run_dir(void)
{
	const char *given = secure_getenv("BLUEOX_RUN_DIR");
	if (!given)
		return true;
	if (strlen(given) > RUNDIR_MAX)
		return false;
	strcpy(bx_config.run_dir, given);
	return true;
}

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

/* W3C trace context, version 00: 00-<trace id>-<span>-<flags>.  What does not fit is as if it were not there. */
static void
read_traceparent(const char *text)
{
	uint8_t raw[ID_LEN / 2];
	if (!text || strlen(text) < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-' ||
	    hex_decode(raw, text + 3, ID_LEN / 2) != 0 || hex_decode(raw, text + 36, SPAN_LEN / 2) != 0)
		return;
	memcpy(bx_config.trace_id, text + 3, ID_LEN);
	memcpy(bx_config.trace_span, text + 36, SPAN_LEN);
}

static void
read_identity(void)
{
	const char *id = secure_getenv("BLUEOX_ID");
	if (id)
		strncat(bx_config.id, id, sizeof bx_config.id - 1);
	read_traceparent(secure_getenv("TRACEPARENT"));
	const char *program = program_invocation_short_name;
	strncat(bx_config.program, program ? program : "", sizeof bx_config.program - 1);
}

static void
read_environment(void)
{
	int kept = errno;
	const char *stacks = secure_getenv("BLUEOX_STACKS");
	bx_config.stacks = !stacks || strcmp(stacks, "0") != 0;
	usable = getauxval(AT_SECURE) == 0 && read_sizes() && read_run_dir();
	read_host();
	read_identity();
	errno = kept;
}

int
bx_configure_default(void)
{
	pthread_once(&once, read_environment);
	if (usable)
		atomic_store_explicit(&bx_config.on, true, memory_order_release);
	return usable ? 0 : -1;
}

void
bx_shutdown(void)
{
	atomic_store_explicit(&bx_config.on, false, memory_order_release);
}

bool
bx_configured(void)
{
	return config_on();
}
