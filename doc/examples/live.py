#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The live stream without oxview: asks oxd where it is, and prints the events whose type begins so.

    live.py [CONTROL [TYPE-PREFIX [HOW-MANY]]]        # tcp://127.0.0.1:3513, everything, for ever
"""
import itertools
import json
import sys

import msgpack
import zmq

control = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:3513"
prefix = sys.argv[2] if len(sys.argv) > 2 else ""
many = int(sys.argv[3]) if len(sys.argv) > 3 else None

context = zmq.Context()
ask = context.socket(zmq.REQ)
ask.rcvtimeo, ask.linger = 5000, 0
ask.connect(control)
ask.send(msgpack.packb({"cmd": "SOCK_STREAM"}))
endpoint = msgpack.unpackb(ask.recv())["endpoint"]

stream = context.socket(zmq.SUB)
stream.connect(endpoint)
stream.subscribe(prefix.encode())
print(f"listening at {endpoint}", file=sys.stderr, flush=True)
for _ in range(many) if many else itertools.count():
    event = stream.recv_multipart()[-1]
    print(json.dumps(msgpack.unpackb(event, raw=False, unicode_errors="replace", strict_map_key=False), default=repr), flush=True)
