/* SPDX-License-Identifier: ISC */
/*
 * ring: making ring files without ever endangering the host, and the four stores of a publish.
 *
 * Making one is a list of refusals first: a file size limit (a signal would kill the host), a file system nearly full,
 * the process's own bound.  The space is allocated before it is mapped, since a hole on a full tmpfs is a SIGBUS.
 */
#include "libbx/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libbx/core/clock.h"
#include "libbx/core/id.h"
#include "libbx/core/memlimit.h"
#include "libbx/core/rand.h"
#include "libbx/core/rundir.h"
#include "libbx/remote.h"

enum { RETRY_NS = 1000000000, FALLOCATE_TRIES = 8 };

struct ring_paths {
	char fresh[RUNDIR_MAX + 64];
	char final[RUNDIR_MAX + 64];
	char doorbell[RUNDIR_MAX + 64];
};

static size_t
mapped_bytes(uint64_t capacity)
{
	return RING_HEADER_BYTES + 2 * capacity;
}

/* path = dir + tail, without stdio: we may be in a signal handler. */
static void
path_join(char *out, const char *dir, const char *middle, const char *name, const char *suffix)
{
	out = stpcpy(out, dir);
	out = stpcpy(out, middle);
	out = stpcpy(out, name);
	stpcpy(out, suffix);
}

static bool
make_paths(struct ring_paths *paths, uint64_t name)
{
	char dir[RUNDIR_MAX + 1];
	if (!rundir_path(bx_config.run_dir, dir, sizeof dir))
		return false;
	char hex[RING_NAME_LEN + 1];
	hex_u64(hex, name);
	hex[RING_NAME_LEN] = '\0';
	path_join(paths->fresh, dir, "/rings/.", hex, ".new");
	path_join(paths->final, dir, "/rings/", hex, RING_SUFFIX);
	path_join(paths->doorbell, dir, "/doorbell", "", "");
	return true;
}

static bool
host_can_afford(int fd, uint64_t bytes)
{
	struct statvfs fs;
	if (fstatvfs(fd, &fs) != 0)
		return false;
	uint64_t all = (uint64_t)fs.f_blocks * fs.f_frsize, free = (uint64_t)fs.f_bavail * fs.f_frsize;
	return fs.f_blocks == 0 /* no limit */ || (free >= bytes && free - bytes >= all / 8);
}

static bool
below_file_size_limit(uint64_t bytes)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes);
}

static bool
allocate(int fd, uint64_t bytes)
{
	for (int i = 0; i < FALLOCATE_TRIES; i++) {
		int err = posix_fallocate(fd, 0, (off_t)bytes);
		if (err != EINTR)
			return err == 0;
	}
	return false;
}

static void
fill_header(struct ring_header *h, uint64_t capacity, struct rand *r)
{
	struct stat st;
	memset(h, 0, sizeof *h);
	memcpy(h->magic, RING_MAGIC, sizeof h->magic);
	h->layout = RING_LAYOUT;
	h->header_bytes = RING_HEADER_BYTES;
	h->capacity = capacity;
	for (int i = 0; i < 2; i++) {
		uint64_t x = rand_u64(r);
		memcpy(h->nonce + 8 * i, &x, 8);
	}
	ring_boot_id(h->boot_id);
	h->pid = (uint32_t)getpid();
	h->pidns = stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
	h->starttime = (uint64_t)clock_wall_ns();
	memcpy(h->program, bx_config.program, sizeof h->program);
	h->program[sizeof h->program - 1] = '\0';
	atomic_init(&h->head, capacity); /* positions start here: zeroed memory is no record */
	atomic_init(&h->tail, capacity);
	atomic_init(&h->tail_check, ~capacity);
}

/* Header page and data, then the data once more right behind. */
static struct ring_header *
map_twice(int fd, uint64_t capacity)
{
	size_t size = mapped_bytes(capacity);
	uint8_t *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_FIXED;
	void *once = mmap(base, RING_HEADER_BYTES + capacity, prot, flags, fd, 0);
	void *again = once == MAP_FAILED
			  ? MAP_FAILED
			  : mmap(base + RING_HEADER_BYTES + capacity, capacity, prot, flags, fd, RING_HEADER_BYTES);
	if (again == MAP_FAILED || madvise(base, size, MADV_DONTFORK) != 0) {
		munmap(base, size);
		return NULL;
	}
	madvise(base, size, MADV_DONTDUMP); /* only a courtesy to core dumps */
	return (struct ring_header *)(void *)base;
}

