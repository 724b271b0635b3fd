#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Which question each golden output of oxview answers: view_shapes.py OXVIEW writes them all anew, beside this file.

After a change that was meant: build, write them anew, and look at `git diff tests/golden` before it is committed.
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REQUEST, ODD = "view_request.log", "view_odd.log"

# golden file: the arguments of oxview
SHAPES = {
    "view_request.json": ("--json", REQUEST),
    "view_request.pretty": ("--pretty", REQUEST),
    "view_request.tree": ("--tree", REQUEST),
    "view_odd.json": ("--json", ODD),
    "view_odd.pretty": ("--pretty", ODD),
    "view_odd.tree": ("--tree", ODD),
    "view_fields.json": ("--json", "--fields", "id,type,duration,query", REQUEST),
    "view_table.text": ("--table", "end,type,duration,response.status,query", REQUEST),
    "view_odd_table.text": ("--table", "type,id,duration,bytes", ODD),
    "view.csv": ("--csv", "--fields", "id,type,duration,query", REQUEST),
    "view_odd.csv": ("--csv", "--fields", "type,id,host,quote,list", ODD),
    "view_count.json": ("--count", REQUEST),
    "view_by.json": ("--by", "type,db", REQUEST),
    "view_by.text": ("--by", "type,db", "--pretty", REQUEST),
    "view_stats.json": ("--by", "type", "--stats", "duration,row_count", REQUEST),
    "view_stats.text": ("--by", "type", "--stats", "duration,row_count", "--pretty", REQUEST),
    "view_stats.csv": ("--by", "type", "--stats", "duration", "--csv", REQUEST),
    "view_top.json": ("--top", "3", "--by", "query", REQUEST),
    "view_top.text": ("--top", "3", "--by", "query", "--pretty", REQUEST),
    "view_timeline.json": ("--timeline", "10ms", "--by", "type", REQUEST),
    "view_timeline.text": ("--timeline", "10ms", "--by", "type", "--pretty", REQUEST),
    "view_histogram.json": ("--histogram", "duration", REQUEST),
    "view_histogram.text": ("--histogram", "duration", "--pretty", REQUEST),
    "view_errors.json": ("--errors", "--json", REQUEST),
    "view_errors.text": ("--errors", "--pretty", REQUEST),
    "view_error.json": ("--error", "9f0c", "--json", REQUEST),
    "view_error.text": ("--error", "9f0c", "--pretty", REQUEST),
    "view_explain.text": ("--explain", "-s", "1763826000", "-e", "1763826060", REQUEST, ODD),
}


def answer(oxview, args):
    env = {k: v for k, v in os.environ.items() if not k.startswith("OXVIEW_") and k not in ("COLUMNS", "NO_COLOR", "DEBUGINFOD_URLS")}
    env.update(LC_ALL="C.UTF-8", TERM="xterm", TZ="UTC")
    return subprocess.run([oxview, *args], cwd=HERE, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)


def main():
    oxview = pathlib.Path(sys.argv[1]).resolve()
    for name, args in SHAPES.items():
        done = answer(oxview, args)
        if done.returncode != 0 or done.stderr:
            sys.exit(f"{name}: status {done.returncode}: {done.stderr.decode(errors='replace')}")
        (HERE / name).write_bytes(done.stdout)


if __name__ == "__main__":
    main()
