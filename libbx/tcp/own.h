/* SPDX-License-Identifier: ISC */
/*
 * own: system calls on descriptors of the sender's own table.
 *
 * Not by the C library's functions: what wraps these in a program (a sanitizer, a proxy that is preloaded, the program
 * itself) keeps one account of descriptors by their numbers, and would take ours for the host's with the same number.
 */
#ifndef BLUEOX_TCP_OWN_H
#define BLUEOX_TCP_OWN_H

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline int
own_open(const char *path, int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

static inline int
own_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

static inline int
own_socket(int family, int type)
{
	return (int)syscall(SYS_socket, family, type, 0);
}

static inline int
own_connect(int fd, const void *address, socklen_t n)
{
	return (int)syscall(SYS_connect, fd, address, n);
}

static inline ssize_t
own_send(int fd, const void *p, size_t n)
{
	return syscall(SYS_sendto, fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
}

static inline ssize_t
own_recv(int fd, void *p, size_t n)
{
	return syscall(SYS_recvfrom, fd, p, n, MSG_DONTWAIT, NULL, NULL);
}

static inline int
own_setsockopt(int fd, int level, int what, int value)
{
	return (int)syscall(SYS_setsockopt, fd, level, what, &value, sizeof value);
}

static inline int
own_error_of(int fd) /* SO_ERROR, or -1 */
{
	int err = 0;
	socklen_t n = sizeof err;
	return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &err, &n) == 0 ? err : -1;
}

#endif
