/* SPDX-License-Identifier: ISC */
/*
 * wrap_libmemcached_store: the operations that write one key, most of them in families of one signature.
 *
 * A wrapper finds out where its call goes and hands the real function on to the one of its family that records.  Each has
 * a form `_by_key`, in which another key decides on the server.
 */
#include "preload/mc_call.h"

/* A key, and the key that decides on its server: NULL, 0 in the plain forms. */
struct key {
	const char *group;
	size_t group_len;
	const char *s;
	size_t len;
};

static struct mc_asked
asked_of(const char *op, struct key key)
{
	return (struct mc_asked){
	    .op = op, .group = key.group, .group_len = key.group_len, .key = key.s, .key_len = key.len};
}

static bool
begin(struct mc_call *call, const char *op, struct key key)
{
	struct mc_asked asked = asked_of(op, key);
	return mc_call_begin(call, &asked);
}

/* ---- set, add, replace, append, prepend -------------------------------------------------------------------------- */

struct value {
	const char *s;
	size_t len;
	time_t expiration;
	uint32_t flags;
};

static bool
begin_store(struct mc_call *call, const char *op, struct key key, const struct value *v)
{
	struct mc_asked asked = asked_of(op, key);
	asked.stores = true;
	asked.value_size = v->len;
	asked.expiration = v->expiration;
	return mc_call_begin(call, &asked);
}

typedef memcached_return_t store_fn(memcached_st *, const char *, size_t, const char *, size_t, time_t, uint32_t);
typedef memcached_return_t store_by_key_fn(
    memcached_st *, const char *, size_t, const char *, size_t, const char *, size_t, time_t, uint32_t);

static memcached_return_t
store(struct mc_call *call, const char *op, store_fn *real, struct key key, const struct value *v)
{
	if (!real)
		return MEMCACHED_FAILURE;
	bool seen = begin_store(call, op, key, v);
	memcached_return_t code = real(call->handle, key.s, key.len, v->s, v->len, v->expiration, v->flags);
	return seen ? mc_call_end(call, code, MC_WRITES) : code;
}

static memcached_return_t
store_by_key(struct mc_call *call, const char *op, store_by_key_fn *real, struct key key, const struct value *v)
{
	if (!real)
		return MEMCACHED_FAILURE;
	bool seen = begin_store(call, op, key, v);
	memcached_return_t code =
	    real(call->handle, key.group, key.group_len, key.s, key.len, v->s, v->len, v->expiration, v->flags);
	return seen ? mc_call_end(call, code, MC_WRITES) : code;
}

#define STORE(op)                                                                                                      \
	WRAPPER memcached_return_t memcached_##op(memcached_st *handle, const char *key, size_t key_len,               \
	    const char *value, size_t value_len, time_t expiration, uint32_t flags)                                    \
	{                                                                                                              \
		struct mc_call call = mc_call_to(CALLER, handle);                                                      \
		return store(&call, #op, call.real ? call.real->memcached_##op : NULL,                                 \
		    (struct key){NULL, 0, key, key_len}, &(struct value){value, value_len, expiration, flags});        \
	}                                                                                                              \
	WRAPPER memcached_return_t memcached_##op##_by_key(memcached_st *handle, const char *group, size_t group_len,  \
	    const char *key, size_t key_len, const char *value, size_t value_len, time_t expiration, uint32_t flags)   \
	{                                                                                                              \
		struct mc_call call = mc_call_to(CALLER, handle);                                                      \
		return store_by_key(&call, #op, call.real ? call.real->memcached_##op##_by_key : NULL,                 \
		    (struct key){group, group_len, key, key_len},                                                      \
		    &(struct value){value, value_len, expiration, flags});                                             \
	}

STORE(set)
STORE(add)
STORE(replace)
STORE(append)
STORE(prepend)

/* ---- cas --------------------------------------------------------------------------------------------------------- */

