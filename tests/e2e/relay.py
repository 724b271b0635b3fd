# SPDX-License-Identifier: ISC
"""The relay's messages by hand (doc/RELAY.md): a sender that does what no honest one would."""
import os
import struct
import time

import msgpack
import xxhash
import zmq

context = zmq.Context()


def frame(origin, seq, events, version=1):
    """events: (type, map) pairs."""
    body = b""
    for kind, event in events:
        packed = msgpack.packb(event)
        body += struct.pack("<HHId", len(kind), 0, len(packed), time.time()) + kind.encode() + packed
    head = struct.pack("<IBBH", 48 + len(body), version, 0, 0)
    rest = origin + struct.pack("<QII", seq, len(events), 0) + body
    return head + struct.pack("<Q", xxhash.xxh3_64_intdigest(rest, struct.unpack("<Q", head)[0])) + rest


class Sender:
    """One session; answers are (kind, content) pairs."""

    def __init__(self, endpoint, wait_ms=5000):
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVTIMEO, wait_ms)
        self.socket.connect(f"tcp://{endpoint}")
        self.session = os.urandom(8)
        self.messages = 0

    def raw(self, data):
        self.socket.send(data)

    def head(self, kind, flags=0):
        return b"BXRL" + bytes([kind, flags, 0, 0]) + self.session

    def hello(self):
        self.raw(self.head(1) + struct.pack("<HHIH", 1, 1, 1, 4) + b"test")
        return self.answer()

    def data(self, first, frames, message=None, count=None):
        self.messages = self.messages + 1 if message is None else message
        plain = b"".join(struct.pack("<I", len(f)) + f for f in frames)
        self.raw(self.head(3) + struct.pack("<QQIIQ", self.messages, first, len(frames) if count is None else count,
                                            len(plain), 0) + plain)

    def answer(self):
        """(kind, what is behind the session); None when none comes."""
        while True:
            try:
                m = self.socket.recv()
            except zmq.Again:
                return None
            if m[8:16] == self.session:
                return m[4], m[16:]

    def ack(self, upto):
        """Waits for the ACK up to this number; the rejected of all ACKs on the way."""
        rejected = []
        while True:
            answer = self.answer()
            if answer is None or answer[0] != 4:
                return answer
            reached, count = struct.unpack_from("<QI", answer[1])
            rejected += [struct.unpack_from("<QI", answer[1], 12 + 12 * i) for i in range(count)]
            if reached >= upto:
                return rejected

    def close(self):
        self.socket.close()
