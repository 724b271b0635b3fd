#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Writes the logs that oxview's golden outputs were made from: make_view_golden.py DIR.

Every byte is written here, so that the logs are the same on every machine and with every MessagePack library.
"""
import os
import struct
import sys

BASE = 1763826000.0  # 2025-11-22 15:40:00 UTC


def enc(v):
    """MessagePack, in the shortest form; Raw, Bin, Ext and Single say what Python's own types cannot."""
    if isinstance(v, Raw):
        return v.b
    if v is None:
        return b"\xc0"
    if v is True or v is False:
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        for top, head in ((0x7F, None), (0xFF, (0xCC, "B")), (0xFFFF, (0xCD, "H")), (0xFFFFFFFF, (0xCE, "I")), (2**64, (0xCF, "Q"))):
            if 0 <= v <= top:
                return bytes([v]) if head is None else bytes([head[0]]) + struct.pack(">" + head[1], v)
        for low, head in ((-32, None), (-128, (0xD0, "b")), (-(2**15), (0xD1, "h")), (-(2**31), (0xD2, "i")), (-(2**63), (0xD3, "q"))):
            if v >= low:
                return struct.pack("b", v) if head is None else bytes([head[0]]) + struct.pack(">" + head[1], v)
    if isinstance(v, float):
        return b"\xcb" + struct.pack(">d", v)
    if isinstance(v, str):
        return string(v.encode())
    if isinstance(v, bytes):
        n = len(v)
        return (b"\xc4" + struct.pack("B", n) if n < 256 else b"\xc5" + struct.pack(">H", n)) + v
    if isinstance(v, (list, tuple)):
        head = bytes([0x90 | len(v)]) if len(v) < 16 else b"\xdc" + struct.pack(">H", len(v))
        return head + b"".join(enc(x) for x in v)
    if isinstance(v, dict):
        head = bytes([0x80 | len(v)]) if len(v) < 16 else b"\xde" + struct.pack(">H", len(v))
        return head + b"".join(enc(k) + enc(x) for k, x in v.items())
    raise TypeError(v)


class Raw:
    def __init__(self, b):
        self.b = b


def string(b):
    """Text, or what an old client calls so."""
    n = len(b)
    head = bytes([0xA0 | n]) if n < 32 else b"\xd9" + struct.pack("B", n) if n < 256 else b"\xda" + struct.pack(">H", n)
    return head + b


def single(f):
    return Raw(b"\xca" + struct.pack(">f", f))


def ext(kind, data):
    return Raw(b"\xc7" + struct.pack("Bb", len(data), kind) + data)


def event(type_, start, took, body, id_="6921d990a1b2c3d4e5f60718293a4b5c", span=None, parent=None, host="web1", pid=4242):
    e = {"id": id_, "type": type_, "host": host, "pid": pid, "start": BASE + start, "end": BASE + start + took, "body": body}
    if span:
        e["span"] = span
    if parent:
        e["parent"] = parent
    return e


STACK = {
    "modules": [
        {"path": "/opt/nowhere/lib/libpq.so.5", "build_id": bytes(range(20))},
        {"path": "/opt/nowhere/bin/shop", "build_id": bytes(range(20, 40)), "base": 0x555555554000},
    ],
    "frames": [[0, 0x1A2B3], [1, 0x401136], [1, 0x4010D0], [7, 12]],
    "thread": "worker-3",
}
ERROR = {
    "class": "pq",
    "code": "42P01",
    "message": 'relation "baskets" does not exist',
    "fields": {"severity": "ERROR", "position": 15},
    "stack": STACK,
    "print": "9f0c1d2e3f405162",
}