WRAPPER memcached_return_t
memcached_cas(memcached_st *handle, const char *key, size_t key_len, const char *value, size_t value_len,
    time_t expiration, uint32_t flags, uint64_t cas)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!call.real)
		return MEMCACHED_FAILURE;
	bool seen = begin_store(
	    &call, "cas", (struct key){NULL, 0, key, key_len}, &(struct value){value, value_len, expiration, flags});
	memcached_return_t code =
	    call.real->memcached_cas(handle, key, key_len, value, value_len, expiration, flags, cas);
	return seen ? mc_call_end(&call, code, MC_WRITES) : code;
}

WRAPPER memcached_return_t
memcached_cas_by_key(memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len,
    const char *value, size_t value_len, time_t expiration, uint32_t flags, uint64_t cas)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!call.real)
		return MEMCACHED_FAILURE;
	bool seen = begin_store(&call, "cas", (struct key){group, group_len, key, key_len},
	    &(struct value){value, value_len, expiration, flags});
	memcached_return_t code = call.real->memcached_cas_by_key(
	    handle, group, group_len, key, key_len, value, value_len, expiration, flags, cas);
	return seen ? mc_call_end(&call, code, MC_WRITES) : code;
}

/* ---- delete, touch ----------------------------------------------------------------------------------------------- */

typedef memcached_return_t mark_fn(memcached_st *, const char *, size_t, time_t);
typedef memcached_return_t mark_by_key_fn(memcached_st *, const char *, size_t, const char *, size_t, time_t);

static bool
begin_mark(struct mc_call *call, const char *op, struct key key, time_t expiration)
{
	struct mc_asked asked = asked_of(op, key);
	asked.expiration = expiration;
	return mc_call_begin(call, &asked);
}

static memcached_return_t
mark(struct mc_call *call, const char *op, mark_fn *real, struct key key, time_t expiration)
{
	if (!real)
		return MEMCACHED_FAILURE;
	bool seen = begin_mark(call, op, key, expiration);
	memcached_return_t code = real(call->handle, key.s, key.len, expiration);
	return seen ? mc_call_end(call, code, MC_WRITES) : code;
}

static memcached_return_t
mark_by_key(struct mc_call *call, const char *op, mark_by_key_fn *real, struct key key, time_t expiration)
{
	if (!real)
		return MEMCACHED_FAILURE;
	bool seen = begin_mark(call, op, key, expiration);
	memcached_return_t code = real(call->handle, key.group, key.group_len, key.s, key.len, expiration);
	return seen ? mc_call_end(call, code, MC_WRITES) : code;
}

#define MARK(op)                                                                                                       \
	WRAPPER memcached_return_t memcached_##op(                                                                     \
	    memcached_st *handle, const char *key, size_t key_len, time_t expiration)                                  \
	{                                                                                                              \
		struct mc_call call = mc_call_to(CALLER, handle);                                                      \
		return mark(&call, #op, call.real ? call.real->memcached_##op : NULL,                                  \
		    (struct key){NULL, 0, key, key_len}, expiration);                                                  \
	}                                                                                                              \
	WRAPPER memcached_return_t memcached_##op##_by_key(memcached_st *handle, const char *group, size_t group_len,  \
	    const char *key, size_t key_len, time_t expiration)                                                        \
	{                                                                                                              \
		struct mc_call call = mc_call_to(CALLER, handle);                                                      \
		return mark_by_key(&call, #op, call.real ? call.real->memcached_##op##_by_key : NULL,                  \
		    (struct key){group, group_len, key, key_len}, expiration);                                         \
	}

MARK(delete)
MARK(touch)

/* ---- increment, decrement ---------------------------------------------------------------------------------------- */

typedef memcached_return_t count_fn(memcached_st *, const char *, size_t, uint32_t, uint64_t *);
typedef memcached_return_t count_by_key_fn(
    memcached_st *, const char *, size_t, const char *, size_t, uint64_t, uint64_t *);
typedef memcached_return_t count_initial_fn(
    memcached_st *, const char *, size_t, uint64_t, uint64_t, time_t, uint64_t *);
typedef memcached_return_t count_initial_by_key_fn(
    memcached_st *, const char *, size_t, const char *, size_t, uint64_t, uint64_t, time_t, uint64_t *);

