# SPDX-License-Identifier: ISC
"""The promise as tests check it: programs that report what they were told is kept, and the log held against that."""
import struct

from lib import BUILD, TMP, check, env_for, spawn, wait_for

LINE = 64


def start_emit(oxd, name, threads, count=0, pause_us=100, prefix=()):
    """A run of tests/victims/emit with its report; returns once it has said where it stands."""
    report = TMP / name
    child = spawn([*prefix, BUILD / "victims/emit", report, threads, count, pause_us], env=env_for(oxd.run_dir))
    wait_for(lambda: report.exists() and report.stat().st_size == threads * LINE, f"{name} to start", 20)
    return child, report


def promised(report, threads):
    """How many events each thread was told are kept."""
    data = report.read_bytes()
    return [struct.unpack_from("<Q", data, i * LINE)[0] for i in range(threads)]


def by_run(events):
    """{run: {thread: its numbers in the order of the log}}"""
    found = {}
    for e in events:
        body = e["body"]
        found.setdefault(body["run"], {}).setdefault(body["thread"], []).append(body["n"])
    return found


def check_run(found, name, reported):
    """found: what by_run() gave; reported: what promised() gave, read after the program was gone."""
    for thread, upto in enumerate(reported):
        got = found.get(name, {}).get(thread, [])
        # One more than reported may be there: killed between bx_end() and its own note of it.
        check(len(got) in (upto, upto + 1),
              lambda: f"{name} thread {thread}: {upto} events were promised, {len(got)} are in the log")
        check(got == list(range(len(got))),
              lambda: f"{name} thread {thread}: wrong from {next(i for i, n in enumerate(got) if n != i)} on")


def rings(oxd):
    """Names of the rings that are there; a file that a program died over while it made a ring is none."""
    return sorted(p.name for p in (oxd.run_dir / "rings").glob("*.ring"))