/* Memory of this process alone: the same layout, the same two mappings, and no file. */
static struct ring_header *
make_private(uint64_t capacity)
{
	size_t size = mapped_bytes(capacity), once = RING_HEADER_BYTES + capacity;
	uint8_t *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;
	/* a length of 0 maps the same shared pages once more */
	if (mmap(base, once, prot, flags, -1, 0) == MAP_FAILED ||
	    mremap(base + RING_HEADER_BYTES, 0, capacity, MREMAP_MAYMOVE | MREMAP_FIXED, base + once) == MAP_FAILED ||
	    madvise(base, size, MADV_DONTFORK) != 0) {
		munmap(base, size);
		return NULL;
	}
	madvise(base, size, MADV_DONTDUMP);
	struct rand r;
	rand_seed(&r);
	fill_header((struct ring_header *)(void *)base, capacity, &r);
	return (struct ring_header *)(void *)base;
}

static struct ring_header *
make_file(const struct ring_paths *paths, uint64_t capacity, struct rand *r)
{
	uint64_t bytes = RING_HEADER_BYTES + capacity;
	if (!below_file_size_limit(bytes))
		return NULL;
	int fd = open(paths->fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0660);
	if (fd < 0)
		return NULL;
	struct ring_header h, *mapped = NULL;
	fill_header(&h, capacity, r);
	/* Asked again when it has the blocks: others may have asked when we did. */
	if (host_can_afford(fd, bytes) && fchmod(fd, 0660) == 0 && allocate(fd, bytes) && host_can_afford(fd, 0) &&
	    pwrite(fd, &h, sizeof h, 0) == (ssize_t)sizeof h)
		mapped = map_twice(fd, capacity);
	close(fd);
	if (mapped && renameat2(AT_FDCWD, paths->fresh, AT_FDCWD, paths->final, RENAME_NOREPLACE) != 0) {
		munmap(mapped, mapped_bytes(capacity));
		mapped = NULL;
	}
	if (!mapped)
		unlink(paths->fresh);
	return mapped;
}

static void
map_doorbell(struct process *p, const char *path)
{
	if (atomic_load(&p->doorbell))
		return;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	struct stat st;
	void *word = MAP_FAILED;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= (off_t)sizeof(uint32_t))
		word = mmap(NULL, sizeof(uint32_t), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (word == MAP_FAILED)
		return;
	madvise(word, sizeof(uint32_t), MADV_DONTFORK);
	uint32_t *none = NULL;
	if (!atomic_compare_exchange_strong(&p->doorbell, &none, (uint32_t *)word))
		munmap(word, sizeof(uint32_t));
}

static struct ring_header *
make_named(struct process *p, struct ring_paths *paths, uint64_t capacity)
{
	struct rand r;
	rand_seed(&r);
	struct ring_header *made = NULL;
	if (make_paths(paths, rand_u64(&r)))
		made = make_file(paths, capacity, &r);
	if (made)
		map_doorbell(p, paths->doorbell);
	return made;
}

