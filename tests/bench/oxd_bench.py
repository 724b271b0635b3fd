#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""oxd from rings to log files: events per second, CPU an event, and what was dropped on the way."""
import json
import os
import pathlib
import subprocess
import sys
import time

BUILD = pathlib.Path(os.environ["BUILD"])
TMP = pathlib.Path(os.environ["TEST_TMP"])
EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def start_oxd(run):
    argv = [BUILD / "oxd", f"--run-dir={run}", f"--log-path={run}/log", f"--state-path={run}/state",
            "--control=127.0.0.1:0", "--collect=127.0.0.1:0"]
    oxd = subprocess.Popen([str(a) for a in argv])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and oxd.poll() is None:
        try:
            info = json.loads((run / "oxd.json").read_text())
            if info["pid"] == oxd.pid:
                return oxd, info["control"]
        except (OSError, ValueError):
            time.sleep(0.01)
    oxd.kill()
    sys.exit("oxd_bench: oxd did not say within ten seconds where it listens")


def ctl(control, *args):
    return subprocess.run([str(BUILD / "oxctl"), "-H", control, *args], check=True, capture_output=True, timeout=120)


def measure(threads):
    run = TMP / f"run{threads}"
    run.mkdir()
    oxd, control = start_oxd(run)
    try:
        before, started = cpu_s(oxd.pid), time.monotonic()
        env = {**os.environ, "BLUEOX_RUN_DIR": str(run)}
        subprocess.run([str(BUILD / "victims/emit"), str(run / "report"), str(threads), str(EVENTS // threads)],
                       env=env, check=True, timeout=300)
        emitted = time.monotonic() - started
        ctl(control, "flush")
        took = time.monotonic() - started
        cpu = cpu_s(oxd.pid) - before
        counters = json.loads(ctl(control, "--raw").stdout)["counters"]
        count = counters["ring_events"]
        print(f"{threads:3} rings: {count / took / 1e6:5.2f} M events/s to durable log files "
              f"({count / emitted / 1e6:.2f} M/s taken from the program), {cpu / count * 1e9:4.0f} ns CPU an event, "
              f"{counters['log_bytes'] / took / 1e6:4.0f} MB/s, {counters['drops_reported']} tries found the ring full")
    finally:
        oxd.terminate()
        oxd.wait(60)


def main():
    print(f"{EVENTS} events of 3 fields, 256 KiB rings, program and oxd on the same processors")
    for threads in (1, 2, 8):
        measure(threads)


main()
