#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What the shim adds to the start of a program: /bin/true bare, under an empty object, under the shim as it is installed, and
bare once more as the control, one after the other in each round; then in instructions of the program itself."""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import lib
from shim import as_installed

ROUNDS, STARTS = 15, 60


def start(env):
    began = time.perf_counter()
    pid = os.posix_spawn("/bin/true", ["true"], env)
    os.waitpid(pid, 0)
    return time.perf_counter() - began


def environment(preload):
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("BLUEOX_")}
    return {**env, "LD_PRELOAD": preload} if preload else env


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def measure(empty, shim):
    ways = {"bare": "", "empty object": empty, "shim": shim, "control": ""}
    medians = {name: [] for name in ways}
    for _ in range(ROUNDS):
        times = {name: [] for name in ways}
        for _ in range(STARTS):
            for name, preload in ways.items():
                times[name].append(start(environment(preload)))
        for name in ways:
            medians[name].append(statistics.median(times[name]))
    print(f"  /bin/true: {statistics.median(medians['bare']) * 1e6:.0f} us; times that, median of {ROUNDS} rounds and quartiles:")
    for name in list(ways)[1:]:
        print(f"    {name:14}", quartiles([a / b for a, b in zip(medians[name], medians["bare"])]))
    control = statistics.median([a / b for a, b in zip(medians["control"], medians["bare"])])
    if abs(control - 1) > 0.05:
        print("    the control differs by more than 5 %: this run judges nothing")


def instructions(preload):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "/bin/true"],
                          env=environment(preload), stderr=subprocess.PIPE, check=True, timeout=120)
    return int(re.search(rb"Collected : (\d+)", done.stderr).group(1))


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "inside":
        measure(*sys.argv[2:])
        bare = instructions("")
        print(f"  instructions: {bare:,} bare, {instructions(sys.argv[2]) - bare:,} more with an empty object, "
              f"{instructions(sys.argv[3]) - bare:,} more with the shim")
        return 0
    prefix, shim = as_installed(lib.TMP / "installed")
    source, empty = lib.TMP / "empty.c", lib.TMP / "empty.so"
    source.write_text("")
    lib.run(["cc", "-shared", "-fPIC", "-o", empty, source])
    return subprocess.run([*prefix, sys.executable, __file__, "inside", str(empty), str(shim)], check=False, timeout=500).returncode


sys.exit(main())
