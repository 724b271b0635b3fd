# SPDX-License-Identifier: ISC
"""What end-to-end tests share: private servers, deadlines, and reading logs back.

A test is a program that calls main() with functions named as sentences.  Whatever a test starts through this module is
killed by its pid when the test ends, in whatever way it ends.  Nothing waits for a time to pass: wait_for() waits for a
condition and says, when it never comes, what was waited for.  How fast the machine is is never a result: deadlines are
generous, and scripts/run-tests makes them longer (TEST_PATIENCE) where tests share it or a sanitizer slows them down.
"""
import atexit
import ctypes
import fcntl
import fnmatch
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import msgpack

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD") or ROOT / "build").resolve()
if "TEST_TMP" in os.environ:
    TMP = pathlib.Path(os.environ["TEST_TMP"]).resolve()
else:
    TMP = pathlib.Path(tempfile.mkdtemp(prefix="bx-"))
    atexit.register(shutil.rmtree, TMP, ignore_errors=True)
SOAK = bool(os.environ.get("SOAK"))
PATIENCE = float(os.environ.get("TEST_PATIENCE") or 1)


class Failure(Exception):
    """The test found something wrong; the text says what, with the values."""


class Skip(Exception):
    """The test cannot run here; the text says why."""


_cleanups = []  # callables, run last first


def at_end(function):
    """Runs function when the test program ends, however it ends."""
    _cleanups.append(function)
    return function


def _clean_up():
    while _cleanups:
        try:
            _cleanups.pop()()
        except Exception:  # one failing cleanup must not keep the others from running
            traceback.print_exc()


def check(condition, why):
    if not condition:
        raise Failure(why() if callable(why) else why)


def check_equal(got, expected, what):
    if got != expected:
        raise Failure(f"{what}: got {got!r}, expected {expected!r}")


def wait_for(cond, what, deadline_s=10):
    """Polls, less and less often, until cond() is true, and returns what it returned."""
    deadline_s *= PATIENCE
    end, pause_s = time.monotonic() + deadline_s, 0.001
    while True:
        value = cond()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {deadline_s:g} s for {what() if callable(what) else what}")
        pace(pause_s)
        pause_s = min(2 * pause_s, 0.02)


def pace(seconds):
    """The pace of a load or of faults, never a wait for something."""
    select.select([], [], [], seconds)


def lives_on(pid, seconds):
    """For so long it is watched, and may not end: what goes by meanwhile is what is measured."""
    watch = os.pidfd_open(pid)
    try:
        check(not select.select([watch], [], [], seconds)[0], f"process {pid} ended while it was watched")
    finally:
        os.close(watch)


def _text(argv):
    return " ".join(str(a) for a in argv)


