/* SPDX-License-Identifier: ISC */
/*
 * root: declared once, made in each process at the first need.
 *
 * The lineage is ordinary memory, so that a child finds its parent's; whether it is this process's own is said by the
 * wiped page, where zero means "not made here yet".
 */
#include "libbx/root.h"

#include <string.h>

enum { NOT_MADE, BEING_MADE, MADE };
enum { PATIENCE = 100000 }; /* loads that we wait for another thread that is making it */

static struct lineage root;
bool root_declared;
static int64_t began_mono, began_wall;
static uint64_t made_in; /* generation that the lineage was last made in; 0: never */

bool
root_declare(const char *name, int64_t start_mono, int64_t start_wall)
{
	if (root_declared)
		return false;
	root.name_len = (uint16_t)strnlen(name, NAME_MAX_LEN);
	memcpy(root.name, name, root.name_len);
	root.dotted = memchr(root.name, '.', root.name_len) != NULL;
	root.recorded = true;
	began_mono = start_mono;
	began_wall = start_wall;
	root_declared = root.name_len > 0;
	return root_declared;
}

static void
take_from_environment(struct thread *t)
{
	const char *id = bx_config.id[0] ? bx_config.id : bx_config.trace_id;
	if (id[0])
		lineage_set_id(&root, id, strlen(id));
	else
		root.id = id_new((uint64_t)(began_wall / 1000000000), &t->rand);
	if (id[0] && strcmp(id, bx_config.trace_id) == 0)
		(void)hex_read_u64(bx_config.trace_span, &root.parent);
}

static void
make(struct thread *t)
{
	if (made_in == 0) {
		take_from_environment(t);
	} else { /* a child: same name and id, under its parent's span, from now on */
		root.parent = root.span;
		began_mono = clock_mono_ns();
		began_wall = thread_wall_ns(t, began_mono);
	}
	root.span = span_new(&t->rand);
	made_in = t->generation;
}

const struct lineage *
root_line_declared(struct thread *t)
{
	struct process *p = t->process;
	uint32_t state = atomic_load_explicit(&p->root, memory_order_acquire);
	if (__builtin_expect(state == MADE, 1))
		return &root;
	if (state == NOT_MADE && atomic_compare_exchange_strong(&p->root, &state, BEING_MADE)) {
		make(t);
		atomic_store_explicit(&p->root, MADE, memory_order_release);
		return &root;
	}
	for (int i = 0; i < PATIENCE; i++)
		if (atomic_load_explicit(&p->root, memory_order_acquire) == MADE)
			return &root;
	return NULL;
}

void
root_start(int64_t *mono, int64_t *wall)
{
	*mono = began_mono;
	*wall = began_wall;
}
