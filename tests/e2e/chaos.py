# SPDX-License-Identifier: ISC
"""A small network that goes wrong: nodes with an oxd each in network namespaces, cables, a proxy for TCP, and faults.

enter() starts the test program once more where it may make namespaces and mount.  Each node has an address 10.9.0.N on one
bridge, a run directory, and a file system of its own for state and log that can be filled.  A fault is one line of
FAULTS: it does something now and gives back what undoes it.
"""
import contextlib
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from lib import BUILD, ROOT, TMP, Failure, Oxd, check, env_for, pace, read_log, run, spawn, wait_for
from promise import LINE, promised

HERE = "10.9.0.254"  # this process, on the bridge
RELAY_PORT = 3515
ALONE = ["unshare", "-Urnmpf", "--mount-proc", "--kill-child"]


def enter():
    """Returns inside; a reason when that cannot be."""
    if os.environ.get("CHAOS_INSIDE"):
        return None
    probe = run([*ALONE, "ip", "link", "add", "probe", "type", "bridge"], check=False)
    if probe.returncode != 0:
        return f"no user, network and mount namespaces here: {probe.stderr.decode().strip()}"
    child = subprocess.Popen([*ALONE, sys.executable, *sys.argv], env={**os.environ, "CHAOS_INSIDE": "1", "TEST_TMP": str(TMP)})
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: child.kill())
    sys.exit(child.wait())


def ip(*words):
    run(["ip", *words])


def make_bridge():
    run(["mount", "-t", "tmpfs", "none", "/run"])
    os.makedirs("/run/netns")
    ip("link", "add", "br0", "type", "bridge")
    ip("addr", "add", f"{HERE}/24", "dev", "br0")
    ip("link", "set", "br0", "up")
    ip("link", "set", "lo", "up")


# ---- TCP proxy -------------------------------------------------------------------------------------------------------------

