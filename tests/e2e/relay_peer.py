# SPDX-License-Identifier: ISC
"""The receiver's half of doc/RELAY.md, written from that page alone: an independent check of what our senders say.

    relay_peer.py ADDRESS JOURNAL [--ack-after MS] [--reject SEQ] [--nope-after N] [--busy MS] [--mute] [--window BYTES]

Binds a ROUTER to ADDRESS (tcp://127.0.0.1:0, ipc://PATH), writes `ready ENDPOINT` on stdout, and appends each frame that
it has not seen before to JOURNAL, synced before it is acknowledged.  Started again on the same JOURNAL it knows what it
has.  Anything that is not as the page says ends it with a traceback.  As a module: start_peer() and frames_in().
"""
import argparse
import pathlib
import struct
import subprocess
import sys
import time

import msgpack

HELLO, WELCOME, DATA, ACK, BUSY, NOPE = range(1, 7)
HEAD = struct.Struct("<4sBBH8s")
FRAME_HEAD = struct.Struct("<IBBHQ16sQII")


def message(kind, session, body=b"", flags=0):
    return HEAD.pack(b"BXRL", kind, flags, 0, session) + body


class Frame:
    def __init__(self, data):
        self.data = data
        length, version, flags, zero, self.sum, self.origin, self.seq, self.count, zero2 = FRAME_HEAD.unpack_from(data)
        assert (length, version, flags, zero, zero2) == (len(data), 1, 0, 0, 0), f"frame head {data[:48].hex(' ')}"
        self.name = (self.origin, self.seq)

    def events(self):
        at, found = FRAME_HEAD.size, []
        for _ in range(self.count):
            type_len, zero, map_len, end = struct.unpack_from("<HHId", self.data, at)
            assert zero == 0
            at += 16
            event = msgpack.unpackb(self.data[at + type_len:at + type_len + map_len], raw=False, strict_map_key=False)
            assert event["type"].encode() == self.data[at:at + type_len] and event["end"] == end, event
            found.append(event)
            at += type_len + map_len
        assert at == len(self.data), "the events fill the frame"
        return found


def split_frames(data, count):
    """The frames of a DATA, unpacked, each behind its length."""
    at, found = 0, []
    for _ in range(count):
        n, = struct.unpack_from("<I", data, at)
        found.append(data[at + 4:at + 4 + n])
        at += 4 + n
    assert at == len(data), "the frames fill the message"
    return found


def frames_in(journal):
    """Frames of a journal file in order; a torn last one is left out."""
    path, found, at = pathlib.Path(journal), [], 0
    data = path.read_bytes() if path.exists() else b""
    while at + 4 <= len(data):
        n, = struct.unpack_from("<I", data, at)
        if at + n > len(data):
            break
        found.append(Frame(data[at:at + n]))
        at += n
    return found


def events_in(journal, type_name=None):
    return [e for f in frames_in(journal) for e in f.events() if type_name in (None, e["type"])]


