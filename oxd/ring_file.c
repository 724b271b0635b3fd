/* SPDX-License-Identifier: ISC */
/* ring_file: pread, compare, copy. */
#include "oxd/ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libbx/core/bytes.h"
#include "libbx/core/mp.h"
#include "oxd/disk.h"

bool
ring_file_is_name(const char *name)
{
	return strlen(name) == RING_FILE_NAME - 1 && strspn(name, "0123456789abcdef") == RING_NAME_LEN &&
	       strcmp(name + RING_NAME_LEN, RING_SUFFIX) == 0;
}

static bool
is_ring(int fd, struct stat *st, struct ring_header *h)
{
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_nlink == 1 && disk_read(fd, h, sizeof *h, 0) &&
	       ring_header_valid(h) && (uint64_t)st->st_size == RING_HEADER_BYTES + h->capacity;
}

/* The tail is ours, but the program has it mapped too: believed only when both words agree. */
static uint64_t
tail_of(const struct ring_header *h)
{
	uint64_t tail = atomic_load_explicit(&h->tail, memory_order_relaxed);
	return tail == ~atomic_load_explicit(&h->tail_check, memory_order_relaxed) ? tail : 0;
}

static uint64_t
start_position(const struct ring_header *h, const struct position *known)
{
	uint64_t at = h->capacity; /* where every ring starts */
	uint64_t tail = tail_of(h);
	if (tail > at)
		at = tail;
	return known->to > at ? known->to : at;
}