uint64_t
ring_process_most(struct process *p)
{
	uint64_t most = atomic_load(&p->rings_most);
	if (most)
		return most;
	int cancel;
	most = RING_PROCESS_MIN;
	struct memlimit_scratch *scratch =
	    mmap(NULL, sizeof *scratch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (scratch == MAP_FAILED)
		return most;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* as in ring_take() */
	uint64_t share = memory_limit("/proc/self/cgroup", "/sys/fs/cgroup", scratch) / 8;
	pthread_setcancelstate(cancel, &cancel);
	munmap(scratch, sizeof *scratch);
	if (share > most)
		most = share < RING_PROCESS_MAX ? share : RING_PROCESS_MAX;
	atomic_store(&p->rings_most, most);
	return most;
}

static uint64_t
capacity_small(void)
{
	uint64_t quarter = bx_config.ring_capacity / 4;
	return quarter > RING_CAPACITY_MIN ? quarter : RING_CAPACITY_MIN;
}

/* The second half of what there is is for smaller rings: many threads then get little rather than nothing. */
static uint64_t
capacity_after(struct process *p, uint64_t taken)
{
	uint64_t full = bx_config.ring_capacity, small = capacity_small();
	if (taken + full <= RING_PROCESS_MIN)
		return full;
	uint64_t most = ring_process_most(p);
	if (taken + full <= most / 2)
		return full;
	return taken + small <= most ? small : 0;
}

/* Takes a ring's bytes out of what the process may have; 0 when there is nothing left. */
static uint64_t
reserve_capacity(struct process *p)
{
	uint64_t taken = atomic_load(&p->ring_bytes), capacity;
	do {
		capacity = capacity_after(p, taken);
		if (capacity == 0)
			return 0;
	} while (!atomic_compare_exchange_weak(&p->ring_bytes, &taken, taken + capacity));
	return capacity;
}

uint64_t
ring_capacity_next(struct process *p)
{
	uint64_t capacity = capacity_after(p, atomic_load(&p->ring_bytes));
	return capacity ? capacity : capacity_small();
}

static struct ring_header *
make_shared(struct process *p, uint64_t capacity)
{
	/* Three paths are more than the stack of a signal handler or a fiber may have left. */
	struct ring_paths *paths =
	    mmap(NULL, sizeof *paths, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ring_header *made = NULL;
	if (paths == MAP_FAILED)
		return NULL;
	made = make_named(p, paths, capacity);
	munmap(paths, sizeof *paths);
	return made;
}

static struct ring_header *
make_ring(struct process *p, bool private)
{
	int64_t now = clock_mono_ns();
	if (now < atomic_load(&p->ring_retry))
		return NULL;
	uint64_t capacity = reserve_capacity(p);
	struct ring_header *made = NULL;
	if (capacity)
		made = private ? make_private(capacity) : make_shared(p, capacity);
	if (!made) {
		atomic_fetch_sub(&p->ring_bytes, capacity);
		atomic_store(&p->ring_retry, now + RETRY_NS);
	}
	return made;
}

static void
adopt(struct ring *r, struct ring_slot *slot, struct ring_header *h)
{
	*r = (struct ring){
	    .slot = slot,
	    .data = (uint8_t *)h + RING_HEADER_BYTES,
	    .capacity = h->capacity,
	    .head = atomic_load_explicit(&h->head, memory_order_relaxed),
	};
	r->tail = r->head - r->capacity; /* the worst: looked up at the first need */
	uint64_t tail = atomic_load_explicit(&h->tail, memory_order_acquire);
	if (tail == ~atomic_load_explicit(&h->tail_check, memory_order_acquire) && tail <= r->head &&
	    r->head - tail <= r->capacity)
		r->tail = tail;
	atomic_signal_fence(memory_order_release);
	r->header = h; /* last: where a handler jumps out of here, there is no ring */
}

/* It is no ring of ours from here on, wherever a handler jumps to. */
static struct ring_header *
let_go(struct ring *r)
{
	struct ring_header *h = r->header;
	r->header = NULL;
	atomic_signal_fence(memory_order_seq_cst);
	return h;
}

static bool
take_free(struct ring *r, struct process *p, bool private)
{
	uint32_t used = atomic_load_explicit(&p->slots_used, memory_order_acquire);
	for (uint32_t i = 0; i < used; i++) {
		struct ring_slot *slot = &p->rings[i];
		uint32_t use = RING_FREE;
		if (atomic_load(&slot->private) != private ||
		    !atomic_compare_exchange_strong(&slot->use, &use, RING_TAKEN))
			continue;
		adopt(r, slot, atomic_load(&slot->header));
		return true;
	}
	return false;
}

static bool
take_new(struct ring *r, struct process *p, bool private)
{
	for (uint32_t i = 0; i < PROCESS_RINGS; i++) {
		struct ring_slot *slot = &p->rings[i];
		uint32_t use = RING_NONE;
		if (!atomic_compare_exchange_strong(&slot->use, &use, RING_MAKING))
			continue;
		struct ring_header *h = make_ring(p, private);
		if (!h) {
			atomic_store(&slot->use, RING_NONE);
			return false;
		}
		uint32_t seen = atomic_load(&p->slots_used);
		while (seen <= i && !atomic_compare_exchange_weak(&p->slots_used, &seen, i + 1))
			;
		atomic_store(&slot->private, private);
		atomic_store(&slot->header, h);
		atomic_store(&slot->use, RING_TAKEN);
		adopt(r, slot, h);
		return true;
	}
	return false;
}

bool
ring_take(struct ring *r, struct process *p)
{
	int kept = errno, cancel;
	bool private = remote_on();
	/* open() and others are cancellation points: a thread that ends in one would leave half a ring and its slot behind. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	bool taken = take_free(r, p, private) || take_new(r, p, private);
	if (taken && private)
		remote_need_sender(p);
	pthread_setcancelstate(cancel, &cancel);
	errno = kept;
	return taken;
}

void
ring_give_back(struct ring *r)
{
	let_go(r);
	if (r->slot)
		atomic_store_explicit(&r->slot->use, RING_FREE, memory_order_release);
	*r = (struct ring){0};
}

void
ring_leave(struct ring *r, struct process *p)
{
	if (!r->header)
		return;
	int kept = errno;
	struct ring_header *h = let_go(r);
	process_keep_counts(p, h);
	atomic_store(&r->slot->header, NULL);
	/*
	 * Another thread may be reading the header for its counters: the file goes, the addresses stay, and it reads the old
	 * count or zero.  By system call, since a thread sanitizer takes mmap(3) for a write to all of it.
	 */
	syscall(SYS_mmap, h, mapped_bytes(r->capacity), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	atomic_fetch_sub(&p->ring_bytes, r->capacity);
	atomic_store(&r->slot->use, RING_NONE);
	*r = (struct ring){0};
	errno = kept;
}

/* The tail is a message from another process: believed only when it is whole and possible. */
static void
look_at_tail(struct ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->header->tail, memory_order_acquire);
	uint64_t check = atomic_load_explicit(&r->header->tail_check, memory_order_acquire);
	if (tail == ~check && tail <= r->head && r->head - tail <= r->capacity && tail > r->tail)
		r->tail = tail;
	r->leave = atomic_load_explicit(&r->header->please_leave, memory_order_relaxed) != 0;
}

bool
ring_look(struct ring *r, uint64_t size)
{
	look_at_tail(r);
	return r->head + size - r->tail <= r->capacity;
}

/* The word of whoever reads this ring: not 0 while that one sleeps on it. */
static uint32_t *
sleeper_of(const struct ring *r, struct process *p)
{
	return atomic_load_explicit(&r->slot->private, memory_order_relaxed)
		   ? (uint32_t *)&p->sender.asleep
		   : atomic_load_explicit(&p->doorbell, memory_order_acquire);
}

static void
wake(uint32_t *word)
{
	int kept = errno;
	if (word && __atomic_load_n(word, __ATOMIC_ACQUIRE) != 0)
		syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
	errno = kept;
}

void
ring_wake(struct ring *r, struct process *p)
{
	wake(sleeper_of(r, p));
}

/* At half full, and again each eighth after it, while oxd says that it sleeps. */
void
ring_bell(struct ring *r, struct process *p)
{
	if (r->head - r->rung_at < r->capacity / 8)
		return;
	look_at_tail(r);
	uint32_t *word = sleeper_of(r, p);
	if (r->head - r->tail < r->capacity / 2 || !word || __atomic_load_n(word, __ATOMIC_ACQUIRE) == 0)
		return;
	r->rung_at = r->head;
	wake(word);
}

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

void
ring_drop(struct ring *r, enum ring_drop reason, uint64_t count, uint64_t bytes, double now)
{
	struct ring_header *h = r->header;
	uint64_t bits;
	memcpy(&bits, &now, sizeof bits);
	if (atomic_load_explicit(&h->first_drop, memory_order_relaxed) == 0)
		atomic_store_explicit(&h->first_drop, bits, memory_order_relaxed);
	atomic_store_explicit(&h->last_drop, bits, memory_order_relaxed);
	add(&h->dropped_by[reason], count);
	add(&h->dropped_bytes, bytes);
	add(&h->dropped_events, count);
}

void
ring_mend(struct ring *r, struct process *p)
{
	struct ring_header *h = r->header;
	if (!h)
		return;
	struct ring_record *record = (struct ring_record *)(void *)(r->data + (r->head & (r->capacity - 1)));
	uint64_t size = ring_record_size(record->type_len, record->map_len);
	if (size <= r->capacity / 4 && r->head + size - r->tail <= r->capacity && atomic_load(&record->pos) == r->head)
		ring_publish(r, size, p);
	else
		atomic_store_explicit(&h->head, r->head, memory_order_release);
}

void
ring_fill_hole(const struct ring *r)
{
	if (r->header)
		(void)mmap(r->header, mapped_bytes(r->capacity), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
}
