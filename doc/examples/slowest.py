#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""For each type the slowest events of a day, and what share of the time they took.  Reads what oxview gives:

    oxview --log-path /var/log/blueox --start-date today --msgpack | slowest.py
"""
import collections
import heapq
import sys

import msgpack

SHOWN = 3
slowest, seconds, number = collections.defaultdict(list), collections.Counter(), 0
for event in msgpack.Unpacker(sys.stdin.buffer, raw=False, unicode_errors="replace", strict_map_key=False):
    if not isinstance(event.get("start"), float) or not isinstance(event.get("end"), float):
        continue
    number += 1
    took, kind = event["end"] - event["start"], event.get("type")
    seconds[kind] += took
    entry = (took, number, event)  # the number tells two of the same length apart
    if len(slowest[kind]) < SHOWN:
        heapq.heappush(slowest[kind], entry)
    else:
        heapq.heappushpop(slowest[kind], entry)
for kind, total in seconds.most_common():
    print(f"{kind}: {total:.3f} s")
    for took, _, event in sorted(slowest[kind], reverse=True):
        share = 100 * took / total if total else 100
        print(f"  {1e3 * took:10.3f} ms {share:5.1f} %  {event.get('id')}  {str(event.get('body', {}).get('query', ''))[:80]}")