enum bx_err
ring_file_open(
    int rings_fd, const char *name, const uint8_t boot_id[16], struct positions *positions, struct ring_file **out)
{
	struct ring_header h;
	struct stat st;
	int fd = openat(rings_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ? BX_EBAD : BX_EIO;
	memset(&h, 0, sizeof h);
	if (!is_ring(fd, &st, &h)) {
		close(fd);
		return ring_header_newer(&h) ? BX_EVERSION : BX_EBAD;
	}
	struct ring_file *r = calloc(1, sizeof *r);
	if (!r) {
		close(fd);
		return BX_ENOMEM;
	}
	r->fd = fd;
	memcpy(r->name, name, RING_FILE_NAME);
	r->capacity = h.capacity;
	r->key.ino = st.st_ino;
	r->key.uid = st.st_uid;
	memcpy(r->key.nonce, h.nonce, sizeof h.nonce);
	memcpy(r->program, h.program, sizeof h.program);
	r->pid = h.pid;
	r->same_pidns = stat("/proc/self/ns/pid", &st) == 0 && h.pidns == (uint64_t)st.st_ino;
	static const uint8_t unknown[16];
	r->other_boot = memcmp(h.boot_id, boot_id, 16) != 0 && memcmp(h.boot_id, unknown, 16) != 0;
	r->gone = r->other_boot;
	r->probes_due = 1;
	r->position = positions_get(positions, &r->key);
	r->position->in_use = true;
	r->position->to = start_position(&h, r->position);
	if (r->position->to != tail_of(&h))
		r->tail_due = r->position->to;
	*out = r;
	return BX_OK;
}

void
ring_file_close(struct ring_file **r)
{
	close((*r)->fd);
	free(*r);
	*r = NULL;
}

/* A head that is where we are is believed at once: nothing is read because of it, and it is looked at again soon. */
static bool
read_head(struct ring_file *r, uint64_t *head)
{
	uint64_t once, twice;
	/* A copy by the kernel may be torn while the writer stores; two that agree are not. */
	for (int tries = 0; tries < 16; tries++) {
		if (!disk_read(r->fd, &once, sizeof once, offsetof(struct ring_header, head)))
			return false;
		if (once == r->position->to) {
			*head = once;
			return true;
		}
		if (!disk_read(r->fd, &twice, sizeof twice, offsetof(struct ring_header, head)))
			return false;
		if (once == twice) {
			atomic_thread_fence(memory_order_acquire);
			*head = once;
			return true;
		}
	}
	*head = twice; /* it moves all the time; the bounds are checked anyway */
	return true;
}

enum bx_err
ring_file_waiting(struct ring_file *r, uint64_t *bytes)
{
	uint64_t head;
	for (int tries = 0; tries < 2; tries++) {
		if (!read_head(r, &head))
			return BX_EBAD;
		*bytes = head - r->position->to; /* huge when the head went back */
		if (*bytes <= r->capacity && *bytes % 8 == 0)
			return BX_OK;
	}
	return BX_EBAD;
}

static enum bx_err
read_window(struct ring_file *r, uint64_t n, struct buf *window)
{
	buf_clear(window);
	uint8_t *to = buf_extend(window, (size_t)n);
	if (!to)
		return BX_ENOMEM;
	uint64_t offset = r->position->to & (r->capacity - 1);
	uint64_t first = r->capacity - offset < n ? r->capacity - offset : n;
	if (!disk_read(r->fd, to, (size_t)first, RING_HEADER_BYTES + offset) ||
	    !disk_read(r->fd, to + first, (size_t)(n - first), RING_HEADER_BYTES))
		return BX_EBAD; /* somebody has cut the file */
	return BX_OK;
}

static void
take_record(
    const struct ring_view *v, const uint8_t *window_end, struct buf *frame, size_t frame_at, struct ring_visit *out)
{
	if (!mp_is_one_map_in(v->map, v->map_len, (size_t)(window_end - v->map))) {
		out->bad_maps++;
	} else if (v->size > FRAME_MAX - FRAME_HEADER) {
		out->too_big++;
	} else {
		frame_add_joined(frame, frame_at, v->type, v->type_len, v->end, v->map_len);
		out->events++;
	}
}

/* Walks the window; `need` is set to the size of a record that the window cuts. */
static enum bx_err
walk(struct ring_file *r, const struct buf *window, struct buf *frame, size_t frame_at, struct ring_visit *out,
    uint64_t *need)
{
	for (size_t at = 0; at < window->len;) {
		struct ring_view v = {.size = RING_RECORD_HEADER};
		enum bx_err err = ring_record_read(window->data + at, window->len - at, out->to, r->capacity, &v);
		if (err == BX_ESHORT)
			*need = v.size;
		if (err != BX_OK)
			return err;
		if (frame->len - frame_at + v.size > FRAME_MAX && out->events > 0)
			return BX_OK; /* it goes into the next frame */
		take_record(&v, window->data + window->len, frame, frame_at, out);
		at += v.size;
		out->to += v.size;
	}
	return BX_OK;
}

static enum bx_err
visit_once(struct ring_file *r, uint64_t waiting, uint64_t most, struct buf *window, struct buf *frame, size_t frame_at,
    struct ring_visit *out)
{
	for (uint64_t n = waiting < most ? waiting : most;;) {
		uint64_t need = 0;
		*out = (struct ring_visit){.from = r->position->to, .to = r->position->to};
		enum bx_err err = read_window(r, n, window);
		if (err == BX_OK)
			err = walk(r, window, frame, frame_at, out, &need);
		if (err != BX_ESHORT)
			return err;
		if (out->to - out->from + need > waiting)
			return BX_EBAD; /* a record that ends behind the head */
		if (out->to > out->from)
			return BX_OK;
		n = need;
	}
}

enum bx_err
ring_file_visit(struct ring_file *r, uint64_t waiting, uint64_t most, struct buf *window, struct buf *frame,
    size_t frame_at, struct ring_visit *out)
{
	enum bx_err err = BX_EBAD;
	struct buf start = *frame;
	for (int tries = 0; tries < 2 && err != BX_OK; tries++) {
		frame->len = start.len;
		put_u32le(frame->data + frame_at + 40, 0);
		err = visit_once(r, waiting, most, window, frame, frame_at, out);
	}
	if (err == BX_EBAD && r->other_boot) {
		/* Its program died with that boot, perhaps in the middle of a record: what came before it counts. */
		out->ended = true;
		return BX_OK;
	}
	return err;
}

void
ring_file_write_tail(struct ring_file *r)
{
	uint64_t words[2] = {r->tail_due, ~r->tail_due};
	atomic_thread_fence(memory_order_seq_cst);
	if (pwrite(r->fd, words, sizeof words, offsetof(struct ring_header, tail)) == (ssize_t)sizeof words)
		r->tail_due = 0;
}

void
ring_file_ask_to_leave(struct ring_file *r)
{
	uint32_t one = 1;
	if (pwrite(r->fd, &one, sizeof one, offsetof(struct ring_header, please_leave)) < 0)
		return; /* it then keeps on dropping, and counting what it drops */
}

static double
time_told(uint64_t bits)
{
	double t = double_of_bits(bits);
	return isfinite(t) && t > 0 ? t : 0;
}

bool
ring_file_drops(struct ring_file *r, struct ring_drops *out)
{
	struct ring_header h;
	if (!disk_read(r->fd, &h, sizeof h, 0))
		return false;
	out->totals.bytes = atomic_load_explicit(&h.dropped_bytes, memory_order_relaxed);
	for (int i = 0; i < RING_DROP_SLOTS; i++)
		out->totals.by[i] = atomic_load_explicit(&h.dropped_by[i], memory_order_relaxed);
	out->first = time_told(atomic_load_explicit(&h.first_drop, memory_order_relaxed));
	out->last = time_told(atomic_load_explicit(&h.last_drop, memory_order_relaxed));
	out->events = atomic_load_explicit(&h.events, memory_order_relaxed);
	return true;
}

bool
ring_file_probe(struct ring_file *r)
{
	if (r->gone)
		return true;
	if (fcntl(r->fd, F_SETLEASE, F_WRLCK) == 0) {
		fcntl(r->fd, F_SETLEASE, F_UNLCK);
		r->gone = true;
	} else if (errno == EACCES) {
		/*
		 * Another user's file, and no CAP_LEASE.  A close proves nothing, since anybody of that user may open and
		 * close the file.  A pid of our own namespace that is gone does: rings are not inherited over fork.
		 */
		r->gone = r->same_pidns && r->pid != 0 && kill((pid_t)r->pid, 0) != 0 && errno == ESRCH;
		r->kept = !r->gone;
	}
	return r->gone;
}
