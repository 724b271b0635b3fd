# SPDX-License-Identifier: ISC
"""The promise as tests check it: programs that report what they were told is kept, and the log held against that."""
import ctypes
import glob
import mmap
import os
import signal
import struct

from lib import BUILD, TMP, check, env_for, spawn, wait_for

LINE = 64
SWARM_HEADER, SWARM_LINES, SWARM_LINE = struct.Struct("=6I"), 32768, 16


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


# ---- a swarm: a tree of processes that forks and daemonizes ----------------------------------------------------------------

def adopt_orphans():
    """From now on a daemon's parent is this process: nothing of a swarm gets out of sight."""
    check(ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0, "PR_SET_CHILD_SUBREAPER")


def descendants(pid, leave_out=()):
    """Live processes below pid, zombies left out, and whole branches that are to be left out."""
    children = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="latin-1") as f:
                text = f.read()
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        state, parent, threads = fields[0], fields[1], int(fields[17])
        if state not in "ZX" or threads > 1:  # the first thread may have ended before the others
            children.setdefault(int(parent), []).append(int(text.split(" ", 1)[0]))
    found, todo = [], [pid]
    while todo:
        below = [c for c in children.get(todo.pop(), []) if c not in leave_out]
        found += below
        todo += below
    return found


class Swarm:
    """A run of tests/victims/swarm; its report is this process's memory too."""

    def __init__(self, oxd, name, threads, pause_us=100, seed=1, processes=6, **env):
        self.oxd, self.name = oxd, name
        path = TMP / name
        with open(path, "w+b") as f:
            f.truncate(64 + SWARM_LINES * SWARM_LINE)
            self.report = mmap.mmap(f.fileno(), 0)
        self.child = spawn([BUILD / "victims/swarm", path, threads, pause_us, seed, processes, 120],
                           env=env_for(oxd.run_dir, **env))

    def header(self):
        """lines, processes, wrong, forks, daemons, in_context"""
        return SWARM_HEADER.unpack_from(self.report)

    def promised(self):
        """How many events each line was told are kept."""
        lines = min(self.header()[0], SWARM_LINES)
        return [struct.unpack_from("<Q", self.report, 64 + i * SWARM_LINE)[0] for i in range(lines)]

    def members(self):
        return [self.child.pid] * (self.child.poll() is None) + [
            p for p in descendants(os.getpid(), (self.oxd.child.pid,)) if p != self.child.pid]

    def kill_one(self, rng):
        """One process of it, whichever; the others go on."""
        members = self.members()
        if members:
            _kill(rng.choice(members))

    def kill(self):
        """All of it, until none is left: one may fork while we look."""
        def gone():
            members = self.members()
            for pid in members:
                _kill(pid)
            _reap_orphans({self.child.pid, self.oxd.child.pid})
            return not members
        wait_for(gone, f"the end of {self.name}", 30)
        self.child.wait()

    def check_against(self, found):
        """found: what by_line() gave."""
        self.check_wrong()
        for line, upto in enumerate(self.promised()):
            got = found.pop(line, [])
            # One more than reported may be there: killed between bx_end() and its own note of it.
            check(len(got) in (upto, upto + 1),
                  lambda: f"{self.name} line {line}: {upto} events were promised, {len(got)} are in the log")
            check(got == list(range(len(got))),
                  lambda: f"{self.name} line {line}: wrong from {next(i for i, n in enumerate(got) if n != i)} on")
        check(not found, lambda: f"{self.name}: lines {sorted(found)} are in the log and were never begun")

    def check_wrong(self):
        wrong = self.header()[2]
        check(wrong == 0, lambda: f"{self.name} saw wrong: " + ", ".join(
            text for bit, text in ((1, "a child ended its parent's context"), (2, "an event was not taken for a minute"),
                                   (4, "errno changed")) if wrong & bit))


def by_line(events):
    """{run: {line: its numbers in the order of the log}}"""
    found = {}
    for e in events:
        body = e["body"]
        found.setdefault(body["run"], {}).setdefault(body["line"], []).append(body["n"])
    return found


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _reap_orphans(not_ours):
    """Zombies that came to us; children that somebody waits for by name are left to him."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if not found or found.si_pid in not_ours:
            return
        os.waitpid(found.si_pid, 0)
