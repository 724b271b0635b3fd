/* SPDX-License-Identifier: ISC */
/*
 * probe: libunwind looks at memory without a descriptor.
 *
 * Before it reads an address that it only guesses, libunwind 1.6 writes a byte from there into a pipe of its own, after it has
 * emptied that by reading; when reading fails it closes both ends by their numbers and makes a new pipe.  A host that
 * closes all descriptors, as daemons do, soon has other files under these numbers: a byte of them is read, or they are
 * closed.  So its calls of pipe2, read, write and syscall, which the dynamic linker has bound to libc's, are bound to ours, which
 * ask the kernel in another way.
 */
#ifndef BLUEOX_PROBE_H
#define BLUEOX_PROBE_H

/* Does that in this library, a handle of dlopen()'s.  What it does not find it leaves as it is. */
void probe_without_descriptors(void *library);

#endif
