/* SPDX-License-Identifier: ISC */
/* wrap_libmemcached_fetch: the operations that read: one key, or many whose values are fetched afterwards. */
#include <string.h>

#include "preload/mc_call.h"

/* ---- one value --------------------------------------------------------------------------------------------------- */

WRAPPER char *
memcached_get(memcached_st *handle, const char *key, size_t key_len, size_t *value_len, uint32_t *flags,
    memcached_return_t *error)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	memcached_return_t unasked, *code = error ? error : &unasked;
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "get", .key = key, .key_len = key_len}))
		return call.real ? call.real->memcached_get(handle, key, key_len, value_len, flags, error) : NULL;
	char *value = call.real->memcached_get(handle, key, key_len, value_len, flags, code);
	mc_call_end_value(&call, *code, value_len);
	return value;
}

WRAPPER char *
memcached_get_by_key(memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len,
    size_t *value_len, uint32_t *flags, memcached_return_t *error)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	memcached_return_t unasked, *code = error ? error : &unasked;
	if (!mc_call_begin(
		&call, &(struct mc_asked){
			   .op = "get", .group = group, .group_len = group_len, .key = key, .key_len = key_len}))
		return call.real ? call.real->memcached_get_by_key(
				       handle, group, group_len, key, key_len, value_len, flags, error)
				 : NULL;
	char *value = call.real->memcached_get_by_key(handle, group, group_len, key, key_len, value_len, flags, code);
	mc_call_end_value(&call, *code, value_len);
	return value;
}

WRAPPER memcached_return_t
memcached_exist(memcached_st *handle, const char *key, size_t key_len)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "exist", .key = key, .key_len = key_len}))
		return call.real && call.real->memcached_exist ? call.real->memcached_exist(handle, key, key_len)
							       : MEMCACHED_FAILURE;
	return mc_call_end(&call, call.real->memcached_exist(handle, key, key_len), MC_READS);
}

WRAPPER memcached_return_t
memcached_exist_by_key(memcached_st *handle, const char *group, size_t group_len, const char *key, size_t key_len)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!mc_call_begin(
		&call, &(struct mc_asked){
			   .op = "exist", .group = group, .group_len = group_len, .key = key, .key_len = key_len}))
		return call.real ? call.real->memcached_exist_by_key(handle, group, group_len, key, key_len)
				 : MEMCACHED_FAILURE;
	return mc_call_end(&call, call.real->memcached_exist_by_key(handle, group, group_len, key, key_len), MC_READS);
}

/* ---- many values ------------------------------------------------------------------------------------------------- */

WRAPPER memcached_return_t
memcached_mget(memcached_st *handle, const char *const *keys, const size_t *lens, size_t count)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!mc_call_begin(
		&call, &(struct mc_asked){.op = "mget", .many = true, .keys = keys, .lens = lens, .count = count}))
		return call.real ? call.real->memcached_mget(handle, keys, lens, count) : MEMCACHED_FAILURE;
	return mc_mget_begin(&call, count, call.real->memcached_mget(handle, keys, lens, count));
}

WRAPPER memcached_return_t
memcached_mget_by_key(memcached_st *handle, const char *group, size_t group_len, const char *const *keys,
    const size_t *lens, const size_t count)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "mget",
				      .group = group,
				      .group_len = group_len,
				      .many = true,
				      .keys = keys,
				      .lens = lens,
				      .count = count}))
		return call.real ? call.real->memcached_mget_by_key(handle, group, group_len, keys, lens, count)
				 : MEMCACHED_FAILURE;
	return mc_mget_begin(
	    &call, count, call.real->memcached_mget_by_key(handle, group, group_len, keys, lens, count));
}

WRAPPER char *
memcached_fetch(
    memcached_st *handle, char *key, size_t *key_len, size_t *value_len, uint32_t *flags, memcached_return_t *error)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	memcached_return_t unasked, *code = error ? error : &unasked;
	if (!mc_fetch_join(&call))
		return call.real ? call.real->memcached_fetch(handle, key, key_len, value_len, flags, error) : NULL;
	char *value = call.real->memcached_fetch(handle, key, key_len, value_len, flags, code);
	if (value || *code == MEMCACHED_SUCCESS) /* a value of no bytes comes as NULL */
		mc_fetch_hit(call.client, value_len ? *value_len : 0);
	else
		mc_fetch_end(&call, *code);
	return value;
}

