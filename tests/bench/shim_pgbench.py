#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""`pgbench -S` with and without the shim, by turns, with a control pair of two bare runs; the ratios and their spread."""
import os
import pathlib
import re
import statistics
import sys
import tempfile

os.environ.setdefault("TEST_TMP", tempfile.mkdtemp())
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import lib  # noqa: E402
from shim import SHIM  # noqa: E402

SECONDS = 2


def rate(pg, run_dir):
    env = dict(pg.env)
    if run_dir:
        env.update(BLUEOX_RUN_DIR=str(run_dir), BLUEOX_RING_SIZE="4m", LD_PRELOAD=str(SHIM))
    done = lib.run([pg.bin / "pgbench", "-n", "-S", "-T", SECONDS, "-M", "prepared"], env=env, timeout=60)
    return float(re.search(rb"tps = ([0-9.]+)", done.stdout).group(1))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    pg = lib.Postgres()
    lib.run([pg.bin / "pgbench", "-i", "-q", "-s", "1"], env=pg.env, timeout=120)
    oxd = lib.Oxd(run_dir=lib.TMP / "run", log=lib.TMP / "log", state=lib.TMP / "state")
    ratios, control = [], []
    rate(pg, None)
    for i in range(rounds):
        turns = [(None, "bare"), (oxd.run_dir, "shim"), (None, "again")]
        got = {name: rate(pg, where) for where, name in (turns if i % 2 else reversed(turns))}
        ratios.append(got["shim"] / statistics.mean((got["bare"], got["again"])))
        control.append(got["again"] / got["bare"])
    oxd.stop()
    quartiles = statistics.quantiles(ratios, n=4)
    median = statistics.median(ratios)
    apart = statistics.median(control)
    print(f"  pgbench -S, {rounds} pairs: {median:.3f} of bare (quartiles {quartiles[0]:.3f} to {quartiles[2]:.3f}, "
          f"from {min(ratios):.3f} to {max(ratios):.3f}); control pair {apart:.3f} (from {min(control):.3f} to {max(control):.3f})")
    print(f"    at least 0.97   {'holds' if median >= 0.97 else 'MISSED'}"
          if abs(apart - 1) <= 0.05 else "    the control pair differs by more than 5 %: nothing is judged")


main()
