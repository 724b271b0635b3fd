/* SPDX-License-Identifier: ISC */
/*
 * disk: reading and writing whole pieces of a file at an offset.
 *
 * The kernel may do a part of what it is asked, or be interrupted; here it is all or false, with errno.  A write of which
 * a part was done and that then fails leaves the part: every caller knows where its content ends by other means.
 */
#ifndef BLUEOX_OXD_DISK_H
#define BLUEOX_OXD_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool disk_write(int fd, const void *p, size_t n, uint64_t at);

/* False with errno 0 when the file ends before the n bytes do. */
bool disk_read(int fd, void *p, size_t n, uint64_t at);

#endif