static memcached_return_t
count(struct mc_call *call, const char *op, count_fn *real, struct key key, uint32_t offset, uint64_t *value)
{
	if (!real)
		return MEMCACHED_FAILURE;
	bool seen = begin(call, op, key);
	memcached_return_t code = real(call->handle, key.s, key.len, offset, value);
	return seen ? mc_call_end(call, code, MC_WRITES) : code;
}

static memcached_return_t
count_by_key(
    struct mc_call *call, const char *op, count_by_key_fn *real, struct key key, uint64_t offset, uint64_t *value)
{
	if (!real)
		return MEMCACHED_FAILURE;
	bool seen = begin(call, op, key);
	memcached_return_t code = real(call->handle, key.group, key.group_len, key.s, key.len, offset, value);
	return seen ? mc_call_end(call, code, MC_WRITES) : code;
}

/* What a counter that is not there begins with. */
struct initial {
	uint64_t value;
	time_t expiration;
};

static memcached_return_t
count_initial(struct mc_call *call, const char *op, count_initial_fn *real, struct key key, uint64_t offset,
    struct initial initial, uint64_t *value)
{
	if (!real)
		return MEMCACHED_FAILURE;
	bool seen = begin_mark(call, op, key, initial.expiration);
	memcached_return_t code = real(call->handle, key.s, key.len, offset, initial.value, initial.expiration, value);
	return seen ? mc_call_end(call, code, MC_WRITES) : code;
}

static memcached_return_t
count_initial_by_key(struct mc_call *call, const char *op, count_initial_by_key_fn *real, struct key key,
    uint64_t offset, struct initial initial, uint64_t *value)
{
	if (!real)
		return MEMCACHED_FAILURE;
	bool seen = begin_mark(call, op, key, initial.expiration);
	memcached_return_t code = real(
	    call->handle, key.group, key.group_len, key.s, key.len, offset, initial.value, initial.expiration, value);
	return seen ? mc_call_end(call, code, MC_WRITES) : code;
}

#define COUNT(op)                                                                                                      \
	WRAPPER memcached_return_t memcached_##op(                                                                     \
	    memcached_st *handle, const char *key, size_t key_len, uint32_t offset, uint64_t *value)                   \
	{                                                                                                              \
		struct mc_call call = mc_call_to(CALLER, handle);                                                      \
		return count(&call, #op, call.real ? call.real->memcached_##op : NULL,                                 \
		    (struct key){NULL, 0, key, key_len}, offset, value);                                               \
	}                                                                                                              \
	WRAPPER memcached_return_t memcached_##op##_by_key(memcached_st *handle, const char *group, size_t group_len,  \
	    const char *key, size_t key_len, uint64_t offset, uint64_t *value)                                         \
	{                                                                                                              \
		struct mc_call call = mc_call_to(CALLER, handle);                                                      \
		return count_by_key(&call, #op, call.real ? call.real->memcached_##op##_by_key : NULL,                 \
		    (struct key){group, group_len, key, key_len}, offset, value);                                      \
	}                                                                                                              \
	WRAPPER memcached_return_t memcached_##op##_with_initial(memcached_st *handle, const char *key,                \
	    size_t key_len, uint64_t offset, uint64_t initial, time_t expiration, uint64_t *value)                     \
	{                                                                                                              \
		struct mc_call call = mc_call_to(CALLER, handle);                                                      \
		return count_initial(&call, #op, call.real ? call.real->memcached_##op##_with_initial : NULL,          \
		    (struct key){NULL, 0, key, key_len}, offset, (struct initial){initial, expiration}, value);        \
	}                                                                                                              \
	WRAPPER memcached_return_t memcached_##op##_with_initial_by_key(memcached_st *handle, const char *group,       \
	    size_t group_len, const char *key, size_t key_len, uint64_t offset, uint64_t initial, time_t expiration,   \
	    uint64_t *value)                                                                                           \
	{                                                                                                              \
		struct mc_call call = mc_call_to(CALLER, handle);                                                      \
		return count_initial_by_key(&call, #op,                                                                \
		    call.real ? call.real->memcached_##op##_with_initial_by_key : NULL,                                \
		    (struct key){group, group_len, key, key_len}, offset, (struct initial){initial, expiration},       \
		    value);                                                                                            \
	}

COUNT(increment)
COUNT(decrement)
