/* SPDX-License-Identifier: ISC */
/*
 * memlimit: how much memory the control group of this process may have.
 *
 * /proc/self/cgroup names the group, in both versions of control groups; its limit and those of the groups above it
 * are files below /sys/fs/cgroup, and the least of them counts.  In a container the name may be one of the host's,
 * which is not to be seen from inside: then what is there on the way up, at last the container's own root, is asked.
 * Formats: Linux, Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
 */
#ifndef BLUEOX_CORE_MEMLIMIT_H
#define BLUEOX_CORE_MEMLIMIT_H

#include <stdint.h>

enum { MEMLIMIT_PART = 1024 };

/* Room to work in, where a caller's stack may have none. */
struct memlimit_scratch {
	char groups[4 * MEMLIMIT_PART]; /* of /proc/self/cgroup; what is longer is not looked at */
	char path[2 * MEMLIMIT_PART];
	char number[64];
};

/*
 * In bytes; UINT64_MAX where there is no limit, or none to be found.  `groups` is the file of the process
 * ("/proc/self/cgroup"), `root` where control groups are mounted ("/sys/fs/cgroup").  Async-signal-safe; errno is kept.
 */
uint64_t memory_limit(const char *groups, const char *root, struct memlimit_scratch *scratch);

#endif
