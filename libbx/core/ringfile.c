/* SPDX-License-Identifier: ISC */
/* ringfile: the checks that stand between another process's memory and oxd. */
#include "libbx/core/ringfile.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libbx/core/bytes.h"
#include "libbx/core/frame.h"
#include "libbx/core/id.h"

void
ring_boot_id(uint8_t out[16])
{
	char text[40], hex[32];
	size_t digits = 0;
	memset(out, 0, 16);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, text, sizeof text);
	close(fd);
	for (ssize_t i = 0; i < n && digits < sizeof hex; i++)
		if (text[i] != '-' && text[i] != '\n')
			hex[digits++] = text[i];
	if (digits != sizeof hex || hex_decode(out, hex, 16) != 0)
		memset(out, 0, 16);
}

bool
ring_header_valid(const struct ring_header *h)
{
	return memcmp(h->magic, RING_MAGIC, sizeof h->magic) == 0 && h->layout == RING_LAYOUT &&
	       h->header_bytes == RING_HEADER_BYTES && h->capacity >= RING_CAPACITY_MIN &&
	       h->capacity <= RING_CAPACITY_MAX && (h->capacity & (h->capacity - 1)) == 0 &&
	       memchr(h->program, '\0', sizeof h->program) != NULL;
}

bool
ring_header_newer(const struct ring_header *h)
{
	return memcmp(h->magic, RING_MAGIC, sizeof h->magic) == 0 && h->layout > RING_LAYOUT;
}

enum bx_err
ring_record_read(const uint8_t *copy, size_t n, uint64_t pos, uint64_t capacity, struct ring_view *v)
{
	if (n < RING_RECORD_HEADER)
		return BX_ESHORT;
	uint64_t word;
	memcpy(&word, copy, sizeof word); /* native order: writer and reader share the machine */
	if (word != pos)
		return BX_EBAD;
	uint16_t type_len, flags;
	memcpy(&v->map_len, copy + offsetof(struct ring_record, map_len), 4);
	memcpy(&type_len, copy + offsetof(struct ring_record, type_len), 2);
	memcpy(&flags, copy + offsetof(struct ring_record, flags), 2);
	memcpy(&v->end, copy + offsetof(struct ring_record, end), 8);
	if (flags != 0 || type_len > FRAME_TYPE_MAX)
		return BX_EBAD;
	v->type_len = type_len;
	v->size = ring_record_size(v->type_len, v->map_len);
	if (v->size > capacity / 4)
		return BX_EBAD;
	if (v->size > n)
		return BX_ESHORT;
	v->type = copy + RING_RECORD_HEADER;
	v->map = v->type + v->type_len;
	return BX_OK;
}
