#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What sending to an oxd by TCP costs the program, beside the same program on local rings: interleaved pairs, medians.

One thread emits as fast as it can and makes an event again that found no room, so that every event arrives.  The rate is events
over the time from the start to the program's end, which waits until the last one is acknowledged, that is synced by
the oxd.  CPU is the program's own, all its threads: over TCP the sender's too.
"""
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import lib  # noqa: E402

BUILD = pathlib.Path(os.environ["BUILD"])
TMP = pathlib.Path(os.environ["TEST_TMP"])
COUNT = int(os.environ.get("BENCH_EVENTS", "1000000"))
PAIRS = 7


def start_oxd():
    run = pathlib.Path("/dev/shm") / f"bx-bench-{os.getpid()}"
    run.mkdir()
    oxd = lib.Oxd(run_dir=run, relay="127.0.0.1:0")
    return oxd.child, run, oxd.info


def one(run, number, **env):
    """(events/s, CPU ns an event)"""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    more = {"BLUEOX_RUN_DIR": str(run), "BLUEOX_RING_SIZE": "1m", "BLUEOX_LINGER": "60s", **env}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BLUEOX_")}
    subprocess.run([BUILD / "victims/emit", TMP / f"report{number}", "1", str(COUNT), "0"], env={**kept, **more}, check=True, timeout=120)
    took, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return COUNT / took, cpu / COUNT * 1e9


def main():
    child, run, info = start_oxd()
    try:
        results = {"local rings": [], "TCP": [], "local rings again": []}
        for i in range(PAIRS):
            results["local rings"].append(one(run, 3 * i))
            results["TCP"].append(one(run, 3 * i + 1, BLUEOX_HOST=f"relay://{info['relay']}"))
            results["local rings again"].append(one(run, 3 * i + 2))
    finally:
        child.terminate()
        child.wait(30)
        subprocess.run(["rm", "-rf", str(run)], check=False)
    print(f"{PAIRS} runs of {COUNT} events of about 200 bytes each, medians")
    cpu = {}
    for name, rows in results.items():
        cpu[name] = statistics.median(r[1] for r in rows)
        print(f"  {name:18} {statistics.median(r[0] for r in rows) / 1e6:5.2f} M events/s   {cpu[name]:5.0f} ns CPU an event in the program")
    print(f"  the sender's share {cpu['TCP'] - cpu['local rings']:.0f} ns an event")
    control = abs(cpu["local rings again"] / cpu["local rings"] - 1)
    if control > 0.05:
        print(f"  the control differs by {control:.0%}: the machine was not quiet, this run judges nothing")


main()
