# SPDX-License-Identifier: ISC
"""What the tests of the preload object share: running programs under it, and comparing events with an expectation."""
import os
import pathlib
import shutil

import lib
from lib import BUILD, TMP, Failure, check

SHIM = BUILD / "libbx_preload.so"
VICTIMS = BUILD / "victims"


def shim_env(run_dir, base=None, **more):
    """`base` (or this environment) with the object preloaded and programs sent to the oxd of that run directory."""
    env = lib.env_for(run_dir)
    env.update({k: v for k, v in (base or {}).items() if not k.startswith("BLUEOX_")})
    env["LD_PRELOAD"] = str(SHIM)
    env["BLUEOX_PRELOAD_CONF"] = "/dev/null"  # not what this machine may have in /etc
    env.update({k: str(v) for k, v in more.items()})
    return env


def as_installed(where):
    """What to put in front of a command so that it finds the objects as an installation has them: without a RUNPATH, by the
    loader's cache.  Returns that and the object to preload."""
    libs, cache, conf = where / "lib", where / "ld.so.cache", where / "ld.so.conf"
    libs.mkdir(parents=True)
    for path in (BUILD / "install" / SHIM.name, BUILD / "libbx.so.1"):
        shutil.copy(path, libs)
    conf.write_text(f"{libs}\ninclude /etc/ld.so.conf.d/*.conf\n")
    lib.run(["/sbin/ldconfig", "-i", "-X", "-C", cache, "-f", conf])
    script = 'mount --bind "$0" /etc/ld.so.cache && exec "$@"'
    return ["unshare", "-Urm", "sh", "-c", script, str(cache)], libs / SHIM.name


class Recorder:
    """A private oxd of its own name.  run() runs a program under the shim; events() stops the oxd and reads its log."""

    def __init__(self, name):
        self.dir = TMP / name
        self.dir.mkdir()
        self.oxd = lib.Oxd(run_dir=self.dir / "run", log=self.dir / "log", state=self.dir / "state")
        self.run_dir = self.dir / "run"

    def run(self, argv, base=None, timeout=60, check=True, input=None, **more):
        return lib.run(argv, timeout=timeout, check=check, input=input, env=shim_env(self.run_dir, base, **more))

    def events(self, type_glob="*"):
        if self.oxd.child.poll() is None:
            self.oxd.stop()
        found = self.oxd.events(type_glob)
        return sorted(found, key=lambda e: (e["end"], e["start"]))


class Any:
    """Stands for any value; with a type or a test, for any such value."""

    def __init__(self, what=None):
        self.what = what

    def holds(self, value):
        if self.what is None:
            return True
        return isinstance(value, self.what) if isinstance(self.what, type) else bool(self.what(value))


def differs(expected, got, where):
    """None, or a phrase that says where a value is not as written.  A map must have the same keys."""
    if isinstance(expected, Any):
        return None if expected.holds(got) else f"{where} is {got!r}"
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return f"{where} is {got!r}, no map"
        if set(expected) != set(got):
            return f"{where} has {sorted(got)}, expected {sorted(expected)}"
        return next(filter(None, (differs(expected[k], got[k], f"{where}.{k}") for k in expected)), None)
    if type(expected) is not type(got) or expected != got:
        return f"{where} is {got!r}, expected {expected!r}"
    return None


def check_bodies(events, expected, what):
    """One event for each body that is written down, in order of their ends, and each as written."""
    shown = "\n".join(f"  {e['type']} {e['body']!r}"[:600] for e in events)
    check(len(events) == len(expected), f"{what}: {len(events)} events, expected {len(expected)}\n{shown}")
    for number, (event, body) in enumerate(zip(events, expected)):
        why = differs(body, event["body"], f"event {number}")
        if why:
            raise Failure(f"{what}: {why}\n{shown}")


SECONDS = Any(lambda v: isinstance(v, float) and 0 <= v < 60)


def stack_through(*names):
    """A stack in which a frame of each of these files comes, in this order, innermost first, and none of ours."""

    def holds(stack):
        files = [pathlib.Path(os.fsdecode(stack["modules"][m]["path"])).name for m, _ in stack["frames"]]
        if any(f.startswith("libbx") for f in files):
            return False
        at = 0
        for f in files:
            if at < len(names) and f.startswith(names[at]):
                at += 1
        return at == len(names)
    return Any(holds)


def error(error_class, code, message, fields=None, stack=None):
    """The error map; code None: absent."""
    body = {"class": error_class, "message": message, "stack": stack or Any(dict),
            "print": Any(lambda v: len(v) == 16)}
    if code is not None:
        body["code"] = code
    if fields is not None:
        body["fields"] = fields
    return body