def run(argv, timeout=30, env=None, check=True, input=None, cwd=None):
    """Runs to the end; stdout and stderr are bytes.  With check, any exit status but 0 is a failure with the output."""
    argv, timeout = [str(a) for a in argv], timeout * PATIENCE
    child = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = child.communicate(input=input, timeout=timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        raise Failure(f"{_text(argv)}: not done after {timeout:g} s\n{_shown(out, err)}") from None
    if check and child.returncode != 0:
        raise Failure(f"{_text(argv)}: exit status {child.returncode}\n{_shown(out, err)}")
    return subprocess.CompletedProcess(argv, child.returncode, out, err)


def _shown(out, err):
    return "".join(f"--- {name}\n{data[-4000:].decode(errors='replace')}\n"
                   for name, data in (("stdout", out), ("stderr", err)) if data)


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


class Child(subprocess.Popen):
    """Its deadlines are as patient as the others."""

    def wait(self, timeout=None):
        return super().wait(timeout and timeout * PATIENCE)

    def communicate(self, input=None, timeout=None):
        return super().communicate(input, timeout and timeout * PATIENCE)


def spawn(argv, **popen):
    """Starts a child that is killed at the end of the test at the latest."""
    popen.setdefault("stdin", subprocess.DEVNULL)
    child = Child([str(a) for a in argv], preexec_fn=_die_with_parent, **popen)

    def kill():
        if child.poll() is None:
            child.kill()
            child.wait()
    at_end(kill)
    return child


def env_for(run_dir, **more):
    """This environment, with programs sent to the oxd of that run directory."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("BLUEOX_", "OXD_", "OXVIEW_"))}
    env["BLUEOX_RUN_DIR"] = str(run_dir)
    env.update({k: str(v) for k, v in more.items()})
    return env


def free_port():
    """A port that was free a moment ago: only for servers that cannot choose one themselves."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Oxd:
    """A private oxd.  opts become options: sync='always' is --sync=always, True is the bare option."""

    started = []  # those of the case that runs

    def __init__(self, *args, run_dir=None, log=None, state=None, env=None, start=True, **opts):
        self.run_dir = pathlib.Path(run_dir or TMP / "run")
        self.log = pathlib.Path(log or TMP / "log") if log is not False else None  # False: no --log-path
        self.state = pathlib.Path(state or TMP / "state")
        self.messages = TMP / f"oxd-{self.run_dir.name}.err"
        options = {"run-dir": self.run_dir, "log-path": self.log, "state-path": self.state,
                   "control": "127.0.0.1:0", "collect": "127.0.0.1:0"}
        if self.log is None:
            del options["log-path"]
        options.update((k.replace("_", "-"), v) for k, v in opts.items())
        self.argv = [str(BUILD / "oxd")] + [f"--{k}" if v is True else f"--{k}={v}" for k, v in options.items()]
        self.argv += [str(a) for a in args]
        self.env = env or {k: v for k, v in os.environ.items() if not k.startswith("OXD_")}
        self.child = None
        self.info = None
        if start:
            self.start()

    @property
    def pid(self):
        return self.child.pid

    def said(self):
        """What it wrote to stderr, in all its lives."""
        return self.messages.read_text(errors="replace") if self.messages.exists() else ""

    def how_it_died(self):
        """Of an oxd that is gone, by itself or not, how and what it said: then others only find that nobody answers."""
        status = self.child.poll()
        return "" if status is None else f"\n{self.run_dir.name}: oxd left with status {status}\n{self.said()[-4000:]}"

    def start(self, deadline_s=20):
        with open(self.messages, "ab") as err:
            self.child = spawn(self.argv, env=self.env, stdout=err, stderr=err)
        if self not in self.started:
            self.started.append(self)

        def listening():
            if self.child.poll() is not None:
                raise Failure(f"oxd left with status {self.child.returncode} at its start\n{self.said()[-4000:]}")
            try:
                info = json.loads((self.run_dir / "oxd.json").read_text())
            except (OSError, ValueError):
                return None
            return info if info.get("pid") == self.child.pid else None
        self.info = wait_for(listening, lambda: f"oxd to say where it listens\n{self.said()[-4000:]}", deadline_s)
        return self

    def kill(self):
        """SIGKILL, as a machine in trouble would."""
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def stop(self, deadline_s=30):
        """SIGTERM, and a clean exit is expected."""
        self.child.terminate()
        try:
            status = self.child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"oxd did not leave {deadline_s} s after SIGTERM\n{self.said()[-4000:]}") from None
        check(status == 0, lambda: f"oxd left with status {status} after SIGTERM\n{self.said()[-4000:]}")

    def restart(self):
        if self.child.poll() is None:
            self.stop()
        return self.start()

    def ctl(self, *args, check=True, timeout=30):
        return run([BUILD / "oxctl", "--host", self.info["control"], *args], check=check, timeout=timeout)

    def status(self):
        return json.loads(self.ctl("--raw").stdout)

    def flush(self):
        """Returns when everything taken in so far is in the log files; one try is a minute at the most."""
        for _ in range(int(PATIENCE)):
            done = self.ctl("flush", check=False, timeout=90)
            if b"not done within a minute" not in done.stderr:
                break
        check(done.returncode == 0, lambda: f"flush: exit status {done.returncode}, {done.stderr.decode()!r}\n{self.said()[-4000:]}")

    def events(self, type_glob="*"):
        return read_log(self.log, type_glob)


def read_file(path, torn_tail=False):
    """The events of one log file.  Whatever is not whole maps one after the other is a failure."""
    data = pathlib.Path(path).read_bytes()
    unpacker = msgpack.Unpacker(raw=False, unicode_errors="surrogateescape", strict_map_key=False,
                                max_buffer_size=len(data) or 1)
    unpacker.feed(data)
    found, whole = [], 0
    while True:
        try:
            event = unpacker.unpack()
        except msgpack.OutOfData:
            break
        except Exception as e:
            raise Failure(f"{path}: offset {whole}: {e!r}") from None
        check(isinstance(event, dict), lambda: f"{path}: offset {whole}: no map but {event!r}"[:300])
        found.append(event)
        whole = unpacker.tell()
    check(torn_tail or whole == len(data), f"{path}: offset {whole}: {len(data) - whole} bytes are no whole event")
    return found


def read_log(log_dir, type_glob="*", torn_tail=False):
    """Events of every log file of a directory whose type matches, in file order within each file."""
    found = []
    for path in sorted(pathlib.Path(log_dir).glob("*.log")):
        found += [e for e in read_file(path, torn_tail) if fnmatch.fnmatchcase(str(e.get("type")), type_glob)]
    return found


events = read_log