WRAPPER memcached_result_st *
memcached_fetch_result(memcached_st *handle, memcached_result_st *result, memcached_return_t *error)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	memcached_return_t unasked, *code = error ? error : &unasked;
	if (!mc_fetch_join(&call))
		return call.real ? call.real->memcached_fetch_result(handle, result, error) : NULL;
	memcached_result_st *got = call.real->memcached_fetch_result(handle, result, code);
	if (got)
		mc_fetch_hit(call.client, call.real->memcached_result_length(got));
	else
		mc_fetch_end(&call, *code);
	return got;
}

/* ---- values handed to callbacks ---------------------------------------------------------------------------------- */

/* The host's callbacks with ours in front: nothing of ours is on the stack while one of theirs runs. */
enum { CALLBACKS_MAX = 16 };
struct callbacks {
	memcached_execute_fn list[CALLBACKS_MAX];
	memcached_execute_fn *start;
	uint32_t count;
};

static memcached_return_t
count_value(const memcached_st *handle, memcached_result_st *result, void *context)
{
	(void)context;
	struct mc_client *client = mc_client_find(handle);
	if (client && client->real)
		mc_fetch_hit(client, client->real->memcached_result_length(result));
	return MEMCACHED_SUCCESS;
}

static void
callbacks_count(struct callbacks *c, struct mc_client *client, memcached_execute_fn *theirs, uint32_t count)
{
	*c = (struct callbacks){.start = theirs, .count = count};
	if (count >= CALLBACKS_MAX || (count && !theirs)) {
		client->uncounted = true;
		return;
	}
	c->list[0] = count_value;
	if (count)
		memcpy(c->list + 1, theirs, count * sizeof *theirs);
	c->start = c->list;
	c->count = count + 1;
}

WRAPPER memcached_return_t
memcached_fetch_execute(memcached_st *handle, memcached_execute_fn *callback, void *context, uint32_t count)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	struct callbacks with_ours;
	if (!mc_fetch_join(&call))
		return call.real ? call.real->memcached_fetch_execute(handle, callback, context, count)
				 : MEMCACHED_FAILURE;
	callbacks_count(&with_ours, call.client, callback, count);
	memcached_return_t code = call.real->memcached_fetch_execute(handle, with_ours.start, context, with_ours.count);
	if (mc_fetch_join(&call)) /* unless a callback began something else */
		mc_fetch_end(&call, code);
	return code;
}

WRAPPER memcached_return_t
memcached_mget_execute(memcached_st *handle, const char *const *keys, const size_t *lens, const size_t count,
    memcached_execute_fn *callback, void *context, const uint32_t callback_count)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	struct callbacks with_ours;
	if (!mc_call_begin(
		&call, &(struct mc_asked){.op = "mget", .many = true, .keys = keys, .lens = lens, .count = count}))
		return call.real ? call.real->memcached_mget_execute(
				       handle, keys, lens, count, callback, context, callback_count)
				 : MEMCACHED_FAILURE;
	callbacks_count(&with_ours, call.client, callback, callback_count);
	return mc_mget_begin(&call, count,
	    call.real->memcached_mget_execute(handle, keys, lens, count, with_ours.start, context, with_ours.count));
}

WRAPPER memcached_return_t
memcached_mget_execute_by_key(memcached_st *handle, const char *group, size_t group_len, const char *const *keys,
    const size_t *lens, size_t count, memcached_execute_fn *callback, void *context, const uint32_t callback_count)
{
	struct mc_call call = mc_call_to(CALLER, handle);
	struct callbacks with_ours;
	if (!mc_call_begin(&call, &(struct mc_asked){.op = "mget",
				      .group = group,
				      .group_len = group_len,
				      .many = true,
				      .keys = keys,
				      .lens = lens,
				      .count = count}))
		return call.real ? call.real->memcached_mget_execute_by_key(
				       handle, group, group_len, keys, lens, count, callback, context, callback_count)
				 : MEMCACHED_FAILURE;
	callbacks_count(&with_ours, call.client, callback, callback_count);
	return mc_mget_begin(&call, count,
	    call.real->memcached_mget_execute_by_key(
		handle, group, group_len, keys, lens, count, with_ours.start, context, with_ours.count));
}