class Receiver:
    def __init__(self, socket, args):
        self.socket, self.args = socket, args
        known = frames_in(args.journal)
        with open(args.journal, "ab") as f:
            f.truncate(sum(len(k.data) for k in known))
        self.journal = open(args.journal, "ab", buffering=0)
        self.seen = {k.name for k in known}
        self.sessions = {}  # (connection, session): last message number, last frame number
        self.acks = []  # (due, connection, session, upto, rejected)
        self.messages = self.nopes = self.zstd = 0

    def send(self, to, data):
        self.socket.send_multipart([to, data])

    def hello(self, to, session, body):
        version, frames, features, n = struct.unpack_from("<HHIH", body)
        assert version >= 1 and frames >= 1 and len(body) == 10 + n, body
        assert (to, session) not in self.sessions, "a session is fresh"
        self.sessions[to, session] = [0, 0]
        print("hello", session.hex(), body[10:].decode(), flush=True)
        if self.args.mute:
            return
        node = b"peer"
        self.send(to, message(WELCOME, session, struct.pack("<HHIIIIH", 1, 1, 1, self.args.window, 16777264, 300, len(node)) + node))

    def data(self, to, session, flags, body):
        if (to, session) not in self.sessions:
            self.send(to, message(NOPE, session, struct.pack("<HH", 1, 1)))
            return
        state = self.sessions[to, session]
        number, first, count, plain, zero = struct.unpack_from("<QQIIQ", body)
        assert zero == 0 and flags in (0, 1) and count >= 1, body[:32]
        assert number == state[0] + 1, f"message {number} behind {state[0]}"
        assert first > state[1], f"frame {first} behind {state[1]}"
        self.messages += 1
        if self.args.nope_after and self.messages % self.args.nope_after == 0:
            del self.sessions[to, session]
            self.send(to, message(NOPE, session, struct.pack("<HH", 2, 1)))
            return
        content = body[32:]
        if flags == 1:
            content = subprocess.run(["zstd", "-q", "-d", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout
            self.zstd += 1
        assert len(content) == plain, (len(content), plain)
        rejected = []
        for i, data in enumerate(split_frames(content, count)):
            frame = Frame(data)
            if frame.seq == self.args.reject:
                rejected.append(first + i)
            elif frame.name not in self.seen:
                self.journal.write(data)
                self.seen.add(frame.name)
        state[:] = number, first + count - 1
        self.acks.append((time.monotonic() + self.args.ack_after / 1000, to, session, state[1], rejected))
        if self.args.busy:
            self.send(to, message(BUSY, session, struct.pack("<I", self.args.busy)))

    def acknowledge(self):
        now = time.monotonic()
        while self.acks and self.acks[0][0] <= now:
            _, to, session, upto, rejected = self.acks.pop(0)
            entries = b"".join(struct.pack("<QI", n, 2) for n in rejected)
            self.send(to, message(ACK, session, struct.pack("<QI", upto, len(rejected)) + entries))

    def run(self):
        while True:
            if self.socket.poll(10):
                to, data = self.socket.recv_multipart()
                magic, kind, flags, zero, session = HEAD.unpack_from(data)
                assert magic == b"BXRL" and zero == 0, data[:16]
                if kind == HELLO:
                    self.hello(to, session, data[16:])
                elif kind == DATA:
                    self.data(to, session, flags, data[16:])
                else:
                    raise AssertionError(f"kind {kind} from a sender")
            self.acknowledge()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("journal")
    parser.add_argument("--ack-after", type=int, default=0)
    parser.add_argument("--reject", type=int, default=0)
    parser.add_argument("--nope-after", type=int, default=0)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--mute", action="store_true")
    parser.add_argument("--window", type=int, default=32 << 20)
    return parser.parse_args()


def main():
    import zmq  # only the peer itself needs it
    args = arguments()
    socket = zmq.Context().socket(zmq.ROUTER)
    socket.linger, socket.rcvhwm, socket.sndhwm, socket.maxmsgsize, socket.ipv6 = 0, 8, 8, 16777264, "[" in args.address
    socket.router_mandatory = 0
    socket.heartbeat_ivl, socket.heartbeat_timeout = 200, 1000
    socket.bind(args.address)
    print("ready", socket.last_endpoint.decode().rstrip("\0"), flush=True)
    Receiver(socket, args).run()


class Peer:
    """A peer in a process of its own.  .address is what a sender is told; .start() again after .kill() is the same one."""

    def __init__(self, journal, *options, bind="tcp://127.0.0.1:*"):
        self.journal, self.options, self.bind = pathlib.Path(journal), [str(o) for o in options], bind
        self.messages = pathlib.Path(f"{journal}.said")
        self.endpoint = None
        self.child = None

    def start(self, *options):
        import lib
        argv = [sys.executable, __file__, self.endpoint or self.bind, self.journal, *(options or self.options)]
        offset = self.messages.stat().st_size if self.messages.exists() else 0
        with open(self.messages, "ab") as out:
            self.child = lib.spawn(argv, stdout=out, stderr=out)

        def ready():
            text = self.messages.read_bytes()[offset:].decode()
            lib.check(self.child.poll() is None, f"the peer left at its start\n{text}")
            return text.partition("ready ")[2].partition("\n")[0] if "\n" in text else None
        self.endpoint = lib.wait_for(ready, "the peer to listen", 20)
        return self

    @property
    def address(self):
        return self.endpoint.replace("tcp://", "relay://")

    def said(self):
        return self.messages.read_text(errors="replace")

    def check_alive(self):
        import lib
        lib.check(self.child.poll() is None, lambda: f"the peer found something wrong\n{self.said()[-4000:]}")

    def kill(self):
        self.child.kill()
        self.child.wait()

    def frames(self):
        return frames_in(self.journal)

    def events(self, type_name=None):
        return events_in(self.journal, type_name)


if __name__ == "__main__":
    main()
