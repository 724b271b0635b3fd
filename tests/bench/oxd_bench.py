#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""oxd from rings to durable log files, from version 3 clients, beside rsyslog, in memory and idle: each beside its bar.

Producers run on the same processors and are counted.  Rates are events that lie in synced log files over the time from the
first event to the end of the flush; what was dropped on the way stands beside each.  BENCH_SECONDS is the length of a run.
Each event is written twice, to the journal and to the log, so a slow disk is what limits oxd: what it took stands beside the
rate, and the same is then run with both in memory, which shows what the processors could do.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lib import lives_on, wait_for  # noqa: E402

BUILD = pathlib.Path(os.environ["BUILD"])
TMP = pathlib.Path(os.environ["TEST_TMP"])
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
TICKS = os.sysconf("SC_CLK_TCK")
children = []


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid):
    """Largest resident memory so far."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def written(pid):
    """Bytes that this process has caused to go to a disk; memory file systems do not count."""
    for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


verdicts = []


def bar(what, value, wanted, least=True):
    """Notes for the end whether this holds."""
    verdicts.append((value >= wanted if least else value <= wanted, f"{what}: {value:.4g}, bar {wanted:.4g}"))


class Oxd:
    def __init__(self, name, *options, memory=False):
        self.dir = pathlib.Path(f"/dev/shm/bx-bench-{os.getpid()}-{name}-disk") if memory else TMP / name
        self.run = pathlib.Path("/dev/shm") / f"bx-bench-{os.getpid()}-{name}"
        self.dir.mkdir()
        self.run.mkdir()
        argv = [BUILD / "oxd", f"--run-dir={self.run}", f"--log-path={self.dir}/log", f"--state-path={self.dir}/state",
                "--control=127.0.0.1:0", "--collect=127.0.0.1:0", *options]
        if any(o.startswith("--forward") for o in options):
            argv = [a for a in argv if not str(a).startswith("--log-path")]
        self.child = subprocess.Popen([str(a) for a in argv])
        children.append(self.child)
        self.info = wait_for(self.told, "oxd to say where it listens")

    def told(self):
        if self.child.poll() is not None:
            sys.exit("oxd_bench: oxd left at its start")
        try:
            info = json.loads((self.run / "oxd.json").read_text())
        except (OSError, ValueError):
            return None
        return info if info["pid"] == self.child.pid else None

    def ctl(self, *args):
        return subprocess.run([str(BUILD / "oxctl"), "-H", self.info["control"], *args], check=True, capture_output=True,
                              timeout=120)

    def status(self):
        return json.loads(self.ctl("--raw").stdout)

    def counters(self):
        return self.status()["counters"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(60)
        shutil.rmtree(self.run, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)


def load(oxd, rings, rate, seconds=SECONDS):
    """One run; returns what the program said, and what oxd did for it."""
    env = {**os.environ, "BLUEOX_RUN_DIR": str(oxd.run), "BLUEOX_RING_SIZE": "1m"}
    cpu, started, disk = cpu_s(oxd.child.pid), time.monotonic(), written(oxd.child.pid)
    counted = oxd.counters()["log_events"]
    out = subprocess.run([str(BUILD / "bench/ringload"), str(rings), str(rate), str(seconds)], env=env, check=True,
                         capture_output=True, timeout=300).stdout
    oxd.ctl("flush")
    took = time.monotonic() - started
    said = json.loads(out)
    count = oxd.counters()["log_events"] - counted
    cpu = cpu_s(oxd.child.pid) - cpu + said["cpu_s"]
    return {"count": count, "rate": count / took, "cpu_ns": cpu / max(count, 1) * 1e9, "kept": said["kept"],
            "dropped": said["tried"] - said["kept"], "tried": said["tried"], "offered": said["tried"] / said["seconds"],
            "disk": (written(oxd.child.pid) - disk) / took, "oxd_ns": (cpu - said["cpu_s"]) / max(count, 1) * 1e9}


def rings_at_some_paces(rings, memory):
    """The best of some paces; all that was measured is printed."""
    runs = []
    with Oxd(f"rings{rings}", memory=memory) as oxd:
        load(oxd, rings, 500000, 1)  # files made, pages warm
        for rate in (2000000, 2500000, 3000000):
            runs.append({**load(oxd, rings, rate), "pace": rate})
        most = memory_mib(oxd.child.pid)
    best = max(runs, key=lambda run: run["rate"])
    where = "durable log files" if not memory else "log files in memory"
    print(f"{rings} ring(s) paced at {best['pace'] / 1e6:.1f} M/s: {best['rate'] / 1e6:.2f} M events/s to {where} (bar 2.00), "
          f"{best['dropped']} of {best['tried']} dropped" + (f", {best['disk'] / 1e6:.0f} MB/s to the disk" if not memory else ""))
    print(f"    {best['cpu_ns']:.0f} ns CPU an event, producers and what they dropped included (bar 650), of them oxd "
          f"{best['oxd_ns']:.0f}; at most {most:.0f} MiB of memory (bar 64); all paces: "
          + ", ".join(f"{run['rate'] / 1e6:.2f} M/s {run['dropped'] / run['tried'] * 100:.0f} % dropped {run['cpu_ns']:.0f} ns" for run in runs))
    return best, most


def throughput():
    for rings in (1, 8):
        best, most = rings_at_some_paces(rings, False)
        bar(f"events/s to the log, {rings} ring(s)", best["rate"], 2e6)
        bar(f"ns CPU an event, {rings} ring(s)", best["cpu_ns"], 650, False)
        bar(f"MiB of memory, {rings} ring(s)", most, 64, False)
        best, _ = rings_at_some_paces(rings, True)
        bar(f"events/s with the disk left out, {rings} ring(s)", best["rate"], 2e6)
        bar(f"ns CPU an event with the disk left out, {rings} ring(s)", best["cpu_ns"], 650, False)


def without_drops():
    """The highest of some paces that three runs in a row took whole, by what was offered in the slowest of them."""
    best, pace, first = 0, 0, 0
    with Oxd("whole") as oxd:
        load(oxd, 1, 500000, 1)
        for rate in (250000, 500000, 750000, 1000000, 1250000, 1500000, 2000000):
            runs = [load(oxd, 1, rate, SECONDS / 2) for _ in range(3)]
            first = sum(run["dropped"] for run in runs)
            if first:
                break
            best, pace = min(run["offered"] for run in runs), rate
    print(f"without a single drop, 1 ring: {best / 1e6:.2f} M events/s offered and taken, paced at {pace / 1e6:.2f} (aim 1.00); "
          f"{first} dropped of three runs at the next pace")
    bar("events/s without a drop", best, 0.98e6)  # a pace of 1 M/s less its beginning and end


def push_clients():
    """As the original's clients send: one event a message, two parts."""
    with Oxd("push") as oxd:
        count = int(SECONDS * 300000)
        started, cpu = time.monotonic(), cpu_s(oxd.child.pid)
        clients = [subprocess.Popen([str(BUILD / "bench/pushload"), oxd.info["collect"], str(count // 2)],
                                    stdout=subprocess.DEVNULL) for _ in range(2)]
        children.extend(clients)
        if any(c.wait(300) for c in clients):
            sys.exit("oxd_bench: a version 3 client failed")
        wait_for(lambda: oxd.counters()["push_events"] >= count // 2 * 2, "all version 3 events to come in", 120)
        oxd.ctl("flush")
        took = time.monotonic() - started
        rate, lost = count / took, oxd.counters()["push_lost"]
        print(f"version 3 clients, one event a message: {rate / 1e3:.0f} k events/s to durable log files (bar 450), "
              f"{lost} lost, {(cpu_s(oxd.child.pid) - cpu) / count * 1e9:.0f} ns CPU of oxd an event")
        bar("version 3 events/s", rate, 450e3)
        return rate


def relay():
    """A journal full of events goes to another oxd as it comes up: durable here, durable there, packed with zstd."""
    with Oxd("relay-there") as there:
        place = there.info["relay"]
        with Oxd("relay-here", f"--forward=relay://{place}") as here:
            os.kill(there.child.pid, signal.SIGSTOP)
            env = {**os.environ, "BLUEOX_RUN_DIR": str(here.run), "BLUEOX_RING_SIZE": "1m"}
            subprocess.run([str(BUILD / "bench/ringload"), "2", "1000000", str(SECONDS)], env=env, check=True,
                           capture_output=True, timeout=300)
            events = here.counters()["ring_events"]

            def quiet():
                journal = here.status()["journal"]
                return journal["synced"] == journal["last"]
            wait_for(quiet, "the sender's journal to be durable")
            cpu, started = cpu_s(here.child.pid) + cpu_s(there.child.pid), time.monotonic()
            os.kill(there.child.pid, signal.SIGCONT)
            here.ctl("flush")  # it logs nothing: until all is acknowledged
            took = time.monotonic() - started
            there.ctl("flush")
            cpu = cpu_s(here.child.pid) + cpu_s(there.child.pid) - cpu
            sent = here.counters()
            rate = events / took
            print(f"oxd to oxd, {events} events: {rate / 1e6:.2f} M events/s acknowledged (bar 1.00), packed "
                  f"{here.status()['journal']['bytes'] / max(sent['forward_bytes'], 1):.1f} to 1, {cpu / events * 1e9:.0f} ns CPU "
                  f"of both an event, the log files there included; none lost")
            bar("relay events/s", rate, 1e6)
            logged = there.counters()["log_events"]
            if logged < events:  # what tells of drops is there too
                sys.exit(f"oxd_bench: {events} events here, {logged} in the log there")


def rsyslog():
    """imtcp to a file through disk queues, unprivileged, on loopback; messages as long as our events."""
    program = shutil.which("rsyslogd") or ("/usr/sbin/rsyslogd" if os.path.exists("/usr/sbin/rsyslogd") else None)
    if not program:
        print("rsyslog: not installed, no comparison")
        return None
    work = TMP / "rsyslog"
    work.mkdir()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    log = work / "out.log"
    (work / "conf").write_text(
        f'global(workDirectory="{work}" maxMessageSize="8k")\nmodule(load="imtcp")\n'
        f'input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="file")\n'
        'template(name="raw" type="string" string="%rawmsg%\\n")\n'
        'ruleset(name="file" queue.type="Disk" queue.filename="q" queue.maxDiskSpace="2g" queue.size="100000000" '
        f'queue.checkpointInterval="1000") {{ action(type="omfile" file="{log}" template="raw") }}\n')
    daemon = subprocess.Popen([program, "-n", "-f", str(work / "conf"), "-i", str(work / "pid")],
                              stderr=subprocess.DEVNULL)
    children.append(daemon)

    def up():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_for(up, "rsyslog to listen")
    count = int(SECONDS * 50000)
    line = b"<13>Nov 22 12:00:00 host load: " + b"x" * 160 + b"\n"
    started = time.monotonic()
    cpu = cpu_s(daemon.pid)
    with socket.create_connection(("127.0.0.1", port)) as s:
        chunk = line * 1000
        for _ in range(count // 1000):
            s.sendall(chunk)
    wanted = count // 1000 * 1000 * len(line)
    wait_for(lambda: log.exists() and log.stat().st_size >= wanted * 0.999, "rsyslog to write all", 300)
    took = time.monotonic() - started
    used = cpu_s(daemon.pid) - cpu
    daemon.terminate()
    daemon.wait(60)
    rate = count / took
    print(f"rsyslog, disk queue, imtcp to a file: {rate / 1e3:.0f} k messages/s, {used / count * 1e9:.0f} ns CPU a message, "
          "no fsync")
    return rate


def best_of_ours():
    with Oxd("beside") as oxd:
        load(oxd, 1, 500000, 1)
        return max(load(oxd, 2, 2500000)["rate"] for _ in range(2))


def idle():
    """200 rings that nobody writes to, 5 s of quiet, then CPU time over 30 s."""
    with Oxd("idle") as oxd:
        env = {**os.environ, "BLUEOX_RUN_DIR": str(oxd.run), "BLUEOX_RING_SIZE": "16k"}
        holders = []
        for _ in range(4):
            holders.append(subprocess.Popen([str(BUILD / "bench/ringload"), "50", "5000", "0.2", "hold"], env=env,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            children.append(holders[-1])
        for h in holders:
            h.stdout.readline()
        rings = len(list((oxd.run / "rings").glob("*.ring")))
        lives_on(oxd.child.pid, 5)
        cpu, started = cpu_s(oxd.child.pid), time.monotonic()
        lives_on(oxd.child.pid, 30)
        share = (cpu_s(oxd.child.pid) - cpu) / (time.monotonic() - started) * 100
        for h in holders:
            h.stdin.close()
            h.wait(20)
        print(f"idle with {rings} rings: {share:.2f} % of a core (bar 0.50)")
        bar("% of a core, idle with 200 rings", share, 0.5, False)


def rules():
    """What ten rules cost whose filters all have to be asked, none of which matches."""
    texts = [f"--rule=* where body.thread == {n} and body.query ~ '^update.*{n}' : drop" for n in range(100, 110)]
    spent = {}
    for name, options in (("none", []), ("ten", texts)):
        with Oxd(f"rules-{name}", *options) as oxd:
            load(oxd, 1, 200000, 1)
            got = load(oxd, 1, 200000)
            spent[name] = got["oxd_ns"]
            print(f"{name} rule(s) at 0.2 M events/s: {got['oxd_ns']:.0f} ns CPU of oxd an event, {got['dropped']} of {got['tried']} dropped")
    print(f"    a filter: {(spent['ten'] - spent['none']) / 10:.0f} ns an event")


def packing():
    """What it costs to pack a cold day: the log of a run, under the name of an earlier one."""
    with Oxd("packing") as oxd:
        load(oxd, 1, 300000)
        log = max((oxd.dir / "log").glob("load.*.log"), key=lambda f: f.stat().st_size)
        size, events, cold = log.stat().st_size, oxd.counters()["log_events"], oxd.dir / "log" / "load.250101.log"
        shutil.copy(log, oxd.dir / "copy")
        (oxd.dir / "copy").rename(cold)
        cpu, started, done = cpu_s(oxd.child.pid), time.monotonic(), pathlib.Path(f"{cold}.zst")
        oxd.ctl("store", "compress", "load")
        wait_for(done.exists, "a cold file to be packed", 120)
        took, cpu = time.monotonic() - started, cpu_s(oxd.child.pid) - cpu
        print(f"packing a cold file: {cpu / events * 1e9:.0f} ns CPU an event at the lowest priority, {size / took / 1e6:.0f} MB/s, "
              f"{size / done.stat().st_size:.1f} to 1")


def main():
    print(f"events of about 200 bytes, rings of 1 MiB, runs of {SECONDS:.0f} s, {os.cpu_count()} processors, load average "
          f"{os.getloadavg()[0]:.1f} at the start")
    chosen = sys.argv[1:]
    parts = {"throughput": throughput, "without_drops": without_drops, "push": push_clients, "relay": relay, "rules": rules, "packing": packing,
             "idle": idle}
    for name, part in parts.items():
        if not chosen or name in chosen:
            part()
    if not chosen or "rsyslog" in chosen:
        theirs = rsyslog()
        ours = best_of_ours()
        if theirs:
            print(f"oxd, the same seconds: {ours / 1e6:.2f} M events/s, {ours / theirs:.0f} times rsyslog (bar 20)")
            bar("times rsyslog", ours / theirs, 20)
    print("verdicts:")
    for holds, what in verdicts:
        print(f"    {'holds' if holds else 'SHORT'}  {what}")


try:
    main()
finally:
    for child in children:
        if child.poll() is None:
            child.kill()
            child.wait()