class Proxy:
    """One port here that leads to an address; what goes through can be held up, slowed down or cut."""

    def __init__(self, port, to, here=HERE):
        self.port, self.to = port, to
        self.address = f"{here}:{port}"
        self.open, self.answers = threading.Event(), threading.Event()  # clear: held up; answers only, or both ways
        self.open.set()
        self.answers.set()
        self.delay_s = 0.0
        self.pairs = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server((here, port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near):
        pair = (near, socket.socket())
        with self.lock:
            self.pairs.add(pair)
        try:
            pair[1].settimeout(5)
            pair[1].connect(self.to)
            pair[1].settimeout(None)
            back = threading.Thread(target=self._pump, args=(pair[1], near, self.answers), daemon=True)
            back.start()
            self._pump(near, pair[1], self.open)
            back.join()
        except OSError:
            pass
        finally:
            with self.lock:
                self.pairs.discard(pair)
            for s in pair:
                s.close()

    def _pump(self, source, to, free):
        """One direction, until either end is gone; then the other direction ends as well."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                free.wait()
                self.open.wait()
                pace(self.delay_s)
                to.sendall(data)
        self._end((source, to))

    @staticmethod
    def _end(pair):
        for s in pair:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Every connection ends, with what is under way."""
        with self.lock:
            for pair in self.pairs:
                self._end(pair)


# ---- power cuts ------------------------------------------------------------------------------------------------------------

NOTE = struct.Struct("=6Q")  # kind, inode, offset, bytes of before, size of before, number of the sync
WRITE, SYNC_BEGINS, SYNC_DONE = 1, 2, 3


def power_cut_object():
    """tests/e2e/power_cut.c, built."""
    made = TMP / "power_cut.so"
    if not made.exists():
        run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", made, ROOT / "tests/e2e/power_cut.c"], timeout=120)
    return made


def unsynced(data):
    """Of each file, what no sync covers: {inode: [(offset, old bytes, old size)]} in the order of the writes."""
    files, begun, at = {}, {}, 0
    while at + NOTE.size <= len(data):
        kind, inode, offset, n, size, sync = NOTE.unpack_from(data, at)
        at += NOTE.size
        writes = files.setdefault(inode, [])
        if kind == WRITE:
            writes.append((offset, data[at:at + n], size))
            at += n
        elif kind == SYNC_BEGINS:
            begun[sync] = (inode, len(writes))
        elif sync in begun:  # what was there when it began is safe; later syncs of the file began further on
            _, covered = begun.pop(sync)
            del writes[:covered]
            begun = {k: (i, max(0, n - covered) if i == inode else n) for k, (i, n) in begun.items()}
    return files


def mend_notes(log):
    """A note that its writer was killed over is cut off: those of the next life are to follow whole ones."""
    data, at = log.read_bytes(), 0
    while at + NOTE.size <= len(data):
        kind, _, _, n, _, _ = NOTE.unpack_from(data, at)
        end = at + NOTE.size + (n if kind == WRITE else 0)
        if end > len(data):
            break
        at = end
    os.truncate(log, at)


def take_back(where, log, rng):
    """What a power cut may do: of each file, the writes behind its last sync are gone from some point on."""
    names = {p.stat().st_ino: p for p in where.rglob("*") if p.is_file() and not p.is_symlink()}
    mend_notes(log)
    gone = 0
    for inode, writes in unsynced(log.read_bytes()).items():
        path = names.get(inode)
        kept = rng.choice((0, 0, rng.randrange(len(writes) + 1)))
        if not path or not writes[kept:]:
            continue
        with open(path, "r+b") as f:
            for offset, old, size in reversed(writes[kept:]):
                f.seek(offset)
                f.write(old)
                f.truncate(size)
        gone += len(writes) - kept
    log.write_bytes(b"")
    return gone


# ---- nodes -----------------------------------------------------------------------------------------------------------------

class Node:
    """A host: a namespace, a cable, an oxd, and programs."""
    count = 0

    def __init__(self, name, *forward, logs=False, loses_power=False, disk="48m", **opts):
        Node.count += 1
        self.name, self.address = name, f"10.9.0.{Node.count}"
        self.dir = TMP / name
        self.disk = self.dir / "disk"
        self.disk.mkdir(parents=True)
        run(["mount", "-t", "tmpfs", "-o", f"size={disk}", "none", self.disk])
        ip("netns", "add", name)
        ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"v{name}", "master", "br0", "up")
        for words in (("addr", "add", f"{self.address}/24", "dev", "eth0"), ("link", "set", "eth0", "up"),
                      ("link", "set", "lo", "up")):
            ip("-n", name, *words)
        self.inside = ["nsenter", f"--net=/run/netns/{name}", "--"]
        self.oxd = Oxd(run_dir=self.dir / "run", log=self.disk / "log", state=self.disk / "state",
                       control=f"ipc://{self.dir}/control", collect=f"ipc://{self.dir}/collect",
                       relay=f"{self.address}:{RELAY_PORT}", journal_segment="1m", start=False, **opts)
        self.oxd.messages = self.dir / "messages"
        if not logs:
            self.oxd.argv = [a for a in self.oxd.argv if not a.startswith("--log-path")]
        self.oxd.argv = [*self.inside, *self.oxd.argv, *(f"--forward=relay://{a}" for a in forward)]
        if loses_power:
            self.power_log = self.dir / "power-cut"
            self.oxd.env = {**self.oxd.env, "LD_PRELOAD": str(power_cut_object()), "POWER_CUT_DIR": str(self.disk),
                            "POWER_CUT_LOG": str(self.power_log)}
        self.loses_power, self.logs = loses_power, logs
        self.forward = [f"relay://{a}" for a in forward]
        self.programs, self.senders, self.runs, self.writes_gone = [], [], [], 0

    def relay_at(self):
        return (self.address, RELAY_PORT)

    def up(self):
        if self.oxd.child and self.oxd.child.poll() is None:
            return
        if self.loses_power and self.power_log.exists():
            mend_notes(self.power_log)
        try:
            self.oxd.start()
        except Failure:
            if not (self.disk / "ballast").exists():
                raise  # on a full disk it may refuse: it is started again when there is room

    def cable(self, state):
        ip("link", "set", f"v{self.name}", state)

    def start_program(self, threads=2, pause_us=2000):
        name = f"{self.name}-{len(self.runs)}"
        report = TMP / name
        child = spawn([*self.inside, BUILD / "victims/emit", report, threads, 0, pause_us],
                      env=env_for(self.oxd.run_dir, BLUEOX_RING_SIZE="256k"))
        wait_for(lambda: report.exists() and report.stat().st_size == threads * LINE, f"{name} to start", 20)
        self.programs.append(child)
        self.runs.append((report, threads))

    def start_sender(self, to, threads=2, pause_us=4000):
        """A program that has no oxd on its host: it sends to a relay address, and is never killed."""
        name = f"{self.name}-tcp-{len(self.runs)}"
        report = TMP / name
        child = spawn([*self.inside, BUILD / "victims/emit", report, threads, 0, pause_us],
                      env=env_for(TMP / "no-run-directory", BLUEOX_HOST=f"relay://{to}", BLUEOX_LINGER="100s", BLUEOX_SEND_MEMORY="16m"))
        wait_for(lambda: report.exists() and report.stat().st_size == threads * LINE, f"{name} to start", 20)
        self.senders.append(child)
        self.runs.append((report, threads))

    def end_senders(self):
        """They leave when all was acknowledged."""
        for child in self.senders:
            child.terminate()
        for child in self.senders:
            wait_for(lambda: child.poll() is not None, f"a sender of {self.name} to get its acknowledgements", 90)
            check(child.returncode == 0, f"a sender of {self.name} left with {child.returncode}")
        self.senders.clear()

    def kill_programs(self):
        for child in self.programs:
            child.kill()
            child.wait()
        self.programs.clear()

    def promised(self):
        return {report.name: promised(report, threads) for report, threads in self.runs}

    def fill_disk(self):
        with contextlib.suppress(OSError), open(self.disk / "ballast", "wb") as f:
            while True:
                f.write(bytes(65536))
                f.flush()

    def free_disk(self):
        (self.disk / "ballast").unlink(missing_ok=True)
        self.up()

    def told(self):
        """For who must find out what went wrong."""
        try:
            status = self.oxd.ctl("--raw", check=False, timeout=5).stdout.decode()
        except (Failure, TypeError) as e:
            status = str(e)
        return f"--- {self.name}\n{status[-3000:]}\n{self.oxd.said()[-3000:]}"


