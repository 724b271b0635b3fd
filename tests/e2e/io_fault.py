# SPDX-License-Identifier: ISC
"""The test's side of io_fault.c: which calls of oxd on files fail, and with what."""
import contextlib
import fcntl
import mmap
import os
import struct

from lib import ROOT, TMP, run

CALLS = {"write": 1, "sync": 2, "rename": 4, "open": 8, "truncate": 16, "allocate": 32}
HEAD = struct.Struct("=3I2iI")


class Faults:
    """The test's side of io_fault.c."""

    def __init__(self):
        self.path = TMP / "io-fault"
        with open(self.path, "wb") as f:
            f.truncate(65536)
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 65536)
        self.object = TMP / "io_fault.so"
        run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", self.object, ROOT / "tests/e2e/io_fault.c"], timeout=120)
        self.env = {"LD_PRELOAD": str(self.object), "IO_FAULT": str(self.path)}

    def arm(self, call, where, error, skip=0, times=1):
        self.clear()
        path = os.fsencode(where)
        self.map[HEAD.size:HEAD.size + len(path) + 1] = path + b"\0"
        HEAD.pack_into(self.map, 0, 0, CALLS[call], error, skip, times, 0)
        self.map[0:4] = struct.pack("=I", 1)

    @contextlib.contextmanager
    def hanging(self, call, where):
        """The next such call does not come back as long as this lasts."""
        with open(self.path, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.arm(call, where, 0)
            yield
            self.clear()

    def clear(self):
        self.map[0:4] = bytes(4)

    def hits(self):
        return HEAD.unpack_from(self.map)[5]
