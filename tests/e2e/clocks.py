# SPDX-License-Identifier: ISC
"""Wall clocks that a test sets, each of one oxd: clock_shift.c, compiled and preloaded."""
import os

from lib import ROOT, TMP, run

HOUR, DAY = 3600, 86400


class Clock:
    """Give .env to an oxd; set() moves its wall clock at once, by so many seconds against the right time."""

    def __init__(self, name):
        self.path = TMP / f"clock-{name}"
        self.set(0)
        lib = TMP / "clock_shift.so"
        if not lib.exists():
            run(["cc", "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", lib, ROOT / "tests/e2e/clock_shift.c"])
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith("OXD_")}, "LD_PRELOAD": str(lib),
                    "CLOCK_SHIFT": str(self.path)}

    def set(self, seconds):
        """Written whole or not at all: half a number would be a jump of its own."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(self.path)