# ---- faults ----------------------------------------------------------------------------------------------------------------

def kill_oxd(node, rng):
    node.oxd.kill()
    return node.up


def cut_power(node, rng):
    """What the page cache had and no sync had covered is gone with it."""
    if not node.loses_power:
        return None
    node.oxd.kill()
    node.writes_gone = node.writes_gone + take_back(node.disk, node.power_log, rng)
    return node.up


def kill_program(node, rng):
    if not node.programs:
        return None
    child = node.programs.pop(rng.randrange(len(node.programs)))
    child.kill()
    child.wait()
    node.start_program()
    return lambda: None


def stop_oxd(node, rng):
    if node.oxd.child.poll() is not None:
        return None
    child = node.oxd.child
    child.send_signal(signal.SIGSTOP)
    return lambda: child.send_signal(signal.SIGCONT)


def pull_cable(node, rng):
    node.cable("down")
    return lambda: node.cable("up")


def fill_disk(node, rng):
    if (node.disk / "ballast").exists():
        return None
    node.fill_disk()
    return node.free_disk


def cut(proxy, rng):
    proxy.cut()
    return lambda: None


def stall(proxy, rng):
    proxy.open.clear()

    def undo():
        proxy.open.set()
    return undo


def delay(proxy, rng):
    proxy.delay_s = rng.choice((0.01, 0.1, 0.3))

    def undo():
        proxy.delay_s = 0.0
    return undo


NODE_FAULTS = {"kill": kill_oxd, "power-cut": cut_power, "kill-program": kill_program, "stop": stop_oxd, "partition": pull_cable, "full-disk": fill_disk}
PROXY_FAULTS = {"cut": cut, "stall": stall, "delay": delay}


def seed():
    """What is chosen follows from it, though not the moments."""
    given = os.environ.get("SEED")
    number = int(given) if given else random.randrange(1 << 32)
    print(f"# seed {number}", flush=True)
    return number


