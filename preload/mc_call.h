/* SPDX-License-Identifier: ISC */
/*
 * mc_call: one call to libmemcached and the `.memcache` event it becomes; and what is known of each client handle.
 *
 * One call is one event, but for mget: that begins one, fetches count what comes, and the fetch that returns nothing
 * ends it.  A program that never fetches to the end ends it by its next operation or by freeing the handle, as
 * `abandoned`.  A key that is not there, or was there already, is an outcome and no error; a write that the server
 * carried out is `stored`, a deletion too.
 */
#ifndef BLUEOX_PRELOAD_MC_CALL_H
#define BLUEOX_PRELOAD_MC_CALL_H

#include "preload/real.h"
#include "preload/span.h"
#include "preload/track.h"

/* What a call is for: it decides how a return code is to be called. */
enum mc_purpose { MC_READS, MC_WRITES, MC_ADMINISTERS };

/* What is known of one memcached_st. */
struct mc_client {
	struct track_node node;
	const struct real_memcached *real; /* of its last call */
	bx_ctx *running;                   /* the call that has not returned */
	bx_ctx *fetched;                   /* the mget whose values are being fetched */
	int64_t begin_ns;
	struct span_asked asked; /* by which call, of the mget */
	size_t key_count;
	size_t hits;
	uint64_t value_bytes;
	bool failed;
	bool uncounted; /* its values go where they cannot be counted */
};

struct mc_call {
	const struct real_memcached *real; /* NULL: there is no libmemcached to call */
	memcached_st *handle;
	struct mc_client *client;
	bx_ctx *span;
	int64_t begin_ns;
	bool seen; /* it is the application's, and recorded */
};

/* A call by `caller`: which library it goes to, and whether it is to be recorded. */
struct mc_call mc_call_to(void *caller, const memcached_st *handle);

/* What a call is about; what does not apply is zero. */
struct mc_asked {
	const char *op;
	const char *group; /* the key that decides on the server */
	size_t group_len;
	const char *key;
	size_t key_len;
	bool many; /* the next three say what is asked for */
	const char *const *keys;
	const size_t *lens;
	size_t count;
	bool stores; /* a value of that size; its expiration is told even when it is zero */
	size_t value_size;
	time_t expiration;
};

/* Begins its event.  False: carry the call out, and record nothing. */
bool mc_call_begin(struct mc_call *call, const struct mc_asked *asked);

/* It has returned and is the whole event.  Returns the code. */
memcached_return_t mc_call_end(struct mc_call *call, memcached_return_t code, enum mc_purpose purpose);

/* The same for one that read a value of *value_len bytes, if it did; NULL: its caller did not ask. */
void mc_call_end_value(struct mc_call *call, memcached_return_t code, const size_t *value_len);

/* What a code that is an error tells, without a handle too. */
void mc_call_error(const struct mc_call *call, memcached_return_t code);

/* An mget has returned: its event goes on if there is anything to fetch.  Returns the code. */
memcached_return_t mc_mget_begin(struct mc_call *call, size_t key_count, memcached_return_t code);

/* True when an mget of the application's own is being fetched through this handle. */
bool mc_fetch_join(struct mc_call *call);
void mc_fetch_hit(struct mc_client *client, size_t value_len);
void mc_fetch_end(struct mc_call *call, memcached_return_t code);

/* The client that is known of a handle, or NULL; and its end, when the host frees the handle. */
struct mc_client *mc_client_find(const memcached_st *handle);
void mc_client_drop(const memcached_st *handle);

#endif