class Postgres:
    """A private PostgreSQL on a unix socket and a port of 127.0.0.1; .env names it to libpq."""

    def __init__(self, name="pg", settings=()):
        if os.geteuid() == 0:
            raise Skip("PostgreSQL does not run as root; scripts/run-tests drops to nobody")
        bins = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[4]))
        if not bins:
            raise Skip("no PostgreSQL server in /usr/lib/postgresql")
        self.bin = bins[-1].parent
        self.dir = TMP / name
        self.data = self.dir / "data"
        self.messages = self.dir / "messages"
        self.dir.mkdir()
        run(["cp", "-a", "--reflink=auto", self._template(), self.data], timeout=120)
        self.settings = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": self.dir,
                         "max_connections": "40", "shared_buffers": "16MB", "autovacuum": "off", **dict(settings)}
        for attempt in range(5):
            if self._start():
                break
        else:
            raise Failure(f"PostgreSQL did not start\n{self.messages.read_text()[-4000:]}")
        self.vars = {"PGHOST": str(self.dir), "PGPORT": str(self.port), "PGUSER": "ox", "PGDATABASE": "postgres"}
        self.env = {**self._plain_env(), **self.vars}

    def _template(self):
        """An empty cluster, made once a run of scripts/run-tests: initdb takes seconds, a copy a tenth of one."""
        shared = pathlib.Path(os.environ.get("TEST_SHARED") or TMP)
        with open(shared / "postgres.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made = shared / "postgres"
            if not made.exists():
                half = shared / "postgres.half"
                shutil.rmtree(half, ignore_errors=True)
                run([self.bin / "initdb", "-D", half, "-U", "ox", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
                    timeout=120, env=self._plain_env())
                half.rename(made)
        return made

    @staticmethod
    def _plain_env():
        return {k: v for k, v in os.environ.items() if not k.startswith(("PG", "BLUEOX_")) and k != "LD_PRELOAD"}

    def _start(self):
        self.port = free_port()
        argv = [self.bin / "postgres", "-D", self.data, "-p", str(self.port)]
        for key, value in self.settings.items():
            argv += ["-c", f"{key}={value}"]
        with open(self.messages, "ab") as err:
            self.child = spawn(argv, stdout=err, stderr=err, env=self._plain_env())

        def up():
            return self.child.poll() is not None or subprocess.run(
                [self.bin / "pg_isready", "-q", "-h", self.dir, "-p", str(self.port)], env=self._plain_env(),
                check=False).returncode == 0
        wait_for(up, lambda: f"PostgreSQL to answer\n{self.messages.read_text()[-4000:]}", 60)
        at_end(self.stop)  # before the plain kill, which would leave its workers to find out by themselves
        return self.child.poll() is None

    def stop(self):
        if self.child.poll() is not None:
            return
        self.child.send_signal(signal.SIGINT)  # fast shutdown
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.send_signal(signal.SIGQUIT)
            self.child.wait(20)

    def psql(self, sql, **more):
        """Runs SQL outside any shim and returns what it printed."""
        return run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql], env=self.env, **more).stdout


class Memcached:
    """A private memcached on a port of 127.0.0.1; .socket is a second one on a unix socket, started when asked for."""

    def __init__(self, name="memcached"):
        if not shutil.which("memcached"):
            raise Skip("no memcached")
        self.name = name
        self.host = "127.0.0.1"
        ports = TMP / f"{name}.ports"
        self.children = [self._spawn(["-l", self.host, "-p", "-1", "-U", "0"], MEMCACHED_PORT_FILENAME=str(ports))]

        def known():
            check(self.children[0].poll() is None, "memcached left at its start")
            return ports.exists() and "TCP INET: " in ports.read_text()
        wait_for(known, "memcached to say its port")
        self.port = int(ports.read_text().split("TCP INET: ")[1].split()[0])

    @staticmethod
    def _spawn(options, **env):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        env = {**{k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}, **env}
        return spawn(["memcached", "-m", "16", "-t", "1", *user, *options], env=env, stderr=subprocess.DEVNULL)

    @property
    def socket(self):
        path = TMP / f"{self.name}.socket"
        if len(self.children) == 1:
            self.children.append(self._spawn(["-s", path, "-a", "0777"]))

            def listening():
                with socket.socket(socket.AF_UNIX) as s:
                    return s.connect_ex(str(path)) == 0
            wait_for(listening, "memcached to listen on its socket")
        return str(path)

    def stop(self):
        for child in self.children:
            child.kill()
            child.wait()


def _one(function):
    name, started = function.__name__, time.monotonic()
    Oxd.started.clear()
    try:
        function()
    except Skip as why:
        print(f"skip {name}: {why}", flush=True)
        return "skip"
    except Exception as why:
        shown = why if isinstance(why, Failure) else traceback.format_exc()
        print(f"FAIL {name}: {shown}{''.join(o.how_it_died() for o in Oxd.started)}", flush=True)
        return "FAIL"
    print(f"ok {name} ({time.monotonic() - started:.1f} s)", flush=True)
    return "ok"


def main(*functions):
    """Runs each, prints a line for each, cleans up in any case.  Exits 0, 1 on a failure, 77 when none could run."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    chosen = sys.argv[1:]
    results = []
    try:
        for function in functions:
            if not chosen or any(fnmatch.fnmatchcase(function.__name__, c) for c in chosen):
                results.append(_one(function))
    finally:
        _clean_up()
    if "FAIL" in results or not results:
        sys.exit(1)
    sys.exit(77 if set(results) == {"skip"} else 0)