class Chaos:
    """Does faults, several at a time, each undone after a while; keeps a list of what it did when."""

    def __init__(self, nodes, proxies, seed, longest_s=2.0):
        self.nodes, self.proxies, self.longest_s = nodes, proxies, longest_s
        self.rng = random.Random(seed)
        self.seed = seed
        self.began = time.monotonic()
        self.undo = []  # (when, what, callable)
        self.history, self.counts = [], {}

    def note(self, text):
        self.history.append(f"{time.monotonic() - self.began:8.3f} {text}")

    def one(self):
        rng = self.rng
        if self.proxies and rng.random() < 0.3:
            kind, what = rng.choice(list(PROXY_FAULTS)), rng.choice(list(self.proxies))
            undo = PROXY_FAULTS[kind](self.proxies[what], rng)
        else:
            kind, node = rng.choice([*NODE_FAULTS, "power-cut"]), rng.choice(self.nodes)
            if kind == "power-cut":
                node = rng.choice([n for n in self.nodes if n.loses_power] or self.nodes)
            what = node.name
            if any(w == (kind, what) or {kind, w[0]} <= {"kill", "stop", "power-cut"} and w[1] == what for _, w, _ in self.undo):
                return
            undo = NODE_FAULTS[kind](node, rng)
        if undo is None:
            return
        self.note(f"{kind} {what}")
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.undo.append((time.monotonic() + rng.uniform(0, self.longest_s), (kind, what), undo))

    def undo_due(self, all_of_them=False):
        now = time.monotonic()
        for entry in sorted(self.undo, key=lambda e: e[0]):
            if all_of_them or entry[0] <= now:
                self.undo.remove(entry)
                self.note(f"undo {' '.join(entry[1])}")
                entry[2]()

    def run(self, faults, deadline_s):
        end = time.monotonic() + deadline_s
        while sum(self.counts.values()) < faults:
            check(time.monotonic() < end, lambda: f"{self.counts} in {deadline_s} s, {faults} were to be done")
            self.one()
            pace(self.rng.uniform(0, self.longest_s / 4))
            self.undo_due()
        self.undo_due(all_of_them=True)
        for node in self.nodes:
            node.up()

    def fail(self, why):
        """With all that is needed to find out."""
        keep = os.environ.get("CHAOS_KEEP")
        if keep:
            shutil.copytree(TMP, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("control*", "collect*", "ballast"))
        raise Failure(f"{why}\nseed {self.seed}\n" + "\n".join(self.history) + "\n" +
                      "\n".join(n.told() for n in self.nodes) + ("" if keep else "\nCHAOS_KEEP=DIR keeps the state of all nodes"))


# ---- the checker -----------------------------------------------------------------------------------------------------------

def found_in(*logs):
    """{run: {thread: sorted numbers}} over central logs; spans seen before are passed over when there are several."""
    found, spans = {}, set()
    for log in logs:
        for e in read_log(log, "load", torn_tail=True):
            if len(logs) > 1:
                if e["span"] in spans:
                    continue
                spans.add(e["span"])
            body = e["body"]
            found.setdefault(body["run"], {}).setdefault(body["thread"], []).append(body["n"])
    return {r: {t: sorted(ns) for t, ns in threads.items()} for r, threads in found.items()}


def ranges(numbers):
    out = []
    for n in sorted(numbers):
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in out[:20])


def differences(found, reports):
    """What was promised and is not there, what is there twice, what nobody said: lines for people."""
    lost, twice, out = 0, 0, []
    for name, reported in reports.items():
        for thread, upto in enumerate(reported):
            got = found.get(name, {}).get(thread, [])
            missing = set(range(upto)) - set(got)
            more = [n for i, n in enumerate(got) if i and got[i - 1] == n]
            # One more than reported may be there: killed between bx_end() and its own note of it.
            unknown = [n for n in got if n > upto]
            lost += len(missing)
            twice += len(more)
            for what, numbers in (("lost", missing), ("twice", more), ("never reported", unknown)):
                if numbers:
                    out.append(f"{name} thread {thread}, promised {upto}: {what}: {ranges(numbers)}")
    return lost, twice, out


def arrive(chaos_, logs, reports, deadline_s):
    """Until all that was promised is in the logs; what is missing when nothing comes any more is lost."""
    state = {"lost": None, "since": time.monotonic()}

    def all_there():
        lost, _, _ = differences(found_in(*logs), reports)
        if lost != state["lost"]:
            state.update(lost=lost, since=time.monotonic())
        return lost == 0 or time.monotonic() - state["since"] > deadline_s
    wait_for(all_there, "what was promised to arrive", 10 * deadline_s)
    lost, twice, lines = differences(found_in(*logs), reports)
    if lines:
        chaos_.fail(f"{lost} lost, {twice} twice in the log\n" + "\n".join(lines))
    return sum(sum(r) for r in reports.values())