def request():
    """One request of a shop: nested, with a failure, a run of like events, and one that outlived its parent's record."""
    s = lambda n: "%016x" % (0x5000 + n)
    out = [
        event("shop.request.sql", 0.002, 0.0031, {"query": "SELECT id, name\n  FROM users\n WHERE id = $1", "query_time": 0.0031, "row_count": 1, "db": "shop"}, span=s(2), parent=s(1)),
        event("shop.request.memcache", 0.006, 0.000412, {"op": "get", "key": "basket:77", "outcome": "miss", "hits": 0, "misses": 1}, span=s(3), parent=s(1)),
        event("shop.request.sql", 0.007, 0.0009, {"query": "SELECT * FROM baskets WHERE user_id = 77", "query_time": 0.0009, "error": ERROR}, span=s(4), parent=s(1)),
    ]
    for i in range(12):
        out.append(event("shop.request.cart.sql", 0.010 + i * 0.001, 0.0005 + i * 0.00001, {"query": "SELECT price FROM items WHERE id = %d" % i, "row_count": 1}, span=s(10 + i), parent=s(5)))
    out += [
        event("shop.request.cart", 0.0095, 0.0125, {"items": 12}, span=s(5), parent=s(1)),
        event("shop.request.log", 0.023, 0.0, {"name": "shop", "level": "warning", "msg": "basket was empty, shown \x1b[31mred\x1b[0m"}, span=s(6), parent=s(1)),
        event("shop.request", 0.0, 0.0244, {"path": "/basket", "user": {"name": "Ada Łukasz", "id": 77}, "response": {"status": 500, "size": 1532}}, span=s(1)),
        event("shop.worker.sql", 0.0251, 0.002, {"query": "INSERT INTO audit VALUES ($1)", "row_count": 1}, span=s(30), parent=s(99)),
        event("shop.worker.log", 0.0272, 0.0, {"level": "info", "msg": "audited"}, span=s(31), parent=s(99)),
    ]
    return b"".join(enc(e) for e in out)


def odd():
    """Values that JSON cannot say, and events of clients that do things their own way."""
    body = {
        "small": 0, "negative": -33, "u64": 2**64 - 1, "i64": -(2**63), "big_float": 1e300, "third": 1 / 3, "tenth": 0.1,
        "single": single(0.1), "whole": 5.0, "nan": float("nan"), "inf": float("inf"), "minus_inf": float("-inf"), "minus_zero": -0.0,
        "bytes": b"\x00\xff\x10", "empty": "", "quote": 'say "hi" \\ \x07\n\ttab \x7f', "emoji": "naïve 🐂 漢字",
        "ext": ext(5, b"abc"), "nothing": None, "yes": True, "list": [1, "two", [3.5]], "no_list": [], "no_map": {},
        "int_keys": Raw(b"\x82" + enc(1) + enc("one") + enc("k") + enc(2)), "reserved": {"$bin": "x"},
        "deep": {"a": {"b": {"c": [{"d": 1}, {"d": 2}]}}},
    }
    out = [
        enc(event("odd.values", 1.5, 0.25, body, span="00000000000000aa")),
        # Python 2: keys in any order, bytes that are not UTF-8 in a string, a body of nil.
        b"\x87" + b"".join([enc("body"), b"\x81" + string(b"caf\xe9") + string(b"\xff\xfe raw"), enc("end"), enc(BASE + 2.5), enc("pid"), enc(99),
                            enc("start"), enc(BASE + 2.25), enc("type"), enc("py2.request"), enc("host"), enc("old1"), enc("id"), enc("R4d0a")]),
        enc({"type": "py2.request.sql", "host": "old1", "pid": 99, "start": BASE + 2.3, "end": BASE + 2.4, "id": "R4d0a", "body": {"query": "SELECT 1"}}),
        enc({"id": 12345678901234567890, "type": "int.id", "host": "old1", "pid": 1, "start": BASE + 3, "end": BASE + 3, "body": None}),
        enc({"id": None, "type": "no.times", "host": "old1", "body": "just text"}),
        enc(event("escape\x1b[2J\u202egnp.exe", 4, 3723.5, {"key\x07bell": "a\nb\x9b", "long": "x" * 300}, id_="6921d994ffffffffffffffffffffffff", host="h\x00st")),
    ]
    return b"".join(out)


def main():
    where = sys.argv[1]
    with open(os.path.join(where, "view_request.log"), "wb") as f:
        f.write(request())
    with open(os.path.join(where, "view_odd.log"), "wb") as f:
        f.write(odd())
    whole = request()
    first = len(enc(event("x", 0, 0, {})))  # somewhere inside the first event
    with open(os.path.join(where, "view_damaged.log"), "wb") as f:
        f.write(whole[:700] + b"\xc1garbage\x82\xa1" + whole[700:-first // 2])


if __name__ == "__main__":
    main()
